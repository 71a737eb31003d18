//! One bucket of requests and one count of places for each tenant and operator.

use super::LimitsError;
use super::permit::Slot;
use crate::config::Config;
use crate::config::Limits;
use crate::config::OperatorLimits;
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

/// The time of one tenant or operator.
#[derive(Debug)]
struct Bucket {
    requests: Limiter,
    clock: Ticks,
    limit: NonZeroU32,
    burst: NonZeroU32,
    in_flight: Arc<AtomicU32>,
    in_flight_max: u32,
}

impl Bucket {
    fn new(limit: NonZeroU32, burst: NonZeroU32, in_flight_max: u32, clock: &Ticks) -> Self {
        let quota = Quota::per_second(limit).allow_burst(burst);
        let requests = RateLimiter::direct_with_clock(quota, clock.clone());
        Self { requests, clock: clock.clone(), limit, burst, in_flight: Arc::default(), in_flight_max }
    }

    fn admit(&self) -> Result<Slot, LimitsError> {
        let slot = Slot::take(&self.in_flight, self.in_flight_max)
            .ok_or(LimitsError::InFlight { limit: self.in_flight_max })?;
        match self.requests.check() {
            Ok(()) => Ok(slot),
            Err(not_until) => {
                let now = governor::clock::Clock::now(&self.clock);
                let wait: Duration = not_until.earliest_possible().duration_since(now).into();
                Err(LimitsError::Rate { limit: self.limit.get(), burst: self.burst.get(), retry_after: wait })
            }
        }
    }
}

/// The buckets of everybody in a configuration. Strangers have none: they never get this far.
#[derive(Debug)]
pub struct Buckets {
    tenants: HashMap<TenantId, Bucket>,
    operators: HashMap<String, Bucket>,
}

impl Buckets {
    /// All buckets full: a start or a restart gives everybody the whole burst.
    pub fn new(config: &Config, clock: &SharedClock) -> Self {
        let ticks = Ticks(clock.clone());
        let of_tenant = |limits: &Limits| {
            Bucket::new(limits.requests_per_second, limits.requests_burst, limits.in_flight_max, &ticks)
        };
        let of_operator = |limits: &OperatorLimits| {
            Bucket::new(limits.requests_per_second, limits.requests_burst, limits.in_flight_max, &ticks)
        };
        Self {
            tenants: config.tenants.iter().map(|(id, tenant)| (id.clone(), of_tenant(&tenant.limits))).collect(),
            operators: config
                .operators
                .iter()
                .map(|(n, operator)| (n.clone(), of_operator(&operator.limits)))
                .collect(),
        }
    }

    /// Charges one request. `None`: there is no such party, so nothing is admitted.
    pub(super) fn admit(&self, party: &Party) -> Option<Result<Slot, LimitsError>> {
        let bucket = match party {
            Party::Tenant(grant) => self.tenants.get(&grant.tenant),
            Party::Operator(grant) => self.operators.get(&grant.operator),
        };
        bucket.map(Bucket::admit)
    }
}
