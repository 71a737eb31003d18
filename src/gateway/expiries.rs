//! When credentials expire, as a metric.

use crate::config::Config;
use crate::model::Timestamp;
use crate::telemetry::Metrics;
use std::collections::BTreeMap;

/// Shows the expiries of `config`, and no longer those of `before` that are not among them.
pub(super) fn note(before: Option<&Config>, config: &Config, metrics: &Metrics) {
    let now = expiries(config);
    let before = before.map(expiries).unwrap_or_default();
    for (tenant, credential) in before.keys().filter(|key| !now.contains_key(*key)) {
        metrics.credential_expires_no_more(tenant, credential);
    }
    for ((tenant, credential), at) in now {
        metrics.credential_expires(tenant, credential, at);
    }
}

/// By tenant (empty for an operator's) and name.
fn expiries(config: &Config) -> BTreeMap<(&str, &str), Timestamp> {
    let of_tenants = config.tenants.iter().flat_map(|(id, tenant)| {
        let tokens = tenant.tokens.iter().map(|token| &token.grant);
        let users = tenant.users.iter().map(|user| &user.grant);
        let rules = tenant.jwts.iter().map(|rule| &rule.grant);
        tokens.chain(users).chain(rules).map(move |grant| (id.as_str(), grant.name.as_str(), grant.expires))
    });
    let of_operators = config.operators.values().flat_map(|operator| {
        let tokens = operator.tokens.iter().map(|token| &token.grant);
        let users = operator.users.iter().map(|user| &user.grant);
        tokens.chain(users).map(|grant| ("", grant.name.as_str(), grant.expires))
    });
    of_tenants.chain(of_operators).filter_map(|(tenant, name, at)| Some(((tenant, name), at?))).collect()
}
