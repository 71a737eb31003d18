//! A file, read from its beginning to its end in large pieces.

use super::disk::DiskFile;
use std::io;

/// Chosen: large enough that a disk is read at its speed, small beside what a gateway holds, and beside what an allocator keeps
/// of what is given back to it.
const WINDOW_BYTES: usize = 256 << 10;

/// The part of a file that was read last.
#[derive(Debug)]
pub(super) struct Window<'f> {
    file: &'f dyn DiskFile,
    start: u64,
    bytes: Vec<u8>,
}

impl<'f> Window<'f> {
    pub(super) fn over(file: &'f dyn DiskFile) -> Self {
        Self { file, start: 0, bytes: Vec::new() }
    }

    /// `length` bytes from `offset` on; fewer where the file ends.
    pub(super) fn get(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let held = offset >= self.start
            && offset.saturating_add(length as u64) <= self.start.saturating_add(self.bytes.len() as u64);
        if !held {
            let left = self.file.length()?.saturating_sub(offset);
            let wanted = length.max(WINDOW_BYTES).min(usize::try_from(left).unwrap_or(usize::MAX));
            self.bytes.resize(wanted, 0);
            let read = self.file.read(&mut self.bytes, offset)?;
            self.bytes.truncate(read);
            self.start = offset;
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let held = self.bytes.get(from..).unwrap_or_default();
        Ok(held.get(..length.min(held.len())).unwrap_or_default())
    }

    /// Where `wanted` stands first, from `offset` on and before `end`.
    pub(super) fn find(&mut self, wanted: [u8; 4], mut offset: u64, end: u64) -> io::Result<Option<u64>> {
        while offset < end {
            let length = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX).min(WINDOW_BYTES);
            let bytes = self.get(offset, length)?;
            if let Some(at) = memchr::memmem::find(bytes, &wanted) {
                return Ok(Some(offset.saturating_add(at as u64)));
            }
            // It may stand across the edge.
            match bytes.len() {
                0..4 => break,
                read => offset = offset.saturating_add(read as u64 - 3),
            }
            if length < WINDOW_BYTES {
                break;
            }
        }
        Ok(None)
    }
}
