//! The outermost layer of a request: it names the request, sees every answer, counts it, audits and writes out refusals.

mod noted;

use self::noted::Underway;
use crate::listener::Peer;
use crate::model::SharedClock;
use crate::rejection::Form;
use crate::rejection::Rejection;
use crate::telemetry::Audit;
use crate::telemetry::Initiator;
use crate::telemetry::Metrics;
use crate::telemetry::RequestIds;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header::ACCEPT;
use http::header::ALLOW;
use http::header::CONTENT_LENGTH;
use http_body::Body as HttpBody;
use std::sync::Arc;

/// What the layer needs.
#[derive(Clone, Debug)]
pub struct Answering {
    pub metrics: Metrics,
    pub audit: Audit,
    pub ids: RequestIds,
    pub clock: SharedClock,
    /// The route's label for requests that met none: their paths are a stranger's choice.
    pub elsewhere: &'static str,
}

/// Around all routes of a listener. It must stand outside their router, not be a layer within it: the router adds the
/// methods of a path to every answer to another method, also to the 401 of a stranger, who is not to learn them.
pub async fn answered(State(answering): State<Arc<Answering>>, mut request: Request, next: Next) -> Response {
    let began = answering.clock.tick();
    let id = answering.ids.next_id();
    let method = request.method().clone();
    // Kept, and read only if there is a refusal to be written.
    let accept: Vec<HeaderValue> = request.headers().get_all(ACCEPT).iter().cloned().collect();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.address().ip());
    let initiator = Initiator::new(id, peer);
    request.extensions_mut().insert(initiator.clone());
    let underway = Underway::new(&answering.audit, initiator, &method);
    let mut answer = next.run(request).await;
    let route = answer.extensions_mut().remove::<MatchedPath>();
    let rejection = answer.extensions_mut().remove::<Rejection>();
    let allow = answer.headers_mut().remove(ALLOW);
    if let Some(rejection) = &rejection {
        if let Rejection::Misassembled(what) = rejection {
            tracing::error!(request = %id, what, "internal error");
        }
        tracing::debug!(request = %id, code = rejection.code(), "refused");
        let form = Form::wanted(accept.iter().filter_map(|value| value.to_str().ok()));
        answer = rejection.answer(&id.to_string(), form);
        if method == Method::HEAD {
            answer = without_body(answer);
        }
    }
    let status = answer.status();
    let headers = answer.headers_mut();
    let tells_methods = status == StatusCode::METHOD_NOT_ALLOWED || method == Method::OPTIONS && status.is_success();
    if let Some(allow) = allow.filter(|_| tells_methods).and_then(|allow| with_options(&allow)) {
        headers.insert(ALLOW, allow);
    }
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        headers.insert("x-request-id", id);
    }
    let route = route.as_ref().map_or(answering.elsewhere, MatchedPath::as_str);
    underway.answered(route, rejection.as_ref());
    let seconds = answering.clock.tick().since(began).as_secs_f64();
    answering.metrics.answered(route, status.as_u16(), rejection.as_ref().map(Rejection::code), seconds);
    answer
}

/// The head of an answer, with the length of the body that GET would have been sent.
fn without_body(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Body::empty())
}

/// The methods that a path has routes for, and OPTIONS, which every path has; in order, as Pushgateway names them.
fn with_options(allow: &HeaderValue) -> Option<HeaderValue> {
    let mut methods: Vec<&str> = allow.to_str().ok()?.split(',').map(str::trim).collect();
    methods.push("OPTIONS");
    methods.sort_unstable();
    methods.dedup();
    HeaderValue::from_str(&methods.join(", ")).ok()
}

/// Directly around the routes: lets [`answered`] know which one it was.
pub async fn routed(request: Request, next: Next) -> Response {
    let route = Routed::of(&request);
    route.told_by(next.run(request).await)
}

/// The route of a request, if it met one.
#[derive(Debug)]
pub struct Routed(Option<MatchedPath>);

impl Routed {
    pub fn of(request: &Request) -> Self {
        Self(request.extensions().get::<MatchedPath>().cloned())
    }

    /// The answer, which lets [`answered`] know.
    pub fn told_by(self, mut answer: Response) -> Response {
        if let Some(route) = self.0 {
            answer.extensions_mut().insert(route);
        }
        answer
    }
}
