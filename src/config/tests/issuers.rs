//! `issuers`, the rules on them, and what is revoked of them.

use super::config;
use super::read;
use super::refused;
use crate::config::Algorithm;
use crate::config::ClaimValue;
use crate::config::Config;
use crate::config::Issuer;
use crate::config::KeySource;
use crate::config::Revoked;
use crate::config::TemplatePart;
use std::time::Duration;

const PRESET: &str = "preset: github-actions, audiences: [mine], tenants: [a]";
const OWN: &str = "issuer: 'https://i', audiences: [mine], algorithms: [ES256], jwks_file: k, tenants: [a]";

fn with(issuer: &str, rules: &str) -> String {
    format!(
        "listener: {{ address: '127.0.0.1:1' }}\nissuers: {{ i: {{ {issuer} }} }}\ntenants: {{ a: {{ jwts: [ {rules} ] }}, b: {{}} }}"
    )
}

fn issuer(keys: &str) -> Issuer {
    config(&with(keys, "")).issuers["i"].clone()
}

fn rule(rule: &str) -> Config {
    config(&with(OWN, &format!("{{ issuer: i, {rule} }}")))
}

#[test]
fn a_preset_knows_the_public_service_and_nothing_of_ones_own() {
    let github = issuer(PRESET);
    let url = "https://token.actions.githubusercontent.com/.well-known/jwks".to_owned();
    assert_eq!(github.issuer, "https://token.actions.githubusercontent.com");
    assert_eq!(github.keys, KeySource::Url { url, ca_file: None, token_file: None });
    assert_eq!(github.algorithms, [Algorithm::Rs256].into());
    assert_eq!((github.jwks_max_age, github.leeway), (Duration::from_secs(86_400), Duration::from_secs(30)));
    let gitlab = issuer("preset: gitlab, audiences: [mine], tenants: [a]");
    let url = "https://gitlab.com/oauth/discovery/keys".to_owned();
    assert_eq!(gitlab.keys, KeySource::Url { url, ca_file: None, token_file: None });
    let cluster = "preset: kubernetes, audiences: [mine], tenants: [a]";
    refused(&with(cluster, ""), ": issuers.i.issuer: is missing");
    refused(&with(&format!("{cluster}, issuer: 'https://k'"), ""), "expected jwks_url or jwks_file");
    issuer(&format!("{cluster}, issuer: 'https://k', jwks_file: k"));
    // Keys of the public service prove nothing of another.
    refused(&with(&format!("{PRESET}, issuer: 'https://ghes/_services/token'"), ""), "expected jwks_url or jwks_file");
    issuer(&format!(
        "{PRESET}, issuer: 'https://ghes/_services/token', jwks_url: 'https://ghes/keys', algorithms: [RS512]"
    ));
    assert_eq!(issuer(&format!("{PRESET}, jwks_file: mirror.json")).keys, KeySource::File("dir/mirror.json".into()));
}

#[test]
fn what_an_issuer_is_believed_by_is_written_or_refused() {
    for (key, without) in [
        ("issuer", "audiences: [x], algorithms: [ES256], jwks_file: k, tenants: [a]"),
        ("audiences", "issuer: i, algorithms: [ES256], jwks_file: k, tenants: [a]"),
        ("algorithms", "issuer: i, audiences: [x], jwks_file: k, tenants: [a]"),
        ("tenants", "issuer: i, audiences: [x], algorithms: [ES256], jwks_file: k"),
    ] {
        refused(&with(without, ""), &format!(": issuers.i.{key}: is missing and has no default"));
        for empty in ["[]", "", "{}", "''", "[~]", "['']", "7", "[7]", "true"] {
            // A name is enough of an issuer; a list of it is not.
            refused(&with(&format!("{without}, {key}: {empty}"), ""), &format!(": issuers.i.{key}"));
        }
    }
    refused(&with("issuer: i, audiences: [x], algorithms: [ES256], tenants: [a]", ""), "its keys are missing");
    refused(&with(&format!("{OWN}, jwks_url: 'https://i'"), ""), "stands beside jwks_url");
    refused(&with(&format!("{OWN}, jwks_ca_file: ca"), ""), ": issuers.i.jwks_ca_file: stands beside jwks_file");
    refused(&with(&format!("{OWN}, jwks_token_file: t"), ""), ": issuers.i.jwks_token_file: stands beside jwks_file");
    refused(&with(&OWN.replace("[a]", "[c]"), ""), "no tenant here");
    refused(&with(&format!("{OWN}, leeway: 61s"), ""), "a duration from 0 to 1m");
    refused(&with(&format!("{OWN}, jwks_max_age: 4m"), ""), "a duration from 5m to 30d");
    refused(&with(&format!("{OWN}, preset: github"), ""), ": issuers.i.preset: ");
    refused("issuers: { I_: {} }", ": issuers.I_: is no name of an issuer");
    let twice = with(OWN, "").replace("issuers: {", &format!("issuers: {{ h: {{ {OWN} }},"));
    refused(&twice, ": issuers.i: has the iss of \"h\" too");
}

