//! The line against a model that a child could keep: credit that grows, a list of who waits.

use super::LimitsError;
use super::Meter;
use super::RateKind;
use super::bucket::Bucket;
use super::bucket::Size;
use crate::config::Pace;
use crate::config::Places;
use crate::config::Rate;
use crate::model::SharedClock;
use crate::testkit::MockClock;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;
use std::time::Duration;

const WAIT_MAX: Duration = Duration::from_secs(3);
const WAITING_MAX: u32 = 6;
/// A nanosecond's worth is exact at this rate: each costs 100 ms.
const PER_SECOND: u32 = 10;
const EACH: u64 = 100_000_000;
const BURST: u32 = 20;

pub(super) fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second: NonZeroU32::new(per_second).unwrap(), burst: NonZeroU32::new(burst).unwrap() }
}

fn pace() -> Pace {
    let places = Places { in_flight_max: 2, scrapes_in_flight_max: 1, wait_max: WAIT_MAX, waiting_max: WAITING_MAX };
    Pace { samples: rate(PER_SECOND, BURST), kib: rate(PER_SECOND, BURST), places, ..Pace::default() }
}

fn bucket(pace: &Pace, clock: &MockClock) -> Arc<Bucket> {
    let clock: SharedClock = Arc::new(clock.clone());
    Bucket::after(None, Size::from(pace), &clock)
}

fn meter(bucket: &Arc<Bucket>, clock: &MockClock) -> Meter {
    Meter::new(Vec::new(), bucket.clone(), Arc::new(clock.clone()))
}

type Charge = Pin<Box<dyn Future<Output = Result<(), LimitsError>>>>;

fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    match Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// What happens to a line.
#[derive(Clone, Debug)]
enum Event {
    Comes { cost: u32 },
    Leaves { nth: usize },
    Passes { millis: u64 },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (1..=BURST + 2).prop_map(|cost| Event::Comes { cost }),
        1 => (0..8_usize).prop_map(|nth| Event::Leaves { nth }),
        3 => prop_oneof![Just(0), 1..700_u64, Just(2500)].prop_map(|millis| Event::Passes { millis }),
    ];
    prop::collection::vec(event, 1..120)
}

/// Credit in nanoseconds, and who waits for how much.
struct Model {
    credit: u64,
    line: VecDeque<(usize, u64)>,
}

impl Model {
    /// Serves from the front as far as the credit goes; who was served.
    fn serve(&mut self) -> Vec<usize> {
        let mut served = Vec::new();
        while let Some((id, cost)) = self.line.front().copied().filter(|(_, cost)| *cost <= self.credit) {
            self.credit -= cost;
            self.line.pop_front();
            served.push(id);
        }
        served
    }

    /// After how much time the front has its credit, if anybody waits.
    fn next_in(&self) -> Option<u64> {
        self.line.front().map(|(_, cost)| cost - self.credit)
    }

    fn passes(&mut self, nanos: u64) -> Vec<usize> {
        self.credit = (self.credit + nanos).min(u64::from(BURST) * EACH);
        self.serve()
    }
}

/// Polls everybody until nothing moves; who was let in, in order.
fn settle(waiting: &mut Vec<(usize, Charge)>) -> Vec<usize> {
    let mut served = Vec::new();
    loop {
        let before = waiting.len();
        // From the back, so that whoever came last has every chance to overtake.
        for at in (0..waiting.len()).rev() {
            if let Some(outcome) = poll(&mut waiting[at].1) {
                assert_eq!(outcome, Ok(()), "who was let stand in line was refused there");
                served.push(waiting.remove(at).0);
            }
        }
        if waiting.len() == before {
            return served;
        }
    }
}

