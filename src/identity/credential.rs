//! What the configuration says of one credential.

use crate::config;
use crate::model::JobPattern;
use crate::model::OperatorScope;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::TokenDigest;
use crate::model::Verb;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// A credential and all that narrows it.
#[derive(Debug)]
pub struct Credential {
    /// For logs and metrics; never secret.
    pub(super) name: String,
    pub(super) digest: TokenDigest,
    pub(super) networks: Option<Vec<IpNet>>,
    pub(super) expires: Option<Timestamp>,
    pub(super) party: Party,
}

/// On whose side a credential stands: exactly one tenant's, or an operator's.
#[derive(Debug)]
pub enum Party {
    Tenant(TenantGrant),
    Operator(OperatorGrant),
}

/// What a tenant's credential is granted.
#[derive(Debug)]
pub struct TenantGrant {
    pub tenant: TenantId,
    pub scopes: BTreeSet<Verb>,
    /// `None`: all.
    pub jobs: Option<Arc<[JobPattern]>>,
    /// Grouping labels it is bound to; empty: to none.
    pub labels: Arc<BTreeMap<String, String>>,
}

/// What an operator's credential is granted.
#[derive(Debug)]
pub struct OperatorGrant {
    pub operator: String,
    pub scopes: BTreeSet<OperatorScope>,
    /// `None`: all.
    pub tenants: Option<Arc<BTreeSet<TenantId>>>,
}

impl Credential {
    pub(super) fn of_tenant(tenant: &TenantId, token: &config::TenantToken) -> Self {
        let grant = TenantGrant {
            tenant: tenant.clone(),
            scopes: token.scopes.clone(),
            jobs: token.jobs.clone().map(Arc::from),
            labels: Arc::new(token.labels.clone()),
        };
        Self {
            name: token.name.clone(),
            digest: token.digest,
            networks: token.networks.clone(),
            expires: token.expires,
            party: Party::Tenant(grant),
        }
    }

    pub(super) fn of_operator(operator: &str, token: &config::OperatorToken) -> Self {
        let grant = OperatorGrant {
            operator: operator.to_owned(),
            scopes: token.scopes.clone(),
            tenants: token.tenants.clone().map(Arc::new),
        };
        Self {
            name: token.name.clone(),
            digest: token.digest,
            networks: token.networks.clone(),
            expires: token.expires,
            party: Party::Operator(grant),
        }
    }

    /// For logs and metrics; never secret.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.networks.as_ref().is_none_or(|networks| networks.iter().any(|network| network.contains(&address)))
    }
}
