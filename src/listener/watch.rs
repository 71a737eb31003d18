//! One [`Course`] for each connection, shared by its socket and its requests, and the one timer that asks it.

use super::course::Course;
use super::course::RequestId;
use super::course::Verdict;
use super::events::CloseReason;
use super::newcomer::Standing;
use crate::model::SharedClock;
use crate::model::Sleep;
use crate::model::Tick;
use parking_lot::Mutex;
use parking_lot::MutexGuard;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::WaitForCancellationFutureOwned;

struct State {
    course: Course,
    /// For when the timer sleeps; whoever makes a deadline come sooner wakes the connection.
    armed: Option<Tick>,
    /// Some request went on since the timer was asked.
    stepped: bool,
    connection: Option<Waker>,
    /// Who waits for bytes of which body.
    bodies: BTreeMap<RequestId, Waker>,
}

/// A connection's deadlines, as everything that belongs to the connection sees them.
///
/// One pointer, which a request has several times.
#[derive(Clone)]
pub(super) struct Watch(Arc<Watched>);

struct Watched {
    state: Mutex<State>,
    clock: SharedClock,
    standing: Standing,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.state.lock().course.fmt(f)
    }
}

impl Watch {
    pub(super) fn new(course: Course, clock: SharedClock, standing: Standing) -> Self {
        let state = State { course, armed: None, stepped: false, connection: None, bodies: BTreeMap::new() };
        Self(Arc::new(Watched { state: Mutex::new(state), clock, standing }))
    }

    pub(super) fn standing(&self) -> &Standing {
        &self.0.standing
    }

    /// Whether the socket had no bytes when it was asked for some; or what is read past it, of one that is not served any
    /// more, is being waited for.
    pub(super) fn waits(&self, waits: bool) {
        self.0.standing.waits(waits, || self.0.clock.tick());
    }

    pub(super) fn clock(&self) -> &SharedClock {
        &self.0.clock
    }

    pub(super) fn secured(&self) {
        self.tell(Course::secured);
    }

    pub(super) fn bytes_arrived(&self) {
        self.step(Course::bytes_arrived);
    }

    pub(super) fn write_blocked(&self) {
        self.0.standing.blocked(true, || self.0.clock.tick());
        self.step(Course::write_blocked);
    }

    pub(super) fn wrote(&self) {
        self.0.standing.blocked(false, || self.0.clock.tick());
        self.0.state.lock().course.wrote();
    }

    pub(super) fn request_began(&self, has_body: bool) -> RequestId {
        self.step(|course, now| course.request_began(now, has_body))
    }

    /// Whether the connection is to end with this answer: it was asked to, or a body is on its way that nobody reads.
    pub(super) fn answer_began(&self, id: RequestId) -> bool {
        self.step(|course, now| {
            course.answer_began(id, now);
            course.is_ending() || course.body_left(id)
        })
    }

    pub(super) fn request_ended(&self, id: RequestId) {
        self.step(|course, now| course.request_ended(id, now));
    }

