//! A gateway in parts and as a whole: what a configuration makes, bound to its addresses, run to its end, and changed on
//! the way by another configuration.
//!
//! | file | its one idea |
//! |---|---|
//! | `parts` | what the listeners share |
//! | `live` | what a reload replaces, and in which order |
//! | `reload` | reading, making, putting in force, telling |
//! | `storage` | what is kept on the disk, and how it comes back |
//! | `hanging` | a disk that does not answer |
//! | `watch` | files that change |
//! | `certificates` | those of the listeners, each replaced by itself |
//! | `condition` | what is not in force as its file says |
//! | `shares` | the limits in force beside what is taken of them |

mod certificates;
mod condition;
mod hanging;
mod live;
mod parts;
mod reload;
mod shares;
mod storage;
mod watch;

pub use reload::ReloadError;
pub use reload::Reloaded;
pub use reload::Reloader;
pub use reload::Trigger;

use self::certificates::Certificates;
use self::parts::Parts;
use crate::config::Config;
use crate::config::Listener;
use crate::config::Reading;
use crate::config::Source;
use crate::listener::BindError;
use crate::listener::CurrentTls;
use crate::listener::PassedError;
use crate::listener::PassedSockets;
use crate::listener::TlsError;
use crate::listener::bind;
use crate::model::SharedClock;
use crate::persistence::LoadError;
use crate::persistence::OpenError;
use crate::stack::App;
use crate::stack::Connections;
use crate::stack::accept_stack;
use crate::stack::request_stack;
use crate::telemetry::Audit;
use crate::telemetry::AuditError;
use crate::telemetry::AuditEvent;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why a gateway does not start. Nothing of it is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Passed(#[from] PassedError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Audit(#[from] AuditError),
    #[error(transparent)]
    Storage(#[from] OpenError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("the system's random source failed")]
    Random,
}

/// What a gateway begins with: the files, and what they said.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// What a reload reads again. `None`: the configuration stands in no file, and a reload finds it as it is.
    pub source: Option<Source>,
    pub reading: Reading,
}

impl From<Config> for Beginning {
    fn from(config: Config) -> Self {
        Self { source: None, reading: Reading::from(config) }
    }
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

impl Gateway {
    /// Makes every part and binds every address; a fault in any of them is the end of it.
    pub fn bind(beginning: impl Into<Beginning>, clock: SharedClock) -> Result<Self, StartError> {
        Self::bind_with(beginning, PassedSockets::default(), clock)
    }

    /// As [`Gateway::bind`], with sockets that are open already. Each must be at an address of a listener.
    pub fn bind_with(
        beginning: impl Into<Beginning>,
        mut passed: PassedSockets,
        clock: SharedClock,
    ) -> Result<Self, StartError> {
        let Beginning { source, reading } = beginning.into();
        let config = &reading.config;
        let audit = Audit::open(&config.audit, &clock)?;
        let certificates = Certificates::load(config)?;
        let mut open = |listener: &Listener| Door::open(listener, &certificates, &mut passed);
        let mains = config.listeners.iter().map(&mut open).collect::<Result<_, _>>()?;
        let ops = open(&config.ops.listener)?;
        passed.all_taken()?;
        let parts = Parts::new(source, reading, certificates, clock, audit)?;
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

    /// The way to another configuration.
    pub fn reloader(&self) -> Reloader {
        self.parts.reloader.clone()
    }

    /// Serves until `shutdown`, then until every request under way is answered or its deadline has come, and until what waits
    /// to be journalled is.
    ///
    /// What was kept before is loaded meanwhile: until it is, requests wait, and then are refused. If it cannot be, that is
    /// the end.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), LoadError> {
        let Self { parts, mains, ops } = self;
        let audit = parts.audit();
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
        let watching = watch::watch(parts.reloader.clone(), parts.clock.clone(), shutdown.clone());
        let stopping = async {
            shutdown.cancelled().await;
            parts.health.set_stopping();
        };
        let mains = async {
            listeners.wait().await;
            mains_are_over.cancel();
        };
        let loading = async {
            // A reload before it finds nothing to bring back, one that comes meanwhile waits for it.
            let turn = parts.reloader.turn().await;
            let loaded = tokio::task::spawn_blocking(parts.load()).await;
            let loaded = loaded.unwrap_or_else(|_| Err(LoadError::broke_off()));
            drop(turn);
            if loaded.is_err() {
                shutdown.cancel();
            }
            loaded
        };
        let (.., loaded) = tokio::select! {
            ends = async { tokio::join!(mains, ops, watching, stopping, loading) } => ends,
            never = parts.warn_of_expiries() => match never {},
            never = parts.warn_of_fullness() => match never {},
            never = parts.watch_over_the_storage() => match never {},
        };
        parts.finish().await;
        let _ = tokio::task::spawn_blocking(parts.close()).await;
        if let Err(error) = audit.stop().await {
            tracing::warn!(%error, "the audit has no last line");
        }
        loaded
    }
}

/// A gateway without sockets or TLS, for whoever brings both along, as tests do.
#[derive(Clone, Debug)]
pub struct Apps {
    /// Each listener's by its name, in the order of the configuration.
    pub listeners: Vec<(String, App)>,
    pub ops: App,
    pub reloader: Reloader,
}

impl Apps {
    pub fn new(beginning: impl Into<Beginning>, clock: SharedClock, audit: Audit) -> Result<Self, StartError> {
        let Beginning { source, reading } = beginning.into();
        let mains = reading.config.listeners.clone();
        let parts = Parts::new(source, reading, Certificates::default(), clock, audit)?;
        parts.load()()?;
        let app = |listener: &Listener| (listener.name.clone(), request_stack(&parts.requests, listener));
        Ok(Self { listeners: mains.iter().map(app).collect(), ops: parts.ops_app(), reloader: parts.reloader.clone() })
    }
}

impl Door {
    fn open(config: &Listener, certificates: &Certificates, passed: &mut PassedSockets) -> Result<Self, StartError> {
        Ok(Self {
            config: config.clone(),
            sockets: bind(&config.addresses, passed)?,
            tls: certificates.of(&config.name),
        })
    }

    fn serve(self, app: App, parts: &Parts, shutdown: CancellationToken) -> impl Future<Output = ()> + use<> {
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
