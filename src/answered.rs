//! The outermost layer of a request: it names the request, sees every answer, counts it, audits and writes out refusals.

mod caught;
mod compressed;
mod noted;
mod wanted;

use self::caught::caught;
use self::compressed::compressed;
use self::noted::Underway;
use self::wanted::Wanted;
use crate::listener::Asked;
use crate::listener::Peer;
use crate::model::SharedClock;
use crate::rejection::Form;
use crate::rejection::Rejection;
use crate::relay::Answer;
use crate::relay::Around;
use crate::relay::Behind;
use crate::relay::Relayed;
use crate::telemetry::Audit;
use crate::telemetry::Initiator;
use crate::telemetry::Metrics;
use crate::telemetry::RequestId;
use crate::telemetry::RequestIds;
use axum::body::Body;
use axum::response::Response;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::header::ALLOW;
use http::header::CACHE_CONTROL;
use http::header::CONTENT_LENGTH;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http_body::Body as HttpBody;
use std::sync::LazyLock;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer says in its head; the request's id is each one's own. To be copied as it is, since entered one by one
/// in what grows with them the three cost a push twice as much.
static ALWAYS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let always = [
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_REQUEST_ID, HeaderValue::from_static("")),
    ];
    always.into_iter().collect()
});

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

/// What became of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The path of its route as the table writes it, if it met one.
    pub route: Option<&'static str>,
    /// The methods of its path, for whoever asked for them or for another, and may know.
    pub methods: Option<HeaderValue>,
    pub answer: Answer,
}

/// From a request to what leaves: there always is an answer.
impl<S> Behind<Asked<Body>> for Around<Answering, S>
where
    S: Behind<Relayed<Peer>, Outcome = Outcome>,
{
    type Outcome = Response;

    async fn meet(&self, asked: Asked<Body>) -> Response {
        answered(&self.what, &self.behind, asked).await
    }
}

async fn answered<S>(answering: &Answering, behind: &S, asked: Asked<Body>) -> Response
where
    S: Behind<Relayed<Peer>, Outcome = Outcome>,
{
    let began = answering.clock.tick();
    let id = answering.ids.next_id();
    let method = asked.head.method.clone();
    let wanted = Wanted::of(&asked.head.headers);
    let Asked { peer, head, body } = asked;
    let initiator = Initiator::new(id, Some(peer.address().ip()));
    let underway = Underway::new(&answering.audit, &initiator, &method);
    let relayed = Relayed { baton: peer, to: (), initiator: initiator.clone(), head, body };
    let led = caught(behind.meet(relayed)).await;
    let Outcome { route, methods, answer } =
        led.unwrap_or_else(|panic| Outcome { route: None, methods: None, answer: Err(panic) });
    let (mut answer, rejection) = match answer {
        // A push's has no body, and none of this is done for it.
        Ok(answer) if answer.body().is_end_stream() => (answer, None),
        Ok(answer) => (Box::pin(compressed(answer, wanted.encodings)).await, None),
        Err(rejection) => (refused(&rejection, id, wanted.form()), Some(rejection)),
    };
    if method == Method::HEAD {
        answer = without_body(answer);
    }
    let status = answer.status();
    let headers = answer.headers_mut();
    match headers.is_empty() {
        true => headers.clone_from(&ALWAYS),
        false => headers.extend(ALWAYS.clone()),
    }
    if let Some(methods) = methods {
        headers.insert(ALLOW, methods);
    }
    // It is there already: to be entered, even over another, a map that is full first grows.
    if let (Some(place), Ok(id)) = (headers.get_mut(X_REQUEST_ID), HeaderValue::from_bytes(&id.digits())) {
        *place = id;
    }
    let route = route.unwrap_or(answering.elsewhere);
    underway.answered(route, rejection.as_ref());
    let seconds = answering.clock.tick().since(began).as_secs_f64();
    answering.metrics.answered(route, status.as_u16(), rejection.as_ref().map(Rejection::code), seconds);
    answer
}

/// A refusal in full.
fn refused(rejection: &Rejection, id: RequestId, form: Form) -> Response {
    if let Rejection::Misassembled(what) = rejection {
        tracing::error!(request = %id, what, "internal error");
    }
    tracing::debug!(request = %id, code = rejection.code(), "refused");
    rejection.answer(&id.to_string(), form)
}

/// The head of an answer, with the length of the body that GET would have been sent.
fn without_body(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Body::empty())
}