#[test]
fn a_signature_that_its_reader_could_write_is_no_algorithm() {
    for (word, why) in [
        ("none", "anybody could write such a token"),
        ("HS256", "whoever reads it here could write tokens"),
        ("hs512", "whoever reads it here could write tokens"),
        ("rs256", "expected RS256"),
        ("'*'", "expected RS256"),
    ] {
        refused(&with(&OWN.replace("[ES256]", &format!("[ES256, {word}]")), ""), why);
    }
    let all = Algorithm::ALL.map(Algorithm::name).join(", ");
    assert_eq!(issuer(&OWN.replace("ES256", &all)).algorithms, Algorithm::ALL.into());
}

#[test]
fn keys_come_by_https_from_an_url_without_secrets() {
    let url = |url: &str| with(&OWN.replace("jwks_file: k", &format!("jwks_url: '{url}'")), "");
    config(&url("https://i.example.org:8443/keys?x=y"));
    for bad in
        ["http://i/k", "i/k", "/k", "https://", "https://u:secret@i/k", "https://i/k#a", "ftp://i", "https://i /k"]
    {
        refused(&url(bad), ": issuers.i.jwks_url: is none that keys are fetched from");
    }
    let fault = read(&url("https://u:secret@i/k")).unwrap_err();
    assert!(!fault.contains("secret"), "{fault}");
}

#[test]
fn a_public_service_is_named_by_its_preset() {
    for (name, iss) in [
        ("github-actions", "https://token.actions.githubusercontent.com"),
        ("github-actions", "https://token.actions.githubusercontent.com/my-enterprise"),
        ("gitlab", "https://gitlab.com"),
    ] {
        refused(&with(&OWN.replace("https://i", iss), ""), &format!("expected `preset: {name}`"));
        let other = format!("preset: kubernetes, {}", OWN.replace("https://i", iss));
        refused(&with(&other, ""), &format!("expected `preset: {name}`"));
    }
    issuer(&OWN.replace("https://i", "https://gitlab.com.example.org"));
}

#[test]
fn a_rule_on_a_public_service_asks_who_owns_what_runs_there() {
    let gitlab = "preset: gitlab, audiences: [mine], tenants: [a]";
    let cluster = "preset: kubernetes, issuer: k, jwks_file: k, audiences: [mine], tenants: [a]";
    for (issuer, claims, good) in [
        (PRESET, "{ repository_id: '7' }", true),
        (PRESET, "{ repository_owner_id: ['7', '8'], ref: 'refs/heads/*' }", true),
        (PRESET, "{ repository: 'me/mine', actor_id: '7' }", false),
        (PRESET, "{ repository_id: '7*' }", false),
        (PRESET, "{ repository_id: ['7', '*'] }", false),
        (PRESET, "{ repository_id: 7 }", false),
        (gitlab, "{ project_id: '7' }", true),
        (gitlab, "{ namespace_id: '7' }", true),
        (gitlab, "{ namespace_path: 'me', repository_id: '7' }", false),
        (cluster, "{ sub: 'system:serviceaccount:a:b' }", true),
        (cluster, "{ sub: 'system:serviceaccount:a:*' }", false),
        (OWN, "{ sub: '*', group: [x, 7] }", true),
        (OWN, "{ sub: 'x*' }", false),
        (OWN, "{ sub: [x, 'y*'] }", false),
    ] {
        let text = with(issuer, &format!("{{ issuer: i, scopes: [push], claims: {claims} }}"));
        match read(&text) {
            Ok(_) => assert!(good, "{claims}"),
            Err(fault) => assert!(!good && fault.contains(": tenants.a.jwts[0].claims: "), "{claims}: {fault}"),
        }
    }
}

