//! Answers as gzip, put together from blocks.
//!
//! Each page of lines is compressed by itself and kept beside what it was made of; see [`Deflater`]. What is no such page,
//! headers, pages that are too small, names in another escaping and whatever else, is compressed as it comes.
//! What is kept is only copied, as lines are, and a little is compressed on the way; for more of it the work is done beside the
//! runtime, in turns. Of an operator's view the whole list is kept, and while nothing in the store changes it is the answer to
//! whoever asks next.

use super::readers::Pieces;
use super::written::PIECE_BYTES;
use super::written::Page;
use super::written::Step;
use super::written::Written;
use crate::exposition::Deflater;
use crate::exposition::Member;
use crate::exposition::Negotiated;
use crate::exposition::checksum;
use crate::store::Block;
use crate::store::KeptBlock;
use crate::store::Store;
use parking_lot::Mutex;
use std::sync::Arc;

/// As much is compressed in one turn: some 0.7 ms.
const TURN_BYTES: usize = 1 << 20;

/// No more is compressed at one time where others of the runtime wait for it: some 20 µs, while to have a piece made beside the
/// runtime and to be told of it takes longer than to copy it.
const AT_ONCE: usize = 32 << 10;

/// A snapshot as gzip.
pub(super) struct Compressed {
    store: Arc<Store>,
    written: Written,
    deflater: Deflater,
    member: Member,
    /// Written and not yet compressed.
    plain: Vec<u8>,
    began: bool,
    ended: bool,
    /// What was compressed in this turn.
    compressed: usize,
    /// Whether the next piece is to be made beside the runtime.
    beside: bool,
    /// The step that is yet to be written: it would have compressed more than [`AT_ONCE`].
    owed: Option<Step>,
    list: Option<List>,
}

/// What is written so far, to be kept.
struct List {
    version: u64,
    negotiated: Negotiated,
    finished: FinishedLists,
    blocks: Vec<Arc<KeptBlock>>,
}

impl Compressed {
    pub(super) fn new(store: Arc<Store>, written: Written) -> Self {
        let (deflater, member, plain) = (Deflater::default(), Member::default(), Vec::new());
        let (began, ended, compressed, beside, owed, list) = (false, false, 0, false, None, None);
        Self { store, written, deflater, member, plain, began, ended, compressed, beside, owed, list }
    }

    /// The same; it is kept when it is at its end if the store was still of this version when the snapshot was taken.
    pub(super) fn remembered(self, version: u64, negotiated: Negotiated, finished: &FinishedLists) -> Self {
        let list = List { version, negotiated, finished: finished.clone(), blocks: Vec::new() };
        Self { list: Some(list), ..self }
    }

    /// Writes a step; false if that is to be done beside the runtime.
    fn step(&mut self, out: &mut Vec<u8>) -> bool {
        let step = self.owed.take().unwrap_or_else(|| self.written.step(&mut self.plain, true));
        let kept = if let Step::Page(Page { sheet, words }) = &step { sheet.block(words) } else { None };
        let work = match &step {
            Step::Wrote if self.plain.len() < PIECE_BYTES => 0,
            Step::Page(page) if kept.is_none() => self.plain.len() + page.sheet.bytes(),
            Step::Wrote | Step::Page(_) | Step::End => self.plain.len(),
        };
        if !self.beside && self.compressed + work > AT_ONCE {
            self.owed = Some(step);
            return false;
        }
        match step {
            Step::Wrote if work == 0 => {}
            Step::Wrote => self.flush(out),
            Step::Page(page) => {
                self.flush(out);
                self.page(&page, kept, out);
            }
            Step::End => self.end(out),
        }
        true
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.flush(out);
        self.begin(out);
        let mut end = Vec::new();
        std::mem::take(&mut self.member).end(&mut end);
        out.extend_from_slice(&end);
        self.ended = true;
        if let Some(List { version, negotiated, finished, blocks }) = self.list.take() {
            finished.keep(Finished { version, negotiated, blocks, end });
        }
    }

