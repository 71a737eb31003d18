//! `tenants` and `operators`: who there is, and with which credentials.

use super::Limits;
use super::OperatorLimits;
use crate::model::JobPattern;
use crate::model::OperatorScope;
use crate::model::TenantId;
use crate::model::TextDialect;
use crate::model::Timestamp;
use crate::model::TokenDigest;
use crate::model::TokenId;
use crate::model::Verb;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub struct Tenant {
    pub id: TenantId,
    pub limits: Limits,
    pub text: TextDialect,
    pub tokens: Vec<TenantToken>,
}

/// A tenant's API token. What narrows it is `None` where it is not narrowed; a narrowing key that is present but empty
/// is refused when the file is read.
#[derive(Clone, Debug)]
pub struct TenantToken {
    pub id: TokenId,
    /// Audit and metric label; the id where none is given.
    pub name: String,
    pub digest: TokenDigest,
    /// Never empty.
    pub scopes: BTreeSet<Verb>,
    pub jobs: Option<Vec<JobPattern>>,
    /// Grouping labels this credential is bound to; empty where it is bound to none.
    pub labels: BTreeMap<String, String>,
    pub networks: Option<Vec<IpNet>>,
    pub expires: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct Operator {
    pub name: String,
    pub tokens: Vec<OperatorToken>,
    pub limits: OperatorLimits,
}

#[derive(Clone, Debug)]
pub struct OperatorToken {
    pub id: TokenId,
    pub name: String,
    pub digest: TokenDigest,
    /// Never empty.
    pub scopes: BTreeSet<OperatorScope>,
    /// The tenants it reads and administers; all where absent.
    pub tenants: Option<BTreeSet<TenantId>>,
    pub networks: Option<Vec<IpNet>>,
    pub expires: Option<Timestamp>,
}
