//! What a connection has shown of itself, as far as it bears on its slot: nothing yet, or that somebody is there.
//!
//! Until a request of it has proved a credential it is a newcomer. A newcomer's slot is lent: where all are taken, and
//! somebody waits of whose address there are fewer, one who lets us wait may be asked to leave (`room`). And it has one
//! turn at a time (`Turns`), so that the requests of strangers do not crowd out everybody else's.

use super::room::Room;
use super::room::Seat;
use crate::model::Subscriber;
use crate::model::Tick;
use parking_lot::Mutex;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;

/// A connection that has a slot, as long as it has proved nothing.
pub(super) struct Newcomer {
    room: Arc<Room>,
    /// Set under the lock of `state`, so that nobody asks a connection that has just proved something.
    proved: AtomicBool,
    state: Mutex<State>,
    /// Of its requests one at a time waits for a turn.
    line: Semaphore,
}

struct State {
    /// Whose it is, if that is known.
    of: Option<Subscriber>,
    /// By what the room knows it, where it counts it.
    id: Option<u64>,
    /// It had no bytes when it was asked for some.
    silent: bool,
    /// It took none of ours when they were offered.
    blocked: bool,
    /// Since when the oldest of its requests has been there that we are at work on.
    works: Option<Tick>,
    /// How long we have waited for it, up to the wait under way.
    waited: Duration,
    /// Since when we wait for it now, and have nothing to do for it ourselves.
    waits: Option<Tick>,
    /// It had an answer and has proved nothing by what it asked.
    answered: bool,
    asked: Option<Asked>,
    connection: Option<Waker>,
}

/// Somebody needs its slot.
struct Asked {
    heir: oneshot::Sender<OwnedSemaphorePermit>,
    at: Tick,
    /// Something has come from it since.
    heard: bool,
}

impl State {
    /// Whether it can be asked to leave: it was not yet, and we are at work on nothing of it.
    fn is_askable(&self) -> bool {
        self.asked.is_none() && self.works.is_none()
    }

    /// Begins or ends a wait, after something changed.
    fn count_wait(&mut self, now: impl Fn() -> Tick) {
        let waits = (self.silent || self.blocked) && self.works.is_none();
        match (self.waits, waits) {
            (None, true) => self.waits = Some(now()),
            (Some(since), false) => {
                self.waited = self.waited.saturating_add(now().since(since));
                self.waits = None;
            }
            _ => {}
        }
    }
}

impl Newcomer {
    /// One of which nothing has come yet.
    pub(super) fn new(room: Arc<Room>, now: Tick) -> Arc<Self> {
        let state = State {
            of: None,
            id: None,
            silent: true,
            blocked: false,
            works: None,
            waited: Duration::ZERO,
            waits: Some(now),
            answered: false,
            asked: None,
            connection: None,
        };
        Arc::new(Self { room, proved: AtomicBool::new(false), state: Mutex::new(state), line: Semaphore::new(1) })
    }

    fn is_proved(&self) -> bool {
        self.proved.load(Ordering::Acquire)
    }

    /// This is whose it is.
    pub(super) fn name(self: &Arc<Self>, of: Subscriber) {
        self.room.add(of, self);
    }

    /// This is by what the room knows it. Not of one that has proved something meanwhile, by another thread.
    pub(super) fn is_known(&self, of: Subscriber, id: u64) -> bool {
        let mut state = self.state.lock();
        if self.is_proved() {
            return false;
        }
        (state.of, state.id) = (Some(of), Some(id));
        true
    }

    /// How long it has let us wait in all; none if it is not we who wait, or if it was asked to leave already. Whoever had an
    /// answer, and has asked for nothing more that we are at work on, has been given his time.
    pub(super) fn lets_wait(&self, now: Tick) -> Option<Duration> {
        if self.is_proved() {
            return None;
        }
        let state = self.state.lock();
        if !state.is_askable() {
            return None;
        }
        if state.answered {
            return Some(Duration::MAX);
        }
        Some(state.waited.saturating_add(now.since(state.waits?)))
    }

    /// Asks it to leave its slot to `heir`. It may have something to say first; until then the room counts it no more, and is
    /// told as whom it did. If it may not be asked any more, the heir is dropped, and whoever waits looks again.
    pub(super) fn ask(&self, heir: oneshot::Sender<OwnedSemaphorePermit>, now: Tick) -> Option<u64> {
        let mut state = self.state.lock();
        if self.is_proved() || !state.is_askable() {
            return None;
        }
        state.asked = Some(Asked { heir, at: now, heard: false });
        let (id, waker) = (state.id.take(), state.connection.take());
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        id
    }

    /// It had something to say, or nobody needs its slot any more: it counts as before. Whoever asked learns of it, and asks
    /// another if he still waits.
    fn stays(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let (asked, of) = (state.asked.take(), state.of);
        drop(state);
        if let (Some(_), Some(of)) = (asked, of) {
            self.name(of);
        }
    }

