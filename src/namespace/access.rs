//! Who may pass a door.

use super::FleetScope;
use super::Scope;
use crate::model::OperatorScope;
use crate::model::Verb;

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
