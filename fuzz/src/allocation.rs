//! How much memory is held at one time: an allocator that counts, and a bound that is held against it.

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

/// Bytes held now, and the most since somebody began to look. Each target runs in a process of its own, and one thing after
/// another: nobody else's memory is counted.
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// The most that any bound was used, in thousandths.
static WORST: AtomicUsize = AtomicUsize::new(0);

fn grown(bytes: usize) {
    let held = HELD.fetch_add(bytes, Relaxed).wrapping_add(bytes);
    PEAK.fetch_max(held, Relaxed);
}

fn shrunk(bytes: usize) {
    HELD.fetch_sub(bytes, Relaxed);
}

// SAFETY: every call goes to the system's allocator with the arguments as they came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are those that `System` wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: as above; it came from `System`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new may be held at one time.
        grown(size);
        shrunk(layout.size());
        // SAFETY: as above; it came from `System`.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// What a piece of work may hold at one time: so many bytes for each byte of its input, and so many in any case.
#[derive(Clone, Copy)]
pub struct Bound {
    pub per_byte: usize,
    pub constant: usize,
}

impl Bound {
    /// Does `work` on an input of so many bytes. Panics if more was held, what it hands back included.
    pub fn hold<T>(self, input: usize, work: impl FnOnce() -> T) -> T {
        let before = HELD.load(Relaxed);
        PEAK.store(before, Relaxed);
        let done = work();
        let held = PEAK.load(Relaxed).saturating_sub(before);
        let allowed = self.per_byte * input + self.constant;
        assert!(held <= allowed, "{held} bytes were held for an input of {input}, more than {allowed}");
        WORST.fetch_max(held * 1000 / allowed.max(1), Relaxed);
        done
    }
}

/// How much of a bound was used at most, in thousandths.
pub fn worst() -> usize {
    WORST.load(Relaxed)
}
