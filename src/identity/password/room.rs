//! Where an attempt waits whose address has no budget left.
//!
//! It is answered after the same time whether its name is somebody's or nobody's, and whether it was looked at or not, so
//! that the time tells nothing. A right password does not wait longer than it takes to find that out.

use super::flights::Flight;
use super::flights::Verdict;
use crate::model::SharedClock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Chosen: longer than it takes one address to get through a full queue of hashes of the default cost (64 of 35 ms, one at
/// a time), and short enough for a client that waits.
pub(super) const PAUSE: Duration = Duration::from_secs(3);

/// Chosen: few, because who waits here holds a connection, and his address has only so many of them. In a flood it is
/// always full; then the answer comes at once, and a right password is found right behind it: the next attempt succeeds.
const PLACES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Room {
    taken: AtomicUsize,
}

/// Given back when it is dropped: who hangs up does not wait.
struct Place<'a>(&'a Room);

impl Room {
    /// Whether the attempt came to be right within the pause.
    pub(super) async fn found_right(&self, flight: Option<Flight>, clock: &SharedClock) -> bool {
        let Some(_place) = self.enter() else { return false };
        let pause = clock.sleep_until(clock.tick().after(PAUSE));
        let right = async {
            let verdict = match flight {
                Some(flight) => flight.verdict().await,
                None => Verdict::Wrong,
            };
            if verdict != Verdict::Right {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = right => true,
            () = pause => false,
        }
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    fn enter(&self) -> Option<Place<'_>> {
        let one_more = |taken: usize| (taken < PLACES).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok().map(|_| Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}
