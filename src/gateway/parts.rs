//! What the listeners of a gateway share.

use super::StartError;
use super::certificates::Certificates;
use super::condition::Condition;
use super::live::Live;
use super::live::terms;
use super::reload::Reloader;
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
use crate::ops;
use crate::ops::CredentialMetrics;
use crate::ops::ListenerMetrics;
use crate::ops::Ops;
use crate::ops::StoreUsage;
use crate::persistence::LoadError;
use crate::stack::Requests;
use crate::stack::around;
use crate::store::Store;
use crate::telemetry::Audit;
use crate::telemetry::Health;
use crate::telemetry::Metrics;
use crate::telemetry::RequestIds;
use axum::Router;
use std::convert::Infallible;
use std::sync::Arc;

/// All but sockets.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) requests: Requests,
    pub(super) reloader: Reloader,
    pub(super) listeners: ListenerMetrics,
    pub(super) health: Health,
    pub(super) clock: SharedClock,
    metrics: Metrics,
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
        let store = Arc::new(Store::new(terms(&config), reserved, storage.journal(), exposition::own_gauge));
        metrics.collect(Box::new(StoreUsage(store.clone())));
        let live = Live::new(&config, store, storage, certificates, &clock);
        let condition = Condition::new(health.clone(), live.registry.clone());
        metrics.collect(Box::new(condition.clone()));
        metrics.collect(Box::new(CredentialMetrics(live.registry.clone())));
        let reloader = Reloader::new(live, source, reading, condition, metrics.clone(), audit.clone(), clock.clone());
        let live = reloader.live();
        let api = ApiParts {
            readings: live.readings.clone(),
            store: live.store.clone(),
            hasher,
            clock: clock.clone(),
            metrics: metrics.pushes(),
            health: health.clone(),
            audit: audit.clone(),
            reload: Arc::new(reloader.clone()),
        };
        let requests = Requests {
            answering: Answering {
                metrics: metrics.clone(),
                audit: audit.clone(),
                ids: RequestIds::new(),
                clock: clock.clone(),
                elsewhere: "none",
            },
            identity: Identity { registry: live.registry.clone(), clock: clock.clone(), audit },
            buckets: live.buckets.clone(),
            tenants: live.tenants.clone(),
            api: Api::new(&config, api),
        };
        let listeners = ListenerMetrics::register(&metrics);
        Ok(Self { requests, reloader, listeners, health, clock, metrics, ops_auth: config.ops.auth })
    }

    pub(super) fn ops_app(&self) -> Router {
        let ops = Ops {
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            identity: self.requests.identity.clone(),
            auth: self.ops_auth,
            audit: self.audit(),
        };
        around(ops::doors(&ops), &Answering { elsewhere: "ops", ..self.requests.answering.clone() })
    }

    /// Puts what was kept before into the store, after which the gateway is ready. Blocks on the disk.
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

    /// Names the credential whose valid token was sent without TLS.
    pub(super) fn in_clear(&self) -> InClear {
        let registry = self.requests.identity.registry.clone();
        Arc::new(move |header: &str| registry.load().credential_in_clear(header))
    }
}
