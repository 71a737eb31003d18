//! The outermost layer of a request: it names the request, sees every answer, counts it, audits and writes out refusals.

mod caught;
mod compressed;
mod noted;

use self::caught::caught;
use self::compressed::Compressing;
use self::noted::Underway;
use crate::listener::Asked;
use crate::listener::Peer;
use crate::model::SharedClock;
use crate::rejection::Form;
use crate::rejection::Rejection;
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
use http::header::ACCEPT;
use http::header::ALLOW;
use http::header::CACHE_CONTROL;
use http::header::CONTENT_LENGTH;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http_body::Body as HttpBody;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use tower::Layer;
use tower::Service;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

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
    pub answer: Result<Response, Rejection>,
}

/// What leads a request to its outcome.
pub type Led<'s> = Pin<Box<dyn Future<Output = Result<Outcome, Infallible>> + Send + 's>>;

/// From a request to what leaves: there always is an answer.
#[derive(Clone, Debug)]
pub struct AnsweredLayer(pub Answering);

/// What [`AnsweredLayer`] makes, and what lies behind it.
#[derive(Debug)]
pub struct Answered<S> {
    answering: Answering,
    behind: S,
}

impl<S> Layer<S> for AnsweredLayer {
    type Service = Answered<S>;

    fn layer(&self, behind: S) -> Answered<S> {
        Answered { answering: self.0.clone(), behind }
    }
}

impl<'s, S> Service<Asked<Body>> for &'s Answered<S>
where
    S: Sync,
    &'s S: Service<Relayed<Peer>, Response = Outcome, Error = Infallible, Future = Led<'s>>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send + 's>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, asked: Asked<Body>) -> Self::Future {
        let Answered { answering, behind } = *self;
        Box::pin(async move { Ok(answered::<S>(answering, behind, asked).await) })
    }
}

async fn answered<'s, S>(answering: &Answering, mut behind: &'s S, asked: Asked<Body>) -> Response
where
    &'s S: Service<Relayed<Peer>, Response = Outcome, Error = Infallible, Future = Led<'s>>,
{
    let began = answering.clock.tick();
    let id = answering.ids.next_id();
    let method = asked.head.method.clone();
    let forms = Forms::of(&asked.head.headers);
    let compressing = Compressing::of(&asked.head.headers);
    let Asked { peer, head, body } = asked;
    let initiator = Initiator::new(id, Some(peer.address().ip()));
    let underway = Underway::new(&answering.audit, &initiator, &method);
    let led = caught(behind.call(Relayed { baton: peer, to: (), initiator: initiator.clone(), head, body })).await;
    let Outcome { route, methods, answer } = match led {
        Ok(Ok(outcome)) => outcome,
        Err(panic) => Outcome { route: None, methods: None, answer: Err(panic) },
    };
    let (mut answer, rejection) = match answer {
        Ok(answer) => (compressing.compressed(answer).await, None),
        Err(rejection) => (refused(&rejection, id, &forms), Some(rejection)),
    };
    if method == Method::HEAD {
        answer = without_body(answer);
    }
    let status = answer.status();
    let headers = answer.headers_mut();
    headers.reserve(4);
    if let Some(methods) = methods {
        headers.insert(ALLOW, methods);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_bytes(&id.digits()) {
        headers.insert(X_REQUEST_ID, id);
    }
    let route = route.unwrap_or(answering.elsewhere);
    underway.answered(route, rejection.as_ref());
    let seconds = answering.clock.tick().since(began).as_secs_f64();
    answering.metrics.answered(route, status.as_u16(), rejection.as_ref().map(Rejection::code), seconds);
    answer
}

/// A refusal in full.
fn refused(rejection: &Rejection, id: RequestId, forms: &Forms) -> Response {
    if let Rejection::Misassembled(what) = rejection {
        tracing::error!(request = %id, what, "internal error");
    }
    tracing::debug!(request = %id, code = rejection.code(), "refused");
    rejection.answer(&id.to_string(), forms.wanted())
}

/// The request's `Accept`: kept, and read only if there is a refusal to be written. Nearly always one value at most, for
/// which nothing is allocated.
struct Forms {
    first: Option<HeaderValue>,
    others: Vec<HeaderValue>,
}

impl Forms {
    fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(ACCEPT).iter().cloned();
        Self { first: values.next(), others: values.collect() }
    }

    fn wanted(&self) -> Form {
        Form::wanted(self.first.iter().chain(&self.others).filter_map(|value| value.to_str().ok()))
    }
}

/// The head of an answer, with the length of the body that GET would have been sent.
fn without_body(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact() {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Body::empty())
}
