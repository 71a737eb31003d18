//! This stage as a layer.

use super::IdentityError;
use super::credential::Party;
use super::registry::Registry;
use crate::listener::Peer;
use crate::model::SharedClock;
use crate::rejection::Rejection;
use crate::telemetry::Who;
use arc_swap::ArcSwap;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use std::sync::Arc;

/// What the stage needs: the credentials in force, and the time.
#[derive(Clone, Debug)]
pub struct Identity {
    pub registry: Arc<ArcSwap<Registry>>,
    pub clock: SharedClock,
}

/// Lets a request on with its [`Principal`](super::Principal), or not at all. Every answer says [`Who`] was proved, for the
/// audit.
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
    let registry = identity.registry.load_full();
    let principal = registry.authenticate(request.headers(), peer, identity.clock.now()).await;
    let (who, mut answer) = match principal {
        Ok(principal) => {
            let who = who_is(principal.party(), principal.credential());
            request.extensions_mut().insert(principal);
            (Some(who), next.run(request).await)
        }
        Err(refused) => {
            if !matches!(refused.error, IdentityError::Unauthenticated) {
                tracing::info!(peer = %address, error = %refused.error, "refused");
            }
            let who = refused.credential.map(|credential| who_is(credential.party(), credential.name()));
            (who, Rejection::from(refused.error).into_response())
        }
    };
    if let Some(who) = who {
        answer.extensions_mut().insert(who);
    }
    Ok(answer)
}

fn who_is(party: &Party, credential: &str) -> Who {
    let credential = credential.to_owned();
    match party {
        Party::Tenant(grant) => Who { tenant: Some(grant.tenant.clone()), operator: None, credential },
        Party::Operator(grant) => Who { tenant: None, operator: Some(grant.operator.clone()), credential },
    }
}
