//! The configuration's main file.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::seen::magnitude;
use pushward::config::Config;
use pushward::config::ConfigErrors;
use pushward::config::OperatorGrant;
use pushward::config::TenantGrant;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "config",
    run: config,
    bytes_max: 32 << 10,
    time_max: Duration::from_millis(3000),
    dictionary: &[
        b"tenants:\n",
        b"operators:\n",
        b"listener:\n",
        b"    tokens:\n",
        b"scopes: [push]",
        b"scopes: []",
        b"jobs: ['*']",
        b"jobs: []",
        b"labels: {a: b}",
        b"labels: {job: x}",
        b"networks: [10.0.0.0/8]",
        b"networks: []",
        b"expires: 2030-01-01T00:00:00Z",
        b"&a ",
        b"*a",
        b"<<: *a",
        b"!!str ",
        b"!!binary ",
        b"? ",
        b"- ",
        b": ",
        b"\n",
        b"~",
        b"null",
        b"true",
        b"{",
        b"}",
        b"[",
        b"]",
        b"|\n",
        b">-\n",
        b"'",
        b"\"",
        b"\\x00",
        b"#",
        b"---\n",
        b"%YAML 1.1\n",
        b"10s",
        b"10MiB",
        b"18446744073709551616",
        b"-1",
        b".inf",
        b"$argon2id$v=19$m=19456,t=2,p=1$",
        b"$2y$10$",
        b"limits:\n",
        b"client_cas:\n",
        b"issuers:\n",
        b"\xef\xbb\xbf",
        b"\t",
    ],
};

/// Aliases repeat up to 100,000 values however short the file, and a value with its place takes some hundred bytes, which
/// are held a few times over while lists double.
const BOUND: Bound = Bound { per_byte: 512, constant: 48 << 20 };

/// So many faults are told of a file, and of how many there are more.
const FAULTS_MAX: usize = 101;

/// Reads `data` as the main file; no other file is opened.
pub fn config(data: &[u8]) -> Seen {
    let Ok(text) = std::str::from_utf8(data) else { return Seen::refused("not UTF-8") };
    match BOUND.hold(text.len(), || Config::parse(text, Path::new("f.yml"))) {
        Ok(config) => {
            let shown = format!("{config:?}");
            hold(&config, &shown);
            let shape = (magnitude(config.tenants.len()), magnitude(config.operators.len()), config.listeners.len());
            Seen::taken(shape, shown)
        }
        Err(errors) => {
            hold_errors(&errors, text);
            Seen::refused(&errors.to_string())
        }
    }
}

/// Whoever has a configuration has what it says and no more: absent or empty never means all.
fn hold(config: &Config, shown: &str) {
    assert!(!config.listeners.is_empty());
    let mut names = BTreeSet::new();
    for (id, tenant) in &config.tenants {
        assert!(*id == tenant.id && !tenant.closed);
        let tokens = tenant.tokens.iter().map(|token| &token.grant);
        let users = tenant.users.iter().map(|user| &user.grant);
        for grant in tokens.chain(users) {
            assert!(names.insert(grant.name.clone()), "two credentials are {:?}", grant.name);
            hold_tenant_grant(grant);
        }
        tenant.certificates.iter().for_each(|rule| hold_tenant_grant(&rule.grant));
        for rule in &tenant.jwts {
            assert!(!rule.claims.is_empty() && rule.claims.values().all(|values| !values.is_empty()));
            assert!(config.issuers.contains_key(&rule.issuer), "a rule for an issuer that is not there");
            hold_tenant_grant(&rule.grant);
        }
        tenant.tokens.iter().for_each(|token| hold_unseen(&token.digest.to_hex(), shown));
        tenant.users.iter().for_each(|user| hold_unseen(user.hash.as_str(), shown));
    }
    for operator in config.operators.values() {
        let tokens = operator.tokens.iter().map(|token| &token.grant);
        let users = operator.users.iter().map(|user| &user.grant);
        for grant in tokens.chain(users) {
            assert!(names.insert(grant.name.clone()), "two credentials are {:?}", grant.name);
            hold_operator_grant(grant);
        }
        operator.certificates.iter().for_each(|rule| hold_operator_grant(&rule.grant));
        operator.tokens.iter().for_each(|token| hold_unseen(&token.digest.to_hex(), shown));
        operator.users.iter().for_each(|user| hold_unseen(user.hash.as_str(), shown));
    }
    for issuer in config.issuers.values() {
        assert!(!issuer.audiences.is_empty() && !issuer.algorithms.is_empty());
    }
}

fn hold_tenant_grant(grant: &TenantGrant) {
    assert!(!grant.name.is_empty() && !grant.scopes.is_empty(), "{grant:?}");
    assert!(grant.jobs.as_ref().is_none_or(|jobs| !jobs.is_empty()));
    assert!(grant.networks.as_ref().is_none_or(|networks| !networks.is_empty()));
    assert!(!grant.labels.contains_key("job") && !grant.labels.values().any(String::is_empty), "{grant:?}");
}

fn hold_operator_grant(grant: &OperatorGrant) {
    assert!(!grant.name.is_empty() && !grant.scopes.is_empty(), "{grant:?}");
    assert!(grant.tenants.as_ref().is_none_or(|tenants| !tenants.is_empty()));
    assert!(grant.networks.as_ref().is_none_or(|networks| !networks.is_empty()));
}

/// Whoever may read a log does not find a hash in it, nor its last part, which is what is worth guessing at.
fn hold_unseen(secret: &str, shown: &str) {
    let worth = secret.rsplit('$').next().unwrap_or(secret);
    assert!(!shown.contains(worth), "a hash is shown");
}

fn hold_errors(errors: &ConfigErrors, text: &str) {
    assert!(!errors.faults().is_empty() && errors.faults().len() <= FAULTS_MAX);
    // An end of line of any kind that YAML knows.
    let lines =
        text.chars().filter(|char| matches!(char, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')).count() + 1;
    for fault in errors.faults() {
        let shown = fault.to_string();
        assert!(!shown.contains('\n'), "a fault of two lines: {shown:?}");
        assert!(fault.line().is_none_or(|line| line >= 1 && line <= lines as u64 + 1), "{shown} of {lines} lines");
    }
}
