//! The journal: batches that become frames, on a disk that may refuse them.

use super::checkpoint;
use super::disk::Directory;
use super::disk::DirectoryError;
use super::disk::Disk;
use super::format::Mark;
use super::keeper::Bell;
use super::keeper::Ring;
use super::orphans::Orphans;
use super::quarantine;
use super::record::Record;
use super::record::write_entry;
use super::record::write_mark_of_tenant;
use super::replay;
use super::replay::ReplayError;
use super::replay::replay;
use super::scan::ScanError;
use super::writer::AppendError;
use super::writer::Writer;
use crate::model::Durability;
use crate::model::SharedClock;
use crate::store::Entry;
use crate::store::Journal;
use crate::store::JournalError;
use crate::telemetry::Health;
use parking_lot::Mutex;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Chosen: below this many bytes of logs there is no need for a checkpoint; above, logs may take as much as the last one.
const CHECKPOINT_BYTES: u64 = 16 << 20;
/// Chosen: each start and each mishap begins a log, and each log is a file to open.
const LOGS_MAX: usize = 16;

/// Keeps accepted writes in the files of one directory, which nobody else writes to.
///
/// Clones share it.
#[derive(Clone, Debug)]
pub struct DiskJournal {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) disk: Box<dyn Disk>,
    pub(super) writer: Mutex<Writer>,
    /// Held while files are read or taken away. Taken before `writer`.
    pub(super) files: Mutex<Files>,
    pub(super) orphans: Mutex<Orphans>,
    pub(super) health: Health,
    pub(super) clock: SharedClock,
    pub(super) bell: Bell,
}

/// What is known of the files.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Bytes of the last checkpoint.
    checkpoint_bytes: u64,
    /// A checkpoint is due whatever the logs hold: there are many, or they are damaged.
    pub(super) due: bool,
    /// What was kept was handed on.
    pub(super) loaded: bool,
}

/// Why a journal does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two writers would take each other's writes for damage.
    #[error("the storage in {0} is in use by another process")]
    InUse(String),
    /// It may say what this version does not understand.
    #[error(
        "the storage in {dir} was written by a later version of Pushward: {file} is of format {found}, and this one reads up to 1"
    )]
    Newer { dir: String, file: String, found: u32 },
    #[error("the storage in {dir} cannot be opened: {error}")]
    Io { dir: String, error: String },
}

impl OpenError {
    fn of(dir: &Path, error: ReplayError) -> Self {
        let (dir, file) = (dir.display().to_string(), error.name.clone());
        match error.error {
            ScanError::Newer(found) => Self::Newer { dir, file, found },
            ScanError::Io(_) => Self::Io { dir, error: error.to_string() },
        }
    }
}

impl DiskJournal {
    /// Takes the directory, which is made if it is missing, and refuses what it may not read. Nothing is loaded yet, and
    /// until it is, every batch is refused.
    ///
    /// `orphans_keep` is how long what a tenant pushed is kept once the configuration does not name it.
    pub fn open(dir: &Path, orphans_keep: Duration, clock: SharedClock, health: Health) -> Result<Self, OpenError> {
        let disk = Directory::hold(dir).map_err(|error| match error {
            DirectoryError::InUse => OpenError::InUse(dir.display().to_string()),
            DirectoryError::Io(error) => OpenError::Io { dir: dir.display().to_string(), error: error.to_string() },
        })?;
        let headers = replay::names(&disk)
            .and_then(|names| names.into_iter().try_for_each(|name| replay::header(&disk, name).map(|_| ())));
        headers.map_err(|error| OpenError::of(dir, error))?;
        Ok(Self::on(Box::new(disk), orphans_keep, clock, health))
    }

