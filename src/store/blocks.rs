//! What a page is compressed to, kept beside it for as long as nothing in it changes.
//!
//! Compressing a million lines takes some 100 ms on its fastest level, and nearly all of them are what they were when they were
//! compressed last. So each page is compressed by itself, to a block that stands for it in any answer, and is dropped with
//! it. What all blocks take together is counted, and beyond an eighth of what is stored none is kept.

use crate::model::Checksum;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Lines that are compressed: a piece of a deflate stream that refers to nothing before it and ends at a byte.
#[derive(Debug)]
pub struct Block {
    /// The words of the view that stand between what is stored.
    pub view: Arc<[u8]>,
    pub bytes: Box<[u8]>,
    /// Of what is compressed.
    pub checksum: Checksum,
}

/// A block, counted for as long as anybody holds it.
#[derive(Debug)]
pub struct KeptBlock {
    block: Block,
    kept: Arc<AtomicU64>,
}

impl KeptBlock {
    pub fn block(&self) -> &Block {
        &self.block
    }
}

impl Block {
    /// With the struct, its counts and what an allocator adds.
    fn size(&self) -> u64 {
        (self.bytes.len() + size_of::<KeptBlock>() + 32) as u64
    }
}

impl Drop for KeptBlock {
    fn drop(&mut self) {
        self.kept.fetch_sub(self.block.size(), Ordering::Relaxed);
    }
}

/// What all blocks take. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct BlockSpace(Arc<AtomicU64>);

impl BlockSpace {
    /// The block, to be kept; it is handed back where all together would take more than `max`.
    pub(super) fn keep(&self, block: Block, max: u64) -> Result<Arc<KeptBlock>, Block> {
        let size = block.size();
        let fits = |taken: u64| taken.checked_add(size).filter(|sum| *sum <= max);
        match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(Arc::new(KeptBlock { block, kept: self.0.clone() })),
            Err(_) => Err(block),
        }
    }
}

/// A page's blocks: for the tenant's view, and for the operator's.
#[derive(Debug, Default)]
#[repr(C)] // As in its leaf.
pub(super) struct Blocks {
    /// Whether there ever was one.
    ever: AtomicBool,
    kept: Mutex<[Option<Arc<KeptBlock>>; 2]>,
}

impl Blocks {
    /// The block of a view of these words.
    pub(super) fn get(&self, view: &[u8]) -> Option<Arc<KeptBlock>> {
        let blocks = self.kept.lock();
        let block = blocks.get(usize::from(!view.is_empty()))?.as_ref();
        block.filter(|kept| *kept.block.view == *view).cloned()
    }

    pub(super) fn put(&self, kept: Arc<KeptBlock>) {
        if let Some(place) = self.kept.lock().get_mut(usize::from(!kept.block.view.is_empty())) {
            *place = Some(kept);
            self.ever.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the page was ever compressed, though it may have changed since. Rows that are pushed again leave such a page, one
    /// and all, so that it need not be compressed at each scrape for those that are pushed between all of them.
    pub(super) fn ever(&self) -> bool {
        self.ever.load(Ordering::Relaxed)
    }

    /// None any more.
    pub(super) fn clear(&mut self) {
        *self.kept.get_mut() = [None, None];
    }

    /// None, of a page that is a copy of that of these.
    pub(super) fn cleared(&self) -> Self {
        Self { kept: Mutex::default(), ever: AtomicBool::new(self.ever()) }
    }
}
