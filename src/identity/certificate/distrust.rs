//! Why a CA does not vouch for a certificate.

use crate::identity::IdentityError;
use crate::model::Timestamp;

/// The further down, the more it says about the certificate: of several the last is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Distrust {
    /// Not this CA's, or not a client's, or by too long a way: as if it were not there.
    Stranger,
    NotYetValid(Timestamp),
    Expired(Timestamp),
    /// Signed by the CA, and not as it must be.
    Malformed(&'static str),
    /// No revocation list that is in force says anything of it.
    RevocationUnknown,
    Revoked,
}

/// What a refusal calls a certificate that no rule has given a name.
const UNNAMED: &str = "of this certificate";

impl Distrust {
    /// What is told of it; `None`: nothing, since nobody here knows the certificate.
    pub(super) fn error(self) -> Option<IdentityError> {
        let credential = UNNAMED.to_owned();
        Some(match self {
            Self::Stranger => return None,
            Self::NotYetValid(at) => IdentityError::NotYetValid { credential, at },
            Self::Expired(at) => IdentityError::Expired { credential, at },
            Self::Malformed(reason) => IdentityError::Certificate { reason },
            Self::RevocationUnknown => IdentityError::RevocationUnknown,
            Self::Revoked => IdentityError::Revoked { credential },
        })
    }
}
