//! The doors of the operator's listener.

use crate::api::ApiError;
use crate::config::OpsAuth;
use crate::identity;
use crate::identity::Identity;
use crate::identity::Party;
use crate::identity::Principal;
use crate::model::OperatorScope;
use crate::namespace::NamespaceError;
use crate::rejection::Rejection;
use crate::telemetry::Audit;
use crate::telemetry::AuditEvent;
use crate::telemetry::Health;
use crate::telemetry::Initiator;
use crate::telemetry::Metrics;
use axum::Router;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tower::ServiceBuilder;

/// What the doors show.
#[derive(Clone, Debug)]
pub struct Ops {
    pub health: Health,
    pub metrics: Metrics,
    pub identity: Identity,
    pub auth: OpsAuth,
    pub audit: Audit,
}

/// The routes: health is open, the metrics may ask for an operator, and for a certificate where the listener does.
pub fn doors(ops: &Ops) -> Router {
    let metrics = Router::new().route("/metrics", get(metrics)).method_not_allowed_fallback(not_allowed);
    let guarded = match ops.auth {
        OpsAuth::None => metrics.layer(from_fn_with_state(ops.identity.clone(), identity::require_door)),
        OpsAuth::Operators => metrics.layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(ops.identity.clone(), identity::require))
                .layer(from_fn_with_state(ops.audit.clone(), require_ops_read)),
        ),
    };
    let open = Router::new().route("/-/healthy", get(|| async { "OK" })).route("/-/ready", get(ready));
    open.method_not_allowed_fallback(not_allowed).merge(guarded).fallback(not_found).with_state(ops.clone())
}

async fn not_found() -> Rejection {
    ApiError::NotFound.into()
}

async fn not_allowed() -> Rejection {
    ApiError::MethodNotAllowed.into()
}

/// Written down first, as every use of an operator's authority: what cannot be written down is not done.
async fn require_ops_read(State(audit): State<Audit>, request: Request, next: Next) -> Result<Response, Rejection> {
    let principal = request.extensions().get::<Principal>().ok_or(Rejection::Misassembled("no Principal"))?;
    match principal.party() {
        Party::Operator(grant) if grant.scopes.contains(&OperatorScope::OpsRead) => {}
        Party::Operator(_) => return Err(NamespaceError::Operator(OperatorScope::OpsRead).into()),
        Party::Tenant(_) => return Err(NamespaceError::OperatorOnly.into()),
    }
    let initiator = request.extensions().get::<Initiator>().ok_or(Rejection::Misassembled("no Initiator"))?;
    let read = AuditEvent::by("operator_read", initiator).with("method", request.method().as_str());
    let read = read.with("route", "ops");
    audit.record(read).await?;
    Ok(next.run(request).await)
}

/// `OK` with what is wrong nevertheless, or why not.
async fn ready(State(ops): State<Ops>) -> (StatusCode, String) {
    match ops.health.is_ready() {
        true if !ops.health.degraded().is_empty() => {
            (StatusCode::OK, format!("OK, degraded: {}\n", ops.health.degraded().join(", ")))
        }
        true => (StatusCode::OK, "OK\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", ops.health.reasons().join(", "))),
    }
}

async fn metrics(State(ops): State<Ops>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match ops.metrics.write() {
        Ok(text) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(std::fmt::Error) => Rejection::Misassembled("metrics cannot be written").into_response(),
    }
}
