//! The outermost layer of a request: it names the request, sees every answer, counts it, and writes refusals out.

use crate::model::SharedClock;
use crate::rejection::Rejection;
use crate::telemetry::Metrics;
use crate::telemetry::RequestIds;
use axum::extract::MatchedPath;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::StatusCode;
use http::header::ALLOW;

/// What the layer needs.
#[derive(Clone, Debug)]
pub struct Answering {
    pub metrics: Metrics,
    pub ids: RequestIds,
    pub clock: SharedClock,
}

/// The label of requests that met no route: their paths are a stranger's choice.
const NO_ROUTE: &str = "none";

pub async fn answered(State(answering): State<Answering>, request: Request, next: Next) -> Response {
    let began = answering.clock.tick();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let id = answering.ids.next_id();
    let mut answer = next.run(request).await;
    let rejection = answer.extensions_mut().remove::<Rejection>();
    if let Some(rejection) = &rejection {
        if let Rejection::Misassembled(what) = rejection {
            tracing::error!(request = id, what, "internal error");
        }
        tracing::debug!(request = id, code = rejection.code(), "refused");
        // Which methods a path has is the router's knowledge, which it writes on every answer to another method: also on
        // the 401 of a stranger, who is not to learn it.
        let allow = answer.headers_mut().remove(ALLOW);
        answer = rejection.answer(&id);
        if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
            answer.headers_mut().extend(allow.map(|allow| (ALLOW, allow)));
        }
    }
    let headers = answer.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let seconds = answering.clock.tick().since(began).as_secs_f64();
    let code = rejection.as_ref().map(Rejection::code);
    answering.metrics.answered(route, answer.status().as_u16(), code, seconds);
    answer
}
