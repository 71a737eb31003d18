//! The configuration as a whole: what is read, what is refused, and in which words.

mod client_certificates;
mod example;
mod files;
mod issuers;
mod listeners;
mod spoilt;
mod table;
mod users;

use super::Config;
use super::Reading;
use crate::model::TextDialect;
use crate::model::Verb;
use proptest::prelude::*;
use std::path::Path;

/// A tenant `a` and an operator `o`, each with one token, and a listener on loopback. Two places to put keys in.
fn base(tenant_token: &str, operator_token: &str) -> String {
    format!(
        r#"listener: {{ address: "127.0.0.1:9091" }}
tenants:
  a:
    tokens:
      - id: "4fQk2ZtR1a"
        sha256: "{one}"
        scopes: [push]
{tenant_token}
operators:
  o:
    tokens:
      - id: "9aB3xPq0Lm"
        sha256: "{two}"
        scopes: ["fleet:read"]
{operator_token}
"#,
        one = "1".repeat(64),
        two = "2".repeat(64),
    )
}

fn read(text: &str) -> Result<Reading, String> {
    Reading::parse(text, Path::new("dir/p.yml")).map_err(|errors| errors.to_string())
}

/// A bcrypt hash that no other number has, of no password that anybody knows.
fn hash(n: u32) -> String {
    format!("$2b$10${}{n:A>30}O", "e".repeat(22))
}

fn config(text: &str) -> Config {
    read(text).unwrap().config
}

#[track_caller]
fn faults(text: &str) -> String {
    match read(text) {
        Ok(_) => panic!("no fault in\n{text}"),
        Err(faults) => faults,
    }
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let faults = faults(text);
    assert!(faults.contains(expected), "expected {expected:?} in\n{faults}\nfor\n{text}");
}

#[test]
fn a_small_configuration_has_the_defaults() {
    let Reading { config, cautions, .. } = read(&base("", "")).unwrap();
    assert_eq!(cautions, []);
    assert_eq!(config.ops.listener.addresses, ["127.0.0.1:9191".parse().unwrap()]);
    let tenant = &config.tenants["a"];
    assert_eq!(tenant.limits, super::Limits::default());
    assert_eq!(tenant.text, TextDialect::Lenient);
    assert!(!tenant.utf8_names);
    let local = "listener: { address: \"127.0.0.1:0\" }\nops: { address: \"127.0.0.1:0\" }\n";
    assert!(self::config(&format!("{local}tenants: {{ a: {{ utf8_names: true }} }}")).tenants["a"].utf8_names);
    let token = &tenant.tokens[0];
    assert_eq!((token.id.as_str(), &*token.grant.name), ("4fQk2ZtR1a", "4fQk2ZtR1a"));
    assert_eq!(token.grant.scopes, [Verb::Push].into());
    assert!(
        token.grant.jobs.is_none()
            && token.grant.networks.is_none()
            && token.grant.expires.is_none()
            && token.grant.labels.is_empty()
    );
    assert!(config.operators["o"].tokens[0].grant.tenants.is_none());
}

#[test]
fn a_tenants_limits_are_the_general_ones_with_its_own_in_their_place() {
    let config = config(
        r#"
tenants: { a: { limits: { groups_max: 7, body_bytes_max: 1KiB } }, b: {} }
limits: { requests_per_second: 5, groups_max: 9 }
listener: { address: "[::1]:9091" }
"#,
    );
    let [a, b] = ["a", "b"].map(|id| config.tenants[id].limits);
    assert_eq!((a.pace.requests.per_second.get(), b.pace.requests.per_second.get()), (5, 5));
    assert_eq!((a.quota.groups_max, b.quota.groups_max), (7, 9));
    assert_eq!((a.push.body_bytes_max, b.push.body_bytes_max), (1024, 10 << 20));
}

#[test]
fn every_fault_is_found_with_its_line_and_key() {
    let text =
        "listener:\n  address: 0.0.0.0:9091\nlimits:\n  groups_max: 0\n  soft_warning: 80\n  groups_mx: 1\nlogs: {}\n";
    assert_eq!(
        faults(text).lines().collect::<Vec<_>>(),
        [
            "dir/p.yml:2:12: listener.address: 0.0.0.0:9091 reaches beyond loopback in plaintext, expected `tls` with it, \
             or `plaintext_allowed: true`",
            "dir/p.yml:4:15: limits.groups_max: is 0, expected a whole number from 1 to 1125899906842624",
            "dir/p.yml:5:17: limits.soft_warning: is 80, expected a fraction from 0.01 to 1 with at most two decimals",
            "dir/p.yml:6:3: limits.groups_mx: unknown key, did you mean `groups_max`?",
            "dir/p.yml:7:1: logs: unknown key, did you mean `log`?",
        ]
    );
}

#[test]
fn plaintext_stays_on_loopback_unless_it_is_allowed() {
    let with = |listener: &str| format!("listener: {{ {listener} }}\ntenants: {{ a: {{}} }}");
    for fine in [
        "address: 127.0.0.1:9091",
        "address: 127.8.9.1:9091",
        "address: '[::1]:9091'",
        "address: '[::ffff:127.0.0.1]:9091'",
        "address: ':9091', plaintext_allowed: true",
        "address: ':9091', tls: { certificate_file: c, key_file: k }",
    ] {
        config(&with(fine));
    }
    for bad in [
        "name: x",
        "address: ':9091'",
        "address: ':9091', plaintext_allowed: false",
        "address: [127.0.0.1:9091, 10.0.0.1:9091]",
        "address: '[::]:9091'",
    ] {
        refused(&with(bad), "beyond loopback");
    }
    refused("tenants: { a: {} }", "dir/p.yml:1:1: listener: 0.0.0.0:9091 reaches");
}

