//! What the listeners of a gateway share.

use super::StartError;
use super::certificates::Certificates;
use super::condition::Condition;
use super::hanging::watch_over;
use super::live::Live;
use super::live::terms;
use super::reload::Reloader;
use super::shares::InForce;
use super::storage::Storage;
use crate::answered::Answering;
use crate::api::Api;
use crate::api::ApiParts;
use crate::config::OpsAuth;
use crate::config::Reading;
use crate::config::Source;
use crate::exposition;
use crate::identity::Identity;
use crate::listener::InClear;
use crate::model::SeriesHasher;
use crate::model::SharedClock;
use crate::namespace::Namespace;
use crate::ops;
use crate::ops::CredentialMetrics;
use crate::ops::ListenerMetrics;
use crate::ops::Ops;
use crate::ops::TenantShares;
use crate::persistence::LoadError;
use crate::stack::App;
use crate::stack::Requests;
use crate::stack::ops_stack;
use crate::store::Store;
use crate::telemetry::Audit;
use crate::telemetry::Health;
use crate::telemetry::Metrics;
use crate::telemetry::RequestIds;
use crate::telemetry::SharedShares;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// For what is still being journalled when the last request is over: a disk that takes longer for a batch is not going to
/// take it.
const FINISH_MAX: Duration = Duration::from_secs(10);

/// All but sockets.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) requests: Requests,
    pub(super) reloader: Reloader,
    pub(super) listeners: ListenerMetrics,
    pub(super) health: Health,
    pub(super) clock: SharedClock,
    metrics: Metrics,
    shares: SharedShares,
    ops_auth: OpsAuth,
}

impl Parts {
    pub(super) fn new(
        source: Option<Source>,
        reading: Reading,
        certificates: Certificates,
        clock: SharedClock,
        audit: Audit,
    ) -> Result<Self, StartError> {
        let config = reading.config.clone();
        let health = Health::default();
        health.watch(&audit);
        let metrics = Metrics::new(&clock, &health);
        let help = "Events that were not written to the audit: its queue was full, or it could not be written";
        metrics.register("pushward_audit_dropped", help, audit.dropped());
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|_| StartError::Random)?;
        let hasher = SeriesHasher::with_key(key);
        let storage = Storage::open(&config, hasher.clone(), &clock, &health)?;
        let reserved = &config.namespace.names_reserved;
        let identify = Arc::new(exposition::StoredSeries(hasher.clone()));
        let store = Store::new(terms(&config), reserved, storage.journal(), exposition::OWN_GAUGES, identify);
        let store = Arc::new(store);
        store.set_stored_bytes_max(config.gateway.stored_bytes_max);
        let live = Live::new(&config, store, storage, certificates, &clock);
        let condition = Condition::new(health.clone(), live.registry.clone());
        metrics.collect(Box::new(condition.clone()));
        metrics.collect(Box::new(CredentialMetrics(live.registry.clone())));
        let reloader = Reloader::new(live, source, reading, condition, metrics.clone(), audit.clone(), clock.clone());
        let live = reloader.live();
        let shares = shares(&reloader);
        metrics.collect(Box::new(TenantShares { shares: shares.clone(), store: live.store.clone() }));
        let api = ApiParts {
            readings: live.readings.clone(),
            store: live.store.clone(),
            hasher,
            clock: clock.clone(),
            metrics: metrics.pushes(),
            ceilings: live.ceilings.clone(),
            health: health.clone(),
            audit: audit.clone(),
            reload: Arc::new(reloader.clone()),
            shares: shares.clone(),
        };
        let requests = Requests {
            answering: Answering {
                metrics: metrics.clone(),
                audit: audit.clone(),
                ids: RequestIds::new(),
                clock: clock.clone(),
                elsewhere: "none",
            },
            namespace: Namespace { tenants: live.tenants.clone(), audit: audit.clone() },
            identity: Arc::new(Identity { registry: live.registry.clone(), clock: clock.clone(), audit }),
            buckets: live.buckets.clone(),
            api: Api::new(&config, api),
        };
        let listeners = ListenerMetrics::register(&metrics);
        Ok(Self { requests, reloader, listeners, health, clock, metrics, shares, ops_auth: config.ops.auth })
    }

    pub(super) fn ops_app(&self) -> App {
        let ops = Ops {
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            identity: self.requests.identity.clone(),
            auth: self.ops_auth,
            audit: self.audit(),
        };
        let answering = Answering { elsewhere: "ops", ..self.requests.answering.clone() };
        ops_stack(ops::doors(&ops), answering)
    }

    /// Whoever still waited has gone; what it wrote is not left half way to the disk, unless the disk does not answer.
    pub(super) async fn finish(&self) {
        let deadline = self.clock.tick().after(FINISH_MAX);
        tokio::select! {
            () = self.reloader.live().store.finish() => {}
            () = self.clock.sleep_until(deadline) => tracing::warn!("the storage did not answer until the end"),
        }
    }

    /// Puts what was kept before into the store, after which the gateway is ready. Blocks on the disk, if anything is there.
    pub(super) fn load(&self) -> impl FnOnce() -> Result<(), LoadError> + Send + use<> {
        let (reloader, health) = (self.reloader.clone(), self.health.clone());
        move || {
            let live = reloader.live();
            live.storage.load(&live.store, &reloader.in_force())?;
            health.set_loaded();
            Ok(())
        }
    }

    /// Nothing is kept any more. Blocks on the disk.
    pub(super) fn close(&self) -> impl FnOnce() + Send + use<> {
        let reloader = self.reloader.clone();
        move || reloader.live().storage.close()
    }

    pub(super) fn audit(&self) -> Audit {
        self.requests.answering.audit.clone()
    }

    pub(super) fn warn_of_expiries(&self) -> impl Future<Output = Infallible> + use<> {
        ops::warn_of_expiries(self.requests.identity.registry.clone(), self.metrics.clone(), self.clock.clone())
    }

    pub(super) fn warn_of_fullness(&self) -> impl Future<Output = Infallible> + use<> {
        ops::warn_of_fullness(self.shares.clone(), self.clock.clone())
    }

    pub(super) fn watch_over_the_storage(&self) -> impl Future<Output = Infallible> + use<> {
        watch_over(self.reloader.live().store.clone(), self.health.clone(), self.clock.clone())
    }

    /// Names the credential whose valid token was sent without TLS.
    pub(super) fn in_clear(&self) -> InClear {
        let registry = self.requests.identity.registry.clone();
        Arc::new(move |header: &str| registry.load().credential_in_clear(header))
    }
}

/// What this gateway gives out, for whoever tells of it.
fn shares(reloader: &Reloader) -> SharedShares {
    let live = reloader.live();
    let (store, buckets, ceilings) = (live.store.clone(), live.buckets.clone(), live.ceilings.clone());
    Arc::new(InForce { reloader: reloader.clone(), store, buckets, ceilings })
}
