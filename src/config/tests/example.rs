//! `config/pushward.example.yml` is the documentation of every key: it names them all and says the truth about defaults.

use super::super::audit::AUDIT;
use super::super::certificates::OPERATOR_CERTIFICATE;
use super::super::certificates::TENANT_CERTIFICATE;
use super::super::client_cas::CLIENT_CA;
use super::super::credentials::OPERATOR_TOKEN;
use super::super::credentials::TENANT_TOKEN;
use super::super::document;
use super::super::document::Node;
use super::super::document::Value;
use super::super::field::Keys;
use super::super::gateway::GATEWAY;
use super::super::issuers::ISSUER;
use super::super::jwts::JWT;
use super::super::limits::CREDENTIAL_LIMITS;
use super::super::limits::LIMITS;
use super::super::limits::OPERATOR_LIMITS;
use super::super::listener::ADDRESS_RULE;
use super::super::listener::DEADLINES;
use super::super::listener::LISTENER;
use super::super::listener::TLS;
use super::super::listeners::PROXY_PROTOCOL;
use super::super::log::LOG;
use super::super::namespace::NAMESPACE;
use super::super::operators::OPERATOR;
use super::super::ops::OPS;
use super::super::password::PASSWORDS;
use super::super::reload::RELOAD;
use super::super::revoked::REVOKED;
use super::super::samples;
use super::super::storage::STORAGE;
use super::super::strangers::STRANGERS;
use super::super::tenants::TENANT;
use super::super::users::OPERATOR_USER;
use super::super::users::TENANT_USER;
use super::super::users_file::OPERATOR_USERS_FILE;
use super::super::users_file::TENANT_USERS_FILE;
use crate::config::AuditPushes;
use crate::config::Config;
use crate::config::Deadlines;
use crate::config::GatewayLimits;
use crate::config::Issuer;
use crate::config::Limits;
use crate::config::Listener;
use crate::config::Log;
use crate::config::Namespace;
use crate::config::OperatorLimits;
use crate::config::OpsAuth;
use crate::config::Passwords;
use crate::config::Reading;
use crate::config::Storage;
use crate::config::Strangers;
use crate::config::TlsProfile;
use crate::config::Watch;
use std::collections::BTreeSet;
use std::path::Path;

pub(super) const EXAMPLE: &str = include_str!("../../../config/pushward.example.yml");

/// Every section and the way to it in the example.
const SECTIONS: &[(&str, &Keys)] = &[
    ("", &super::super::main_file::CONFIG),
    ("listener.", &LISTENER),
    ("listener.tls.", &TLS),
    ("listener.tls.client_cas.*.", &CLIENT_CA),
    ("listener.proxy_protocol.", &PROXY_PROTOCOL),
    ("listener.addresses.", &ADDRESS_RULE),
    ("listener.deadlines.", &DEADLINES),
    ("ops.", &OPS),
    ("ops.tls.", &TLS),
    ("storage.", &STORAGE),
    ("namespace.", &NAMESPACE),
    ("strangers.", &STRANGERS),
    ("passwords.", &PASSWORDS),
    ("gateway.", &GATEWAY),
    ("limits.", &LIMITS),
    ("log.", &LOG),
    ("audit.", &AUDIT),
    ("reload.", &RELOAD),
    // No issuer has all of them: keys come from a file or from an URL.
    ("issuers.*.", &ISSUER),
    ("revoked.", &REVOKED),
    ("tenants.payments.", &TENANT),
    ("tenants.payments.tokens.", &TENANT_TOKEN),
    ("tenants.payments.tokens.limits.", &CREDENTIAL_LIMITS),
    ("tenants.payments.users.", &TENANT_USER),
    ("tenants.payments.users_file.", &TENANT_USERS_FILE),
    ("tenants.payments.jwts.", &JWT),
    // No rule has all of them, nor have all rules of one holder: they look at one sort of name each.
    ("*.certificates.", &TENANT_CERTIFICATE),
    ("*.certificates.", &OPERATOR_CERTIFICATE),
    ("operators.prometheus.", &OPERATOR),
    ("operators.prometheus.tokens.", &OPERATOR_TOKEN),
    ("operators.prometheus.users.", &OPERATOR_USER),
    ("operators.prometheus.users_file.", &OPERATOR_USERS_FILE),
    ("operators.prometheus.limits.", &OPERATOR_LIMITS),
];

