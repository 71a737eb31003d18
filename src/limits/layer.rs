//! This stage as a layer.

use super::bucket::Buckets;
use super::permit::Held;
use super::permit::Permit;
use crate::identity::Principal;
use crate::rejection::Rejection;
use arc_swap::ArcSwap;
use axum::body::Body;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// Charges a request before its body is read, and keeps its place until its answer is sent.
pub async fn admit(
    State(buckets): State<Arc<ArcSwap<Buckets>>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Rejection> {
    let principal = request.extensions_mut().remove::<Principal>().ok_or(Rejection::Misassembled("no Principal"))?;
    // Whoever has no bucket went with a reload a moment ago.
    let slot = buckets.load().admit(principal.party()).ok_or_else(Rejection::withdrawn)??;
    request.extensions_mut().insert(Permit::new(principal));
    let answer = next.run(request).await;
    Ok(answer.map(|body| Body::new(Held::new(body, slot))))
}
