//! What the log asks of a disk, and the real one.
//!
//! The log knows no other way to a file, so that a test can put a disk in its place that fails, lies and loses power.

use std::fmt;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

/// A directory of files that are written once, from their beginning to their end.
pub(super) trait Disk: fmt::Debug + Send + Sync {
    /// The names of all files in it.
    fn names(&self) -> io::Result<Vec<String>>;
    /// A new file; an error if there is one of that name.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// A file to be read.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name, which nothing has.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns when names that came and went are on the disk.
    fn sync_names(&self) -> io::Result<()>;
    /// Keeps a file as it is under `quarantine/`, whatever becomes of the name it has now; `false`: it is kept there already.
    fn keep(&self, name: &str) -> io::Result<bool>;
    /// Adds a line to the report of what is kept.
    fn report(&self, line: &str) -> io::Result<()>;
    /// Whether anything is kept.
    fn keeps_any(&self) -> bool;
}

/// One file.
pub(super) trait DiskFile: fmt::Debug + Send + Sync {
    fn length(&self) -> io::Result<u64>;
    /// Fills `buffer` from `offset` on; how much of it there was.
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at the end. After an error it is not known what was written.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file.
    fn cut(&self, length: u64) -> io::Result<()>;
    /// Returns when what was written is on the disk.
    fn sync(&self) -> io::Result<()>;
}

/// Where damaged files are kept, and what is written of them.
const QUARANTINE: &str = "quarantine";
const REPORT: &str = "report.jsonl";
/// Held by the one process that may write here.
const LOCK: &str = "lock";

/// A directory of the machine.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// `None`: only read from.
    _lock: Option<File>,
}

/// Why a directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum DirectoryError {
    #[error("another process writes there")]
    InUse,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Directory {
    /// Made where it is missing, readable by its owner alone, and held until this is dropped.
    pub(super) fn hold(path: &Path) -> Result<Self, DirectoryError> {
        make(path)?;
        // Where nothing can be written there may still be something to serve.
        let name = path.join(LOCK);
        let lock = private().write(true).create(true).truncate(false).open(&name).or_else(|error| {
            if error.kind() == io::ErrorKind::ReadOnlyFilesystem { File::open(&name) } else { Err(error) }
        })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// To look at what is in it, whoever holds it.
    pub(super) fn look(path: &Path) -> Self {
        Self { path: path.to_owned(), _lock: None }
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Ok(()) => {
            sync_directory(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
        }
        Err(error) => Err(error),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

impl Disk for Directory {
    fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = private().read(true).append(true).create_new(true).open(self.path.join(name))?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::open(self.path.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }

    fn keep(&self, name: &str) -> io::Result<bool> {
        let quarantine = self.path.join(QUARANTINE);
        make(&quarantine)?;
        match fs::hard_link(self.path.join(name), quarantine.join(name)) {
            Ok(()) => sync_directory(&quarantine).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            // A file system without links.
            Err(_) => {
                fs::copy(self.path.join(name), quarantine.join(name))?;
                File::open(quarantine.join(name))?.sync_all()?;
                sync_directory(&quarantine).map(|()| true)
            }
        }
    }

    fn report(&self, line: &str) -> io::Result<()> {
        let mut file = private().append(true).create(true).open(self.path.join(QUARANTINE).join(REPORT))?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()
    }

    fn keeps_any(&self) -> bool {
        self.path.join(QUARANTINE).join(REPORT).exists()
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, offset.saturating_add(read as u64)) {
                Ok(0) => break,
                Ok(more) => read = read.saturating_add(more),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
