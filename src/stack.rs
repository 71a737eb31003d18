//! The whole gateway on one page. Read top to bottom: that is the path of a request.
//!
//! Three stacks: accept makes connections, the connection stack runs once for each of them, the request stack once for
//! each request. A `ServiceBuilder` is read in the order in which a request meets its layers.

use crate::answered::Answering;
use crate::answered::Routed;
use crate::answered::answered;
use crate::answered::routed;
use crate::api;
use crate::api::Api;
use crate::config;
use crate::identity;
use crate::identity::Identity;
use crate::limits;
use crate::limits::Buckets;
use crate::listener;
use crate::listener::CapsLayer;
use crate::listener::CurrentTls;
use crate::listener::DeadlineLayer;
use crate::listener::HttpService;
use crate::listener::InClear;
use crate::listener::ListenerEvents;
use crate::listener::ProxyLayer;
use crate::listener::TlsLayer;
use crate::model::Service;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::namespace;
use crate::namespace::Access;
use crate::namespace::Halves;
use crate::namespace::Namespace;
use crate::paths;
use crate::paths::Paths;
use crate::rejection::Rejection;
use crate::routes::Route;
use crate::routes::routes;
use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::middleware::from_fn;
use axum::middleware::from_fn_with_state as with;
use axum::response::IntoResponse;
use axum::response::Response;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as TowerService;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

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
pub async fn accept_stack(sockets: Vec<TcpListener>, app: Router, connections: Connections) {
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
    pub identity: Identity,
    pub buckets: Arc<ArcSwap<Buckets>>,
    /// All tenants there are: an operator may name no other.
    pub tenants: Arc<ArcSwap<BTreeSet<TenantId>>>,
    pub api: Api,
}

/// Runs once for each request of a listener. What it does not serve is not there.
pub fn request_stack(requests: &Requests, listener: &config::Listener) -> Router {
    let Requests { answering, api, .. } = requests;
    let config::Listener { serves, route_prefix, .. } = listener;
    let served = |route: &Route| route.served(serves) != (false, false);
    let rows: Vec<Route> = routes().into_iter().filter(served).collect();

    // Everything but the open doors, unknown paths and wrong methods too: a stranger learns nothing but 401.
    let behind_guards = router(&rows, requests, |access| access != Access::Open)
        .fallback(api::not_found)
        .method_not_allowed_fallback(api::not_allowed);
    let open = router(&rows, requests, |access| access == Access::Open)
        .method_not_allowed_fallback(api::not_allowed)
        .layer(from_fn(routed));
    let guards = Arc::new(Guards { requests: requests.clone(), halves: halves(&rows, serves) });
    let doors = open.merge(behind_guards.layer(with(guards.clone(), guard))).with_state(api.clone());

    // Before the table of doors: paths that mean another one.
    let beside = Router::new().fallback(paths::beside).layer(with(guards, guard));
    let paths = Arc::new(Paths::new(route_prefix, exact(&rows), beside));
    let led = ServiceBuilder::new().layer(with(paths, paths::lead)).service(doors);
    around(led, answering)
}

/// What the stages of [`guarded`] need.
#[derive(Debug)]
struct Guards {
    requests: Requests,
    halves: Halves,
}

/// The stages between a connection's Peer and a route's Scope, as one layer: as layers of their own they cost a push six
/// times five thousand instructions, for boxes and copies of all that lies behind them.
async fn guard(State(guards): State<Arc<Guards>>, request: Request, next: Next) -> Response {
    let route = Routed::of(&request);
    route.told_by(guarded(&guards, request, next).await.into_response())
}

async fn guarded(guards: &Guards, mut request: Request, next: Next) -> Result<Response, Rejection> {
    let Guards { requests: Requests { identity, buckets, api, .. }, halves } = guards;
    identity::prove(identity, &mut request).await?; //                  Peer      -> Principal
    identity::refuse_foreign_origins(&request)?; //                     no page of another site
    let places = limits::admit(buckets, &mut request).await?; //        Principal -> Permit
    api::wait_until_loaded(api).await?; //                              after a start
    namespace::admit_side(halves, &request)?; //                        no route of the other side
    let answer = next.run(request).await; //                            each route: Permit -> Scope, then its handler
    Ok(answer.map(|body| places.held_by(body))) //                      under way until the answer is sent
}

/// What every answer meets on its way out, whichever listener it leaves by.
pub fn around<D>(doors: D, answering: &Answering) -> Router
where
    D: TowerService<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    D::Future: Send,
{
    Router::new().fallback_service(doors).layer(
        ServiceBuilder::new()
            .layer(with(Arc::new(answering.clone()), answered)) //                 id, count, and the words of a refusal
            .layer(CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest))
            .layer(CatchPanicLayer::custom(|_| Rejection::Misassembled("a panic").into_response())),
    )
}

/// The rows that `wanted` picks, each behind its own namespace stage.
fn router(rows: &[Route], requests: &Requests, wanted: impl Fn(Access) -> bool) -> Router<Api> {
    let Requests { answering: Answering { audit, .. }, tenants, .. } = requests;
    rows.iter().filter(|route| wanted(route.access)).fold(Router::new(), |router, route| {
        let Route { access, path, .. } = *route;
        let namespace = Arc::new(Namespace { tenants: tenants.clone(), access, audit: audit.clone(), path });
        let handler = (route.handler)().route_layer(with(namespace, namespace::admit)); // Permit -> Scope
        router.route(route.path, handler)
    })
}

/// The paths of rows for both sides of which the listener serves one alone.
fn halves(rows: &[Route], serves: &BTreeSet<Service>) -> Halves {
    let of = |half| {
        let rows =
            rows.iter().filter(|route| matches!(route.access, Access::Either(..)) && route.served(serves) == half);
        rows.map(|route| route.path).collect()
    };
    Halves { of_tenants: of((true, false)), of_operators: of((false, true)) }
}

/// The paths without a variable part, and the beginning of a push path: Pushgateway leads `/metrics/job/` there too.
fn exact(rows: &[Route]) -> Vec<&'static str> {
    let pushes = rows.iter().any(|route| route.serves == Service::Push).then_some("/metrics/job");
    rows.iter().map(|route| route.path).filter(|path| !path.contains('{')).chain(pushes).collect()
}