#[test]
fn a_rule_grants_as_a_token_and_labels_come_from_the_claims() {
    let config = rule(
        "scopes: [push], claims: { sub: x, n: [1, 'y*'] }, jobs: ['ci-*'], labels: { repo: 'r/{repository}', env: '{{prod}}' }, networks: [10.0.0.0/8], expires: '2030-01-01T00:00:00Z'",
    );
    let rule = &config.tenants["a"].jwts[0];
    assert_eq!((&*rule.issuer, &*rule.grant.name), ("i", "a/i/1"));
    assert_eq!(rule.claims["n"][0], ClaimValue::Number(1));
    assert!(matches!(&rule.claims["n"][1], ClaimValue::Text(text) if text.as_str() == "y*"));
    assert_eq!(rule.grant.labels, [("env".to_owned(), "{prod}".to_owned())].into());
    let parts = [TemplatePart::Text("r/".into()), TemplatePart::Claim("repository".into())];
    assert_eq!(rule.labels["repo"].parts, parts);
    assert!(rule.grant.jobs.is_some() && rule.grant.networks.is_some() && rule.grant.expires.is_some());
}

#[test]
fn a_rule_says_what_it_asks_for_and_never_nothing() {
    let good = [("issuer", "i"), ("claims", "{ sub: x }"), ("scopes", "[push]")];
    let text = |key: &str, value: Option<&str>| {
        let others = good.iter().filter(|(other, _)| *other != key).map(|(key, value)| format!("{key}: {value}, "));
        let this = value.map(|value| format!("{key}: {value}")).unwrap_or_default();
        with(OWN, &format!("{{ {}{this} }}", others.collect::<String>()))
    };
    for (key, bad) in [
        ("issuer", &["j", "github", "[i]"][..]),
        (
            "claims",
            &[
                "{ sub: ~ }",
                "{ sub: '' }",
                "{ sub: [] }",
                "{ sub: {} }",
                "{ sub: [''] }",
                "{ sub: [[x]] }",
                "{ sub: true }",
                "{ sub: 1.5 }",
                "{ sub: -1 }",
                "{ '': x }",
                "[sub]",
                "sub",
                "{ sub: [x, true] }",
            ],
        ),
        ("scopes", &["push", "['*']", "['fleet:read']"]),
        ("jobs", &["x", "['']"]),
        (
            "labels",
            &["{ a: '{' }", "{ a: '}' }", "{ a: '{}' }", "{ a: '' }", "{ job: '{x}' }", "{ tenant: '{x}' }", "[a]"],
        ),
        ("networks", &["[10.0.0.1/8]"]),
        ("expires", &["never"]),
        ("name", &["7", "' a'"]),
    ] {
        if good.iter().any(|(required, _)| *required == key) {
            refused(&text(key, None), &format!(": tenants.a.jwts[0].{key}: is missing"));
        }
        for value in ["", "[]", "{}", "''"].iter().chain(bad) {
            refused(&text(key, Some(value)), &format!(": tenants.a.jwts[0].{key}"));
        }
    }
    // What every token of the issuer has, or what it counts up, is nobody's name.
    for claims in ["{ iss: i }", "{ aud: x }", "{ iss: i, aud: x, sub: '*' }", "{ exp: 7, nbf: 7, iat: 7, jti: x }"] {
        refused(&text("claims", Some(claims)), ": tenants.a.jwts[0].claims: asks for nothing exact");
    }
    let of_b = with(OWN, "").replace("b: {}", "b: { jwts: [ { issuer: i, claims: { sub: x }, scopes: [push] } ] }");
    refused(&of_b, "tenants.b.jwts[0].issuer: is \"i\", which does not list b");
}

