//! This stage as a layer.

use super::IdentityError;
use super::registry::Registry;
use crate::listener::Peer;
use crate::model::SharedClock;
use crate::rejection::Rejection;
use arc_swap::ArcSwap;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// What the stage needs: the credentials in force, and the time.
#[derive(Clone, Debug)]
pub struct Identity {
    pub registry: Arc<ArcSwap<Registry>>,
    pub clock: SharedClock,
}

/// Lets a request on with its [`Principal`](super::Principal), or not at all.
pub async fn require(
    State(identity): State<Identity>,
    mut request: Request,
    next: Next,
) -> Result<Response, Rejection> {
    // A connection without a Peer did not come through the listener: nobody is let in that way.
    let peer = request.extensions().get::<Peer>().ok_or(Rejection::Misassembled("no Peer"))?;
    if peer.is_for_nobody() {
        return Err(IdentityError::Unauthenticated.into());
    }
    let address = peer.address().ip();
    let principal = identity.registry.load().authenticate(request.headers(), address, identity.clock.now());
    let principal = principal.map_err(|error| {
        if !matches!(error, IdentityError::Unauthenticated) {
            tracing::info!(peer = %address, %error, "refused");
        }
        error
    })?;
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}
