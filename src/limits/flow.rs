//! One rate of one party: GCRA on our clock, with a state that can be looked at and given back to.

use super::LimitsError;
use super::RateKind;
use super::RateUsage;
use crate::config::Rate;
use crate::model::SharedClock;
use crate::model::Tick;
use governor::Quota;
use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::NotKeyed;
use governor::state::StateStore;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Our clock in governor's terms.
#[derive(Clone, Debug)]
struct Ticks(SharedClock);

impl Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.tick().as_nanos())
    }
}

/// GCRA's state: when the bucket is full again, in nanoseconds since it was made. Zero is long ago, so it begins full.
#[derive(Clone, Debug, Default)]
struct FullAt(Arc<AtomicU64>);

impl FullAt {
    fn since_start(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl StateStore for FullAt {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut was = self.0.load(Ordering::Acquire);
        loop {
            let (outcome, next) = judge(Some(Nanos::from(was)))?;
            match self.0.compare_exchange_weak(was, next.into(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(outcome),
                Err(other) => was = other,
            }
        }
    }
}

/// A bucket that fills at a rate. A charge is one atomic exchange, without a lock.
#[derive(Debug)]
pub(super) struct Flow {
    of: RateKind,
    rate: Rate,
    limiter: RateLimiter<NotKeyed, FullAt, Ticks, NoOpMiddleware<Nanos>>,
    full_at: FullAt,
    /// Where the state counts from.
    start: Tick,
    /// Nanoseconds that one costs.
    each: u64,
}

impl Flow {
    /// A full one.
    pub(super) fn new(of: RateKind, rate: Rate, clock: &SharedClock) -> Self {
        let (quota, full_at) = (Quota::per_second(rate.per_second).allow_burst(rate.burst), FullAt::default());
        let each = u64::try_from(quota.replenish_interval().as_nanos()).unwrap_or(u64::MAX).max(1);
        let start = clock.tick();
        let limiter = RateLimiter::new(quota, full_at.clone(), Ticks(clock.clone()));
        Self { of, rate, limiter, full_at, start, each }
    }

    pub(super) fn is(&self, rate: Rate) -> bool {
        self.rate == rate
    }

    /// That `cost` may come at all: more than the burst never does, however long it waits. `None`: it costs nothing.
    pub(super) fn fits(&self, cost: u64) -> Result<Option<NonZeroU32>, LimitsError> {
        match u32::try_from(cost) {
            Ok(cost) if cost <= self.rate.burst.get() => Ok(NonZeroU32::new(cost)),
            _ => Err(LimitsError::OverBurst { of: self.of, burst: self.burst(), cost: self.in_units(cost) }),
        }
    }

    /// Takes so much at once, or says when it is there if nobody else comes.
    pub(super) fn charge(&self, cost: NonZeroU32) -> Result<(), Tick> {
        match self.limiter.check_n(cost) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => Err(Tick::from_nanos(not_until.earliest_possible().as_u64())),
            // More than the burst; whoever asked `fits` does not get here.
            Err(_) => Err(Tick::from_nanos(u64::MAX)),
        }
    }

    /// Gives back what was charged for nothing.
    pub(super) fn refund(&self, cost: NonZeroU32) {
        let nanos = self.each.saturating_mul(cost.get().into());
        let less = |full_at: u64| Some(full_at.saturating_sub(nanos));
        // It always succeeds: the closure never declines.
        let _ = self.full_at.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
    }

    /// How long it takes from `now` until so much has been let in, one after the other, if nobody else comes.
    pub(super) fn wait_for(&self, cost: u64, now: Tick) -> Duration {
        let burst = self.each.saturating_mul(self.rate.burst.get().into());
        let until = self.full_at.since_start().saturating_add(self.each.saturating_mul(cost)).saturating_sub(burst);
        let since_start = u64::try_from(now.since(self.start).as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(until.saturating_sub(since_start))
    }

    /// The refusal of whoever would have to wait for so long.
    pub(super) fn refuse(&self, retry_after: Duration) -> LimitsError {
        LimitsError::Rate { of: self.of, limit: self.limit(), burst: self.burst(), retry_after }
    }

    pub(super) fn usage(&self, now: Tick) -> RateUsage {
        let since_start = u64::try_from(now.since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let full_in = self.full_at.since_start().saturating_sub(since_start);
        let taken = full_in.div_ceil(self.each).min(self.rate.burst.get().into());
        let left = self.in_units(u64::from(self.rate.burst.get()).saturating_sub(taken));
        RateUsage { limit: self.limit(), burst: self.burst(), left, full_in: Duration::from_nanos(full_in) }
    }

    fn limit(&self) -> u64 {
        self.in_units(self.rate.per_second.get().into())
    }

    fn burst(&self) -> u64 {
        self.in_units(self.rate.burst.get().into())
    }

    /// As the configuration writes it: bytes are counted here in KiB.
    fn in_units(&self, count: u64) -> u64 {
        if self.of == RateKind::Bytes { count.saturating_mul(1 << 10) } else { count }
    }
}
