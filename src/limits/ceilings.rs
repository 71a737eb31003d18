//! What all tenants share: `gateway.*`, but for what is stored.
//!
//! Scrapes have places. A quarter of them is kept for operators: a tenant waits for one of the other three quarters, an
//! operator for any.

use super::Ceiling;
use super::LimitsError;
use super::bodies::Bodies;
use super::bodies::InFlightBytes;
use crate::config::GatewayLimits;
use crate::model::SharedClock;
use crate::model::SystemClock;
use crate::model::TenantId;
use arc_swap::ArcSwap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

/// How long a scrape waits for a place: Prometheus gives one 10 s by default.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Scrapes that may wait at one time; one more is refused at once.
const LINE_MAX: u32 = 1024;

/// Bodies and scrapes under way, over all tenants. Clones share it.
#[derive(Clone, Debug)]
pub struct Ceilings {
    bodies: Bodies,
    prepared: Bodies,
    scrapes: Arc<ArcSwap<Scrapes>>,
    waiting: Arc<AtomicU32>,
    clock: SharedClock,
}

/// Whose scrape it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scraper {
    Tenant,
    Operator,
}

/// Both are first come, first served.
#[derive(Debug)]
struct Scrapes {
    max: u32,
    all: Arc<Semaphore>,
    /// Taken by tenants besides, first.
    tenants: Arc<Semaphore>,
}

/// A place among scrapes, given back when it is dropped.
#[derive(Default)]
pub struct ScrapePlace {
    _held: Option<Box<dyn Send + Sync>>,
}

impl ScrapePlace {
    /// A place for as long as `held` is kept.
    pub(super) fn holding(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Some(Box::new(held)) }
    }
}

impl fmt::Debug for ScrapePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScrapePlace")
    }
}

impl Scrapes {
    fn new(max: u32) -> Self {
        let places = |places: u32| Arc::new(Semaphore::new(places as usize));
        Self { max, all: places(max), tenants: places(max - max / 4) }
    }

    async fn take(&self, scraper: Scraper) -> Option<(Option<OwnedSemaphorePermit>, OwnedSemaphorePermit)> {
        let tenants = match scraper {
            Scraper::Tenant => Some(self.tenants.clone().acquire_owned().await.ok()?),
            Scraper::Operator => None,
        };
        Some((tenants, self.all.clone().acquire_owned().await.ok()?))
    }
}

impl Ceilings {
    /// `tenants`: how many there are, so that each has its part.
    pub fn new(limits: &GatewayLimits, tenants: usize, clock: &SharedClock) -> Self {
        Self {
            bodies: Bodies::new(limits.bodies_in_flight_bytes_max, tenants, clock.clone()),
            prepared: Bodies::new(limits.bodies_in_flight_bytes_max, tenants, clock.clone()),
            scrapes: Arc::new(ArcSwap::from_pointee(Scrapes::new(limits.scrapes_in_flight_max))),
            waiting: Arc::default(),
            clock: clock.clone(),
        }
    }

    /// Other ceilings, for what is to come. Scrapes under way are not counted among the new places.
    pub fn resize(&self, limits: &GatewayLimits, tenants: usize) {
        self.bodies.resize(limits.bodies_in_flight_bytes_max, tenants);
        self.prepared.resize(limits.bodies_in_flight_bytes_max, tenants);
        if self.scrapes.load().max != limits.scrapes_in_flight_max {
            self.scrapes.store(Arc::new(Scrapes::new(limits.scrapes_in_flight_max)));
        }
    }

    /// Bytes of bodies, as they came or as they are prepared, whichever is nearer to the ceiling, and scrapes, that are
    /// under way now.
    pub fn usage(&self) -> (u64, u64) {
        let scrapes = self.scrapes.load();
        let free = scrapes.all.available_permits() as u64;
        (self.bodies.taken().max(self.prepared.taken()), u64::from(scrapes.max).saturating_sub(free))
    }

    /// For a body of this tenant's that begins.
    pub fn body(&self, tenant: &TenantId) -> InFlightBytes {
        self.bodies.body(tenant)
    }

