//! The baton of this stage.

use super::IdentityError;
use super::credential::Credential;
use super::credential::Party;
use super::proof::Proof;
use super::usage::FirstUse;
use crate::telemetry::Who;
use std::net::IpAddr;
use std::sync::Arc;

/// Somebody whose credential was proved, is in force, and came from where it may come from.
#[derive(Clone, Debug)]
pub struct Principal {
    credential: Arc<Credential>,
    /// `None` only in the hands of this stage.
    proof: Option<Arc<Proof>>,
}

impl Principal {
    /// Only this stage makes one.
    pub(super) fn new(credential: Arc<Credential>) -> Self {
        Self { credential, proof: None }
    }

    /// The same, and what proved it.
    pub(super) fn proved_by(self, proof: Arc<Proof>) -> Self {
        Self { proof: Some(proof), ..self }
    }

    /// Whom the same credentials prove now, if others are in force than when the request began; `None`: no others are.
    pub async fn renewed(&self) -> Result<Option<Self>, IdentityError> {
        match &self.proof {
            Some(proof) if !proof.stands() => proof.again().await.map(Some).map_err(|refused| refused.error),
            _ => Ok(None),
        }
    }

    /// Keeps in mind that it was let in. Says so if that was the first time from that network.
    pub(super) fn used(&self, address: IpAddr) -> Option<FirstUse> {
        self.proof.as_ref().and_then(|proof| proof.used(self, address))
    }

    /// On whose side it stands.
    pub fn party(&self) -> &Party {
        &self.credential.party
    }

    /// Who it is, for the audit.
    pub fn who(&self) -> &Arc<Who> {
        self.credential.who()
    }

    /// The credential's name, for logs and metrics.
    pub fn credential(&self) -> &str {
        &self.credential.name
    }
}