proptest! {
    /// Exactly those are let in that the model lets in, in the order in which they came, and each wait that cannot succeed
    /// is refused when it begins: nobody is lost, nobody overtakes, and never more comes in than burst and rate allow.
    #[test]
    fn the_line_is_fair_and_loses_nobody(events in events()) {
        let clock = MockClock::new();
        let bucket = bucket(&pace(), &clock);
        let mut model = Model { credit: u64::from(BURST) * EACH, line: VecDeque::new() };
        let (mut waiting, mut let_in, mut elapsed) = (Vec::new(), 0_u64, 0_u64);
        let mut costs = Vec::new();
        for (id, event) in events.into_iter().enumerate() {
            costs.push(0);
            let mut expected = Vec::new();
            match event {
                Event::Comes { cost } => {
                    let meter = meter(&bucket, &clock);
                    let mut charge: Charge = Box::pin(async move { meter.samples(cost.into()).await });
                    let first = poll(&mut charge);
                    costs[id] = u64::from(cost);
                    let needed = u64::from(cost) * EACH + model.line.iter().map(|(_, cost)| cost).sum::<u64>();
                    let wait = Duration::from_nanos(needed.saturating_sub(model.credit));
                    if cost > BURST {
                        let of = RateKind::Samples;
                        let over = LimitsError::OverBurst { of, burst: BURST.into(), cost: cost.into() };
                        prop_assert_eq!(first, Some(Err(over)));
                    } else if wait.is_zero() && model.line.is_empty() {
                        prop_assert_eq!(first, Some(Ok(())));
                        model.credit -= u64::from(cost) * EACH;
                        let_in += u64::from(cost);
                    } else if wait > WAIT_MAX || model.line.len() as u32 == WAITING_MAX {
                        let (of, limit, burst) = (RateKind::Samples, PER_SECOND.into(), BURST.into());
                        let refused = LimitsError::Rate { of, limit, burst, retry_after: wait };
                        prop_assert_eq!(first, Some(Err(refused)));
                    } else {
                        prop_assert_eq!(first, None);
                        model.line.push_back((id, u64::from(cost) * EACH));
                        waiting.push((id, charge));
                    }
                }
                Event::Leaves { nth } if nth < waiting.len() => {
                    drop(waiting.remove(nth));
                    model.line.remove(nth);
                    expected = model.serve();
                }
                Event::Leaves { .. } => {}
                Event::Passes { millis } => {
                    let mut left = millis * 1_000_000;
                    elapsed += left;
                    // Timers go off when they should: time stops wherever somebody's turn comes.
                    while left > 0 {
                        let step = model.next_in().unwrap_or(left).min(left);
                        left -= step;
                        clock.advance(Duration::from_nanos(step));
                        let expected = model.passes(step);
                        let served = settle(&mut waiting);
                        prop_assert_eq!(&served, &expected);
                        let_in += served.iter().map(|id| costs[*id]).sum::<u64>();
                    }
                }
            }
            let served = settle(&mut waiting);
            prop_assert_eq!(&served, &expected);
            let_in += served.iter().map(|id| costs[*id]).sum::<u64>();
            prop_assert!(let_in * EACH <= u64::from(BURST) * EACH + elapsed);
            let standing = bucket.usage(clock_tick(&clock)).waiting.now;
            prop_assert_eq!(standing as usize, waiting.len());
        }
        // In steps of which each may be late for a bucket that is full, by less than itself.
        for _ in 0..WAIT_MAX.as_millis() / 100 + 5 {
            clock.advance(Duration::from_millis(100));
            settle(&mut waiting);
        }
        prop_assert!(waiting.is_empty(), "somebody waits longer than he was promised");
    }
}

#[test]
fn whoever_was_let_stand_in_line_is_not_refused_for_a_timer_that_was_late() {
    let clock = MockClock::new();
    let bucket = bucket(&pace(), &clock);
    let charge = |cost: u64| -> Charge {
        let meter = meter(&bucket, &clock);
        Box::pin(async move { meter.samples(cost).await })
    };
    assert_eq!(poll(&mut charge(10)), Some(Ok(())));
    // The whole burst, then what comes in just in time.
    let mut waiting: Vec<_> = [20, 18, 2].into_iter().map(charge).enumerate().collect();
    for (_, charge) in &mut waiting {
        assert_eq!(poll(charge), None);
    }
    clock.advance(Duration::from_millis(1001));
    assert_eq!(settle(&mut waiting), [0], "a millisecond too late, in which the full bucket filled no further");
    clock.advance(Duration::from_millis(1800));
    assert_eq!(settle(&mut waiting), [1]);
    clock.advance(Duration::from_millis(200));
    assert_eq!(settle(&mut waiting), [2]);
}

