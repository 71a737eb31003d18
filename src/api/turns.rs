//! Work that takes long enough to keep others waiting, done beside the runtime.

use std::num::NonZero;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A body larger than this is worked on beside the runtime: some 500 series, which take a quarter of a millisecond. Below
/// it, changing threads would cost more than it spares others.
const LARGE_BYTES: usize = 64 << 10;

/// As many at one time as there are processors, so that pushes of many megabytes keep neither a scrape nor a small push
/// waiting, nor fill the memory with what is made of them.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(super) fn for_each_processor() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, NonZero::get))
    }

    pub(super) fn of(turns: usize) -> Self {
        Self(Arc::new(Semaphore::new(turns)))
    }

    /// What comes of `work` on a body of so many bytes: at once for a small one, in its turn for a large one. None if it
    /// panicked beside the runtime.
    pub(super) async fn take<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        if bytes <= LARGE_BYTES {
            return Some(work());
        }
        let turn = Arc::clone(&self.0).acquire_owned().await.ok()?;
        // The turn goes with the work: who hangs up does not make room before it is done.
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.ok()
    }
}