    /// For what a body of this tenant's becomes when it is prepared, in the store's account.
    pub fn prepared(&self, tenant: &TenantId) -> InFlightBytes {
        self.prepared.body(tenant)
    }

    /// A place among the gateway's scrapes, waited for for up to 5 s.
    pub async fn scrape(&self, scraper: Scraper) -> Result<ScrapePlace, LimitsError> {
        let scrapes = self.scrapes.load_full();
        let full = || LimitsError::GatewayFull { ceiling: Ceiling::Scrapes, limit: scrapes.max.into() };
        let waits = Waits(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= LINE_MAX {
            return Err(full());
        }
        let place = tokio::select! {
            biased;
            place = scrapes.take(scraper) => place,
            () = self.clock.sleep_until(self.clock.tick().after(WAIT_MAX)) => None,
        };
        drop(waits);
        place.map(ScrapePlace::holding).ok_or_else(full)
    }
}

impl Default for Ceilings {
    /// As without a configuration, for one tenant.
    fn default() -> Self {
        Self::new(&GatewayLimits::default(), 1, &SystemClock::shared())
    }
}

/// One who waits, until it is dropped.
struct Waits<'a>(&'a AtomicU32);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::Ceilings;
    use super::ScrapePlace;
    use super::Scraper;
    use super::Scraper::Operator;
    use super::Scraper::Tenant;
    use super::WAIT_MAX;
    use crate::config::GatewayLimits;
    use crate::limits::Ceiling;
    use crate::limits::LimitsError;
    use crate::model::SharedClock;
    use crate::testkit::MockClock;
    use std::sync::Arc;

    fn ceilings(scrapes: u32) -> (Ceilings, MockClock) {
        let clock = MockClock::new();
        let shared: SharedClock = Arc::new(clock.clone());
        let limits = GatewayLimits { scrapes_in_flight_max: scrapes, ..GatewayLimits::default() };
        (Ceilings::new(&limits, 1, &shared), clock)
    }

    async fn places(ceilings: &Ceilings, scraper: Scraper, count: usize) -> Vec<ScrapePlace> {
        let mut places = Vec::new();
        for _ in 0..count {
            places.push(ceilings.scrape(scraper).await.unwrap());
        }
        places
    }

    /// What a scrape hears that waits in vain.
    async fn refused(ceilings: &Ceilings, clock: &MockClock, scraper: Scraper) -> LimitsError {
        let moved = async {
            tokio::task::yield_now().await;
            clock.advance(WAIT_MAX);
        };
        tokio::join!(ceilings.scrape(scraper), moved).0.unwrap_err()
    }

    #[tokio::test]
    async fn a_quarter_of_the_places_is_kept_for_operators() {
        let (ceilings, clock) = ceilings(16);
        let tenants = places(&ceilings, Tenant, 12).await;
        let full = LimitsError::GatewayFull { ceiling: Ceiling::Scrapes, limit: 16 };
        assert_eq!(refused(&ceilings, &clock, Tenant).await, full);
        let operators = places(&ceilings, Operator, 4).await;
        assert_eq!(refused(&ceilings, &clock, Operator).await, full);
        drop(operators);
        assert_eq!(refused(&ceilings, &clock, Tenant).await, full);
        drop(tenants);
        places(&ceilings, Tenant, 12).await;
    }

    #[tokio::test]
    async fn a_scrape_waits_for_a_place_and_gets_it() {
        let (ceilings, _) = ceilings(1);
        let mut taken = places(&ceilings, Tenant, 1).await;
        let given_back = async {
            tokio::task::yield_now().await;
            taken.clear();
        };
        let (place, ()) = tokio::join!(ceilings.scrape(Operator), given_back);
        place.unwrap();
    }

    #[tokio::test]
    async fn more_places_are_there_at_once() {
        let (ceilings, clock) = ceilings(1);
        let _taken = places(&ceilings, Tenant, 1).await;
        refused(&ceilings, &clock, Tenant).await;
        ceilings.resize(&GatewayLimits { scrapes_in_flight_max: 2, ..GatewayLimits::default() }, 1);
        ceilings.scrape(Tenant).await.unwrap();
    }
}
