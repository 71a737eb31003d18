//! The whole gateway on one page. Read top to bottom: that is the path of a request.
//!
//! Two stacks of services make connections: accept, and the connection stack, which runs once for each of them. A
//! `ServiceBuilder` is read in the order in which a connection meets its layers. Then each request goes through plain
//! functions, stage by stage, each of which takes a baton and hands on the next; behind one another as tower layers they
//! cost a push five thousand instructions each, for boxes and copies of all that lay behind.

use crate::answered::Answering;
use crate::answered::Entrance;
use crate::answered::Outcome;
use crate::answered::answered;
use crate::api;
use crate::api::Api;
use crate::api::ApiError;
use crate::api::Call;
use crate::config;
use crate::doors::Doors;
use crate::doors::Way;
use crate::identity;
use crate::identity::Identity;
use crate::limits;
use crate::limits::Buckets;
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
use crate::namespace;
use crate::namespace::Namespace;
use crate::ops::OpsDoors;
use crate::paths::Leads;
use crate::paths::Paths;
use crate::rejection::Rejection;
use crate::routes::routes;
use crate::telemetry::Initiator;
use arc_swap::ArcSwap;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::Response;
use http::Method;
use http::StatusCode;
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
    Main(Arc<Main>),
    Ops(Arc<(OpsDoors, Answering)>),
}

impl listener::App for App {
    type Body = Body;

    async fn answer(self, asked: Asked<RequestBody>) -> Response {
        let Asked { peer, head, body } = asked;
        self.answered(Asked { peer, head, body: Body::new(body) }).await
    }
}

impl App {
    pub async fn answered(self, asked: Asked<Body>) -> Response {
        match self {
            Self::Main(main) => answered(&main.requests.answering, &*main, asked).await,
            Self::Ops(ops) => answered(&ops.1, &ops.0, asked).await,
        }
    }
}

/// The requests of a main listener.
#[derive(Debug)]
pub struct Main {
    requests: Requests,
    paths: Paths,
    doors: Doors,
}

/// What a listener does not serve is not there.
pub fn request_stack(requests: &Requests, listener: &config::Listener) -> App {
    let doors = Doors::of(routes(), &listener.serves);
    let paths = Paths::new(&listener.route_prefix, doors.exact());
    App::Main(Arc::new(Main { requests: requests.clone(), paths, doors }))
}

impl Entrance for Main {
    /// Where it leads is looked up first and told last: nobody learns of it who does not pass the guards.
    async fn enter(&self, mut asked: Asked<Body>, initiator: &Initiator) -> Outcome {
        let leads = self.paths.lead(&asked.head.method, &mut asked.head.uri);
        let way = if leads == Leads::Within { self.doors.at(asked.head.uri.path()) } else { None };
        let asks_for_methods = asked.head.method == Method::OPTIONS;
        let answer = match way {
            Some(way) if way.is_open() => self.open(way, asked, initiator).await,
            way => self.guarded((leads, way), asked, initiator).await,
        };
        let tells_methods = match &answer {
            Ok(_) => asks_for_methods,
            Err(refusal) => matches!(refusal, Rejection::Api(ApiError::MethodNotAllowed)),
        };
        let methods = way.filter(|_| tells_methods).and_then(Way::methods);
        Outcome { route: way.map(Way::path), methods, answer }
    }
}

impl Main {
    /// Doors that ask for nobody.
    async fn open(&self, way: &Way, asked: Asked<Body>, initiator: &Initiator) -> Result<Response, Rejection> {
        let Some(door) = way.door(&asked.head.method)? else { return Ok(StatusCode::OK.into_response()) };
        let (api, initiator) = (self.requests.api.clone(), initiator.clone());
        let Asked { head, body, .. } = asked;
        door.pass(Call { api, scope: (), initiator, head, body }, None).await
    }

    /// Everything but the open doors, unknown paths and wrong methods too: a stranger learns nothing but 401.
    async fn guarded(
        &self,
        (leads, way): (Leads, Option<&Way>),
        asked: Asked<Body>,
        initiator: &Initiator,
    ) -> Result<Response, Rejection> {
        let Requests { identity, buckets, namespace, api, .. } = &self.requests;
        let Asked { peer, head, body } = asked;
        let principal = identity::prove(identity, &peer, &head.headers, initiator).await?; // Peer      -> Principal
        identity::refuse_foreign_origins(&head)?; //                                          no page of another site
        let (permit, places) = limits::admit(buckets, principal).await?; //                   Principal -> Permit
        api::wait_until_loaded(api).await?; //                                                after a start
        let way = match (leads, way) {
            (Leads::Within, Some(way)) => way,
            (Leads::Away(moved), _) => return moved.answer().ok_or(ApiError::NotFound.into()),
            _ => return Err(ApiError::NotFound.into()),
        };
        namespace::admit_side(way.side(), &permit)?; //                                       no route of the other side
        let Some(door) = way.door(&head.method)? else { return Ok(StatusCode::OK.into_response()) };
        let view = namespace::admit(namespace, (door.access, way.path()), permit, &head, initiator).await?; // -> Scope
        let call = Call { api: api.clone(), scope: (), initiator: initiator.clone(), head, body };
        let answer = door.pass(call, Some(view)).await?; //                                   the row's handler
        Ok(answer.map(|body| places.held_by(body))) //                                        under way until it is sent
    }
}
