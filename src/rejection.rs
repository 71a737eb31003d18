//! Every refusal, and the only map from a refusal to HTTP: status, code, public text.
//!
//! A stage returns its own small error; here it becomes an answer. The code goes to four places from this one source: the
//! body, the metric label, the log, and on HTTP/1.1 the reason phrase, which is all that some client libraries show.

use crate::api::ApiError;
use crate::identity::IdentityError;
use crate::limits::LimitsError;
use crate::model::QuotaKind;
use crate::namespace::NamespaceError;
use crate::store::Refusal;
use crate::telemetry::AuditUnavailable;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::Response;
use http::HeaderValue;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::header::RETRY_AFTER;
use http::header::WWW_AUTHENTICATE;
use hyper::ext::ReasonPhrase;
use std::time::Duration;

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

/// A body is one line of at most this many bytes, its line feed included.
const BODY_MAX: usize = 512;

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

    /// 401: no proof. 403: proved, and not allowed. 429 and 413: later, or smaller. 503 and 500: our side.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Identity(error) => match error {
                IdentityError::Unauthenticated
                | IdentityError::Expired { .. }
                | IdentityError::NotYetValid { .. }
                | IdentityError::Revoked { .. }
                | IdentityError::Audience { .. }
                | IdentityError::NoRule
                | IdentityError::Certificate { .. }
                | IdentityError::RevocationUnknown
                | IdentityError::Ambiguous => StatusCode::UNAUTHORIZED,
                IdentityError::Busy => StatusCode::SERVICE_UNAVAILABLE,
                IdentityError::TooManyFailures { .. } => StatusCode::TOO_MANY_REQUESTS,
                IdentityError::SeveralHeaders => StatusCode::BAD_REQUEST,
                IdentityError::Network { .. } | IdentityError::CredentialsDiffer | IdentityError::ForeignOrigin => {
                    StatusCode::FORBIDDEN
                }
            },
            Self::Limits(error) => match error {
                LimitsError::Rate { .. } | LimitsError::InFlight { .. } | LimitsError::ScrapesInFlight { .. } => {
                    StatusCode::TOO_MANY_REQUESTS
                }
                LimitsError::OverBurst { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                LimitsError::GatewayFull { .. } => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::Namespace(NamespaceError::NotServed) => StatusCode::NOT_FOUND,
            Self::Namespace(_) => StatusCode::FORBIDDEN,
            Self::Api(error) => match error {
                ApiError::NotFound => StatusCode::NOT_FOUND,
                ApiError::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
                ApiError::NoTenantNamed
                | ApiError::Path(_)
                | ApiError::Encoded(_)
                | ApiError::Body(_)
                | ApiError::BodyBroken => StatusCode::BAD_REQUEST,
                ApiError::ConfigRefused(_) => StatusCode::UNPROCESSABLE_ENTITY,
                ApiError::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                ApiError::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
                ApiError::Loading => StatusCode::SERVICE_UNAVAILABLE,
                ApiError::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            },
            Self::Store(refusal) => match refusal {
                Refusal::Inconsistent(_) => StatusCode::BAD_REQUEST,
                Refusal::NoTenant => StatusCode::UNAUTHORIZED,
                Refusal::QuotaFull { .. } | Refusal::OutOfScope => StatusCode::FORBIDDEN,
                Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::Audit(AuditUnavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Misassembled(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Which refusal it is, as metrics, logs and clients match it: it does not change with the words.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Identity(error) => match error {
                IdentityError::Unauthenticated => "unauthenticated",
                IdentityError::SeveralHeaders => "several_credentials",
                IdentityError::Expired { .. } => "credential_expired",
                IdentityError::NotYetValid { .. } => "credential_not_yet_valid",
                IdentityError::Revoked { .. } => "credential_revoked",
                IdentityError::Audience { .. } => "audience_refused",
                IdentityError::NoRule => "no_rule",
                IdentityError::Ambiguous => "ambiguous_identity",
                IdentityError::Busy => "authentication_busy",
                IdentityError::TooManyFailures { .. } => "too_many_failures",
                IdentityError::Network { .. } => "network_refused",
                IdentityError::Certificate { .. } => "certificate_refused",
                IdentityError::RevocationUnknown => "revocation_unknown",
                IdentityError::CredentialsDiffer => "credentials_differ",
                IdentityError::ForeignOrigin => "origin_refused",
            },
            Self::Limits(error) => match error {
                LimitsError::Rate { .. } => "rate_limited",
                LimitsError::OverBurst { .. } => "burst_exceeded",
                LimitsError::InFlight { .. } => "in_flight_full",
                LimitsError::ScrapesInFlight { .. } => "scrapes_in_flight_full",
                LimitsError::GatewayFull { .. } => "gateway_full",
            },
            Self::Namespace(error) => match error {
                NamespaceError::Verb(_) | NamespaceError::Operator(_) => "scope_refused",
                NamespaceError::TenantOnly | NamespaceError::OperatorOnly => "scope_refused",
                NamespaceError::NotServed => "not_found",
                NamespaceError::Tenant => "tenant_refused",
                NamespaceError::Job(_) => "job_refused",
                NamespaceError::Label(_) => "label_refused",
            },
            Self::Api(error) => match error {
                ApiError::NotFound => "not_found",
                ApiError::MethodNotAllowed => "method_not_allowed",
                ApiError::NoTenantNamed => "tenant_not_named",
                ApiError::ConfigRefused(_) => "config_refused",
                ApiError::Path(_) => "path_malformed",
                ApiError::Encoded(_) => "encoding_malformed",
                ApiError::Body(_) => "body_malformed",
                ApiError::BodyBroken => "body_broken",
                ApiError::BodyTooLarge { .. } => "body_too_large",
                ApiError::BodyTooSlow => "body_too_slow",
                ApiError::Loading => "loading",
                ApiError::Encoding(_) => "encoding_unsupported",
            },
            Self::Store(refusal) => match refusal {
                Refusal::Inconsistent(_) => "inconsistent",
                Refusal::QuotaFull { .. } => "quota_full",
                Refusal::NoTenant => "unauthenticated",
                Refusal::OutOfScope => "scope_refused",
                Refusal::Unavailable => "storage_unavailable",
            },
            Self::Audit(AuditUnavailable) => "audit_unavailable",
            Self::Misassembled(_) => "internal",
        }
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

    /// The limit and its value, for the reason phrase: never anything a client sent.
    fn limit(&self) -> Option<(&'static str, u64)> {
        match self {
            Self::Limits(error) => Some(match error {
                LimitsError::Rate { of, limit, .. } => (of.key(), *limit),
                LimitsError::OverBurst { of, burst, .. } => (of.burst_key(), *burst),
                LimitsError::InFlight { limit } => ("in_flight_max", u64::from(*limit)),
                LimitsError::ScrapesInFlight { limit } => ("scrapes_in_flight_max", u64::from(*limit)),
                LimitsError::GatewayFull { ceiling, limit } => (ceiling.key(), *limit),
            }),
            Self::Api(ApiError::BodyTooLarge { limit }) => Some(("body_bytes_max", *limit)),
            Self::Store(Refusal::QuotaFull { kind, limit, .. }) => Some((QuotaKind::key(*kind), *limit)),
            _ => None,
        }
    }

    /// Whole seconds, at least one: a client that comes back then is let in, other clients aside.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Limits(LimitsError::Rate { retry_after, .. })
            | Self::Identity(IdentityError::TooManyFailures { retry_after }) => Some(whole_seconds(*retry_after)),
            Self::Identity(IdentityError::Busy)
            | Self::Limits(
                LimitsError::InFlight { .. } | LimitsError::ScrapesInFlight { .. } | LimitsError::GatewayFull { .. },
            )
            | Self::Store(Refusal::Unavailable)
            | Self::Api(ApiError::Loading)
            | Self::Audit(AuditUnavailable) => Some(1),
            _ => None,
        }
    }

    fn challenges(&self) -> &'static [&'static str] {
        match self {
            Self::Identity(IdentityError::Unauthenticated) => {
                &[r#"Bearer realm="pushward""#, r#"Basic realm="pushward", charset="UTF-8""#]
            }
            Self::Identity(
                IdentityError::Expired { .. }
                | IdentityError::NotYetValid { .. }
                | IdentityError::Revoked { .. }
                | IdentityError::Audience { .. }
                | IdentityError::NoRule
                | IdentityError::Certificate { .. }
                | IdentityError::RevocationUnknown
                | IdentityError::Ambiguous,
            ) => &[r#"Bearer realm="pushward", error="invalid_token""#],
            _ => &[],
        }
    }

    /// The answer in full. `request_id` stands last in the body, so that a client's log leads to ours.
    pub fn answer(&self, request_id: &str) -> Response {
        let body = one_line(&self.public(), self.code(), request_id);
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = self.status();
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        for challenge in self.challenges() {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        let reason = match self.limit() {
            Some((name, value)) => format!("{} {name}={value}", self.code()),
            None => self.code().to_owned(),
        };
        if let Ok(reason) = ReasonPhrase::try_from(reason) {
            answer.extensions_mut().insert(reason);
        }
        answer
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

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// `text [code] request id`, cut in the text, with nothing in it that could end the line or move a terminal's cursor.
fn one_line(text: &str, code: &str, request_id: &str) -> String {
    let tail = format!(" [{code}] request {request_id}\n");
    let mut line: String = text.chars().map(|c| if is_printable(c) { c } else { '\u{fffd}' }).collect();
    let mut room = BODY_MAX.saturating_sub(tail.len()).min(line.len());
    while !line.is_char_boundary(room) {
        room -= 1;
    }
    line.truncate(room);
    line + &tail
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
}

#[cfg(test)]
mod tests {
    use super::Rejection;
    use super::one_line;
    use crate::api::ApiError;
    use crate::limits::LimitsError;
    use crate::limits::RateKind;
    use crate::store::Refusal;
    use std::time::Duration;

    #[test]
    fn a_refusal_is_one_short_line_that_ends_with_the_request_id() {
        let long = "ä".repeat(1000);
        for text in ["fine", "two\nlines\r\n", "\u{1b}[31mred\0", "a\u{2028}b", &long] {
            let line = one_line(text, "some_code", "0123");
            assert!(line.len() <= 512 && line.ends_with(" [some_code] request 0123\n"), "{line:?}");
            assert_eq!(line.matches(|c: char| c.is_control()).count(), 1, "{line:?}");
        }
    }

    #[test]
    fn a_limit_is_named_with_its_value_in_the_reason_phrase() {
        let rate =
            LimitsError::Rate { of: RateKind::Requests, limit: 5, burst: 9, retry_after: Duration::from_millis(1200) };
        let answer = Rejection::from(rate).answer("id");
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()["retry-after"], "2");
        let reason = answer.extensions().get::<hyper::ext::ReasonPhrase>().unwrap();
        assert_eq!(reason.as_bytes(), b"rate_limited requests_per_second=5");
        let large = Rejection::from(ApiError::BodyTooLarge { limit: u64::MAX }).answer("id");
        assert!(large.extensions().get::<hyper::ext::ReasonPhrase>().unwrap().as_bytes().len() <= 80);
    }

    #[test]
    fn a_push_that_the_storage_did_not_take_is_our_fault_and_may_come_again() {
        let answer = Rejection::from(Refusal::Unavailable).answer("id");
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
    }

    #[test]
    fn an_inconsistent_push_is_told_in_upstreams_words() {
        let text = Rejection::from(Refusal::Inconsistent("why".into())).public();
        assert_eq!(text, "pushed metrics are invalid or inconsistent with existing metrics: why");
    }
}
