//! All files read in their order.

use super::contents::Contents;
use super::contents::Place;
use super::disk::Disk;
use super::disk::DiskFile;
use super::format::FileKind;
use super::format::FileName;
use super::format::HEADER_BYTES;
use super::format::Header;
use super::format::HeaderFault;
use super::format::Seal;
use super::scan::Damage;
use super::scan::ScanError;
use super::scan::Scanned;
use super::scan::scan;
use std::collections::BTreeMap;
use std::io;

/// What the files of a directory come to.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    pub(super) contents: Contents,
    /// Those that were read, as places name them.
    pub(super) files: Vec<ReadFile>,
    /// Files of ours that say nothing more: a checkpoint covers them.
    pub(super) covered: Vec<FileName>,
    /// The number of the last frame.
    pub(super) sequence: u64,
    /// No file has a higher number.
    pub(super) number: u64,
    /// Of all logs, that which comes last.
    pub(super) last: Option<Seal>,
    pub(super) log_bytes: u64,
    pub(super) checkpoint_bytes: u64,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct ReadFile {
    pub(super) name: FileName,
    pub(super) file: Box<dyn DiskFile>,
    pub(super) damages: Vec<Damage>,
    pub(super) torn: u64,
}

/// Why nothing is read.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {error}")]
pub(super) struct ReplayError {
    pub(super) name: String,
    pub(super) error: ScanError,
}

impl ReplayError {
    fn of(name: FileName) -> impl FnOnce(io::Error) -> Self {
        move |error| Self { name: name.text(), error: error.into() }
    }

    pub(super) fn of_directory(error: io::Error) -> Self {
        Self { name: "the directory".to_owned(), error: error.into() }
    }
}

/// Our files in their order: a checkpoint comes behind the log of its number, which it covers.
pub(super) fn names(disk: &dyn Disk) -> Result<Vec<FileName>, ReplayError> {
    let names = disk.names().map_err(ReplayError::of_directory)?;
    let mut names: Vec<_> = names.iter().filter_map(|name| FileName::parse(name)).collect();
    names.sort();
    Ok(names)
}

/// The header of a file; `None`: it is damaged.
pub(super) fn header(disk: &dyn Disk, name: FileName) -> Result<Option<Header>, ReplayError> {
    let file = disk.open(&name.text()).map_err(ReplayError::of(name))?;
    let mut bytes = [0; HEADER_BYTES as usize];
    let read = file.read(&mut bytes, 0).map_err(ReplayError::of(name))?;
    match Header::decode(bytes.get(..read).unwrap_or_default(), name) {
        Ok(header) => Ok(Some(header)),
        Err(HeaderFault::Damaged) => Ok(None),
        Err(HeaderFault::Newer(version)) => Err(ReplayError { name: name.text(), error: ScanError::Newer(version) }),
    }
}

/// Reads all files up to that number, or all; `progress` is told now and then how many bytes were read.
pub(super) fn replay(
    disk: &dyn Disk,
    through: Option<u64>,
    progress: &mut dyn FnMut(u64),
) -> Result<Replayed, ReplayError> {
    let mut names = names(disk)?;
    names.retain(|name| through.is_none_or(|through| name.number <= through));
    let checkpoint = names.iter().rev().find(|name| name.kind == FileKind::Checkpoint).copied();
    let (covered, read): (Vec<_>, Vec<_>) = names.iter().partition(|name| {
        Some(**name) != checkpoint && checkpoint.is_some_and(|checkpoint| name.number <= checkpoint.number)
    });
    let mut replayed = Replayed { covered, ..Replayed::default() };
    replayed.number = names.iter().map(|name| name.number).max().unwrap_or_default();
    let mut seals = BTreeMap::new();
    for name in &read {
        if let Some(Seal { number, length }) = header(disk, *name)?.and_then(|header| header.seal) {
            seals.insert(number, length);
        }
    }
    let mut total = 0_u64;
    for name in read {
        let file = disk.open(&name.text()).map_err(ReplayError::of(name))?;
        let nth = u32::try_from(replayed.files.len()).unwrap_or(u32::MAX);
        let seal = seals.get(&name.number).copied().filter(|_| name.kind == FileKind::Log);
        let mut so_far = |bytes: u64| progress(total.saturating_add(bytes));
        let scanned = scan(&*file, name, (nth, seal), &mut replayed.contents, &mut so_far);
        let scanned = scanned.map_err(|error| ReplayError { name: name.text(), error })?;
        total = total.saturating_add(scanned.length);
        replayed.note(name, file, scanned);
    }
    Ok(replayed)
}

impl Replayed {
    fn note(&mut self, name: FileName, file: Box<dyn DiskFile>, scanned: Scanned) {
        self.sequence = self.sequence.max(scanned.sequence);
        let bytes = scanned.length.saturating_sub(HEADER_BYTES);
        match name.kind {
            FileKind::Checkpoint => self.checkpoint_bytes = bytes,
            FileKind::Log => {
                self.log_bytes = self.log_bytes.saturating_add(bytes);
                if !scanned.is_void {
                    self.last = Some(Seal { number: name.number, length: scanned.length });
                }
            }
        }
        self.files.push(ReadFile { name, file, damages: scanned.damages, torn: scanned.torn });
    }

    /// The bytes that stand there, if they could be read.
    pub(super) fn read(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; place.length as usize];
        let read = self.read_into(place, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Fills `buffer` from where that begins; how much of it there was.
    pub(super) fn read_into(&self, place: Place, buffer: &mut [u8]) -> io::Result<usize> {
        let file = self.files.get(place.file as usize).ok_or(io::ErrorKind::NotFound)?;
        file.file.read(buffer, place.offset)
    }

    /// How many logs were read.
    pub(super) fn logs(&self) -> usize {
        self.files.iter().filter(|file| file.name.kind == FileKind::Log).count()
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.files.iter().any(|file| !file.damages.is_empty())
    }
}