    /// Completes when it is to go: it was asked to, and nothing has come from it meanwhile. Never while we are at work on a
    /// request that was there when it was asked: the rest of its body has come since.
    async fn makes_room(self: &Arc<Self>) {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            if self.is_proved() {
                return Poll::Pending;
            }
            match &mut state.connection {
                Some(known) => known.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            let Some(asked) = &state.asked else { return Poll::Pending };
            let works = state.works.is_some_and(|since| since <= asked.at);
            if !asked.heir.is_closed() && !works && (state.answered || !asked.heard) {
                return Poll::Ready(());
            }
            drop(state);
            self.stays();
            Poll::Pending
        })
        .await;
    }

    /// Its slot is free from now on: the heir's, if there is one.
    pub(super) fn leave(&self, slot: OwnedSemaphorePermit) {
        match self.settle(false) {
            // An heir who is gone gives it back, to the next in line.
            Some(asked) => drop(asked.heir.send(slot)),
            None => drop(slot),
        }
    }

    fn settle(&self, proves: bool) -> Option<Asked> {
        let mut state = self.state.lock();
        if proves {
            self.proved.store(true, Ordering::Release);
        }
        let (of, id, asked) = (state.of, state.id.take(), state.asked.take());
        drop(state);
        if let (Some(of), Some(id)) = (of, id) {
            self.room.remove(of, id);
        }
        asked
    }
}

impl fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newcomer").field("proved", &self.is_proved()).finish_non_exhaustive()
    }
}

/// A connection's standing, as everything that belongs to the connection sees it. One that came past the caps has none to
/// lose.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing(Option<Arc<Newcomer>>);

impl Standing {
    pub(super) fn of(seat: &Seat) -> Self {
        Self(Some(Arc::clone(seat.newcomer())))
    }

    /// The newcomer that it still is.
    fn newcomer(&self) -> Option<&Arc<Newcomer>> {
        self.0.as_ref().filter(|newcomer| !newcomer.is_proved())
    }

    /// A credential was proved on it: its slot is its own now.
    pub(super) fn prove(&self) {
        if let Some(newcomer) = self.newcomer() {
            drop(newcomer.settle(true));
        }
    }

    /// A trusted proxy says whose it is.
    pub(super) fn name(&self, of: Subscriber) {
        if let Some(newcomer) = self.newcomer() {
            newcomer.name(of);
        }
    }

    /// Completes when the connection is to go. To be polled behind it.
    pub(super) async fn makes_room(&self) {
        match self.newcomer() {
            Some(newcomer) => newcomer.makes_room().await,
            None => std::future::pending().await,
        }
    }

    /// Whether its bytes are being waited for, from now on.
    pub(super) fn waits(&self, waits: bool, now: impl Fn() -> Tick) {
        self.change(now, |state| state.silent = waits);
    }

    /// Whether it is being waited for to take ours.
    pub(super) fn blocked(&self, blocked: bool, now: impl Fn() -> Tick) {
        self.change(now, |state| state.blocked = blocked);
    }

    /// Since when the oldest of its requests has been there that we are at work on. That is no time that it lets us wait.
    pub(super) fn works(&self, since: impl FnOnce() -> Option<Tick>, now: impl Fn() -> Tick) {
        self.change(now, |state| state.works = since());
    }

    fn change(&self, now: impl Fn() -> Tick, change: impl FnOnce(&mut State)) {
        let Some(newcomer) = self.newcomer() else { return };
        let mut state = newcomer.state.lock();
        let before = (state.silent, state.blocked);
        change(&mut state);
        let heard = (before.0 && !state.silent) || (before.1 && !state.blocked);
        if let Some(asked) = &mut state.asked {
            asked.heard |= heard;
        }
        state.count_wait(now);
    }

    /// A request of it is answered.
    pub(super) fn answered(&self) {
        if let Some(newcomer) = self.newcomer() {
            newcomer.state.lock().answered = true;
        }
    }
}

/// The turns of strangers: for the requests of connections that have proved nothing, but for the first of each.
///
/// Of each connection one waits in the line of all, and one in all begins between two looks of the runtime at everybody
/// else: a thousand that come at once hold a push up by one of them, and not by a thousand. A turn is over when the request
/// begins, so nobody holds up the line by letting us wait.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Waits for a turn, if the connection needs one. It does not any more once it has proved something.
    pub(super) async fn wait(&self, standing: &Standing) {
        let Some(newcomer) = standing.newcomer() else { return };
        // Behind a box: within, each request would carry the room for the wait, and be moved with it.
        Box::pin(self.wait_as(newcomer)).await;
    }

    async fn wait_as(&self, newcomer: &Newcomer) {
        let Ok(_first) = newcomer.line.acquire().await else { return };
        if newcomer.is_proved() {
            return;
        }
        let Ok(_turn) = self.0.acquire().await else { return };
        tokio::task::yield_now().await;
    }
}
