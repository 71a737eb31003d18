//! Every code there is, in one table: its name, its status, its title. `docs/errors.md` has an entry for each.

use http::StatusCode;

macro_rules! codes {
    ($($variant:ident: $name:literal, $status:ident, $title:literal;)+) => {
        /// Which refusal it is, as metrics, logs and clients match it: it does not change with the words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)+
        }

        impl Code {
            /// All of them, in the order of their statuses.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As it stands in answers, metrics and the audit.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// 401: no proof. 403: proved, and not allowed. 429 and 413: later, or smaller. 503 and 500: our side.
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)+
                }
            }

            /// What it is in a few words, the same for every request.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)+
                }
            }
        }
    };
}

codes! {
    PathMalformed: "path_malformed", BAD_REQUEST, "The path names no group";
    BodyMalformed: "body_malformed", BAD_REQUEST, "The body is not in its format";
    BodyBroken: "body_broken", BAD_REQUEST, "The body broke off";
    EncodingMalformed: "encoding_malformed", BAD_REQUEST, "The compressed body is malformed";
    Inconsistent: "inconsistent", BAD_REQUEST, "The push contradicts itself or what is stored";
    SeveralCredentials: "several_credentials", BAD_REQUEST, "More than one Authorization header";
    TenantNotNamed: "tenant_not_named", BAD_REQUEST, "No tenant is named";
    Unauthenticated: "unauthenticated", UNAUTHORIZED, "No valid credentials";
    CredentialExpired: "credential_expired", UNAUTHORIZED, "The credential has expired";
    CredentialNotYetValid: "credential_not_yet_valid", UNAUTHORIZED, "The credential is not valid yet";
    CredentialRevoked: "credential_revoked", UNAUTHORIZED, "The credential was revoked";
    AudienceRefused: "audience_refused", UNAUTHORIZED, "The token is for another audience";
    NoRule: "no_rule", UNAUTHORIZED, "No rule matches the credential";
    AmbiguousIdentity: "ambiguous_identity", UNAUTHORIZED, "Rules of several tenants match the credential";
    CertificateRefused: "certificate_refused", UNAUTHORIZED, "The client certificate is refused";
    RevocationUnknown: "revocation_unknown", UNAUTHORIZED, "Nothing in force says that the certificate is not revoked";
    NetworkRefused: "network_refused", FORBIDDEN, "The credential may not be used from this address";
    CredentialsDiffer: "credentials_differ", FORBIDDEN, "The credentials contradict each other";
    OriginRefused: "origin_refused", FORBIDDEN, "A page of another site may change nothing";
    ScopeRefused: "scope_refused", FORBIDDEN, "The credential lacks the scope";
    TenantRefused: "tenant_refused", FORBIDDEN, "The credential does not speak for that tenant";
    JobRefused: "job_refused", FORBIDDEN, "The credential may not touch that job";
    LabelRefused: "label_refused", FORBIDDEN, "The credential is bound to another label value";
    QuotaFull: "quota_full", FORBIDDEN, "The tenant's quota is full";
    NotFound: "not_found", NOT_FOUND, "There is nothing at that path";
    MethodNotAllowed: "method_not_allowed", METHOD_NOT_ALLOWED, "The path has no such method";
    BodyTooSlow: "body_too_slow", REQUEST_TIMEOUT, "The body came too slowly";
    BodyTooLarge: "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    BoundExceeded: "bound_exceeded", PAYLOAD_TOO_LARGE, "The push is over a bound";
    BurstExceeded: "burst_exceeded", PAYLOAD_TOO_LARGE, "The request alone costs more than a burst";
    EncodingUnsupported: "encoding_unsupported", UNSUPPORTED_MEDIA_TYPE, "The content encoding is not supported";
    ConfigRefused: "config_refused", UNPROCESSABLE_ENTITY, "The configuration is refused";
    RateLimited: "rate_limited", TOO_MANY_REQUESTS, "Over the rate";
    InFlightFull: "in_flight_full", TOO_MANY_REQUESTS, "Too many requests under way";
    ScrapesInFlightFull: "scrapes_in_flight_full", TOO_MANY_REQUESTS, "Too many scrapes under way";
    TooManyFailures: "too_many_failures", TOO_MANY_REQUESTS, "Too many failed attempts";
    Internal: "internal", INTERNAL_SERVER_ERROR, "Internal error";
    AuthenticationBusy: "authentication_busy", SERVICE_UNAVAILABLE, "Too many credentials are being checked";
    GatewayFull: "gateway_full", SERVICE_UNAVAILABLE, "The gateway is full";
    Loading: "loading", SERVICE_UNAVAILABLE, "What is stored is still being loaded";
    StorageUnavailable: "storage_unavailable", SERVICE_UNAVAILABLE, "The storage does not accept writes";
    AuditUnavailable: "audit_unavailable", SERVICE_UNAVAILABLE, "The audit cannot be written";
}
