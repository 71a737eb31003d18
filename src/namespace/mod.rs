//! Stage 4: which shelf? Takes a [`Permit`](crate::limits::Permit) and what the route asks for, hands on a [`Scope`] of
//! one tenant or a [`FleetScope`] over tenants.
//!
//! Nothing else makes either, and every method of the store takes one: there is no reading or writing without it.

mod access;
mod explained;
mod fleet;
mod half;
mod layer;
mod narrowing;
mod scope;

pub use access::Access;
pub use access::View;
pub use explained::explain;
pub use fleet::FleetScope;
pub use half::Side;
pub use half::admit_side;
pub use layer::Destination;
pub use layer::Namespace;
pub use narrowing::Narrowing;
pub use scope::Scope;

use crate::model::OperatorScope;
use crate::model::Verb;

/// Why a proved principal has no scope here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamespaceError {
    #[error("this credential has not the scope {0}")]
    Verb(Verb),
    #[error("this credential has not the scope {0}")]
    Operator(OperatorScope),
    #[error("a tenant's credential is asked for here")]
    TenantOnly,
    #[error("an operator's credential is asked for here")]
    OperatorOnly,
    /// In the words of an unknown path: this listener has none of it for this side.
    #[error("404 page not found")]
    NotServed,
    /// The same whether or not there is such a tenant.
    #[error("this credential does not speak for that tenant")]
    Tenant,
    #[error("this credential may not touch the job {0:?}")]
    Job(String),
    #[error("this credential is bound to another value of the label {0}")]
    Label(String),
}