    /// Writes what stands before everything else.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.began, true) {
            Member::begin(out);
        }
    }

    /// Compresses what is written.
    fn flush(&mut self, out: &mut Vec<u8>) {
        if !self.plain.is_empty() {
            let plain = std::mem::take(&mut self.plain);
            let block = self.compress(&plain, Arc::new([]));
            // It is no page's, and kept only if the whole answer is.
            let kept = if self.list.is_some() { self.store.keep_block(None, block) } else { Err(block) };
            self.write(kept, out);
            self.plain = plain;
            self.plain.clear();
        }
    }

    fn page(&mut self, page: &Page, kept: Option<Arc<KeptBlock>>, out: &mut Vec<u8>) {
        let Page { sheet, words } = page;
        let kept = kept.ok_or(()).or_else(|()| {
            let mut plain = std::mem::take(&mut self.plain);
            self.written.write_page(sheet, &mut plain);
            let block = self.compress(&plain, words.clone());
            plain.clear();
            self.plain = plain;
            self.store.keep_block(Some(sheet), block)
        });
        self.write(kept, out);
    }

    fn compress(&mut self, plain: &[u8], view: Arc<[u8]>) -> Block {
        self.compressed += plain.len();
        let mut bytes = Vec::with_capacity(plain.len() / 8 + 64);
        self.deflater.block(plain, &mut bytes);
        Block { view, bytes: bytes.into(), checksum: checksum(plain) }
    }

    /// Writes a block. One for which there is no room to keep it ends the list.
    fn write(&mut self, kept: Result<Arc<KeptBlock>, Block>, out: &mut Vec<u8>) {
        let block = match &kept {
            Ok(kept) => kept.block(),
            Err(block) => block,
        };
        self.begin(out);
        out.extend_from_slice(&block.bytes);
        self.member.add(block.checksum);
        match (kept, &mut self.list) {
            (Ok(kept), Some(list)) => list.blocks.push(kept),
            _ => self.list = None,
        }
    }
}

impl Pieces for Compressed {
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        self.compressed = 0;
        while out.len() < PIECE_BYTES
            && self.compressed < TURN_BYTES
            && !self.ended
            && !self.written.is_tired()
            && self.step(&mut out)
        {}
        self.beside = self.owed.is_some() || self.compressed > AT_ONCE;
        Some(out)
    }

    fn takes_work(&self) -> bool {
        self.beside || self.written.takes_work()
    }
}

/// Pieces of whatever kind as gzip.
pub(super) struct Zipped<P> {
    pieces: P,
    deflater: Deflater,
    member: Option<Member>,
    began: bool,
}

impl<P: Pieces> Zipped<P> {
    pub(super) fn new(pieces: P) -> Self {
        Self { pieces, deflater: Deflater::default(), member: Some(Member::default()), began: false }
    }
}

impl<P: Pieces> Pieces for Zipped<P> {
    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.began, true) {
            Member::begin(&mut out);
        }
        match self.pieces.next() {
            Some(piece) => {
                self.deflater.block(&piece, &mut out);
                self.member.as_mut()?.add(checksum(&piece));
            }
            None => self.member.take()?.end(&mut out),
        }
        Some(out)
    }

    fn takes_work(&self) -> bool {
        true
    }
}

/// The whole of an operator's view as it was compressed last. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct FinishedLists(Arc<Mutex<Option<Arc<Finished>>>>);

/// The blocks of one answer, in their order. They are counted with those beside the pages, most of which they are.
#[derive(Debug)]
pub(super) struct Finished {
    version: u64,
    negotiated: Negotiated,
    blocks: Vec<Arc<KeptBlock>>,
    /// What stands behind them.
    end: Vec<u8>,
}

impl FinishedLists {
    /// The list that was made of a store of this version. One that is older is let go of: nobody asks for it again, and what
    /// it holds is counted, so that there might be no room for the blocks of any that is to replace it.
    pub(super) fn of(&self, version: u64, negotiated: Negotiated) -> Option<Arc<Finished>> {
        let mut list = self.0.lock();
        if let Some(older) = list.take_if(|it| it.version < version) {
            drop(list);
            drop(older);
            return None;
        }
        list.as_ref().filter(|it| it.version == version && it.negotiated.escaping == negotiated.escaping).cloned()
    }

    fn keep(&self, finished: Finished) {
        let finished = Arc::new(finished);
        // What it replaces may be the last to hold its blocks, and is let go of when the lock is free.
        let before = self.0.lock().replace(finished);
        drop(before);
    }
}

/// A list that is sent once more.
pub(super) struct Again {
    finished: Arc<Finished>,
    /// The next block; the end counts as one.
    next: usize,
}

impl Again {
    pub(super) fn new(finished: Arc<Finished>) -> Self {
        Self { finished, next: 0 }
    }
}

impl Pieces for Again {
    fn next(&mut self) -> Option<Vec<u8>> {
        let Finished { blocks, end, .. } = &*self.finished;
        if self.next > blocks.len() {
            return None;
        }
        let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
        if self.next == 0 {
            Member::begin(&mut out);
        }
        while out.len() < PIECE_BYTES && self.next <= blocks.len() {
            let bytes = blocks.get(self.next).map_or(&**end, |kept| &*kept.block().bytes);
            out.extend_from_slice(bytes);
            self.next += 1;
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests;