#[test]
fn what_is_revoked_is_a_token_or_claims_of_an_issuer() {
    let revoked = |entry: &str| with(OWN, "") + &format!("\nrevoked: [ {entry} ]");
    let config = config(&revoked("{ token: 4fQk2ZtR1a }, { issuer: i, claims: { sub: x, n: [1, 'a*'] } }"));
    assert!(matches!(&config.revoked[0], Revoked::Token(id) if id.as_str() == "4fQk2ZtR1a"));
    assert!(matches!(&config.revoked[1], Revoked::Claims { issuer, claims } if issuer == "i" && claims.len() == 2));
    assert!(self::config(&(with(OWN, "") + "\nrevoked: []")).revoked.is_empty());
    for bad in [
        "~",
        "{}",
        "[]",
        "x",
        "{ token: ~ }",
        "{ token: '' }",
        "{ token: 7 }",
        "{ token: [a] }",
        "{ issuer: i }",
        "{ claims: { sub: x } }",
        "{ issuer: i, claims: {} }",
        "{ issuer: i, claims: ~ }",
        "{ issuer: j, claims: { sub: x } }",
        "{ token: 4fQk2ZtR1a, issuer: i, claims: { sub: x } }",
        "{ token: 4fQk2ZtR1a, x: 1 }",
        "{ ca: edge, serial: '0A' }",
        "{ issuer: i, claims: { sub: '' } }",
        "{ user: bob }",
    ] {
        refused(&revoked(bad), ": revoked[0]");
    }
    refused(&(with(OWN, "") + "\nrevoked: {}"), ": revoked: is a map");
    refused(&(with(OWN, "") + "\nrevoked:"), ": revoked: is left empty");
    let token = crate::model::PlainToken::generate("").unwrap();
    let fault = read(&revoked(&format!("{{ token: {} }}", token.reveal()))).unwrap_err();
    assert!(!fault.contains(token.reveal()), "{fault}");
}

#[test]
fn an_audience_of_others_is_a_caution() {
    let cautions = |text: &str| {
        let cautions = read(text).unwrap().cautions;
        cautions.iter().map(ToString::to_string).filter(|text| text.contains("audience")).count()
    };
    let cluster = "preset: kubernetes, issuer: 'https://k', jwks_file: k, tenants: [a]";
    for (issuer, audience, shared) in [
        (PRESET, "https://github.com/me", true),
        (PRESET, "https://push.example.org", false),
        (cluster, "https://kubernetes.default.svc.cluster.local", true),
        (cluster, "https://k", true),
        (cluster, "pushward", false),
        (OWN, "https://i", true),
        (OWN, "https://github.com/me", false),
    ] {
        let keys = issuer.replace("audiences: [mine], ", "");
        let text = with(&format!("{keys}, audiences: ['https://me', '{audience}']"), "");
        assert_eq!(cautions(&text), usize::from(shared), "{audience}");
    }
}

#[test]
fn rules_that_ask_for_the_same_are_a_caution() {
    let text = |labels: &str, second: &str, of_b: &str| {
        let first = format!("{{ issuer: i, claims: {{ sub: [x, y], n: 1 }}, scopes: [push]{labels} }}");
        with(&OWN.replace("[a]", "[a, b]"), &format!("{first}, {second}"))
            .replace("b: {}", &format!("b: {{ jwts: [ {of_b} ] }}"))
    };
    let cautions = |text: String| -> Vec<_> {
        read(&text)
            .unwrap()
            .cautions
            .iter()
            .map(|fault| fault.to_string().split_once(": tenants").unwrap().1.to_owned())
            .collect()
    };
    let same = "{ issuer: i, claims: { n: 1, sub: [y, x] }, scopes: [read] }";
    let other = "{ issuer: i, claims: { n: 1, sub: [y, z] }, scopes: [read] }";
    assert_eq!(cautions(text("", other, "")), [] as [&str; 0]);
    assert_eq!(
        cautions(text("", same, same)),
        [
            ".a.jwts[1]: can never decide: \"a/i/1\" before it asks for the same, expected one of them",
            ".b.jwts[0]: asks for the same as \"a/i/1\" of a, and who fits two tenants is refused, expected one of them"
        ]
    );
    // A rule whose label asks for one more claim leaves those without it to the next.
    assert_eq!(cautions(text(", labels: { r: '{repository}' }", same, "")), [] as [&str; 0]);
}
