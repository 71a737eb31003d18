//! Waiting: first come, first served, for a while, and no more of them than there is room for.
//!
//! A line has one turn. Whoever holds it stands in front and is the only one that tries; everybody else waits for the
//! turn, which is handed on in the order in which it was asked for. A place in line is given back when whoever stands
//! there is dropped, so a client that leaves costs nothing more. One that waits holds two timers at most and a node of
//! the semaphore's list, some hundred bytes, and not a byte of its body.

use crate::model::SharedClock;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Those who wait for one thing.
#[derive(Debug)]
pub(super) struct Line {
    turn: Semaphore,
    /// What all in line together wait for. Each waits for one at least, so that zero means nobody.
    wanted: AtomicU64,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { turn: Semaphore::new(1), wanted: AtomicU64::new(0) }
    }

    /// Whether whoever comes now overtakes nobody.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.load(Ordering::Acquire) == 0
    }

    pub(super) fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Acquire)
    }

    /// A place at the end of the line, if there is `room`.
    pub(super) fn join<'l>(&'l self, wants: u64, room: &'l Room) -> Option<Standing<'l>> {
        let max = room.max;
        let one_more = |now: u32| (now < max).then(|| now.saturating_add(1));
        room.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        self.wanted.fetch_add(wants, Ordering::AcqRel);
        Some(Standing { line: self, room, wants })
    }
}

/// A place in a line, left when it is dropped.
#[derive(Debug)]
pub(super) struct Standing<'l> {
    line: &'l Line,
    room: &'l Room,
    wants: u64,
}

impl Standing<'_> {
    /// What comes of `turn` in front of the line.
    async fn wait<T>(self, turn: impl Future<Output = T>) -> T {
        // Nobody closes it, so that an error is no less than a turn.
        let _turn = self.line.turn.acquire().await.ok();
        turn.await
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        self.line.wanted.fetch_sub(self.wants, Ordering::AcqRel);
        self.room.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The room that one party's requests wait in, whatever they wait for.
#[derive(Clone, Debug)]
pub(super) struct Room {
    taken: Arc<AtomicU32>,
    max: u32,
}

impl Room {
    /// `before`: those who wait there already are counted.
    pub(super) fn new(max: u32, before: Option<&Self>) -> Self {
        Self { taken: before.map(|before| before.taken.clone()).unwrap_or_default(), max }
    }

    pub(super) fn taken(&self) -> u32 {
        self.taken.load(Ordering::Acquire)
    }

    pub(super) fn max(&self) -> u32 {
        self.max
    }
}

/// How long one request may still wait, over all that it waits for.
#[derive(Debug)]
pub(super) struct Patience {
    left: Mutex<Duration>,
    waited: AtomicBool,
    clock: SharedClock,
}

impl Patience {
    pub(super) fn new(left: Duration, clock: SharedClock) -> Self {
        Self { left: Mutex::new(left), waited: AtomicBool::new(false), clock }
    }

    pub(super) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    pub(super) fn left(&self) -> Duration {
        *self.left.lock()
    }

    /// Whether it stood in any line.
    pub(super) fn was_tried(&self) -> bool {
        self.waited.load(Ordering::Acquire)
    }

    /// What comes of `turn` in front of the line. For what everybody in line knows the time of: nobody is let in to wait
    /// longer than he may, so nobody needs a timer but the one in front.
    pub(super) async fn wait<T>(&self, standing: Standing<'_>, turn: impl Future<Output = T>) -> T {
        self.waited.store(true, Ordering::Release);
        let began = self.clock.tick();
        let outcome = standing.wait(turn).await;
        let took = self.clock.tick().since(began);
        let mut left = self.left.lock();
        *left = left.saturating_sub(took);
        outcome
    }

    /// The same for what may never come; `None`: patience ended first.
    pub(super) async fn wait_at_most<T>(&self, standing: Standing<'_>, turn: impl Future<Output = T>) -> Option<T> {
        let too_late = self.clock.sleep_until(self.clock.tick().after(self.left()));
        let turn = self.wait(standing, turn);
        tokio::select! {
            biased;
            outcome = turn => Some(outcome),
            () = too_late => {
                *self.left.lock() = Duration::ZERO;
                None
            }
        }
    }
}