#[test]
fn ops_beyond_loopback_needs_tls_and_operators_or_a_word_that_allows_it() {
    let tls = "tls: { certificate_file: c, key_file: k }";
    let with = |ops: &str| base("", "") + &format!("ops: {{ address: 10.0.0.1:9191, {ops} }}");
    refused(&with(""), "ops.address: 10.0.0.1:9191 reaches beyond loopback");
    refused(&with(tls), "beyond loopback");
    refused(&with("auth: operators"), "beyond loopback");
    config(&with(&format!("{tls}, auth: operators")));
    config(&with("plaintext_allowed: true"));
    refused(&(base("", "") + "ops: { address: 127.0.0.1:9091 }"), "meets the listener's");
}

#[test]
fn ids_names_and_digests_are_unique_in_the_whole_gateway() {
    let two = |id: &str, sha256: char, name: &str| {
        let digest = sha256.to_string().repeat(64);
        base("", &format!("      - {{ id: '{id}', sha256: '{digest}', scopes: ['ops:read'], {name} }}"))
    };
    config(&two("AAAAAAAAAA", '3', ""));
    refused(&two("4fQk2ZtR1a", '3', ""), "id: is that of tenants.a.tokens[0].id in line 5 too");
    refused(&two("AAAAAAAAAA", '1', ""), "sha256: is that of tenants.a.tokens[0].sha256 in line 6 too");
    refused(&two("AAAAAAAAAA", '3', "name: 4fQk2ZtR1a"), "name: is that of tenants.a.tokens[0].id");
    refused(&two("AAAAAAAAAA", '0', ""), "is all zeros");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let token = crate::model::PlainToken::generate("").unwrap();
    let secret = token.reveal().rsplit('_').next().unwrap().to_owned();
    for value in [token.reveal(), &secret] {
        for key in ["id", "sha256"] {
            let text = format!("tenants: {{ a: {{ tokens: [ {{ {key}: '{value}' }} ] }} }}");
            assert!(!faults(&text).contains(&secret), "{}", faults(&text));
        }
    }
    for key in ["name", "expires", "scopes", "jobs"] {
        let text = format!("tenants: {{ a: {{ tokens: [ {{ {key}: '{}\u{7}' }} ] }} }}", token.reveal());
        assert!(!faults(&text).contains(&secret), "{}", faults(&text));
    }
}

#[test]
fn what_is_later_is_refused_by_its_name() {
    for (key, text) in [
        ("listener[1].tls.certificates", "listener: [ { name: a }, { name: b, tls: { certificates: [] } } ]"),
        ("listener.tls.certificates", "listener: { tls: { certificates: [] } }"),
        ("operators.o.jwts", "operators: { o: { jwts: [] } }"),
    ] {
        refused(text, &format!(": {key}: not in this version"));
    }
}

#[test]
fn what_is_hardly_meant_is_a_caution() {
    let cautions = |text: &str| {
        let cautions = read(text).unwrap().cautions;
        cautions.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(cautions("listener: { address: 127.0.0.1:1 }").contains("nobody can do anything"));
    assert!(cautions(&(base("", "") + "ops: { auth: operators }")).contains("ops:read"));
    let quickstart = base("", "").replace("4fQk2ZtR1a", "qsQk2ZtR1a");
    assert_eq!(cautions(&quickstart), "");
    let open = quickstart.replace("\"127.0.0.1:9091\"", "\":9091\", plaintext_allowed: true");
    assert!(cautions(&open).starts_with("dir/p.yml:5:13: tenants.a.tokens[0].id: qsQk2ZtR1a was made by"));
}

#[test]
fn a_file_that_is_no_configuration_is_refused_in_plain_words() {
    refused("- a", "is a list, expected a map with listener");
    refused("just text", "expected a map");
    refused("tenants: { 7: ~ }", "tenants.7: is left empty, expected a map");
    refused("tenants: { Payments: {} }", "tenants.Payments: is no name of a tenant");
    refused("\"a\\nb\": 1", "a\\nb: unknown key");
    let missing = Config::load(Path::new("/nonexistent/p.yml")).unwrap_err().to_string();
    assert!(missing.starts_with("/nonexistent/p.yml: cannot be read"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_changed_configuration_panics(
        cuts in proptest::collection::vec((0.0..1.0_f64, 0_usize..40, "[ -~\n]{0,6}"), 1..4),
    ) {
        let mut text: Vec<char> = example::EXAMPLE.chars().collect();
        for (at, length, put) in cuts {
            let from = (at * text.len() as f64) as usize;
            let to = (from + length).min(text.len());
            text.splice(from..to, put.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(faults) = Reading::parse(&text, Path::new("p.yml")) {
            prop_assert!(!faults.faults().is_empty());
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = Reading::parse(&text, Path::new("p.yml"));
    }
}
