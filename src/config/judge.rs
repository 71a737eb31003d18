//! What is allowed and hardly meant, seen over the whole configuration: `serve` warns of it, `check` calls it a fault.

use super::ClaimValue;
use super::Claims;
use super::Config;
use super::Fault;
use super::JwtRule;
use super::Listener;
use super::OpsAuth;
use super::Reading;
use super::claims::Claim;
use super::claims::Spots;
use super::credentials::QUICKSTART_ID_PREFIX;
use super::fault;
use super::fault::Spot;
use super::samples;
use super::shadowed;
use crate::model::OperatorScope;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::rfc3339;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;

/// Where what belongs to no credential is said.
pub(super) struct Places<'p> {
    pub(super) main: &'p Path,
    pub(super) ops: &'p Spot,
    pub(super) tenants: &'p Spot,
}

/// `found` and all other cautions, in their order. What needs all credentials is left out unless all were read.
pub(super) fn cautions(
    config: &Config,
    spots: &Spots,
    places: &Places<'_>,
    all_read: bool,
    mut found: Vec<Fault>,
) -> Vec<Fault> {
    if all_read {
        if config.ops.auth == OpsAuth::Operators && !anybody_reads_ops(config) {
            let text = "nobody can read it, expected an operator's credential with the scope ops:read";
            found.push(places.ops.fault(text));
        }
        if spots.is_empty() {
            let text = "nobody can do anything here, expected a tenant's or operator's credential";
            found.push(places.tenants.fault(text));
        }
    }
    quickstart(config, spots, &mut found);
    printed(config, spots, &mut found);
    same_hash(config, spots, &mut found);
    same_claims(config, spots, &mut found);
    shadowed::cautions(config, spots, &mut found);
    operators_from_anywhere(config, spots, &mut found);
    fault::sort(&mut found, places.main);
    found
}

/// Whether credentials may stand in files that [`Config::parse`] does not open.
pub(super) fn names_others(config: &Config) -> bool {
    config.tenants_dir.is_some() || config.names_users_files
}

fn anybody_reads_ops(config: &Config) -> bool {
    let operators = || config.operators.values();
    let tokens = operators().flat_map(|operator| operator.tokens.iter().map(|token| &token.grant));
    let users = operators().flat_map(|operator| operator.users.iter().map(|user| &user.grant));
    let certificates = operators().flat_map(|operator| operator.certificates.iter().map(|rule| &rule.grant));
    tokens.chain(users).chain(certificates).any(|grant| grant.scopes.contains(&OperatorScope::OpsRead))
}

fn quickstart(config: &Config, spots: &Spots, found: &mut Vec<Fault>) {
    let mut listeners = config.listeners.iter().chain([&config.ops.listener]);
    let Some(address) = listeners.find_map(Listener::beyond_loopback) else {
        return;
    };
    for (claim, spot) in spots {
        if let Claim::Id(id) = claim
            && id.as_str().starts_with(QUICKSTART_ID_PREFIX)
        {
            found.push(spot.fault(format!(
                "{id} was made by `pushward quickstart` to try things, and {address} reaches beyond loopback, expected a token of `pushward token new`"
            )));
        }
    }
}

/// An operator's token or password that was lost lets its finder read over all tenants, from wherever he is.
fn operators_from_anywhere(config: &Config, spots: &Spots, found: &mut Vec<Fault>) {
    let mut listeners = config.listeners.iter().chain([&config.ops.listener]);
    let Some(address) = listeners.find_map(Listener::beyond_loopback) else {
        return;
    };
    for operator in config.operators.values() {
        let tokens = operator.tokens.iter().map(|token| &token.grant);
        let users = operator.users.iter().map(|user| &user.grant);
        for grant in tokens.chain(users).filter(|grant| grant.networks.is_none()) {
            if let Some(spot) = spots.get(&Claim::Name(grant.name.clone())) {
                let name = &grant.name;
                found.push(spot.fault(format!(
                    "{name:?} is an operator's, good from everywhere, and {address} reaches beyond loopback, expected `networks` with it, or a certificate in its place"
                )));
            }
        }
    }
}

fn printed(config: &Config, spots: &Spots, found: &mut Vec<Fault>) {
    const TEXT: &str = "stands in Pushward's own documentation, expected one that you made";
    for (claim, spot) in spots {
        if let Claim::Digest(digest) = claim
            && samples::DIGESTS.contains(&&**digest)
        {
            found.push(spot.fault(TEXT));
        }
    }
    for (name, hash) in passwords(config) {
        if samples::PASSWORD_HASHES.contains(&hash)
            && let Some(spot) = spots.get(&Claim::Name(name.to_owned()))
        {
            found.push(spot.fault(format!("its password's hash {TEXT}")));
        }
    }
}