    pub(super) fn on(disk: Box<dyn Disk>, orphans_keep: Duration, clock: SharedClock, health: Health) -> Self {
        let inner = Inner {
            disk,
            writer: Mutex::new(Writer::behind(None, 0, 0, 0)),
            files: Mutex::default(),
            orphans: Mutex::new(Orphans::kept_for(orphans_keep)),
            health,
            clock,
            bell: Bell::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Writes that all was written, and gives up the log: every batch is refused from now on.
    pub fn close(&self) {
        let mut writer = self.inner.writer.lock();
        if writer.is_open()
            && let Err(error) =
                writer.append(Durability::Fsync, |out, mark| write_mark_of_tenant(out, mark, &Record::End))
        {
            tracing::warn!(%error, "the storage was not closed in order");
        }
        writer.close();
        self.inner.bell.ring(Ring::Stop);
    }
}

impl Journal for DiskJournal {
    fn commit(&self, batch: &[Entry], durability: Durability) -> Result<(), JournalError> {
        if durability == Durability::Memory {
            return Ok(());
        }
        let write = |out: &mut Vec<u8>, mark| batch.iter().for_each(|entry| write_entry(out, mark, entry));
        self.inner.append(durability, write)
    }
}

impl Inner {
    /// Writes a frame, and sees to what is due after it.
    pub(super) fn append(
        &self,
        durability: Durability,
        write: impl FnOnce(&mut Vec<u8>, Mark),
    ) -> Result<(), JournalError> {
        let mut writer = self.writer.lock();
        match writer.append(durability, write) {
            Ok(()) => {
                let bytes = writer.log_bytes();
                drop(writer);
                if self.bell.is_due(bytes) {
                    self.bell.ring(Ring::Checkpoint);
                }
                Ok(())
            }
            Err(AppendError::Io { error, is_cut }) => {
                self.refuse(&error);
                // Before anybody is told that it was refused.
                if !is_cut {
                    self.mend_with(&mut writer);
                }
                Err(JournalError(error.to_string()))
            }
            Err(error) => Err(JournalError(error.to_string())),
        }
    }

    /// The log cannot be written to any more.
    fn refuse(&self, error: &io::Error) {
        tracing::error!(%error, "the storage refused a write: no push is accepted until it takes one again");
        self.health.set_degraded("storage", true);
        self.bell.ring(Ring::Mend);
    }

    /// Begins a new log if there is none to write to. Whether there is one now.
    pub(super) fn mend(&self) -> bool {
        self.mend_with(&mut self.writer.lock())
    }

    fn mend_with(&self, writer: &mut Writer) -> bool {
        if writer.is_open() {
            return true;
        }
        match writer.begin(&*self.disk) {
            Ok(()) => {
                tracing::info!("the storage takes writes again");
                self.health.set_degraded("storage", false);
                true
            }
            Err(error) => {
                tracing::debug!(%error, "the storage does not take writes yet");
                false
            }
        }
    }

    /// When logs of so many bytes want a checkpoint.
    pub(super) fn set_due(&self, files: &Files) {
        let bytes = if files.due { 0 } else { files.checkpoint_bytes.max(CHECKPOINT_BYTES) };
        self.bell.set_due(bytes);
    }

    pub(super) fn note_files(&self, files: &mut Files, checkpoint_bytes: u64, logs: usize, is_damaged: bool) {
        files.checkpoint_bytes = checkpoint_bytes;
        files.due = logs > LOGS_MAX || is_damaged;
        self.set_due(files);
    }

    /// Writes what all logs but a new one came to, and takes them away. What is damaged in them is kept first; if it cannot
    /// be, nothing goes.
    pub(super) fn checkpoint(&self) -> Result<(), CheckpointError> {
        let mut files = self.files.lock();
        let through = {
            let mut writer = self.writer.lock();
            if !writer.is_open() {
                return Err(CheckpointError::Closed);
            }
            let through = writer.number();
            if let Err(error) = writer.begin(&*self.disk) {
                self.refuse(&error);
                return Err(error.into());
            }
            through
        };
        let replayed = replay(&*self.disk, Some(through), &mut |_| {})?;
        self.keep_damaged(&replayed)?;
        let bytes = checkpoint::write(&*self.disk, &replayed, through)?;
        // From here on nothing is lost if the machine stops: files that the checkpoint covers are not read any more.
        let gone = replayed.files.iter().map(|file| file.name).chain(replayed.covered);
        for name in gone {
            if let Err(error) = self.disk.remove(&name.text()) {
                tracing::warn!(%error, file = name.text(), "a file that is not needed any more stays");
            }
        }
        self.writer.lock().covered(through);
        self.note_files(&mut files, bytes, 0, false);
        tracing::debug!(bytes, "a checkpoint was written");
        Ok(())
    }

    /// Keeps aside what is damaged, and says so by health for as long as anything is.
    pub(super) fn keep_damaged(&self, replayed: &replay::Replayed) -> io::Result<()> {
        let kept = quarantine::keep(&*self.disk, replayed, self.clock.now());
        let is_degraded = replayed.is_damaged() || self.disk.keeps_any();
        self.health.set_degraded("quarantine", is_degraded);
        kept.map(|_| ())
    }
}

/// Why there is no checkpoint. The logs stay.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckpointError {
    #[error("the storage takes no writes")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Replay(#[from] ReplayError),
}
