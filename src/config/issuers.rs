//! `issuers`: whose JWTs are believed, and by which keys.

use crate::model::TenantId;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// One issuer of JWTs. Everything in it was checked: at least one audience, algorithm and tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// What rules, metrics and the audit call it.
    pub name: String,
    pub preset: Option<Preset>,
    /// The claim `iss`, as it stands in the token.
    pub issuer: String,
    /// One of them must be in the claim `aud`.
    pub audiences: BTreeSet<String>,
    pub algorithms: BTreeSet<Algorithm>,
    pub keys: KeySource,
    /// How long keys are believed when their URL does not answer; then the issuer is closed.
    pub jwks_max_age: Duration,
    /// How far its clock and ours may be apart: 60 s at most.
    pub leeway: Duration,
    /// Who may write rules on it.
    pub tenants: BTreeSet<TenantId>,
}

/// An issuer that is known by name: its URL, its algorithms, and which claims its owner cannot choose freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    GithubActions,
    Gitlab,
    Kubernetes,
}

/// The signatures that are believed. All are asymmetric: a secret shared with an issuer is one that it can lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWKS file.
    File(PathBuf),
    /// An `https` URL of a JWKS.
    Url {
        url: String,
        /// PEM: the only CAs believed for it. Absent: the system's.
        ca_file: Option<PathBuf>,
        /// Sent as a bearer token, read anew for each request.
        token_file: Option<PathBuf>,
    },
}
