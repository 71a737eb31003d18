//! One file read in its order: what its frames say, and what in it cannot be understood.
//!
//! The end of a log may be half a frame: a write that a crash cut off, which nobody was told was kept. It is *torn*, and no
//! fault. Whatever else does not sum up is *damaged*: behind it stands a frame that was only written once the one before
//! was kept, or the file's end is known. Of a damaged frame all is read that sums up by itself.

use super::contents::Contents;
use super::disk::DiskFile;
use super::format::FRAME_HEAD_BYTES;
use super::format::FRAME_MAGIC;
use super::format::FileKind;
use super::format::FileName;
use super::format::FrameHead;
use super::format::HEADER_BYTES;
use super::format::Header;
use super::format::HeaderFault;
use super::format::Mark;
use super::format::Seal;
use super::record::RECORD_MAGIC;
use super::record::Record;
use super::record::StoredFamily;
use super::window::Window;
use crate::model::GroupingKey;
use crate::model::TenantId;
use std::io;

/// What a file was found to be.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) seal: Option<Seal>,
    /// The number of its last frame that is whole; 0 if there is none.
    pub(super) sequence: u64,
    /// Where its last whole frame ends.
    pub(super) length: u64,
    /// Bytes of a last frame that is not whole.
    pub(super) torn: u64,
    pub(super) damages: Vec<Damage>,
    /// A log without a header: it was made a moment before a crash, and nothing was written to it.
    pub(super) is_void: bool,
}

