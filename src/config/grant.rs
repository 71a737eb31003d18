//! What a credential grants, whatever proves it: a token, a password, a JWT.

use super::limits::CredentialLimits;
use super::password::PasswordHash;
use crate::model::OperatorScope;
use crate::model::Pattern;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::TokenDigest;
use crate::model::TokenId;
use crate::model::Verb;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// What a tenant's credential may do. What narrows it is `None` where it is not narrowed; a narrowing key that is present
/// but empty is refused when the file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantGrant {
    /// Audit and metric label, unique in the whole gateway: a user's is the user name, a token's its id where none is given.
    pub name: String,
    /// Never empty.
    pub scopes: BTreeSet<Verb>,
    pub jobs: Option<Vec<Pattern>>,
    /// Grouping labels this credential is bound to; empty where it is bound to none.
    pub labels: BTreeMap<String, String>,
    pub networks: Option<Vec<IpNet>>,
    pub expires: Option<Timestamp>,
    /// A pace of its own, besides the tenant's. All whom one rule lets in share the rule's.
    pub limits: Option<CredentialLimits>,
}

/// What an operator's credential may do. It reads over tenants or runs the gateway, and pushes nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorGrant {
    /// As [`TenantGrant::name`].
    pub name: String,
    /// Never empty.
    pub scopes: BTreeSet<OperatorScope>,
    /// The tenants it reads and administers; all where absent.
    pub tenants: Option<BTreeSet<TenantId>>,
    pub networks: Option<Vec<IpNet>>,
    pub expires: Option<Timestamp>,
}

/// An API token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<G> {
    pub id: TokenId,
    pub digest: TokenDigest,
    pub grant: G,
}

/// Somebody with a password, of `users` or of a `users_file`. The user name is the grant's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User<G> {
    pub hash: PasswordHash,
    pub grant: G,
}
