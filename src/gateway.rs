//! A gateway in parts and as a whole: what a configuration makes, bound to its addresses and run to its end.

use crate::answered::Answering;
use crate::api::Api;
use crate::config::Config;
use crate::config::Listener;
use crate::config::OpsAuth;
use crate::exposition;
use crate::identity::Identity;
use crate::identity::Registry;
use crate::limits::Buckets;
use crate::listener::BindError;
use crate::listener::CurrentTls;
use crate::listener::InClear;
use crate::listener::ServerTls;
use crate::listener::TlsError;
use crate::listener::bind;
use crate::model::SeriesHasher;
use crate::model::SharedClock;
use crate::ops;
use crate::ops::CredentialMetrics;
use crate::ops::ListenerMetrics;
use crate::ops::Ops;
use crate::ops::StoreUsage;
use crate::stack::Connections;
use crate::stack::Requests;
use crate::stack::accept_stack;
use crate::stack::around;
use crate::stack::request_stack;
use crate::store::MemoryJournal;
use crate::store::Store;
use crate::telemetry::Audit;
use crate::telemetry::AuditError;
use crate::telemetry::AuditEvent;
use crate::telemetry::Health;
use crate::telemetry::Metrics;
use crate::telemetry::RequestIds;
use arc_swap::ArcSwap;
use axum::Router;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why a gateway does not start. Nothing of it is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error("the system's random source failed")]
    Random,
}

/// A gateway bound to its addresses, not yet accepting.
#[derive(Debug)]
pub struct Gateway {
    parts: Parts,
    mains: Vec<Door>,
    ops: Door,
}

/// A listener's sockets and its certificate.
#[derive(Debug)]
struct Door {
    config: Listener,
    sockets: Vec<TcpListener>,
    tls: Option<CurrentTls>,
}

/// What the listeners share.
#[derive(Debug)]
struct Parts {
    requests: Requests,
    metrics: Metrics,
    listeners: ListenerMetrics,
    health: Health,
    clock: SharedClock,
    ops_auth: OpsAuth,
}

impl Gateway {
    /// Makes every part and binds every address; a fault in any of them is the end of it.
    pub fn bind(config: &Config, clock: SharedClock) -> Result<Self, StartError> {
        let audit = Audit::open(&config.audit, &clock)?;
        let parts = Parts::new(config, clock, audit)?;
        let mains = config.listeners.iter().map(|listener| Door::open(listener, &parts.metrics));
        let mains = mains.collect::<Result<_, _>>()?;
        let ops = Door::open(&config.ops.listener, &parts.metrics)?;
        parts.health.set_loaded();
        Ok(Self { parts, mains, ops })
    }

    /// The addresses of all listeners but the operator's, as bound: port 0 is a port by now.
    pub fn addresses(&self) -> Vec<std::net::SocketAddr> {
        self.mains.iter().flat_map(|main| &main.sockets).filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// The addresses of the operator's listener.
    pub fn ops_addresses(&self) -> Vec<std::net::SocketAddr> {
        self.ops.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Serves until `shutdown`, then until every request under way is answered or its deadline has come.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { parts, mains, ops } = self;
        let audit = &parts.requests.answering.audit;
        audit.note(&AuditEvent::new("start").with("version", env!("CARGO_PKG_VERSION")));
        let listeners = TaskTracker::new();
        for main in mains {
            let app = request_stack(&parts.requests, &main.config);
            listeners.spawn(main.serve(app, &parts, shutdown.clone()));
        }
        listeners.close();
        // Health is answered until the last request is: whoever watches a shutdown sees its end.
        let mains_are_over = CancellationToken::new();
        let ops = ops.serve(parts.ops_app(), &parts, mains_are_over.clone());
        let stopping = async {
            shutdown.cancelled().await;
            parts.health.set_stopping();
        };
        let mains = async {
            listeners.wait().await;
            mains_are_over.cancel();
        };
        tokio::select! {
            _ = async { tokio::join!(mains, ops, stopping) } => {}
            never = parts.warn_of_expiries() => match never {},
        }
        if let Err(error) = audit.stop().await {
            tracing::warn!(%error, "the audit has no last line");
        }
    }
}

/// The apps of a gateway without sockets or TLS, for whoever brings both along, as tests do: each listener's by its name,
/// and the operator's.
pub fn apps(config: &Config, clock: SharedClock, audit: Audit) -> Result<(Vec<(String, Router)>, Router), StartError> {
    let parts = Parts::new(config, clock, audit)?;
    parts.health.set_loaded();
    let app = |listener: &Listener| (listener.name.clone(), request_stack(&parts.requests, listener));
    Ok((config.listeners.iter().map(app).collect(), parts.ops_app()))
}

impl Door {
    fn open(config: &Listener, metrics: &Metrics) -> Result<Self, StartError> {
        let tls = config.tls.as_ref().map(ServerTls::load).transpose()?;
        if let (Some(tls), Some(files)) = (&tls, &config.tls) {
            metrics.certificate_expires(&files.certificate_file.display().to_string(), tls.not_after());
        }
        let sockets = bind(&config.addresses)?;
        Ok(Self { config: config.clone(), sockets, tls: tls.map(CurrentTls::new) })
    }

