//! What each refusal comes to: its code, the limit that it is about, and when to come again. The matches name every
//! variant, so that a new one is no refusal before somebody has said all three.

use super::Rejection;
use super::code::Code;
use super::rate_limit::Policy;
use crate::api::ApiError;
use crate::identity::IdentityError;
use crate::limits::LimitsError;
use crate::namespace::NamespaceError;
use crate::store::Refusal;
use crate::telemetry::AuditUnavailable;
use std::time::Duration;

/// When a client may come again where nobody can say when there will be room: it depends on what others give back.
const SOON: Duration = Duration::from_secs(1);

/// What a refusal comes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) code: Code,
    pub(super) limit: Option<Limit>,
    /// After which the same request may be let in, other clients aside. `None`: sent again, it is refused again.
    pub(super) again: Option<Duration>,
    pub(super) policy: Option<Policy>,
}

/// A limit that a request met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    section: &'static str,
    key: &'static str,
    pub(super) value: u64,
    /// What is taken of it, where that may be told.
    pub(super) used: Option<u64>,
}

impl Limit {
    const fn of_tenant(key: &'static str, value: u64, used: Option<u64>) -> Self {
        Self { section: "", key, value, used }
    }

    const fn of_gateway(key: &'static str, value: u64) -> Self {
        Self { section: "gateway.", key, value, used: None }
    }

    /// The configuration's key: below `limits`, or from the top.
    pub(super) fn name(&self) -> String {
        [self.section, self.key].concat()
    }
}

impl Facts {
    /// No limit is met, and no waiting helps.
    const fn plain(code: Code) -> Self {
        Self { code, limit: None, again: None, policy: None }
    }

    /// No limit of the tenant's is met, and it may be otherwise in a moment.
    const fn passing(code: Code, again: Duration) -> Self {
        Self { code, limit: None, again: Some(again), policy: None }
    }

    /// A limit is met, and no waiting helps.
    const fn over(code: Code, limit: Limit) -> Self {
        Self { code, limit: Some(limit), again: None, policy: None }
    }

