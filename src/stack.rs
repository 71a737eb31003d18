//! The whole gateway on one page. Read top to bottom: that is the path of a request.
//!
//! Three stacks: accept makes connections, the connection stack runs once for each of them, the request stack once for
//! each request. A `ServiceBuilder` is read in the order in which a request meets its layers.

use crate::answered::Answered;
use crate::answered::AnsweredLayer;
use crate::answered::Answering;
use crate::api::Api;
use crate::api::Loaded;
use crate::config;
use crate::doors::Doors;
use crate::doors::FindLayer;
use crate::doors::Finding;
use crate::doors::Handlers;
use crate::doors::LeadLayer;
use crate::doors::Leading;
use crate::identity::Identity;
use crate::limits::Buckets;
use crate::limits::PaceLayer;
use crate::limits::Paced;
use crate::listener;
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
use crate::relay::StageLayer;
use crate::relay::Staged;
use crate::routes::routes;
use arc_swap::ArcSwap;
use axum::body::Body;
use axum::response::Response;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
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
    Ops(Arc<Answered<OpsDoors>>),
}

/// The stages of a main listener, as [`request_stack`] puts them together.
pub type Relay = Answered<Leading<Staged<Arc<Identity>, Paced<Staged<Loaded, Finding<Staged<Namespace, Handlers>>>>>>>;

/// Runs once for each request of a listener. What the listener does not serve is not there.
pub fn request_stack(requests: &Requests, listener: &config::Listener) -> App {
    let Requests { answering, identity, buckets, namespace, api } = requests.clone();
    let doors = Arc::new(Doors::of(routes(), &listener.serves));
    let paths = Paths::new(&listener.route_prefix, doors.exact());

    let relay = ServiceBuilder::new()
        .layer(AnsweredLayer(answering)) //                         id, count, the words of a refusal, gzip, panics
        .layer(LeadLayer { paths, doors, api: api.clone() }) //     where it leads: told behind the guards alone
        .layer(StageLayer(identity)) //                             Peer      -> Principal
        .layer(PaceLayer(buckets)) //                               Principal -> Permit
        .layer(StageLayer(Loaded(api.clone()))) //                  after a start: when all is loaded
        .layer(FindLayer) //                                        to a door, elsewhere, or nowhere
        .layer(StageLayer(namespace)) //                            Permit    -> Scope
        .service(Handlers(api)); //                                 Scope     -> the row's handler
    App::Main(Arc::new(relay))
}

/// The same of the operator's listener.
pub fn ops_stack(doors: OpsDoors, answering: Answering) -> App {
    App::Ops(Arc::new(ServiceBuilder::new().layer(AnsweredLayer(answering)).service(doors)))
}

impl Service<Asked<RequestBody>> for App {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, asked: Asked<RequestBody>) -> Self::Future {
        let app = self.clone();
        let Asked { peer, head, body } = asked;
        Box::pin(async move { app.answer(Asked { peer, head, body: Body::new(body) }).await })
    }
}

impl App {
    /// The answer: there always is one, if only to say why there is no other.
    pub async fn answer(self, asked: Asked<Body>) -> Result<Response, Infallible> {
        match &self {
            Self::Main(relay) => (&**relay).call(asked).await,
            Self::Ops(doors) => (&**doors).call(asked).await,
        }
    }
}
