//! One bucket of requests and one count of places for each tenant and operator.

use super::LimitsError;
use super::RateKind;
use super::permit::Slot;
use crate::config::Config;
use crate::config::Limits;
use crate::config::Operator;
use crate::config::OperatorLimits;
use crate::config::Pace;
use crate::config::Rate;
use crate::config::Tenant;
use crate::identity::Party;
use crate::model::SharedClock;
use crate::model::TenantId;
use governor::Quota;
use governor::RateLimiter;
use governor::clock::Reference;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::InMemoryState;
use governor::state::NotKeyed;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Our clock in governor's terms.
#[derive(Clone, Debug)]
struct Ticks(SharedClock);

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.tick().as_nanos())
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>;

/// What a bucket is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    limit: NonZeroU32,
    burst: NonZeroU32,
    in_flight_max: u32,
}

/// The time of one tenant or operator.
#[derive(Debug)]
struct Bucket {
    requests: Limiter,
    clock: Ticks,
    size: Size,
    in_flight: Arc<AtomicU32>,
}

impl Bucket {
    /// The bucket that was there, if it is of this size: a reload fills none. One of another size begins full, and whoever
    /// is under way keeps a place.
    fn after(before: Option<&Arc<Self>>, size: Size, clock: &Ticks) -> Arc<Self> {
        match before {
            Some(before) if before.size == size => before.clone(),
            _ => Arc::new(Self::new(size, before.map(|before| before.in_flight.clone()).unwrap_or_default(), clock)),
        }
    }

    fn new(size: Size, in_flight: Arc<AtomicU32>, clock: &Ticks) -> Self {
        let quota = Quota::per_second(size.limit).allow_burst(size.burst);
        let requests = RateLimiter::direct_with_clock(quota, clock.clone());
        Self { requests, clock: clock.clone(), size, in_flight }
    }

    fn admit(&self) -> Result<Slot, LimitsError> {
        let Size { limit, burst, in_flight_max } = self.size;
        let slot = Slot::take(&self.in_flight, in_flight_max).ok_or(LimitsError::InFlight { limit: in_flight_max })?;
        match self.requests.check() {
            Ok(()) => Ok(slot),
            Err(not_until) => {
                let now = governor::clock::Clock::now(&self.clock);
                let wait: Duration = not_until.earliest_possible().duration_since(now).into();
                let (limit, burst) = (limit.get().into(), burst.get().into());
                Err(LimitsError::Rate { of: RateKind::Requests, limit, burst, retry_after: wait })
            }
        }
    }
}

/// The buckets of everybody in a configuration. Strangers have none: they never get this far.
#[derive(Debug)]
pub struct Buckets {
    tenants: HashMap<TenantId, Arc<Bucket>>,
    operators: HashMap<String, Arc<Bucket>>,
}

impl Buckets {
    /// `before`: the buckets in force. Without them all are full: a restart gives everybody the whole burst.
    pub fn new(config: &Config, before: Option<&Self>, clock: &SharedClock) -> Self {
        let ticks = Ticks(clock.clone());
        let of_tenant = |(id, tenant): (&TenantId, &Tenant)| {
            let before = before.and_then(|before| before.tenants.get(id));
            (id.clone(), Bucket::after(before, Size::from(&tenant.limits), &ticks))
        };
        let of_operator = |(name, operator): (&String, &Operator)| {
            let before = before.and_then(|before| before.operators.get(name));
            (name.clone(), Bucket::after(before, Size::from(&operator.limits), &ticks))
        };
        Self {
            tenants: config.tenants.iter().map(of_tenant).collect(),
            operators: config.operators.iter().map(of_operator).collect(),
        }
    }

    /// Requests of a tenant under way now. `None`: there is no such tenant.
    pub fn in_flight(&self, tenant: &TenantId) -> Option<u32> {
        self.tenants.get(tenant).map(|bucket| bucket.in_flight.load(Ordering::Acquire))
    }

    /// The same of an operator.
    pub fn operator_in_flight(&self, operator: &str) -> Option<u32> {
        self.operators.get(operator).map(|bucket| bucket.in_flight.load(Ordering::Acquire))
    }

    /// Charges one request. `None`: there is no such party, so nothing is admitted.
    pub(super) fn admit(&self, party: &Party) -> Option<Result<Slot, LimitsError>> {
        let bucket = match party {
            Party::Tenant(grant) => self.tenants.get(&grant.tenant),
            Party::Operator(grant) => self.operators.get(&grant.operator),
        };
        bucket.map(|bucket| bucket.admit())
    }
}

impl From<&Limits> for Size {
    fn from(limits: &Limits) -> Self {
        let Pace { requests: Rate { per_second: limit, burst }, places, .. } = limits.pace;
        Self { limit, burst, in_flight_max: places.in_flight_max }
    }
}

impl From<&OperatorLimits> for Size {
    fn from(limits: &OperatorLimits) -> Self {
        let OperatorLimits { requests: Rate { per_second: limit, burst }, places } = *limits;
        Self { limit, burst, in_flight_max: places.in_flight_max }
    }
}
