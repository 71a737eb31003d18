//! The log that is written to.

use super::disk::Disk;
use super::disk::DiskFile;
use super::format::FRAME_HEAD_BYTES;
use super::format::FileName;
use super::format::HEADER_BYTES;
use super::format::Header;
use super::format::Mark;
use super::format::PAYLOAD_BYTES_MAX;
use super::format::Seal;
use super::format::close_frame;
use super::format::open_frame;
use crate::model::Durability;
use std::io;

/// The end of the last log, and how much stands in all of them.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None`: not loaded yet, or something failed; [`Writer::begin`] is what is needed.
    active: Option<Active>,
    /// Where the log ends that comes before the active one, or before the next one if there is none.
    seal: Option<Seal>,
    /// No file has a higher number.
    number: u64,
    sequence: u64,
    /// Bytes of frames that no checkpoint covers.
    log_bytes: u64,
    /// Room for the next frame.
    frame: Vec<u8>,
}

/// Chosen: what most batches fit in. Of a larger one the room is given back.
const FRAME_ROOM_BYTES: usize = 256 << 10;

#[derive(Debug)]
struct Active {
    file: Box<dyn DiskFile>,
    number: u64,
    mark: Mark,
    /// Where its last frame ends.
    length: u64,
}

impl Writer {
    /// Nothing can be written before [`Writer::begin`].
    pub(super) fn behind(seal: Option<Seal>, number: u64, sequence: u64, log_bytes: u64) -> Self {
        Self { active: None, seal, number, sequence, log_bytes, frame: Vec::new() }
    }

    pub(super) fn is_open(&self) -> bool {
        self.active.is_some()
    }

    pub(super) fn log_bytes(&self) -> u64 {
        self.log_bytes
    }

    /// Begins a new log. It says where the one before it ends, so that nothing behind that is ever believed. So if it fails
    /// nothing is written any more until it succeeds: the half-made log may be on the disk, and what it says of the end.
    pub(super) fn begin(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if let Some(active) = &self.active {
            // Not all of it need be on the disk yet, and its end is about to be.
            let synced = active.file.sync();
            self.close();
            synced?;
        }
        self.number = self.number.saturating_add(1);
        let (name, seal) = (FileName::log(self.number), self.end());
        let mut mark = Mark::default();
        getrandom::fill(&mut mark).map_err(|_| io::Error::other("the system's random source failed"))?;
        let begun = create(disk, name, Header { name, seal, mark });
        match begun {
            Ok(file) => {
                self.seal = seal;
                self.active = Some(Active { file, number: self.number, mark, length: HEADER_BYTES });
                Ok(())
            }
            Err(error) => {
                let _ = disk.remove(&name.text());
                Err(error)
            }
        }
    }

    /// Where the last log ends, be it empty: what a disk refused there may stand behind its end.
    fn end(&self) -> Option<Seal> {
        let active = self.active.as_ref();
        active.map(|active| Seal { number: active.number, length: active.length }).or(self.seal)
    }

    /// The number of the log that is written to.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Writes a frame with what `write` writes. After an error nothing of it stands in the log, or the log is not written to
    /// any more.
    pub(super) fn append(
        &mut self,
        durability: Durability,
        write: impl FnOnce(&mut Vec<u8>, Mark),
    ) -> Result<(), AppendError> {
        let active = self.active.as_mut().ok_or(AppendError::Closed)?;
        let mut frame = std::mem::take(&mut self.frame);
        open_frame(&mut frame);
        write(&mut frame, active.mark);
        if frame.len() > PAYLOAD_BYTES_MAX {
            return Err(AppendError::TooLarge(frame.len()));
        }
        let sequence = self.sequence.saturating_add(1);
        close_frame(&mut frame, sequence, active.mark);
        let synced = |file: &dyn DiskFile| if durability == Durability::Fsync { file.sync() } else { Ok(()) };
        match active.file.append(&frame).and_then(|()| synced(&*active.file)) {
            Ok(()) => {
                let bytes = frame.len() as u64;
                active.length = active.length.saturating_add(bytes);
                self.log_bytes = self.log_bytes.saturating_add(bytes);
                self.sequence = sequence;
                if frame.capacity() <= FRAME_ROOM_BYTES {
                    self.frame = frame;
                }
                Ok(())
            }
            Err(error) => {
                let is_cut = self.give_up();
                Err(AppendError::Io { error, is_cut })
            }
        }
    }

    /// What the disk has of the log is not known any more. The next one says where it ends; until there is one, a cut does,
    /// if the disk takes it. Whether it did.
    fn give_up(&mut self) -> bool {
        let seal = self.end();
        let active = self.active.take();
        self.seal = seal;
        active.is_none_or(|active| active.file.cut(active.length).and_then(|()| active.file.sync()).is_ok())
    }

    /// Nothing is written any more.
    pub(super) fn close(&mut self) {
        self.seal = self.end();
        self.active = None;
    }

    /// A checkpoint covers all logs before the active one: what they held counts no more.
    pub(super) fn covered(&mut self, through: u64) {
        self.log_bytes = self.active.as_ref().map_or(0, |active| active.length.saturating_sub(HEADER_BYTES));
        self.seal = self.seal.filter(|seal| seal.number > through);
    }
}

/// Why a frame was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendError {
    #[error("the log is not open")]
    Closed,
    #[error("a batch of {0} bytes")]
    TooLarge(usize),
    /// Where the log is cut again, nothing of the frame comes back; else not before the next log says where this one ends.
    #[error("{error}")]
    Io { error: io::Error, is_cut: bool },
}

/// A new file with its header, on the disk with its name.
pub(super) fn create(disk: &dyn Disk, name: FileName, header: Header) -> io::Result<Box<dyn DiskFile>> {
    let file = disk.create(&name.text())?;
    file.append(&header.encode())?;
    file.sync()?;
    disk.sync_names()?;
    Ok(file)
}

const _: () = assert!(FRAME_HEAD_BYTES == 32, "docs/RELIABILITY.md says so");
