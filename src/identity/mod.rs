//! Stage 2: who are you? Takes the listener's [`Peer`](crate::listener::Peer) and the request's credentials, hands on a
//! [`Principal`].
//!
//! Each scheme answers [`Outcome`]: not asked for, failed, or the text of an API token. Whatever fails before a secret
//! was proved is one and the same refusal; only after proof does a refusal say why.

mod basic;
mod bearer;
mod credential;
mod layer;
mod origin;
mod principal;
mod registry;
mod scheme;

pub use credential::Credential;
pub use credential::OperatorGrant;
pub use credential::Party;
pub use credential::TenantGrant;
pub use layer::Identity;
pub use layer::require;
pub use origin::refuse_foreign_origins;
pub use principal::Principal;
pub use registry::Registry;
pub use scheme::Outcome;

use crate::model::Timestamp;

/// Why a request has no principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// None, unknown or wrong: one answer for all of them.
    #[error("credentials are missing, unknown or wrong")]
    Unauthenticated,
    /// Two `Authorization` headers: which of them would count?
    #[error("more than one Authorization header")]
    SeveralHeaders,
    /// Proved, but too late.
    #[error("the credential {credential} expired at {}", crate::model::rfc3339(*.at))]
    Expired { credential: String, at: Timestamp },
    /// Proved, but from elsewhere.
    #[error("the credential {credential} may not be used from this address")]
    Network { credential: String },
    /// A browser sent it on behalf of another site.
    #[error("a changing request from another site's page is refused")]
    ForeignOrigin,
}
