//! A certificate beside a token, a password or a JWT: what both of them may do.

use super::bounded::Bounded;
use crate::identity::IdentityError;
use crate::identity::credential::Credential;
use crate::identity::credential::OperatorGrant;
use crate::identity::credential::Party;
use crate::identity::credential::TenantGrant;
use crate::model::TenantId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Pairs that are remembered; as many as chains are.
const PAIRS_MAX: usize = 10_000;

/// What pairs of credentials may do together, made once for each pair.
#[derive(Debug)]
pub(in crate::identity) struct Combined(Bounded<(usize, usize), Pair>);

/// By the addresses of both, which are nobody else's as long as they are held here.
#[derive(Clone, Debug)]
struct Pair {
    _held: (Arc<Credential>, Arc<Credential>),
    together: Result<Arc<Credential>, IdentityError>,
}

impl Combined {
    pub(in crate::identity) fn new() -> Self {
        Self(Bounded::new(PAIRS_MAX))
    }

    /// The credential of both together. Each was judged by itself: it may be used now, and from there.
    pub(in crate::identity) fn of(
        &self,
        proved: &Arc<Credential>,
        certificate: &Arc<Credential>,
    ) -> Result<Arc<Credential>, IdentityError> {
        let key = (Arc::as_ptr(proved).addr(), Arc::as_ptr(certificate).addr());
        if let Some(pair) = self.0.get(&key) {
            return pair.together;
        }
        let together = both(proved, certificate).map(Arc::new).ok_or(IdentityError::CredentialsDiffer);
        let pair = Pair { _held: (proved.clone(), certificate.clone()), together: together.clone() };
        self.0.insert(key, pair);
        together
    }
}

/// What one may and the other may too, under the name of the first. `None`: they are of two sides, or contradict each other.
fn both(proved: &Credential, certificate: &Credential) -> Option<Credential> {
    let party = match (&proved.party, &certificate.party) {
        (Party::Tenant(one), Party::Tenant(other)) => Party::Tenant(tenant_grant(one, other)?),
        (Party::Operator(one), Party::Operator(other)) => Party::Operator(operator_grant(one, other)?),
        _ => return None,
    };
    let networks = match (&proved.networks, &certificate.networks) {
        (Some(one), Some(other)) => Some(common_networks(one, other)),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    let expires = proved.expires.into_iter().chain(certificate.expires).min();
    Some(Credential { name: proved.name.clone(), networks, expires, party, who: proved.who.clone() })
}

fn tenant_grant(one: &TenantGrant, other: &TenantGrant) -> Option<TenantGrant> {
    let mut labels = (*one.labels).clone();
    for (name, value) in other.labels.iter() {
        if labels.insert(name.clone(), value.clone()).is_some_and(|bound| bound != *value) {
            return None;
        }
    }
    (one.tenant == other.tenant).then(|| TenantGrant {
        tenant: one.tenant.clone(),
        scopes: &one.scopes & &other.scopes,
        jobs: one.jobs.iter().chain(other.jobs.iter()).cloned().collect(),
        labels: Arc::new(labels),
        paced: one.paced.iter().chain(other.paced.iter()).cloned().collect(),
    })
}

fn operator_grant(one: &OperatorGrant, other: &OperatorGrant) -> Option<OperatorGrant> {
    let tenants: Option<Arc<BTreeSet<TenantId>>> = match (&one.tenants, &other.tenants) {
        (Some(one), Some(other)) => Some(Arc::new(&**one & &**other)),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    (one.operator == other.operator).then(|| OperatorGrant {
        operator: one.operator.clone(),
        scopes: &one.scopes & &other.scopes,
        tenants,
    })
}

/// Two networks are apart or one is in the other: what is in both lists is the smaller of each such pair.
fn common_networks(one: &[ipnet::IpNet], other: &[ipnet::IpNet]) -> Vec<ipnet::IpNet> {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    let smaller = pairs.filter_map(|(a, b)| match (a.contains(b), b.contains(a)) {
        (true, _) => Some(*b),
        (_, true) => Some(*a),
        _ => None,
    });
    smaller.collect()
}

#[cfg(test)]
#[path = "combined_tests.rs"]
mod tests;