    fn serve(self, app: Router, parts: &Parts, shutdown: CancellationToken) -> impl Future<Output = ()> + use<> {
        let connections = Connections {
            tls: self.tls,
            in_clear: parts.in_clear(),
            clock: parts.clock.clone(),
            shutdown,
            events: parts.listeners.of(&self.config.name),
            config: self.config,
        };
        accept_stack(self.sockets, app, connections)
    }
}

impl Parts {
    fn new(config: &Config, clock: SharedClock, audit: Audit) -> Result<Self, StartError> {
        let health = Health::default();
        health.watch(&audit);
        let metrics = Metrics::new(&clock, &health);
        let help = "Events that were not written to the audit: its queue was full, or it could not be written";
        metrics.register("pushward_audit_dropped", help, audit.dropped());
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|_| StartError::Random)?;
        let quotas = config.tenants.iter().map(|(id, tenant)| (id.clone(), tenant.limits.quota));
        let reserved = &config.namespace.names_reserved;
        let store = Arc::new(Store::new(quotas, reserved, Arc::new(MemoryJournal), exposition::own_gauge));
        metrics.collect(Box::new(StoreUsage(store.clone())));
        let hasher = SeriesHasher::with_key(key);
        let registry = Registry::new(config, &clock, None);
        registry.keep_keys_fresh();
        let registry = Arc::new(ArcSwap::from_pointee(registry));
        metrics.collect(Box::new(CredentialMetrics(registry.clone())));
        let requests = Requests {
            answering: Answering {
                metrics: metrics.clone(),
                audit: audit.clone(),
                ids: RequestIds::new(),
                clock: clock.clone(),
                elsewhere: "none",
            },
            identity: Identity { registry, clock: clock.clone(), audit: audit.clone() },
            buckets: Arc::new(Buckets::new(config, &clock)),
            tenants: Arc::new(config.tenants.keys().cloned().collect()),
            api: Api::new(config, store, hasher, clock.clone(), metrics.pushes(), health.clone(), audit),
        };
        let listeners = ListenerMetrics::register(&metrics);
        Ok(Self { requests, metrics, listeners, health, clock, ops_auth: config.ops.auth })
    }

    fn ops_app(&self) -> Router {
        let ops = Ops {
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            identity: self.requests.identity.clone(),
            auth: self.ops_auth,
            audit: self.requests.answering.audit.clone(),
        };
        around(ops::doors(&ops), &Answering { elsewhere: "ops", ..self.requests.answering.clone() })
    }

    fn warn_of_expiries(&self) -> impl Future<Output = Infallible> + use<> {
        ops::warn_of_expiries(self.requests.identity.registry.clone(), self.metrics.clone(), self.clock.clone())
    }

    /// Names the credential whose valid token was sent without TLS.
    fn in_clear(&self) -> InClear {
        let registry = self.requests.identity.registry.clone();
        Arc::new(move |header: &str| registry.load().credential_in_clear(header))
    }
}
