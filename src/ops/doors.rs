//! The doors of the operator's listener.

use crate::answered::Outcome;
use crate::api::ApiError;
use crate::config::OpsAuth;
use crate::identity;
use crate::identity::Identity;
use crate::identity::Party;
use crate::identity::Principal;
use crate::listener::Peer;
use crate::model::OperatorScope;
use crate::namespace::NamespaceError;
use crate::rejection::Rejection;
use crate::relay::Behind;
use crate::relay::Relayed;
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
use http::HeaderValue;
use http::StatusCode;
use http::header::ALLOW;
use http::header::CONTENT_TYPE;
use std::sync::Arc;
use tower::ServiceBuilder;
use tower::ServiceExt;

/// What the doors show.
#[derive(Clone, Debug)]
pub struct Ops {
    pub health: Health,
    pub metrics: Metrics,
    pub identity: Arc<Identity>,
    pub auth: OpsAuth,
    pub audit: Audit,
}

/// The routes, as they are entered.
#[derive(Clone, Debug)]
pub struct OpsDoors(Router);

impl Behind<Relayed<Peer>> for OpsDoors {
    type Outcome = Outcome;

    async fn meet(&self, relayed: Relayed<Peer>) -> Outcome {
        let router = self.0.clone();
        let Relayed { baton: peer, initiator, head, body, .. } = relayed;
        let mut request = Request::from_parts(*head, body);
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(initiator);
        let Ok(mut answer) = router.oneshot(request).await;
        let allowed = answer.headers_mut().remove(ALLOW);
        let methods = allowed.filter(|_| answer.status() == StatusCode::METHOD_NOT_ALLOWED);
        let answer = answer.extensions_mut().remove::<Rejection>().map_or(Ok(answer), Err);
        Outcome { route: None, methods: methods.and_then(|methods| with_options(&methods)), answer }
    }
}

/// The methods that a path has routes for, and OPTIONS, which every path has; in order, as Pushgateway names them.
fn with_options(allowed: &HeaderValue) -> Option<HeaderValue> {
    let mut methods: Vec<&str> = allowed.to_str().ok()?.split(',').map(str::trim).collect();
    methods.push("OPTIONS");
    methods.sort_unstable();
    methods.dedup();
    HeaderValue::from_str(&methods.join(", ")).ok()
}

/// The routes: health is open, the metrics may ask for an operator, and for a certificate where the listener does.
pub fn doors(ops: &Ops) -> OpsDoors {
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
    let open = open.method_not_allowed_fallback(not_allowed);
    OpsDoors(open.merge(guarded).fallback(not_found).with_state(ops.clone()))
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
