//! What all tenants' shelves take together, and what readers keep alive of what was replaced.
//!
//! A write *reserves* what it adds when it is judged, and it is *shown* or its room is given back: so writes of several
//! tenants at one time cannot pass the ceiling together. One counter, no lock. From [`CROWDED`] of the ceiling on only those
//! tenants may grow that stay within their fair share, the ceiling divided by the number of tenants; at the ceiling nobody
//! may. What shrinks or stays is always let through.

use super::Refusal;
use super::blocks::Block;
use super::blocks::BlockSpace;
use super::blocks::KeptBlock;
use super::usage::Usage;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// From this many hundredths of the ceiling on it is not first come, first served any more.
const CROWDED: u128 = 80;

/// So much may always be kept of what pages were compressed to.
const BLOCKS_MIN: u64 = 1 << 20;

/// The store's bytes. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Space(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    max: AtomicU64,
    tenants: AtomicU64,
    /// Stored, or reserved by writes under way.
    taken: AtomicU64,
    /// Bytes ever taken out of all shelves, or copied because a reader held them: it only grows.
    replaced: Arc<AtomicU64>,
    blocks: BlockSpace,
    /// Changes ever begun.
    version: AtomicU64,
}

impl Default for Space {
    /// Without a ceiling.
    fn default() -> Self {
        let (max, tenants, taken) = (AtomicU64::new(u64::MAX), AtomicU64::new(1), AtomicU64::new(0));
        let (replaced, blocks, version) = (Arc::default(), BlockSpace::default(), AtomicU64::new(0));
        Self(Arc::new(Counters { max, tenants, taken, replaced, blocks, version }))
    }
}

impl Space {
    pub(super) fn set_max(&self, bytes: u64) {
        self.0.max.store(bytes, Ordering::Relaxed);
    }

    /// Among how many the fair share is divided.
    pub(super) fn set_tenants(&self, count: usize) {
        self.0.tenants.store(count.max(1) as u64, Ordering::Relaxed);
    }

    /// Stored or reserved.
    pub(super) fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Acquire)
    }

    /// Room for a tenant's change from one usage to another, or why there is none.
    pub(super) fn reserve(&self, before: Usage, after: Usage) -> Result<Room, Refusal> {
        let growth = after.stored_bytes.saturating_sub(before.stored_bytes);
        let freed = before.stored_bytes.saturating_sub(after.stored_bytes);
        if growth > 0 {
            let limit = self.0.max.load(Ordering::Relaxed);
            let share = limit / self.0.tenants.load(Ordering::Relaxed);
            let greedy = after.stored_bytes > share;
            let fits = |taken: u64| {
                let needed = taken.checked_add(growth)?;
                let crowded = u128::from(needed) * 100 > u128::from(limit) * CROWDED;
                (needed <= limit && !(crowded && greedy)).then_some(needed)
            };
            let reserved = self.0.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits);
            reserved.map_err(|_| Refusal::GatewayFull { limit, share })?;
        }
        Ok(Room { space: self.clone(), reserved: growth, freed })
    }

    /// Takes note of a change that is not asked for: groups that are removed, or read in at the start.
    pub(super) fn changed(&self, before: Usage, after: Usage) {
        let (before, after) = (before.stored_bytes, after.stored_bytes);
        if after > before {
            self.0.taken.fetch_add(after - before, Ordering::AcqRel);
        } else {
            self.0.taken.fetch_sub(before - after, Ordering::AcqRel);
        }
    }

    /// Something is about to change that a view shows. To be told under the lock under which it changes, so that whoever
    /// asks for the version afterwards and takes a snapshot sees it.
    pub(super) fn changes(&self) {
        self.0.version.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn version(&self) -> u64 {
        self.0.version.load(Ordering::SeqCst)
    }

    /// Keeps a block, if all of them stay within an eighth of what is stored, or within [`BLOCKS_MIN`].
    pub(super) fn keep(&self, block: Block) -> Result<Arc<KeptBlock>, Block> {
        self.0.blocks.keep(block, (self.taken() / 8).max(BLOCKS_MIN))
    }

    /// How much of what was replaced readers may keep alive: with it the store is half as large again as it may be.
    pub(super) fn pinned_max(&self) -> u64 {
        let max = self.0.max.load(Ordering::Relaxed);
        max.saturating_add(max / 2).saturating_sub(self.taken())
    }

    /// For one tenant's shelf.
    pub(super) fn churn(&self) -> Churn {
        Churn { own: Arc::default(), all: self.0.replaced.clone() }
    }

    /// What a reader of several tenants' shelves keeps alive, who begins now and holds `size`.
    pub(super) fn pin(&self, size: u64) -> Pin {
        Pin::new(&self.0.replaced, size)
    }
}

/// Room for one write, given back when it is dropped before the write is shown.
#[derive(Debug)]
#[must_use]
pub(super) struct Room {
    space: Space,
    reserved: u64,
    freed: u64,
}

impl Room {
    /// The write is shown: what it added stays taken, and what it took away is free.
    pub(super) fn shown(mut self) {
        self.reserved = std::mem::take(&mut self.freed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.space.0.taken.fetch_sub(self.reserved, Ordering::AcqRel);
    }
}

/// Counts what is taken from one shelf, and with it what is taken from all.
#[derive(Clone, Debug, Default)]
pub(super) struct Churn {
    own: Arc<AtomicU64>,
    all: Arc<AtomicU64>,
}

impl Churn {
    pub(super) fn add(&self, bytes: u64) {
        self.own.fetch_add(bytes, Ordering::Release);
        self.all.fetch_add(bytes, Ordering::Release);
    }

    /// What a reader of this shelf keeps alive, who begins now and holds `size`.
    pub(super) fn pin(&self, size: u64) -> Pin {
        Pin::new(&self.own, size)
    }
}

/// What one reader keeps alive at most of what is not stored any more: no more than was replaced since it began, and no
/// more than it holds. To be made before the snapshot it is for.
#[derive(Clone, Debug)]
pub struct Pin {
    replaced: Arc<AtomicU64>,
    since: u64,
    size: u64,
}

impl Pin {
    fn new(replaced: &Arc<AtomicU64>, size: u64) -> Self {
        Self { replaced: replaced.clone(), since: replaced.load(Ordering::Acquire), size }
    }

    /// In the store's account.
    pub fn bytes(&self) -> u64 {
        self.replaced.load(Ordering::Acquire).saturating_sub(self.since).min(self.size)
    }
}
