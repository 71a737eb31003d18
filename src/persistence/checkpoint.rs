//! A checkpoint: what the logs came to, written anew, so that they can go.

use super::contents::Contents;
use super::contents::KeptFamily;
use super::contents::KeptGroup;
use super::disk::Disk;
use super::disk::DiskFile;
use super::format::FileName;
use super::format::Header;
use super::format::Mark;
use super::format::close_frame;
use super::format::open_frame;
use super::record::FamilyHead;
use super::record::Record;
use super::record::write_group;
use super::record::write_mark_of_tenant;
use super::replay::Replayed;
use crate::model::GroupingKey;
use crate::model::TenantId;
use crate::store::Gone;
use std::io;

/// Chosen: large frames are read fast, and a damaged one costs no more than its damaged parts.
const FRAME_BYTES: usize = 1 << 20;
/// Chosen: a disk that is told to keep so much at a time keeps no push waiting for long.
const SYNC_BYTES: u64 = 8 << 20;

/// Writes what `replayed` came to as the checkpoint of that number, which is there whole or not at all. Its bytes.
pub(super) fn write(disk: &dyn Disk, replayed: &Replayed, number: u64) -> io::Result<u64> {
    let name = FileName::checkpoint(number);
    let unfinished = name.unfinished();
    let written = Pen::begin(disk, name, replayed).and_then(|pen| pen.write(&replayed.contents));
    let written = written.and_then(|bytes| disk.rename(&unfinished, &name.text()).map(|()| bytes));
    match written {
        Ok(bytes) => disk.sync_names().map(|()| bytes),
        Err(error) => {
            let _ = disk.remove(&unfinished);
            Err(error)
        }
    }
}

/// Writes frames.
struct Pen<'r> {
    file: Box<dyn DiskFile>,
    replayed: &'r Replayed,
    mark: Mark,
    frame: Vec<u8>,
    sequence: u64,
    bytes: u64,
    unsynced: u64,
    /// Where the blocks end that were read last, and what each sums up to.
    ends: Vec<(usize, u32)>,
}

impl<'r> Pen<'r> {
    fn begin(disk: &dyn Disk, name: FileName, replayed: &'r Replayed) -> io::Result<Self> {
        let mut mark = Mark::default();
        getrandom::fill(&mut mark).map_err(|_| io::Error::other("the system's random source failed"))?;
        let _ = disk.remove(&name.unfinished());
        let file = disk.create(&name.unfinished())?;
        file.append(&Header { name, seal: None, mark }.encode())?;
        let (sequence, mut frame) = (replayed.sequence, Vec::new());
        open_frame(&mut frame);
        Ok(Self { file, replayed, mark, frame, sequence, bytes: 0, unsynced: 0, ends: Vec::new() })
    }

    fn write(mut self, contents: &Contents) -> io::Result<u64> {
        for (tenant, kept) in contents.tenants.iter().filter(|(_, kept)| !kept.groups.is_empty()) {
            if let Some(at) = kept.gone {
                let record = Record::TenantGone { tenant: tenant.clone(), at };
                write_mark_of_tenant(&mut self.frame, self.mark, &record);
            }
            for (key, group) in &kept.groups {
                self.group(tenant, key, group)?;
            }
        }
        write_mark_of_tenant(&mut self.frame, self.mark, &Record::End);
        self.flush()?;
        self.file.sync()?;
        Ok(self.bytes)
    }

    fn group(&mut self, tenant: &TenantId, key: &GroupingKey, group: &KeptGroup) -> io::Result<()> {
        fn head(family: &KeptFamily) -> FamilyHead<'_> {
            let (block_bytes, block_sum) = (family.place.length, family.place.sum);
            FamilyHead { name: &family.name, kind: family.kind, at: family.at, block_bytes, block_sum }
        }
        let of_group = (tenant, key, &Gone::AllOthers, group.times);
        write_group(&mut self.frame, self.mark, of_group, group.families.values().map(head));
        let mut places = group.families.values().map(|family| family.place).peekable();
        while let Some(first) = places.next() {
            // What one push brought stands together, and is read together.
            let mut last = first;
            let begins = self.frame.len();
            self.ends.clear();
            let mut length = first.length as usize;
            self.ends.push((length, first.sum));
            while let Some(next) = places.next_if(|next| last.is_followed_by(*next)) {
                length = length.saturating_add(next.length as usize);
                self.ends.push((length, next.sum));
                last = next;
            }
            self.frame.resize(begins.saturating_add(length), 0);
            let read = self.frame.get_mut(begins..).unwrap_or_default();
            self.replayed.read_into(first, read)?;
            if !sums_up(read, &self.ends) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a record reads otherwise than before"));
            }
        }
        if self.frame.len() >= FRAME_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        // All its frames have the number of the last one that it covers: they are one state.
        close_frame(&mut self.frame, self.sequence, self.mark);
        self.file.append(&self.frame)?;
        let bytes = self.frame.len() as u64;
        self.bytes = self.bytes.saturating_add(bytes);
        self.unsynced = self.unsynced.saturating_add(bytes);
        if self.unsynced >= SYNC_BYTES {
            self.file.sync()?;
            self.unsynced = 0;
        }
        open_frame(&mut self.frame);
        Ok(())
    }
}

/// Whether the blocks are as they were a moment ago: what does not sum up is no copy.
fn sums_up(blocks: &[u8], ends: &[(usize, u32)]) -> bool {
    let mut begins = 0;
    ends.iter().all(|(end, sum)| {
        let block = blocks.get(begins..*end);
        begins = *end;
        block.is_some_and(|block| crc32fast::hash(block) == *sum)
    })
}
