//! How often an address may send a token that cannot be good and still be told why it is not.
//!
//! A token that has expired, or is for somebody else, needs its signature checked before its sender may hear so. Nobody needs
//! that often: an address that sent too many of them *forged* is answered without a check, as any stranger is. Genuine ones
//! are never counted.

use crate::config::Strangers;
use crate::model::Subscriber;
use crate::model::Tick;
use parking_lot::Mutex;
use siphasher::sip::SipHasher13;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;

/// Addresses fall into as many cells as these by a keyed hash. Two in one cell share its allowance, which costs the honest one
/// an explanation and nothing else; in return this needs no bookkeeping, whoever comes.
const CELLS: usize = 4096;

/// One allowance for each cell, as the moment at which it will be whole again.
pub(super) struct Forgeries {
    cells: Mutex<Box<[Tick]>>,
    hasher: SipHasher13,
    allowance: Strangers,
    /// Nanoseconds in which one is forgiven.
    interval: u64,
    /// Nanoseconds in which all are.
    whole: u64,
}

impl Forgeries {
    pub(super) fn new(allowance: Strangers, key: &[u8; 16]) -> Self {
        let interval = 60_000_000_000 / u64::from(allowance.failures_per_minute.get());
        Self {
            cells: Mutex::new(vec![Tick::default(); CELLS].into()),
            hasher: SipHasher13::new_with_key(key),
            allowance,
            interval,
            whole: interval.saturating_mul(allowance.failures_burst.get().into()),
        }
    }

    /// Whether this is its allowance.
    pub(super) fn allow(&self, allowance: Strangers) -> bool {
        self.allowance == allowance
    }

    /// Whether one more may be looked at.
    pub(super) fn may_fail(&self, origin: Subscriber, now: Tick) -> bool {
        let spent = self.cells.lock().get(self.cell(origin)).map_or(u64::MAX, |whole_at| nanos(*whole_at, now));
        spent.saturating_add(self.interval) <= self.whole
    }

    pub(super) fn note(&self, origin: Subscriber, now: Tick) {
        let at = self.cell(origin);
        if let Some(whole_at) = self.cells.lock().get_mut(at) {
            *whole_at = (*whole_at).max(now).after(std::time::Duration::from_nanos(self.interval));
        }
    }

    fn cell(&self, origin: Subscriber) -> usize {
        let mut hasher = self.hasher;
        origin.hash(&mut hasher);
        usize::try_from(hasher.finish() % CELLS as u64).unwrap_or_default()
    }
}

fn nanos(later: Tick, earlier: Tick) -> u64 {
    later.as_nanos().saturating_sub(earlier.as_nanos())
}

impl fmt::Debug for Forgeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forgeries").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Forgeries;
    use super::Subscriber;
    use crate::config::Strangers;
    use crate::model::Tick;

    #[test]
    fn so_many_are_let_in_at_once_and_so_many_a_minute_for_each_address() {
        let forgeries = Forgeries::new(Strangers::default(), &[7; 16]);
        let (one, other) = (Subscriber::of([192, 0, 2, 1].into()), Subscriber::of([192, 0, 2, 2].into()));
        let start = Tick::from_nanos(1);
        for _ in 0..20 {
            assert!(forgeries.may_fail(one, start));
            forgeries.note(one, start);
        }
        assert!(!forgeries.may_fail(one, start) && forgeries.may_fail(other, start));
        let later = Tick::from_nanos(3_000_000_001);
        assert!(forgeries.may_fail(one, later));
        forgeries.note(one, later);
        assert!(!forgeries.may_fail(one, later));
    }
}
