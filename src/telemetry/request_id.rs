//! A name for each request, so that what a client saw can be found in the log and in the audit.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Sixteen hexadecimal digits: a random start for each process, then one more for each request. Not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Names the requests of one process.
#[derive(Clone, Debug)]
pub struct RequestIds {
    next: Arc<AtomicU64>,
}

impl RequestIds {
    /// Without a random source it starts at 0: an id is for finding a line, not for keeping a secret.
    pub fn new() -> Self {
        let start = getrandom::u64().unwrap_or_default();
        Self { next: Arc::new(AtomicU64::new(start)) }
    }

    /// The next request's.
    pub fn next_id(&self) -> RequestId {
        RequestId(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}