/// Names and hashes of all users.
fn passwords(config: &Config) -> impl Iterator<Item = (&str, &str)> {
    let tenants = config.tenants.values().flat_map(|tenant| &tenant.users);
    let operators = config.operators.values().flat_map(|operator| &operator.users);
    let tenants = tenants.map(|user| (&*user.grant.name, user.hash.as_str()));
    tenants.chain(operators.map(|user| (&*user.grant.name, user.hash.as_str())))
}

/// A hash has a salt of its own, so two alike are one password that was copied.
fn same_hash(config: &Config, spots: &Spots, found: &mut Vec<Fault>) {
    let mut seen = BTreeMap::new();
    for (name, hash) in passwords(config) {
        let (Some(other), Some(spot)) = (seen.insert(hash, name), spots.get(&Claim::Name(name.to_owned()))) else {
            continue;
        };
        found.push(spot.fault(format!("has the password's hash of {other:?} too, expected one of its own")));
    }
}

/// Rules that ask for the same: within a tenant the later one never decides, across tenants neither lets anybody in.
fn same_claims(config: &Config, spots: &Spots, found: &mut Vec<Fault>) {
    let mut seen: BTreeMap<_, Vec<(&TenantId, &JwtRule)>> = BTreeMap::new();
    for tenant in config.tenants.values() {
        for rule in &tenant.jwts {
            let earlier = seen.entry((&rule.issuer, canonical(&rule.claims))).or_default();
            let spot = spots.get(&Claim::Name(rule.grant.name.clone()));
            for (other, earlier) in &*earlier {
                let Some(spot) = spot.filter(|_| **other != tenant.id || always_before(earlier, rule)) else {
                    continue;
                };
                let name = &earlier.grant.name;
                found.push(spot.fault(if **other == tenant.id {
                    format!("can never decide: {name:?} before it asks for the same, expected one of them")
                } else {
                    format!("asks for the same as {name:?} of {other}, and who fits two tenants is refused, expected one of them")
                }));
                break;
            }
            earlier.push((&tenant.id, rule));
        }
    }
}

/// Whether a rule fits whatever the other fits that asks for the same claims: labels ask for claims too.
fn always_before(earlier: &JwtRule, later: &JwtRule) -> bool {
    let asked = |rule: &JwtRule| -> BTreeSet<String> {
        rule.labels.values().flat_map(|label| label.claims().map(str::to_owned)).collect()
    };
    asked(earlier).is_subset(&asked(later))
}

/// Claims in a form that says the same for the same.
fn canonical(claims: &Claims) -> Vec<(&str, Vec<(bool, String)>)> {
    let value = |value: &ClaimValue| match value {
        ClaimValue::Text(pattern) => (true, pattern.as_str().to_owned()),
        ClaimValue::Number(number) => (false, number.to_string()),
    };
    let values = |values: &Vec<ClaimValue>| {
        let mut values: Vec<_> = values.iter().map(value).collect();
        values.sort();
        values.dedup();
        values
    };
    claims.iter().map(|(name, all)| (&**name, values(all))).collect()
}

impl Reading {
    /// The credentials that have ended by `now`.
    pub fn expired(&self, now: Timestamp) -> Vec<Fault> {
        let Config { tenants, operators, .. } = &self.config;
        let of_tenants = tenants.values().flat_map(|tenant| {
            let tokens = tenant.tokens.iter().map(|token| &token.grant);
            let users = tenant.users.iter().map(|user| &user.grant);
            let certificates = tenant.certificates.iter().map(|rule| &rule.grant);
            tokens.chain(users).chain(tenant.jwts.iter().map(|rule| &rule.grant)).chain(certificates)
        });
        let of_operators = operators.values().flat_map(|operator| {
            let tokens = operator.tokens.iter().map(|token| &token.grant);
            let certificates = operator.certificates.iter().map(|rule| &rule.grant);
            tokens.chain(operator.users.iter().map(|user| &user.grant)).chain(certificates)
        });
        let all = of_tenants.map(|grant| (&grant.name, grant.expires));
        let all = all.chain(of_operators.map(|grant| (&grant.name, grant.expires)));
        let ended = all.filter_map(|(name, expires)| Some((name, expires.filter(|end| *end <= now)?)));
        let fault = |(name, end): (&String, Timestamp)| {
            let spot = self.spots.get(&Claim::Name(name.clone()))?;
            Some(
                spot.fault(format!("{name:?} ended on {}, expected a later `expires`, or no such entry", rfc3339(end))),
            )
        };
        ended.filter_map(fault).collect()
    }
}
