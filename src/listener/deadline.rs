//! Puts a connection under its deadlines: everything after this layer happens on its clock.

use super::accept::Arrival;
use super::accept::Connection;
use super::course::Course;
use super::events::CloseReason;
use super::watch::Timer;
use super::watch::Watch;
use crate::config::Deadlines;
use crate::model::SharedClock;
use siphasher::sip::SipHasher13;
use std::convert::Infallible;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::SocketAddr;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower::Layer;
use tower::Service;
use tower::ServiceExt;

/// By how much of its age a connection may end early, so that those of one moment do not all come back in one moment.
const AGE_JITTER: f64 = 0.1;

/// A socket and the timer that cuts it.
#[derive(Debug)]
pub struct Watched {
    pub(super) arrival: Arrival,
    pub(super) timer: Timer,
}

/// [`Arrival`] in, [`Watched`] out.
#[derive(Clone, Debug)]
pub struct DeadlineLayer {
    deadlines: Deadlines,
    clock: SharedClock,
    shutdown: CancellationToken,
}

impl DeadlineLayer {
    /// `shutdown` asks every connection to end; each has `drain` to do so.
    pub fn new(deadlines: Deadlines, clock: SharedClock, shutdown: CancellationToken) -> Self {
        Self { deadlines, clock, shutdown }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = DeadlineService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService { layer: self.clone(), inner }
    }
}

/// See [`DeadlineLayer`].
#[derive(Clone, Debug)]
pub struct DeadlineService<S> {
    layer: DeadlineLayer,
    inner: S,
}

impl<S> Service<Arrival> for DeadlineService<S>
where
    S: Service<Watched, Response = CloseReason, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = CloseReason;
    type Error = Infallible;
    type Future = Connection;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, arrival: Arrival) -> Connection {
        let layer = &self.layer;
        let age = age_of(layer.deadlines.connection_age, arrival.address());
        let course = Course::new(layer.deadlines, age, layer.clock.tick());
        let timer =
            Timer::new(Watch::new(course, layer.clock.clone(), arrival.standing().clone()), layer.shutdown.clone());
        Box::pin(self.inner.clone().oneshot(Watched { arrival, timer }))
    }
}

/// The jitter comes from the peer's address: no random source, and a test knows it.
fn age_of(age: Duration, peer: SocketAddr) -> Duration {
    let mut hasher = SipHasher13::new();
    peer.hash(&mut hasher);
    let [_, _, _, _, _, _, high, low] = hasher.finish().to_be_bytes();
    let share = f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX);
    age.mul_f64(1.0 - AGE_JITTER * share)
}
