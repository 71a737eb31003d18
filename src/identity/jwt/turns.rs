//! How many signatures are checked at a time, and for whom.
//!
//! Checking one costs 30 to 500 µs, so it is done where the request is, and no more of it at a time than half the processors
//! do: the other half pushes and scrapes meanwhile, however many tokens come. An address has a share of the line, so that
//! one that sends nothing but forgeries is waited for by others for a few milliseconds and not for as long as it likes.

use crate::identity::IdentityError;
use crate::model::SharedClock;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
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

/// Who counts as one address: an IPv4 address, or the /64 that one subscriber gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin(u64);

impl Origin {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // ::/32 holds nobody who could send us anything, so the two kinds do not meet.
            IpAddr::V4(v4) => Self(u64::from(v4.to_bits())),
            IpAddr::V6(v6) => Self(u64::try_from(v6.to_bits() >> 64).unwrap_or_default()),
        }
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// The line of those whose tokens are to be checked.
#[derive(Debug)]
pub(super) struct Turns {
    processors: Semaphore,
    line: Arc<Mutex<Line>>,
    clock: SharedClock,
}

#[derive(Debug, Default)]
struct Line {
    length: usize,
    addresses: HashMap<Origin, usize>,
}

/// A place in the line; left when it is dropped.
struct Place {
    line: Arc<Mutex<Line>>,
    origin: Origin,
}

impl Turns {
    pub(super) fn new(clock: &SharedClock) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self::of(processors.div_ceil(2), clock)
    }

    fn of(at_a_time: usize, clock: &SharedClock) -> Self {
        Self { processors: Semaphore::new(at_a_time), line: Arc::default(), clock: clock.clone() }
    }

    /// What comes of `check`, in its turn.
    pub(super) async fn take<T>(&self, origin: Origin, check: impl FnOnce() -> T) -> Result<T, IdentityError> {
        let _place = Place::take(&self.line, origin).ok_or(IdentityError::Busy)?;
        let turn = match self.processors.try_acquire() {
            Ok(turn) => turn,
            Err(_) => tokio::select! {
                turn = self.processors.acquire() => turn.map_err(|_| IdentityError::Busy)?,
                () = self.clock.sleep_until(self.clock.tick().after(WAIT_MAX)) => return Err(IdentityError::Busy),
            },
        };
        let result = check();
        drop(turn);
        Ok(result)
    }
}

impl Place {
    fn take(line: &Arc<Mutex<Line>>, origin: Origin) -> Option<Self> {
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
    use super::Origin;
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

    fn origin(address: &str) -> Origin {
        Origin::of(address.parse().unwrap())
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
        let mut waiting: Vec<BoxFuture<'_, _>> =
            (0..ADDRESS_SHARE).map(|_| Box::pin(turns.take(origin("192.0.2.1"), || ())) as BoxFuture<'_, _>).collect();
        assert!(waiting.iter_mut().all(|place| poll(place).is_pending()));
        let mut one_more: BoxFuture<'_, _> = Box::pin(turns.take(origin("192.0.2.1"), || ()));
        assert_eq!(poll(&mut one_more), Poll::Ready(Err(IdentityError::Busy)));
        let mut other: BoxFuture<'_, _> = Box::pin(turns.take(origin("192.0.2.2"), || 7));
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
        let mut waiting: Vec<BoxFuture<'_, _>> =
            (0..LINE_MAX).map(|number| Box::pin(turns.take(address(number), || ())) as BoxFuture<'_, _>).collect();
        assert!(waiting.iter_mut().all(|place| poll(place).is_pending()));
        let mut last: BoxFuture<'_, _> = Box::pin(turns.take(address(LINE_MAX), || ()));
        assert_eq!(poll(&mut last), Poll::Ready(Err(IdentityError::Busy)));
    }

    #[test]
    fn nobody_waits_for_ever() {
        let (clock, turns) = turns();
        let _busy = turns.processors.try_acquire().unwrap();
        let mut waiting: BoxFuture<'_, _> = Box::pin(turns.take(origin("192.0.2.1"), || ()));
        assert!(poll(&mut waiting).is_pending());
        clock.advance(WAIT_MAX);
        assert_eq!(poll(&mut waiting), Poll::Ready(Err(IdentityError::Busy)));
    }
}