    pub(super) fn of(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::Identity(error) => Self::of_identity(error),
            Rejection::Limits(error) => Self::of_limits(error),
            Rejection::Namespace(error) => Self::of_namespace(error),
            Rejection::Api(error) => Self::of_api(error),
            Rejection::Store(refusal) => Self::of_store(refusal),
            Rejection::Audit(AuditUnavailable) => Self::passing(Code::AuditUnavailable, SOON),
            Rejection::Misassembled(_) => Self::plain(Code::Internal),
        }
    }

    fn of_identity(error: &IdentityError) -> Self {
        match error {
            IdentityError::Unauthenticated => Self::plain(Code::Unauthenticated),
            IdentityError::SeveralHeaders => Self::plain(Code::SeveralCredentials),
            IdentityError::Expired { .. } => Self::plain(Code::CredentialExpired),
            IdentityError::NotYetValid { .. } => Self::plain(Code::CredentialNotYetValid),
            IdentityError::Revoked { .. } => Self::plain(Code::CredentialRevoked),
            IdentityError::Audience { .. } => Self::plain(Code::AudienceRefused),
            IdentityError::NoRule => Self::plain(Code::NoRule),
            IdentityError::Ambiguous => Self::plain(Code::AmbiguousIdentity),
            IdentityError::Busy => Self::passing(Code::AuthenticationBusy, SOON),
            // Which rate it was is nothing that somebody who guesses is to be told.
            IdentityError::TooManyFailures { retry_after } => Self::passing(Code::TooManyFailures, *retry_after),
            IdentityError::Network { .. } => Self::plain(Code::NetworkRefused),
            IdentityError::Certificate { .. } => Self::plain(Code::CertificateRefused),
            IdentityError::RevocationUnknown => Self::plain(Code::RevocationUnknown),
            IdentityError::CredentialsDiffer => Self::plain(Code::CredentialsDiffer),
            IdentityError::ForeignOrigin => Self::plain(Code::OriginRefused),
        }
    }

    fn of_limits(error: &LimitsError) -> Self {
        match error {
            LimitsError::Rate { of, limit, burst, retry_after } => Self {
                code: Code::RateLimited,
                limit: Some(Limit::of_tenant(of.key(), *limit, None)),
                again: Some(*retry_after),
                policy: Some(Policy::of_rate(*of, *limit, *burst)),
            },
            LimitsError::OverBurst { of, burst, .. } => {
                Self::over(Code::BurstExceeded, Limit::of_tenant(of.burst_key(), *burst, None))
            }
            LimitsError::InFlight { limit } => Self::of_places(Code::InFlightFull, "in_flight_max", *limit),
            LimitsError::ScrapesInFlight { limit } => {
                Self::of_places(Code::ScrapesInFlightFull, "scrapes_in_flight_max", *limit)
            }
            LimitsError::GatewayFull { ceiling, limit } => {
                Self { again: Some(SOON), ..Self::over(Code::GatewayFull, Limit::of_gateway(ceiling.key(), *limit)) }
            }
        }
    }

    /// All places of a party are taken.
    fn of_places(code: Code, key: &'static str, max: u32) -> Self {
        let max = u64::from(max);
        Self {
            code,
            limit: Some(Limit::of_tenant(key, max, Some(max))),
            again: Some(SOON),
            policy: Some(Policy::of_places(key, max)),
        }
    }

    fn of_namespace(error: &NamespaceError) -> Self {
        Self::plain(match error {
            NamespaceError::Verb(_)
            | NamespaceError::Operator(_)
            | NamespaceError::TenantOnly
            | NamespaceError::OperatorOnly => Code::ScopeRefused,
            NamespaceError::NotServed => Code::NotFound,
            NamespaceError::Tenant => Code::TenantRefused,
            NamespaceError::Job(_) => Code::JobRefused,
            NamespaceError::Label(_) => Code::LabelRefused,
        })
    }

    fn of_api(error: &ApiError) -> Self {
        match error {
            ApiError::Loading => Self::passing(Code::Loading, SOON),
            ApiError::NotFound => Self::plain(Code::NotFound),
            ApiError::MethodNotAllowed => Self::plain(Code::MethodNotAllowed),
            ApiError::NoTenantNamed => Self::plain(Code::TenantNotNamed),
            ApiError::ConfigRefused(_) => Self::plain(Code::ConfigRefused),
            ApiError::Path(_) => Self::plain(Code::PathMalformed),
            ApiError::Encoded(_) => Self::plain(Code::EncodingMalformed),
            ApiError::Body(_) => Self::plain(Code::BodyMalformed),
            ApiError::BodyBroken => Self::plain(Code::BodyBroken),
            ApiError::BodyTooLarge { limit } => {
                Self::over(Code::BodyTooLarge, Limit::of_tenant("body_bytes_max", *limit, None))
            }
            ApiError::OverBound { over, .. } => {
                Self::over(Code::BoundExceeded, Limit::of_tenant(over.bound.key(), over.limit, Some(over.found)))
            }
            ApiError::BodyTooSlow => Self::plain(Code::BodyTooSlow),
            ApiError::Encoding(_) => Self::plain(Code::EncodingUnsupported),
        }
    }

    fn of_store(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Inconsistent(_) => Self::plain(Code::Inconsistent),
            Refusal::QuotaFull { kind, limit, used, .. } => {
                Self::over(Code::QuotaFull, Limit::of_tenant(kind.key(), *limit, *used))
            }
            Refusal::GatewayFull { limit, .. } => Self {
                again: Some(SOON),
                ..Self::over(Code::GatewayFull, Limit::of_gateway("stored_bytes_max", *limit))
            },
            Refusal::NoTenant => Self::plain(Code::Unauthenticated),
            Refusal::OutOfScope => Self::plain(Code::ScopeRefused),
            Refusal::Unavailable => Self::passing(Code::StorageUnavailable, SOON),
        }
    }
}
