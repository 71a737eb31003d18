//! What proved somebody, for requests that take their time: when the last byte of a body comes, other credentials may be
//! in force than when its head came.

use super::layer::Identity;
use super::principal::Principal;
use super::registry::Refused;
use super::registry::Registry;
use super::usage::FirstUse;
use crate::listener::Peer;
use crate::model::Timestamp;
use http::HeaderMap;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// A request's credentials, and where they were looked up.
pub(super) struct Proof {
    identity: Arc<Identity>,
    /// The registry that knew them.
    seen: Arc<Registry>,
    at: Timestamp,
    authorization: Option<HeaderValue>,
    peer: Peer,
}

impl Proof {
    /// The principal that the one `Authorization` header of `headers` proves, in the registry in force.
    pub(super) async fn of(identity: &Arc<Identity>, headers: &HeaderMap, peer: &Peer) -> Result<Principal, Refused> {
        let mut registry = identity.registry.load_full();
        loop {
            let at = identity.clock.now();
            let principal = registry.authenticate(headers, peer, at).await?;
            // Proof may have waited for its turn, and a reload may have come meanwhile.
            if Arc::ptr_eq(&registry, &identity.registry.load()) {
                let authorization = headers.get(AUTHORIZATION).cloned();
                let proof = Self { identity: identity.clone(), seen: registry, at, authorization, peer: peer.clone() };
                return Ok(principal.proved_by(Arc::new(proof)));
            }
            registry = identity.registry.load_full();
        }
    }

    /// As [`Registry::used`], of the registry that knew them.
    pub(super) fn used(&self, principal: &Principal, address: IpAddr) -> Option<FirstUse> {
        self.seen.used(principal, address, self.at)
    }

    /// Whether the registry that knew them is still the one in force.
    pub(super) fn stands(&self) -> bool {
        Arc::ptr_eq(&self.seen, &self.identity.registry.load())
    }

    /// The same again, in the registry in force now.
    pub(super) async fn again(&self) -> Result<Principal, Refused> {
        let headers = self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect();
        // Boxed, as a proof leads to a principal and that to a proof.
        Box::pin(Self::of(&self.identity, &headers, &self.peer)).await
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}
