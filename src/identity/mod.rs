//! Stage 2: who are you? Takes the listener's [`Peer`](crate::listener::Peer) and the request's credentials, hands on a
//! [`Principal`].
//!
//! Each scheme answers: not asked for, failed, or what is to be proved (an API token, a password, a JWT); the peer's
//! certificate is asked beside them. Whatever fails
//! before a secret was proved is one and the same refusal; only after proof does a refusal say why.

mod basic;
mod bearer;
mod certificate;
mod credential;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod jwt;
mod layer;
mod origin;
mod password;
mod principal;
mod proof;
mod registry;
mod scheme;
mod strangers;
mod tokens;
mod usage;

pub use credential::Credential;
pub use credential::OperatorGrant;
pub use credential::Party;
pub use credential::TenantGrant;
pub use jwt::ExplainedJwt;
pub use layer::Identity;
pub use layer::require;
pub use layer::require_door;
pub use principal::Principal;
pub use registry::Refused;
pub use registry::Registry;
pub use usage::CredentialTimes;
pub use usage::FirstUse;

use crate::model::Timestamp;
use std::time::Duration;

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
    /// Proved, but too early: `nbf` of a JWT.
    #[error("the credential {credential} is not valid before {}", crate::model::rfc3339(*.at))]
    NotYetValid { credential: String, at: Timestamp },
    /// Proved, and withdrawn by an entry of `revoked`.
    #[error("the credential {credential} was revoked")]
    Revoked { credential: String },
    /// A JWT with a good signature, made for somebody else.
    #[error("the token is for another audience than this gateway, expected {expected}")]
    Audience { expected: String },
    /// A JWT with a good signature, about whom no tenant has said anything.
    #[error("the token is good, and no rule of a tenant matches its claims")]
    NoRule,
    /// Rules of two tenants match: it is not for us to choose.
    #[error("the token matches rules of more than one tenant")]
    Ambiguous,
    /// The queue for expensive proofs is full. Nobody's fault but ours.
    #[error("too many passwords and tokens are being checked at this moment")]
    Busy,
    /// Too many failures from this address, or for this user from it, to compute one more hash.
    #[error("too many failed attempts from this address")]
    TooManyFailures { retry_after: Duration },
    /// Proved, but from elsewhere.
    #[error("the credential {credential} may not be used from this address")]
    Network { credential: String },
    /// A certificate that its CA signed, and that is not as it must be.
    #[error("the certificate is refused: {reason}")]
    Certificate { reason: &'static str },
    /// The revocation lists of the certificate's CA are too old, or say nothing of it.
    #[error("no revocation list in force says that this certificate is not revoked")]
    RevocationUnknown,
    /// A certificate and a token of two sides, or bound to two values of one label: nothing is allowed to both.
    #[error("the certificate and the other credential are not of one tenant, or contradict each other")]
    CredentialsDiffer,
    /// A browser sent it on behalf of another site.
    #[error("a changing request from another site's page is refused")]
    ForeignOrigin,
}
