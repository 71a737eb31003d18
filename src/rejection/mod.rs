//! Every refusal, and the only map from a refusal to HTTP: status, code, limit, time to come again, public text.
//!
//! A stage returns its own small error; here it becomes an answer. The code goes to four places from this one source: the
//! body, the metric label, the log, and on HTTP/1.1 the reason phrase, which is all that some client libraries show.
//!
//! | file | its one idea |
//! |---|---|
//! | `code` | every code, with its status and title |
//! | `facts` | which code a refusal has, which limit it met, when to come again |
//! | `answer` | the answer in full |
//! | `form` | text, or JSON for whoever names it |
//! | `words` | text that cannot break a line |
//! | `rate_limit` | the fields `RateLimit` and `RateLimit-Policy` |

mod answer;
mod code;
mod facts;
mod form;
mod rate_limit;
mod words;

#[cfg(test)]
mod tests;

pub use code::Code;
pub use form::Form;

use self::facts::Facts;
use crate::api::ApiError;
use crate::identity::IdentityError;
use crate::limits::LimitsError;
use crate::namespace::NamespaceError;
use crate::store::Refusal;
use crate::telemetry::AuditUnavailable;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::Response;
use http::StatusCode;

/// Why a request is not answered as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Rejection {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Limits(#[from] LimitsError),
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Store(Refusal),
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
    /// A handler panicked, or was mounted outside the stack: our fault, and nothing of it is told.
    #[error("internal error")]
    Misassembled(&'static str),
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nobody was proved.
    Proof,
    /// Somebody was proved, and may not.
    Authority,
    /// Whoever it was: the request itself, limits, quotas, our side.
    Request,
}

/// What upstream says before the reason of a refusal by the store.
const INCONSISTENT: &str = "pushed metrics are invalid or inconsistent with existing metrics: ";

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoTenant => Self::withdrawn(),
            refusal => Self::Store(refusal),
        }
    }
}

impl Rejection {
    /// What was proved when the request began is not there any more: the answer of whoever comes a moment later.
    pub fn withdrawn() -> Self {
        Self::Identity(IdentityError::Unauthenticated)
    }

    pub fn status(&self) -> StatusCode {
        Facts::of(self).code.status()
    }

    /// Which refusal it is: a [`Code`] by its name.
    pub fn code(&self) -> &'static str {
        Facts::of(self).code.as_str()
    }

    /// What it is about, for the audit.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Identity(
                IdentityError::Unauthenticated
                | IdentityError::SeveralHeaders
                | IdentityError::Busy
                | IdentityError::TooManyFailures { .. },
            ) => Subject::Proof,
            Self::Namespace(NamespaceError::NotServed) => Subject::Request,
            Self::Identity(_) | Self::Namespace(_) | Self::Store(Refusal::OutOfScope) | Self::Audit(_) => {
                Subject::Authority
            }
            _ => Subject::Request,
        }
    }

    /// What a client is told, as one line without its end.
    fn public(&self) -> String {
        match self {
            Self::Store(Refusal::Inconsistent(reason)) => format!("{INCONSISTENT}{reason}"),
            other => other.to_string(),
        }
    }
}

/// A stage returns a rejection; [`crate::answered`] turns it into the answer, as it knows the request's id.
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = self.status();
        answer.extensions_mut().insert(self);
        answer
    }
}
