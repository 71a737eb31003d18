//! What the handlers share.

use super::compressed::FinishedLists;
use super::moulds::Moulds;
use super::readers::Readers;
use super::reload::Reload;
use super::turns::Turns;
use crate::config::Config;
use crate::config::JobLabel;
use crate::config::Tenant;
use crate::limits::Ceilings;
use crate::limits::LimitsError;
use crate::limits::ScrapePlace;
use crate::limits::Scraper;
use crate::model::NameScheme;
use crate::model::PushBounds;
use crate::model::SeriesHasher;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::model::TenantMap;
use crate::model::TextDialect;
use crate::model::Timestamp;
use crate::namespace::View;
use crate::rejection::Rejection;
use crate::store::Store;
use crate::telemetry::Audit;
use crate::telemetry::Health;
use crate::telemetry::PushMetrics;
use crate::telemetry::SharedShares;
use arc_swap::ArcSwap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// How often a scrape that waits for a place looks for answers that nobody takes.
const STALLED_LOOK: Duration = Duration::from_secs(1);

/// What the handlers share. Clones share it: a request makes several.
#[derive(Clone, Debug)]
pub struct Api(Arc<Shared>);

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The store, and what the configuration says of reading and writing.
#[derive(Debug)]
pub struct Shared {
    pub(super) store: Arc<Store>,
    pub(super) clock: SharedClock,
    pub(super) hasher: SeriesHasher,
    pub(super) reading: Arc<Reading>,
    pub(super) metrics: PushMetrics,
    pub(super) turns: Turns,
    pub(super) ceilings: Ceilings,
    pub(super) readers: Readers,
    pub(super) finished: FinishedLists,
    pub(super) health: Health,
    pub(super) audit: Audit,
    pub(super) reload: Arc<dyn Reload>,
    pub(super) shares: SharedShares,
    pub(super) started: Timestamp,
}

/// What the handlers are given.
#[derive(Debug)]
pub struct ApiParts {
    pub readings: Readings,
    pub store: Arc<Store>,
    pub hasher: SeriesHasher,
    pub clock: SharedClock,
    pub metrics: PushMetrics,
    pub ceilings: Ceilings,
    pub health: Health,
    pub audit: Audit,
    pub reload: Arc<dyn Reload>,
    pub shares: SharedShares,
}

/// How bodies are read and views are written.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) tenants: Readings,
    pub(super) namespace_label: String,
    pub(super) prefix_job: bool,
}

/// How each tenant's bodies are read, from one configuration to the next. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Readings(Arc<ArcSwap<TenantMap<TenantReading>>>);

#[derive(Clone, Debug)]
pub(super) struct TenantReading {
    pub(super) dialect: TextDialect,
    pub(super) names: NameScheme,
    pub(super) bounds: PushBounds,
    /// Made of bodies that were read by these settings and no others: a cast asks none of them again, so a reload begins with
    /// none.
    pub(super) moulds: Moulds,
}

impl Readings {
    pub fn new(config: &Config) -> Self {
        let readings = Self::default();
        readings.replace(config);
        readings
    }

    /// For requests from now on; one that is under way is read as it began.
    pub fn replace(&self, config: &Config) {
        let reading = |tenant: &Tenant| TenantReading {
            dialect: tenant.text,
            names: if tenant.utf8_names { NameScheme::Utf8 } else { NameScheme::Classic },
            bounds: tenant.limits.push,
            moulds: Moulds::among(config.tenants.len()),
        };
        let tenants = config.tenants.iter().map(|(id, tenant)| (id.clone(), reading(tenant)));
        self.0.store(Arc::new(tenants.collect()));
    }
}

impl Api {
    pub fn new(config: &Config, parts: ApiParts) -> Self {
        let ApiParts { readings, store, hasher, clock, metrics, ceilings, health, audit, reload, shares } = parts;
        let reading = Reading {
            tenants: readings,
            namespace_label: config.namespace.label.clone(),
            prefix_job: config.namespace.job == JobLabel::Prefix,
        };
        let started = clock.now();
        let (turns, readers) = (Turns::for_each_processor(), Readers::new(Turns::for_every_other_processor()));
        let reading = Arc::new(reading);
        Self(Arc::new(Shared {
            store,
            clock,
            hasher,
            reading,
            metrics,
            turns,
            ceilings,
            readers,
            finished: FinishedLists::default(),
            health,
            audit,
            reload,
            shares,
            started,
        }))
    }

    /// A place among the gateway's scrapes. While it waits, answers that nobody takes make room.
    pub(super) async fn scrape_place(&self, view: &View) -> Result<ScrapePlace, LimitsError> {
        let scraper = match view {
            View::Tenant(_) => Scraper::Tenant,
            View::Fleet(_) => Scraper::Operator,
        };
        let mut place = std::pin::pin!(self.ceilings.scrape(scraper));
        loop {
            tokio::select! {
                biased;
                place = &mut place => return place,
                () = self.clock.sleep_until(self.clock.tick().after(STALLED_LOOK)) => {
                    self.readers.make_room(view.tenant());
                }
            }
        }
    }

    pub(super) fn reading_of(&self, tenant: &TenantId) -> Result<TenantReading, Rejection> {
        // A tenant without settings went with a reload a moment ago.
        self.reading.tenants.0.load().get(tenant).cloned().ok_or_else(Rejection::withdrawn)
    }
}

#[cfg(test)]
mod tests {
    use super::Readings;
    use crate::exposition::Original;
    use crate::exposition::PushFormat;
    use crate::exposition::text;
    use crate::model::GroupingKey;
    use crate::model::NameScheme;
    use crate::model::SeriesHasher;
    use crate::model::TenantId;
    use crate::model::TextDialect;
    use crate::testkit::GatewayBuilder;

    #[test]
    fn what_one_tenant_pushes_makes_no_mould_for_another_and_none_outlives_its_settings() {
        let config = GatewayBuilder::new().tenant("red").tenant("blue").config;
        let readings = Readings::new(&config);
        let moulds = |tenant: &str| readings.0.load().get(&TenantId::parse(tenant).unwrap()).unwrap().moulds.clone();
        let (body, key) = (b"a 1\n", GroupingKey::new::<&str, &str>("j", []).unwrap());
        let casts = |tenant: &str| moulds(tenant).cast(PushFormat::Text, body, &key).is_some();
        let hasher = SeriesHasher::with_key([1; 16]);
        let (format, namespace_label, line_bytes_max) = (PushFormat::Text, "tenant", 1000);
        let original = Original { format, body, key: &key, hasher: &hasher, namespace_label, line_bytes_max };
        for _ in 0..2 {
            if let Some(attempt) = moulds("red").missed(body.len(), 1) {
                let read = original.mould(|body| text::parse(body, TextDialect::Strict, NameScheme::Classic).ok());
                attempt.keep(read);
            }
        }
        assert_eq!((casts("red"), casts("blue")), (true, false));
        readings.replace(&config);
        assert!(!casts("red"));
    }
}
