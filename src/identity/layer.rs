//! This stage as a layer.

use super::IdentityError;
use super::origin::refuse_foreign_origins;
use super::principal::Principal;
use super::proof::Proof;
use super::registry::Registry;
use crate::listener::Peer;
use crate::model::SharedClock;
use crate::rejection::Rejection;
use crate::relay::Relayed;
use crate::relay::Stage;
use crate::telemetry::Audit;
use crate::telemetry::AuditEvent;
use crate::telemetry::Initiator;
use arc_swap::ArcSwap;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use std::sync::Arc;

/// What the stage needs: the credentials in force, the time, and where to write down who came.
#[derive(Debug)]
pub struct Identity {
    pub registry: Arc<ArcSwap<Registry>>,
    pub clock: SharedClock,
    pub audit: Audit,
}

/// Peer to [`Principal`]; and no page of another site gets further.
impl<D: Send> Stage<Peer, D> for Arc<Identity> {
    type Given = Principal;

    async fn pass(&self, relayed: Relayed<Peer, D>) -> Result<Relayed<Principal, D>, Rejection> {
        let Relayed { baton: peer, head, initiator, .. } = &relayed;
        let principal = prove(self, peer, &head.headers, initiator).await?;
        refuse_foreign_origins(head)?;
        Ok(relayed.hand(|_| principal))
    }
}

/// The same before a router of axum's, without a look at where a page comes from.
pub async fn require(
    State(identity): State<Arc<Identity>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Rejection> {
    // A connection without a Peer did not come through the listener: nobody is let in that way.
    let peer = request.extensions().get::<Peer>().ok_or(Rejection::Misassembled("no Peer"))?;
    let initiator = request.extensions().get::<Initiator>().ok_or(Rejection::Misassembled("no Initiator"))?;
    let principal = prove(&identity, peer, request.headers(), initiator).await?;
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

/// Whom a request's credentials prove. Its [`Initiator`] is told who was proved, let in or not.
async fn prove(
    identity: &Arc<Identity>,
    peer: &Peer,
    headers: &HeaderMap,
    initiator: &Initiator,
) -> Result<Principal, Rejection> {
    if peer.is_for_nobody() {
        return Err(IdentityError::Unauthenticated.into());
    }
    match Proof::of(identity, headers, peer).await {
        Ok(principal) => {
            peer.prove();
            initiator.proved(principal.who().clone());
            // Before anything is done: whoever breaks off now has come all the same.
            if let Some(first) = principal.used(peer.address().ip()) {
                let first_use = AuditEvent::by("first_use", initiator).with("network", first.to_string());
                identity.audit.note(&first_use);
            }
            Ok(principal)
        }
        Err(refused) => {
            if let Some(credential) = refused.credential {
                initiator.proved(credential.who().clone());
            }
            Err(refused.error.into())
        }
    }
}

/// Where nobody is asked who he is: lets a request on whose connection the listener's `client_auth` would still let in. The
/// handshake asked no revocation list and no entry of `revoked`, and it may have been long ago.
pub async fn require_door(
    State(identity): State<Arc<Identity>>,
    request: Request,
    next: Next,
) -> Result<Response, Rejection> {
    let peer = request.extensions().get::<Peer>().ok_or(Rejection::Misassembled("no Peer"))?;
    identity.registry.load().opens_to(peer, identity.clock.now())?;
    Ok(next.run(request).await)
}