fn keys(node: &Node, path: &str, found: &mut BTreeSet<String>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                let path = format!("{path}{}", entry.key);
                keys(&entry.node, &format!("{path}."), found);
                found.insert(path);
            }
        }
        Value::List(items) => items.iter().for_each(|item| keys(item, path, found)),
        _ => {}
    }
}

fn example() -> Config {
    let reading = Reading::parse(EXAMPLE, Path::new("p.yml")).map_err(|errors| errors.to_string());
    let Reading { config, cautions, .. } = reading.unwrap();
    let printed = samples::DIGESTS.len() + samples::PASSWORD_HASHES.len();
    assert_eq!(cautions.len(), printed, "{cautions:?}");
    for caution in cautions {
        assert!(caution.to_string().contains("Pushward's own documentation"), "{caution}");
    }
    config
}

#[test]
fn the_example_names_every_key() {
    let mut found = BTreeSet::new();
    keys(&document::parse(EXAMPLE, Path::new("p.yml")).unwrap(), "", &mut found);
    for (path, keys) in SECTIONS {
        for key in keys.known {
            let (before, behind) = path.split_once('*').unwrap_or((path, ""));
            let named = |found: &String| found.starts_with(before) && found.ends_with(&format!("{behind}{key}"));
            let is_there = match behind {
                "" => found.contains(&format!("{path}{key}")),
                _ => found.iter().any(named),
            };
            assert!(is_there, "{path}{key} is not in the example");
        }
    }
}

#[test]
fn the_examples_numbers_are_the_defaults() {
    let config = example();
    let default = Config::parse("listener: { plaintext_allowed: true }", Path::new("p.yml")).unwrap();
    let pairs = [(&config.listeners[0], &default.listeners[0]), (&config.ops.listener, &default.ops.listener)];
    for (listener, default) in pairs {
        let mut listener = listener.clone();
        // What has no default.
        assert_eq!(listener.tls.take().unwrap().profile, TlsProfile::default());
        listener.address_rules.clear();
        assert!(listener.proxy_protocol.take().is_none_or(|proxy| proxy.required));
        assert_eq!(format!("{listener:?}"), format!("{default:?}"));
    }
    assert_eq!(config.listeners[0].deadlines, Deadlines::default());
    assert_eq!(config.listeners[0].connections_max, Listener::on(Vec::new()).connections_max);
    assert_eq!(config.ops.auth, OpsAuth::default());
    assert_eq!(config.storage, Storage::default());
    assert_eq!(format!("{:?}", config.namespace), format!("{:?}", Namespace::default()));
    assert_eq!(format!("{:?}", config.log), format!("{:?}", Log::default()));
    assert_eq!((config.strangers, &config.passwords), (Strangers::default(), &Passwords::default()));
    assert_eq!((config.audit.pushes, config.watch), (AuditPushes::default(), Watch::default()));
    assert_eq!(config.gateway, GatewayLimits::default());
    let given = |name: &str| {
        let Issuer { jwks_max_age, leeway, .. } = &config.issuers[name];
        (*jwks_max_age, *leeway)
    };
    assert_eq!(given("cluster"), given("github"));
    assert_eq!(config.operators["prometheus"].limits, OperatorLimits::default());
    let tenant = &config.tenants["payments"];
    let mut without_its_own = tenant.limits;
    without_its_own.pace.requests.per_second = Limits::default().pace.requests.per_second;
    assert_eq!(without_its_own, Limits::default());
}

#[test]
fn every_key_of_every_section_has_a_nearest_key_when_mistyped() {
    for (_, keys) in SECTIONS {
        for key in keys.known.iter().filter(|key| key.len() > 3) {
            let mistyped = format!("{}x", &key[..key.len() - 1]);
            assert_eq!(super::super::nearest::nearest(&mistyped, keys.known.iter().copied()), Some(*key));
        }
        assert!(keys.known.iter().all(|key| !keys.later.contains(key)));
    }
}