/// What in a file is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) what: &'static str,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    /// Whose it is, where that can be read.
    pub(super) of: Option<(TenantId, GroupingKey, Option<String>)>,
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError {
    #[error("it is of format {0}, and this version reads format 1")]
    Newer(u32),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Bytes that may be torn or damaged: which, the frames behind them tell.
#[derive(Clone, Copy, Debug)]
enum Doubt {
    /// No frame begins here.
    Gap { offset: u64, bytes: u64 },
    /// A frame whose payload does not sum up.
    Frame { offset: u64, bytes: usize },
}

struct Scan<'f, 'c> {
    window: Window<'f>,
    mark: Option<Mark>,
    file: u32,
    contents: &'c mut Contents,
    doubts: Vec<Doubt>,
    scanned: Scanned,
    /// Is told how far it has come, frame by frame.
    progress: &'c mut dyn FnMut(u64),
}

/// Reads the file and does in `contents` what it says. `seal` is where it ends, if the log behind it says so: what stands
/// after that was never acknowledged. `progress` is told how many bytes were read.
pub(super) fn scan(
    disk_file: &dyn DiskFile,
    name: FileName,
    (file, seal): (u32, Option<u64>),
    contents: &mut Contents,
    progress: &mut dyn FnMut(u64),
) -> Result<Scanned, ScanError> {
    let length = disk_file.length()?;
    let scanned = Scanned { length: HEADER_BYTES, ..Scanned::default() };
    let (window, doubts) = (Window::over(disk_file), Vec::new());
    let mut scan = Scan { window, mark: None, file, contents, doubts, scanned, progress };
    let header = scan.window.get(0, HEADER_BYTES as usize)?;
    match Header::decode(header, name) {
        Ok(header) => (scan.mark, scan.scanned.seal) = (Some(header.mark), header.seal),
        Err(HeaderFault::Newer(version)) => return Err(ScanError::Newer(version)),
        Err(HeaderFault::Damaged) if length <= HEADER_BYTES && name.kind == FileKind::Log => {
            return Ok(Scanned { is_void: true, ..scan.scanned });
        }
        Err(HeaderFault::Damaged) => scan.damage("header", 0, HEADER_BYTES),
    }
    let end = seal.map_or(length, |seal| seal.min(length));
    scan.frames(end)?;
    // A checkpoint is whole when it gets its name, and a sealed log ends where its last frame did.
    if seal.is_some() || name.kind == FileKind::Checkpoint {
        scan.settle()?;
        if let Some(missing) = seal.and_then(|seal| seal.checked_sub(length)).filter(|missing| *missing > 0) {
            scan.damage("the end is missing", length, missing);
        }
    }
    let mut scanned = scan.scanned;
    scanned.torn = end.saturating_sub(scanned.length).min(if scan.doubts.is_empty() { 0 } else { u64::MAX });
    Ok(scanned)
}

impl Scan<'_, '_> {
    fn frames(&mut self, end: u64) -> Result<(), io::Error> {
        let mut at = HEADER_BYTES;
        while at < end {
            let head = FrameHead::decode(self.window.get(at, FRAME_HEAD_BYTES)?, self.mark);
            let whole =
                |head: &FrameHead| at.saturating_add(FRAME_HEAD_BYTES as u64).saturating_add(head.payload_bytes as u64);
            match head.filter(|(head, _)| whole(head) <= end) {
                Some((head, mark)) => {
                    self.mark = Some(mark);
                    self.frame(at, &head)?;
                    at = whole(&head);
                }
                None => {
                    let next = self.next_frame(at.saturating_add(1), end)?;
                    let until = next.unwrap_or(end);
                    self.doubts.push(Doubt::Gap { offset: at, bytes: until.saturating_sub(at) });
                    at = until;
                }
            }
        }
        Ok(())
    }

    /// Where a frame begins that can be believed. Without the file's mark none can.
    fn next_frame(&mut self, mut from: u64, end: u64) -> Result<Option<u64>, io::Error> {
        let Some(mark) = self.mark else { return Ok(None) };
        while let Some(at) = self.window.find(FRAME_MAGIC, from, end)? {
            if FrameHead::decode(self.window.get(at, FRAME_HEAD_BYTES)?, Some(mark)).is_some() {
                return Ok(Some(at));
            }
            from = at.saturating_add(1);
        }
        Ok(None)
    }

    fn frame(&mut self, at: u64, head: &FrameHead) -> Result<(), io::Error> {
        let start = at.saturating_add(FRAME_HEAD_BYTES as u64);
        let payload = self.window.get(start, head.payload_bytes)?;
        if crc32fast::hash(payload) != head.payload_sum {
            self.doubts.push(Doubt::Frame { offset: start, bytes: head.payload_bytes });
            return Ok(());
        }
        self.settle()?;
        self.records(start, head.payload_bytes, true)?;
        self.scanned.sequence = self.scanned.sequence.max(head.sequence);
        self.scanned.length = start.saturating_add(head.payload_bytes as u64);
        (self.progress)(self.scanned.length);
        Ok(())
    }

    /// What was doubtful is damaged: a whole frame stands behind it.
    fn settle(&mut self) -> Result<(), io::Error> {
        for doubt in std::mem::take(&mut self.doubts) {
            match doubt {
                Doubt::Gap { offset, bytes } => self.damage("no frame begins here", offset, bytes),
                Doubt::Frame { offset, bytes } => self.records(offset, bytes, false)?,
            }
        }
        Ok(())
    }

    /// The records of a frame. `sound`: the frame sums up, so its parts do.
    fn records(&mut self, start: u64, bytes: usize, sound: bool) -> Result<(), io::Error> {
        let payload = self.window.get(start, bytes)?.to_vec();
        let mark = self.mark.unwrap_or_default();
        let mut at = 0;
        while let Some(rest) = payload.get(at..).filter(|rest| !rest.is_empty()) {
            let offset = start.saturating_add(at as u64);
            let Some((record, head_bytes)) = Record::decode(rest, mark) else {
                let next = next_record(rest, mark).unwrap_or(rest.len());
                self.damage("a record that cannot be read", offset, next as u64);
                at = at.saturating_add(next);
                continue;
            };
            let blocks = rest.get(head_bytes..).unwrap_or_default();
            let damaged = if sound { Vec::new() } else { damaged_blocks(&record, blocks) };
            self.damaged_families(&record, &damaged, offset, head_bytes);
            let blocks_at = offset.saturating_add(head_bytes as u64);
            let blocks_bytes = usize::try_from(record.block_bytes()).unwrap_or(usize::MAX);
            at = at.saturating_add(head_bytes).saturating_add(blocks_bytes);
            self.contents.apply(record, self.file, blocks_at, &damaged);
        }
        Ok(())
    }

    fn damaged_families(&mut self, record: &Record<'_>, damaged: &[usize], offset: u64, head_bytes: usize) {
        let Record::Group { tenant, key, families, .. } = record else { return };
        for nth in damaged {
            let before: u64 = families.iter().take(*nth).map(|family| u64::from(family.block_bytes)).sum();
            if let Some(family) = families.get(*nth) {
                let of = Some((tenant.clone(), key.clone(), Some(family.name.to_owned())));
                let offset = offset.saturating_add(head_bytes as u64).saturating_add(before);
                let bytes = u64::from(family.block_bytes);
                self.scanned.damages.push(Damage { what: "a family that does not sum up", offset, bytes, of });
            }
        }
    }

    fn damage(&mut self, what: &'static str, offset: u64, bytes: u64) {
        self.scanned.damages.push(Damage { what, offset, bytes, of: None });
    }
}

/// Where the next record begins that can be read, behind the first byte.
fn next_record(bytes: &[u8], mark: Mark) -> Option<usize> {
    let found = memchr::memmem::find_iter(bytes, &RECORD_MAGIC).filter(|at| *at > 0);
    found.into_iter().find(|at| bytes.get(*at..).is_some_and(|rest| Record::decode(rest, mark).is_some()))
}

fn damaged_blocks(record: &Record<'_>, blocks: &[u8]) -> Vec<usize> {
    let Record::Group { families, .. } = record else { return Vec::new() };
    let mut rest = blocks;
    let mut damaged = Vec::new();
    for (nth, family) in families.iter().enumerate() {
        let (block, behind) = rest.split_at_checked(family.block_bytes as usize).unwrap_or((&[], &[]));
        let stored = StoredFamily::decode(family.name.into(), family.kind, family.block_sum, block);
        if stored.is_none() {
            damaged.push(nth);
        }
        rest = behind;
    }
    damaged
}
