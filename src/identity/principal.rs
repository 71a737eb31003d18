//! The baton of this stage.

use super::credential::Credential;
use super::credential::Party;
use crate::telemetry::Who;
use std::sync::Arc;

/// Somebody whose credential was proved, is in force, and came from where it may come from.
#[derive(Clone, Debug)]
pub struct Principal {
    credential: Arc<Credential>,
}

impl Principal {
    /// Only this stage makes one.
    pub(super) fn new(credential: Arc<Credential>) -> Self {
        Self { credential }
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
