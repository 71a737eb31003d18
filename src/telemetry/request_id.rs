//! A name for each request, so that what a client saw can be found in the log and in the audit.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Sixteen hexadecimal digits: a random start for each process, then one more for each request. Not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u64);

impl RequestId {
    /// As it is written.
    pub fn digits(self) -> [u8; 16] {
        let mut rest = self.0;
        let mut digits = [b'0'; 16];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS.get(usize::try_from(rest & 0xf).unwrap_or_default()).copied().unwrap_or_default();
            rest >>= 4;
        }
        digits
    }
}

const DIGITS: [u8; 16] = *b"0123456789abcdef";

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

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn an_id_reads_the_same_in_an_answer_and_in_the_log() {
        for id in [0, 1, 0xf, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(RequestId(id).digits(), *RequestId(id).to_string().as_bytes());
        }
    }
}
