//! What the configuration says of one credential, whatever proves it.

use super::IdentityError;
use crate::config;
use crate::model::OperatorScope;
use crate::model::Pattern;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::Verb;
use crate::telemetry::Who;
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
    pub(super) networks: Option<Vec<IpNet>>,
    pub(super) expires: Option<Timestamp>,
    pub(super) party: Party,
    pub(super) who: Arc<Who>,
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
    /// One list for each credential that was shown: a job must fit one pattern of every list. No list: all jobs.
    pub jobs: Arc<[Arc<[Pattern]>]>,
    /// Grouping labels it is bound to; empty: to none.
    pub labels: Arc<BTreeMap<String, String>>,
    /// The names of those credentials that were shown and have limits of their own, each of which holds. Nearly always none.
    pub paced: Arc<[Arc<str>]>,
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
    pub(super) fn of_tenant(tenant: &TenantId, grant: &config::TenantGrant) -> Self {
        let party = TenantGrant {
            tenant: tenant.clone(),
            scopes: grant.scopes.clone(),
            jobs: grant.jobs.iter().map(|patterns| Arc::from(patterns.as_slice())).collect(),
            labels: Arc::new(grant.labels.clone()),
            paced: grant.limits.iter().map(|_| Arc::from(grant.name.as_str())).collect(),
        };
        let config::TenantGrant { name, networks, expires, .. } = grant;
        let who = Who { tenant: Some(tenant.clone()), operator: None, credential: name.clone() };
        Self {
            name: name.clone(),
            networks: networks.clone(),
            expires: *expires,
            party: Party::Tenant(party),
            who: Arc::new(who),
        }
    }

    pub(super) fn of_operator(operator: &str, grant: &config::OperatorGrant) -> Self {
        let party = OperatorGrant {
            operator: operator.to_owned(),
            scopes: grant.scopes.clone(),
            tenants: grant.tenants.clone().map(Arc::new),
        };
        let config::OperatorGrant { name, networks, expires, .. } = grant;
        let who = Who { tenant: None, operator: Some(operator.to_owned()), credential: name.clone() };
        Self {
            name: name.clone(),
            networks: networks.clone(),
            expires: *expires,
            party: Party::Operator(party),
            who: Arc::new(who),
        }
    }

    /// It ends then, unless it ends before.
    pub(super) fn ends_with(&mut self, at: Option<Timestamp>) {
        self.expires = self.expires.into_iter().chain(at).min();
    }

    /// On whose side it stands.
    pub fn party(&self) -> &Party {
        &self.party
    }

    /// For logs and metrics; never secret.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From where it may be used; `None`: from everywhere.
    pub fn networks(&self) -> Option<&[IpNet]> {
        self.networks.as_deref()
    }

    /// When it ends, if it does.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Who that is, for the audit.
    pub fn who(&self) -> &Arc<Who> {
        &self.who
    }

    /// Whether it may be used now, from there. Asked only after it was proved.
    pub(super) fn judge(&self, address: IpAddr, now: Timestamp) -> Result<(), IdentityError> {
        self.judge_time(now)?;
        if !self.allows(address) {
            return Err(IdentityError::Network { credential: self.name.clone() });
        }
        Ok(())
    }

    /// Whether it may be used now, from wherever it may.
    pub(super) fn judge_time(&self, now: Timestamp) -> Result<(), IdentityError> {
        match self.expires.filter(|at| *at <= now) {
            Some(at) => Err(IdentityError::Expired { credential: self.name.clone(), at }),
            None => Ok(()),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.networks.as_ref().is_none_or(|networks| networks.iter().any(|network| network.contains(&address)))
    }
}