fn clock_tick(clock: &MockClock) -> crate::model::Tick {
    crate::model::Clock::tick(clock)
}

#[test]
fn each_kib_that_a_body_begins_is_charged_once_in_however_many_pieces() {
    let clock = MockClock::new();
    let bucket = bucket(&pace(), &clock);
    let left = || bucket.usage(clock_tick(&clock)).bytes.unwrap().left >> 10;
    let meter = meter(&bucket, &clock);
    for _ in 0..2048 {
        assert_eq!(poll(&mut Box::pin(meter.bytes(1))), Some(Ok(())));
    }
    assert_eq!(left(), 18);
    assert_eq!(poll(&mut Box::pin(meter.bytes(1))), Some(Ok(())));
    assert_eq!(poll(&mut Box::pin(meter.bytes(1023))), Some(Ok(())));
    assert_eq!(left(), 17);
    // The sum is what must fit: that of this body is 21 KiB with the next byte, however much is left.
    assert_eq!(poll(&mut Box::pin(meter.bytes(17 << 10))), Some(Ok(())));
    clock.advance(Duration::from_secs(10));
    let over = LimitsError::OverBurst { of: RateKind::Bytes, burst: 20 << 10, cost: 21 << 10 };
    assert_eq!(poll(&mut Box::pin(meter.bytes(1))), Some(Err(over)));
    assert_eq!(left(), 20);
}

#[test]
fn what_a_request_waits_for_over_all_is_no_more_than_it_may() {
    let clock = MockClock::new();
    let bucket = bucket(&pace(), &clock);
    let other = meter(&bucket, &clock);
    assert_eq!(poll(&mut Box::pin(other.samples(20))), Some(Ok(())));
    assert_eq!(poll(&mut Box::pin(other.bytes(20 << 10))), Some(Ok(())));
    // Two seconds for bytes, then one is left, and samples would be there in 1.1 s.
    let patient = meter(&bucket, &clock);
    let mut bytes = Box::pin(patient.bytes(20 << 10));
    assert_eq!(poll(&mut bytes), None);
    clock.advance(Duration::from_secs(2));
    assert_eq!(poll(&mut bytes), Some(Ok(())));
    let mut refused = Box::pin(patient.samples(20));
    assert_eq!(poll(&mut refused), Some(Ok(())));
    assert!(
        matches!(poll(&mut Box::pin(patient.samples(11))), Some(Err(LimitsError::Rate { retry_after, .. })) if retry_after == Duration::from_millis(1100))
    );
    assert_eq!(poll(&mut Box::pin(patient.samples(10))), None);
}

#[test]
fn what_is_refused_further_on_is_given_back_before() {
    let clock = MockClock::new();
    let shared: SharedClock = Arc::new(clock.clone());
    let hasty = Pace { places: Places { wait_max: Duration::ZERO, ..pace().places }, ..pace() };
    let (own, party) = (bucket(&hasty, &clock), bucket(&hasty, &clock));
    let both = || Meter::new(vec![own.clone()], party.clone(), shared.clone());
    assert_eq!(poll(&mut Box::pin(Meter::new(Vec::new(), party.clone(), shared.clone()).samples(20))), Some(Ok(())));
    let refused = |outcome| matches!(outcome, Some(Err(LimitsError::Rate { .. })));
    assert!(refused(poll(&mut Box::pin(both().samples(5)))));
    assert_eq!(both().try_samples(5), Ok(false));
    assert_eq!(own.usage(clock_tick(&clock)).samples.unwrap().left, 20);
    // Requests too, where the place is what is missing.
    let places: Vec<_> = (0..2).map(|_| poll(&mut Box::pin(both().admit())).unwrap().unwrap()).collect();
    let left = |bucket: &Arc<Bucket>| bucket.usage(clock_tick(&clock)).requests.unwrap().left;
    let before = (left(&own), left(&party));
    let full = poll(&mut Box::pin(both().admit())).unwrap();
    assert!(matches!(full, Err(LimitsError::InFlight { limit: 2 })), "{full:?}");
    assert_eq!((left(&own), left(&party)), before);
    drop(places);
    assert!(poll(&mut Box::pin(both().admit())).unwrap().is_ok());
    assert_eq!(own.usage(clock_tick(&clock)).in_flight.now, 0);
}
