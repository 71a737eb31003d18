//! Who may pass a door.

use super::FleetScope;
use super::Scope;
use crate::limits::Meter;
use crate::model::OperatorScope;
use crate::model::TenantId;
use crate::model::Verb;
use crate::rejection::Rejection;

/// What a route asks of whoever comes. There is no "undecided".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without credentials.
    Open,
    /// A tenant's credential with this verb.
    Tenant(Verb),
    /// An operator's credential with this scope.
    Fleet(OperatorScope),
    /// Either: the handler is told who came by its [`View`].
    Either(Verb, OperatorScope),
}

/// Whose groups a handler that serves both is to show.
#[derive(Clone, Debug)]
pub enum View {
    Tenant(Scope),
    Fleet(FleetScope),
}

impl View {
    /// Whose groups alone it is of; `None`: an operator's.
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Tenant(scope) => Some(scope.tenant()),
            Self::Fleet(_) => None,
        }
    }

    /// What the request is charged while it is worked on.
    pub fn meter(&self) -> &Meter {
        match self {
            Self::Tenant(scope) => scope.meter(),
            Self::Fleet(scope) => scope.meter(),
        }
    }

    /// What of it the same credentials grant now. To be asked where something was waited for.
    pub async fn renewed(self) -> Result<Self, Rejection> {
        Ok(match self {
            Self::Tenant(scope) => Self::Tenant(scope.renewed().await?.unwrap_or(scope)),
            Self::Fleet(scope) => Self::Fleet(scope.renewed().await?.unwrap_or(scope)),
        })
    }
}
