//! The whole gateway on one page. Read top to bottom: that is the path of a request.
//!
//! Three stacks: accept makes connections, the connection stack runs once for each of them, the request stack once for
//! each request. A `ServiceBuilder` is read in the order in which a request meets its layers.

use crate::answered::Answering;
use crate::api::Api;
use crate::api::Loaded;
use crate::config;
use crate::doors::Doors;
use crate::doors::Find;
use crate::doors::Handlers;
use crate::doors::Lead;
use crate::identity::Identity;
use crate::limits::Buckets;
use crate::limits::Pace;
use crate::listener;
use crate::listener::Answers;
use crate::listener::Asked;
use crate::listener::CapsLayer;
use crate::listener::CurrentTls;
use crate::listener::DeadlineLayer;
use crate::listener::HttpService;
use crate::listener::InClear;
use crate::listener::ListenerEvents;
use crate::listener::ProxyLayer;
use crate::listener::RequestBody;
use crate::listener::TlsLayer;
use crate::model::SharedClock;
use crate::namespace::Namespace;
use crate::ops::OpsDoors;
use crate::paths::Paths;
use crate::relay::Around;
use crate::relay::AroundLayer;
use crate::relay::Behind;
use crate::relay::StageLayer;
use crate::relay::Staged;
use crate::routes::routes;
use arc_swap::ArcSwap;
use axum::body::Body;
use axum::response::Response;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;

/// What the connections of one listener need.
#[derive(Clone)]
pub struct Connections {
    pub config: config::Listener,
    /// `None`: the listener speaks plaintext.
    pub tls: Option<CurrentTls>,
    /// Tells whose token was sent to a TLS port without TLS.
    pub in_clear: InClear,
    pub clock: SharedClock,
    /// Cancelled, no further socket is accepted and every connection is asked to end.
    pub shutdown: CancellationToken,
    pub events: Arc<dyn ListenerEvents>,
}

/// Accepts until the shutdown, and returns when the last connection is gone.
pub async fn accept_stack(sockets: Vec<TcpListener>, app: App, connections: Connections) {
    let Connections { config, tls, in_clear, clock, shutdown, events } = connections;
    let tracker = TaskTracker::new();

    let caps = CapsLayer::new(&config, clock.clone(), shutdown.clone(), events.clone());
    let proxy = ProxyLayer::new(&config, &caps);

    // Runs once for each connection.                                                bytes -> Peer
    let connection_stack = ServiceBuilder::new()
        .layer(caps) //                                                                     a slot, or a wait for one
        .layer(DeadlineLayer::new(config.deadlines, clock.clone(), shutdown.clone())) //    one timer for all that follows
        .layer(proxy) //                                                                    whom a balancer speaks for
        .layer(TlsLayer::new(&config.name, tls, in_clear, events.clone())) //               the handshake
        .service(HttpService::new(app, tracker.clone())); //                                its requests, each with its Peer

    listener::serve(sockets, connection_stack, shutdown, tracker, clock, events).await;
}

/// What the requests need.
#[derive(Clone, Debug)]
pub struct Requests {
    pub answering: Answering,
    pub identity: Arc<Identity>,
    pub buckets: Arc<ArcSwap<Buckets>>,
    pub namespace: Namespace,
    pub api: Api,
}

/// What answers the requests of a listener. Clones share it.
#[derive(Clone, Debug)]
pub enum App {
    Main(Arc<Relay>),
    Ops(Arc<Around<Answering, OpsDoors>>),
}

/// The stages of a main listener, as [`request_stack`] puts them together.
pub type Relay = Around<Answering, Around<Lead, Staged<Arc<Identity>, Around<Pace, Staged<Loaded, Inner>>>>>;

/// Those that know where a request leads.
type Inner = Around<Find, Staged<Namespace, Handlers>>;

/// Runs once for each request of a listener. What the listener does not serve is not there.
pub fn request_stack(requests: &Requests, listener: &config::Listener) -> App {
    let Requests { answering, identity, buckets, namespace, api } = requests.clone();
    let doors = Arc::new(Doors::of(routes(), &listener.serves));
    let paths = Paths::new(&listener.route_prefix, doors.exact());

    let relay = ServiceBuilder::new()
        .layer(AroundLayer(answering)) //                                    id, count, the words of a refusal, gzip, panics
        .layer(AroundLayer(Lead { paths, doors, api: api.clone() })) //      where it leads: told behind the guards alone
        .layer(StageLayer(identity)) //                                     Peer      -> Principal
        .layer(AroundLayer(Pace(buckets))) //                                Principal -> Permit
        .layer(StageLayer(Loaded(api.clone()))) //                          after a start: when all is loaded
        .layer(AroundLayer(Find)) //                                         to a door, elsewhere, or nowhere
        .layer(StageLayer(namespace)) //                                    Permit    -> Scope
        .service(Handlers(api)); //                                         Scope     -> the row's handler
    App::Main(Arc::new(relay))
}

/// The same of the operator's listener.
pub fn ops_stack(doors: OpsDoors, answering: Answering) -> App {
    App::Ops(Arc::new(ServiceBuilder::new().layer(AroundLayer(answering)).service(doors)))
}

impl Answers for App {
    type Body = Body;

    async fn respond(&self, asked: Asked<RequestBody>) -> Response {
        let Asked { peer, head, body } = asked;
        self.answer(Asked { peer, head, body: Body::new(body) }).await
    }
}

impl App {
    /// The answer: there always is one, if only to say why there is no other.
    pub async fn answer(&self, asked: Asked<Body>) -> Response {
        match self {
            Self::Main(relay) => relay.meet(asked).await,
            Self::Ops(doors) => doors.meet(asked).await,
        }
    }
}
