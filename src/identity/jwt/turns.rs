//! How many signatures are checked at a time, and for whom.
//!
//! No more at a time than half the processors can: the other half pushes and scrapes meanwhile, however many tokens come. An
//! address has a share of the line, so that one that sends nothing but forgeries is waited for by others for a few
//! milliseconds and not for as long as it likes.

use crate::identity::IdentityError;
use crate::model::SharedClock;
use crate::model::Subscriber;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Tokens of one address in line or being checked. A CI system that starts more jobs in one millisecond waits in our
/// backlog of sockets.
const ADDRESS_SHARE: usize = 32;
/// Tokens of all addresses in line or being checked: at 8 KiB each, 8 MiB.
const LINE_MAX: usize = 1024;
/// How long a token stands in line: many times what a full line takes.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// The line of those whose tokens are to be checked.
#[derive(Debug)]
pub(super) struct Turns {
    processors: Arc<Semaphore>,
    line: Arc<Mutex<Line>>,
    clock: SharedClock,
}

#[derive(Debug, Default)]
struct Line {
    length: usize,
    addresses: HashMap<Subscriber, usize>,
}

/// A place in the line; left when it is dropped.
struct Place {
    line: Arc<Mutex<Line>>,
    origin: Subscriber,
}

impl Turns {
    pub(super) fn new(clock: &SharedClock) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::of(processors.div_ceil(2), clock)
    }

    fn of(at_a_time: usize, clock: &SharedClock) -> Self {
        Self { processors: Arc::new(Semaphore::new(at_a_time)), line: Arc::default(), clock: clock.clone() }
    }

    /// What comes of `check`, in its turn: where the request is, or beside the runtime if it takes long, as changing threads
    /// costs about as much as a short one.
    pub(super) async fn take<T: Send + 'static>(
        &self,
        origin: Subscriber,
        takes_long: bool,
        check: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, IdentityError> {
        let place = Place::take(&self.line, origin).ok_or(IdentityError::Busy)?;
        let processors = self.processors.clone();
        let turn = match processors.clone().try_acquire_owned() {
            Ok(turn) => turn,
            Err(_) => tokio::select! {
                turn = processors.acquire_owned() => turn.map_err(|_| IdentityError::Busy)?,
                () = self.clock.sleep_until(self.clock.tick().after(WAIT_MAX)) => return Err(IdentityError::Busy),
            },
        };
        // Turn and place go with the work: who hangs up does not make room before it is done.
        let work = move || {
            let (_turn, _place) = (turn, place);
            check()
        };
        if takes_long { tokio::task::spawn_blocking(work).await.map_err(|_| IdentityError::Busy) } else { Ok(work()) }
    }
}

impl Place {
    fn take(line: &Arc<Mutex<Line>>, origin: Subscriber) -> Option<Self> {
        let mut state = line.lock();
        let others = state.addresses.get(&origin).copied().unwrap_or_default();
        if state.length >= LINE_MAX || others >= ADDRESS_SHARE {
            return None;
        }
        state.length += 1;
        state.addresses.insert(origin, others + 1);
        Some(Self { line: line.clone(), origin })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.line.lock();
        state.length = state.length.saturating_sub(1);
        if let Some(own) = state.addresses.get_mut(&self.origin) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                state.addresses.remove(&self.origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ADDRESS_SHARE;
    use super::LINE_MAX;
    use super::Subscriber;
    use super::Turns;
    use super::WAIT_MAX;
    use crate::identity::IdentityError;
    use crate::model::SharedClock;
    use crate::testkit::MockClock;
    use futures_core::future::BoxFuture;
    use std::sync::Arc;
    use std::task::Context;
    use std::task::Poll;
    use std::task::Waker;

    fn origin(address: &str) -> Subscriber {
        Subscriber::of(address.parse().unwrap())
    }

    fn turns() -> (MockClock, Turns) {
        let clock = MockClock::new();
        let shared: SharedClock = Arc::new(clock.clone());
        (clock, Turns::of(1, &shared))
    }

    fn poll<T>(future: &mut BoxFuture<'_, T>) -> Poll<T> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_address_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
        assert_eq!(origin("192.0.2.1"), origin("::ffff:192.0.2.1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:2"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
    }

    #[test]
    fn an_address_fills_its_share_and_leaves_the_line_to_others() {
        let (_, turns) = turns();
        let busy = turns.processors.try_acquire().unwrap();
        let mut waiting: Vec<BoxFuture<'_, _>> = (0..ADDRESS_SHARE)
            .map(|_| Box::pin(turns.take(origin("192.0.2.1"), false, || ())) as BoxFuture<'_, _>)
            .collect();
        assert!(waiting.iter_mut().all(|place| poll(place).is_pending()));
        let mut one_more: BoxFuture<'_, _> = Box::pin(turns.take(origin("192.0.2.1"), false, || ()));
        assert_eq!(poll(&mut one_more), Poll::Ready(Err(IdentityError::Busy)));
        let mut other: BoxFuture<'_, _> = Box::pin(turns.take(origin("192.0.2.2"), false, || 7));
        assert!(poll(&mut other).is_pending());
        // Who hangs up leaves the line, and it is remembered no longer.
        drop(waiting);
        drop(busy);
        assert_eq!(poll(&mut other), Poll::Ready(Ok(7)));
        assert!(turns.line.lock().addresses.is_empty() && turns.line.lock().length == 0);
    }

    #[test]
    fn the_line_is_only_so_long_whoever_stands_in_it() {
        let (_, turns) = turns();
        let _busy = turns.processors.try_acquire().unwrap();
        let address = |number: usize| origin(&format!("10.0.{}.{}", number / 256, number % 256));
        let mut waiting: Vec<BoxFuture<'_, _>> = (0..LINE_MAX)
            .map(|number| Box::pin(turns.take(address(number), false, || ())) as BoxFuture<'_, _>)
            .collect();
        assert!(waiting.iter_mut().all(|place| poll(place).is_pending()));
        let mut last: BoxFuture<'_, _> = Box::pin(turns.take(address(LINE_MAX), false, || ()));
        assert_eq!(poll(&mut last), Poll::Ready(Err(IdentityError::Busy)));
    }

    #[test]
    fn nobody_waits_for_ever() {
        let (clock, turns) = turns();
        let _busy = turns.processors.try_acquire().unwrap();
        let mut waiting: BoxFuture<'_, _> = Box::pin(turns.take(origin("192.0.2.1"), false, || ()));
        assert!(poll(&mut waiting).is_pending());
        clock.advance(WAIT_MAX);
        assert_eq!(poll(&mut waiting), Poll::Ready(Err(IdentityError::Busy)));
    }

    #[tokio::test]
    async fn a_long_check_keeps_its_turn_though_its_sender_hangs_up() {
        let (_, turns) = turns();
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let mut long: BoxFuture<'_, _> = Box::pin(turns.take(origin("192.0.2.1"), true, move || wait.recv()));
        assert!(poll(&mut long).is_pending());
        drop(long);
        assert_eq!((turns.processors.available_permits(), turns.line.lock().length), (0, 1));
        go_on.send(()).unwrap();
        turns.take(origin("192.0.2.2"), false, || ()).await.unwrap();
        assert_eq!(turns.take(origin("192.0.2.1"), true, || 7).await, Ok(7));
        assert_eq!((turns.processors.available_permits(), turns.line.lock().length), (1, 0));
    }
}