    /// True when it is too late to wait for this body.
    pub(super) fn body_awaited(&self, id: RequestId, cx: &Context<'_>) -> bool {
        self.tell(|course, now| course.body_awaited(id, now));
        let mut state = self.0.state.lock();
        if state.course.body_expired(id) {
            return true;
        }
        match state.bodies.get_mut(&id) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => drop(state.bodies.insert(id, cx.waker().clone())),
        }
        false
    }

    pub(super) fn body_received(&self, id: RequestId, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let mut state = self.0.state.lock();
        // Of bytes that nobody waited for it does not matter when they came, and they take no deadline away.
        let now = if state.course.awaits_body(id) { self.0.clock.tick() } else { Tick::default() };
        state.course.body_received(id, now, bytes);
        self.tell_of_work(&state);
    }

    pub(super) fn body_ended(&self, id: RequestId, left: u64) {
        let mut state = self.0.state.lock();
        state.course.body_ended(id, left);
        self.tell_of_work(&state);
        state.bodies.remove(&id);
    }

    pub(super) fn body_read_away(&self, id: RequestId) {
        self.0.state.lock().course.body_read_away(id);
    }

    pub(super) fn why_ending(&self) -> Option<CloseReason> {
        self.0.state.lock().course.why_ending()
    }

    pub(super) fn is_ending(&self) -> bool {
        self.0.state.lock().course.is_ending()
    }

    pub(super) fn owes_head(&self) -> bool {
        self.0.state.lock().course.owes_head()
    }

    /// As [`Watch::tell`], of what brings no deadline that is nearer than [`Course::brings_none_before`]. Where the timer
    /// sleeps no longer than that, and after the first head of a connection it hardly ever does, no deadline is looked at:
    /// for the six steps of a push that was two thousand instructions.
    fn step<T>(&self, tell: impl FnOnce(&mut Course, Tick) -> T) -> T {
        let now = self.0.clock.tick();
        let mut state = self.0.state.lock();
        let told = tell(&mut state.course, now);
        self.tell_of_work(&state);
        state.stepped = true;
        match (state.armed, state.course.brings_none_before()) {
            (Some(armed), Some(from_now)) if armed <= now.after(from_now) => {}
            _ => Self::wake_in_time(state),
        }
        told
    }

    /// Tells the course, and wakes the connection's timer if it would now sleep too long.
    fn tell<T>(&self, tell: impl FnOnce(&mut Course, Tick) -> T) -> T {
        let now = self.0.clock.tick();
        let mut state = self.0.state.lock();
        let told = tell(&mut state.course, now);
        self.tell_of_work(&state);
        Self::wake_in_time(state);
        told
    }

    /// Under the lock of the course, so that of two who tell the later is right.
    fn tell_of_work(&self, state: &State) {
        self.0.standing.works(|| state.course.works_since(), || self.0.clock.tick());
    }

    fn wake_in_time(mut state: MutexGuard<'_, State>) {
        let next = state.course.next_deadline().map(|(tick, _)| tick);
        let too_late = match (next, state.armed) {
            (Some(next), Some(armed)) => next < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let waker = too_late.then(|| state.connection.take()).flatten();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The timer of a connection, and its ear for the gateway's end. Polled by the connection's own task.
pub(super) struct Timer {
    watch: Watch,
    sleep: Option<(Tick, Sleep)>,
    stop: CancellationToken,
    shutdown: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("watch", &self.watch).finish_non_exhaustive()
    }
}

impl Timer {
    pub(super) fn new(watch: Watch, shutdown: CancellationToken) -> Self {
        Self { watch, sleep: None, shutdown: Some(Box::pin(shutdown.clone().cancelled_owned())), stop: shutdown }
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Ready when something is to be done to the connection as a whole.
    pub(super) fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        if self.sleeps_well(cx.waker()) {
            return Poll::Pending;
        }
        if let Some(shutdown) = &mut self.shutdown
            && shutdown.as_mut().poll(cx).is_ready()
        {
            self.shutdown = None;
            let now = self.watch.0.clock.tick();
            let mut state = self.watch.0.state.lock();
            state.course.ask_to_end(now, CloseReason::Shutdown);
            // There are other deadlines by now: it is to be asked anew.
            state.connection = None;
            return Poll::Ready(Verdict::End(CloseReason::Shutdown));
        }
        loop {
            match self.ask(cx.waker()) {
                Asked::Do(Verdict::BodyTooSlow(_)) => {}
                Asked::Do(verdict) => return Poll::Ready(verdict),
                Asked::Later(None) => return Poll::Pending,
                Asked::Later(Some(next)) => {
                    // A sleep that ends too early is kept: it asks again then. That is what makes a byte cheap.
                    let sleep = match &mut self.sleep {
                        Some((armed, sleep)) if *armed <= next => sleep,
                        _ => {
                            let sleep = self.watch.0.clock.sleep_until(next);
                            &mut self.sleep.insert((next, sleep)).1
                        }
                    };
                    if sleep.as_mut().poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    self.sleep = None;
                }
            }
        }
    }

    /// Whether all that could wake the connection would wake this waker, and none of it has: neither the sleep nor the end has
    /// come, and nobody who told the course of something had to call. Then there is nothing to be asked, as nearly always: a
    /// connection is polled twice for each push, and each time two deadlines were looked for and two wakers laid anew.
    fn sleeps_well(&self, waker: &Waker) -> bool {
        let Some((until, _)) = &self.sleep else { return false };
        let stopped = self.shutdown.is_some() && self.stop.is_cancelled();
        if stopped || *until <= self.watch.0.clock.tick() {
            return false;
        }
        self.watch.0.state.lock().connection.as_ref().is_some_and(|known| known.will_wake(waker))
    }

    fn ask(&self, waker: &Waker) -> Asked {
        let now = self.watch.0.clock.tick();
        let mut state = self.watch.0.state.lock();
        if let Some(verdict) = state.course.due(now) {
            let body = match verdict {
                Verdict::BodyTooSlow(id) => state.bodies.remove(&id),
                _ => None,
            };
            state.connection = None;
            drop(state);
            if let Some(body) = body {
                body.wake();
            }
            return Asked::Do(verdict);
        }
        let mut next = state.course.next_deadline().map(|(tick, _)| tick);
        // Where requests come, the timer sleeps no longer than their steps need not look at it ([`Watch::step`]). Where none has
        // come since, it sleeps on to what is really due.
        if let (true, Some(from_now)) = (std::mem::take(&mut state.stepped), state.course.brings_none_before()) {
            next = next.map(|next| next.min(now.after(from_now)));
        }
        let sleeps_until = self.sleep.as_ref().map(|(armed, _)| *armed);
        state.armed = sleeps_until.into_iter().chain(next).min();
        match &mut state.connection {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Asked::Later(next)
    }

    /// Runs `step` of the connection under its deadlines. Being asked to end brings them nearer, and is remembered for the
    /// requests: whoever was accepted has not said yet what for.
    pub(super) async fn within<F: Future>(&mut self, step: F) -> Result<F::Output, CloseReason> {
        let mut step = std::pin::pin!(step);
        poll_fn(|cx| {
            if let Poll::Ready(done) = step.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            loop {
                match self.poll_verdict(cx) {
                    Poll::Ready(Verdict::Cut(why)) => return Poll::Ready(Err(why)),
                    Poll::Ready(Verdict::End(_) | Verdict::BodyTooSlow(_)) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}

enum Asked {
    Do(Verdict),
    Later(Option<Tick>),
}
