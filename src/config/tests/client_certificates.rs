//! `client_cas`, the rules on them, and what is revoked of them.

use super::config;
use super::faults;
use super::read;
use super::refused;
use crate::config::CertificateRule;
use crate::config::ClientAuth;
use crate::config::Revoked;
use crate::config::SubjectRule;
use crate::config::TemplatePart;
use crate::config::TenantGrant;

const TLS: &str = "certificate_file: s, key_file: k";
const EDGE: &str = "edge: { ca_file: e, tenants: [a], operators: [o] }";
const SPIFFE: &str = "edge: { ca_file: e, trust_domain: td, tenants: [a] }";
const NAMES: &str = "edge: { ca_file: e, cn_allowed: true, tenants: [a] }";

/// A listener with these CAs, and a tenant `a` with these rules beside `b` and an operator `o`.
fn with(cas: &str, rules: &str) -> String {
    format!(
        "listener: {{ address: '127.0.0.1:1', tls: {{ {TLS}, client_auth: optional, client_cas: {{ {cas} }} }} }}\n\
         tenants: {{ a: {{ certificates: [ {rules} ] }}, b: {{}} }}\noperators: {{ o: {{}} }}\n"
    )
}

fn rule(cas: &str, keys: &str) -> CertificateRule<TenantGrant> {
    let config = config(&with(cas, &format!("{{ ca: edge, scopes: [push], {keys} }}")));
    config.tenants["a"].certificates[0].clone()
}

#[track_caller]
fn rule_refused(cas: &str, keys: &str, expected: &str) {
    refused(&with(cas, &format!("{{ ca: edge, scopes: [push], {keys} }}")), expected);
}

#[test]
fn clients_are_asked_only_where_it_says_so_and_a_ca_says_whose() {
    let tls = |keys: &str| {
        format!("listener: {{ address: '127.0.0.1:1', tls: {{ {TLS}, {keys} }} }}\ntenants: {{ a: {{}} }}")
    };
    let ca = "client_cas: { edge: { ca_file: e, crl_file: r, tenants: [a] } }";
    for (word, auth) in [("optional", ClientAuth::Optional), ("required", ClientAuth::Required)] {
        let config = config(&tls(&format!("client_auth: {word}, {ca}")));
        let read = config.listeners[0].tls.as_ref().unwrap();
        assert_eq!((read.client_auth, read.client_cas.len()), (auth, 1));
        let edge = &read.client_cas["edge"];
        assert_eq!((edge.name.as_str(), edge.cn_allowed, &edge.trust_domain), ("edge", false, &None));
        assert!(edge.tenants.contains("a") && edge.operators.is_empty());
        for file in ["dir/e", "dir/r"] {
            assert!(config.files.iter().any(|path| path.as_os_str() == file), "{file} is not watched");
        }
        refused(&tls(&format!("client_auth: {word}")), ": listener.tls.client_cas: is missing");
    }
    assert_eq!(config(&tls("client_auth: off")).listeners[0].tls.as_ref().unwrap().client_auth, ClientAuth::Off);
    refused(&tls(ca), ": listener.tls.client_cas: stands beside a client_auth that is off");
    refused(&tls(&format!("client_auth: off, {ca}")), ": listener.tls.client_cas: stands beside a client_auth");
}

#[test]
fn a_ca_speaks_for_somebody_there_is() {
    refused(&with("edge: { ca_file: e }", ""), "client_cas.edge: speaks for nobody");
    refused(&with("edge: { ca_file: e, tenants: [aa] }", ""), "tenants[0]: is \"aa\", no tenant here");
    refused(&with("edge: { ca_file: e, operators: [oo] }", ""), "operators[0]: is \"oo\", no operator here");
    refused(&with("edge: { ca_file: e, tenants: [a], operators: [] }", ""), "is an empty list");
    refused(&with("edge: { ca_file: e, tenants: [a], cn_allowed: true, trust_domain: d }", ""), "beside trust_domain");
}

#[test]
fn a_name_is_one_ca_in_the_whole_gateway() {
    let ops = |ca: &str| {
        let tls = format!("ops: {{ tls: {{ {TLS}, client_auth: required, client_cas: {{ {ca} }} }} }}\n");
        with(EDGE, "") + &tls
    };
    config(&ops(EDGE));
    config(&ops("staff: { ca_file: f, operators: [o] }"));
    refused(&ops("edge: { ca_file: f, operators: [o] }"), "ops.tls.client_cas.edge: is not as another listener's");
}

#[test]
fn a_rule_has_the_name_and_the_grant_that_are_written_or_its_place_as_a_name() {
    let written = rule(EDGE, "uri: 'urn:x:*', name: sites, jobs: [j], networks: [10.0.0.0/8], labels: { env: prod }");
    assert_eq!((written.ca.as_str(), written.grant.name.as_str()), ("edge", "sites"));
    assert_eq!((written.subject.kind(), written.subject.pattern().as_str()), ("uri", "urn:x:*"));
    assert!(written.grant.jobs.is_some() && written.grant.networks.is_some());
    assert_eq!((written.grant.labels["env"].as_str(), written.labels.len()), ("prod", 0));
    let two = "{ ca: edge, dns: x, scopes: [push] }, { ca: edge, email: 'a@b', scopes: [read] }";
    let read = config(&with(EDGE, two));
    let rules: Vec<_> =
        read.tenants["a"].certificates.iter().map(|rule| (rule.grant.name.as_str(), rule.subject.kind())).collect();
    assert_eq!(rules, [("a/edge/1", "dns"), ("a/edge/2", "email")]);
    let operator = "operators: { o: { certificates: [ { ca: edge, dns: x, scopes: ['ops:read'], tenants: [b] } ] } }\n";
    let read = config(&with(EDGE, "").replace("operators: { o: {} }\n", operator));
    let rule = &read.operators["o"].certificates[0];
    assert_eq!((rule.grant.name.as_str(), rule.grant.tenants.as_ref().unwrap().len()), ("operator:o/edge/1", 1));
    refused(&with(EDGE, &two.replace("scopes: [push]", "scopes: [push], name: a/edge/2")), "is that of");
    refused(&with(EDGE, "{ ca: edge, dns: x }"), "certificates[0].scopes: is missing");
}

#[test]
fn a_rule_looks_at_one_name_with_one_star_of_a_ca_that_lists_its_tenant() {
    for (keys, expected) in [
        ("name: n", "certificates[0]: asks for none of uri, dns, email and cn"),
        ("uri: x, dns: y", "certificates[0]: asks for more than one of uri, dns, email and cn"),
        ("uri: 'a*b*'", "certificates[0].uri: is \"a*b*\", expected"),
        ("uri: ''", "certificates[0].uri: is"),
        ("dns: 'ä.example.org'", "certificates[0].dns: is"),
        ("dns: 'https://x'", "certificates[0].dns: fits no certificate"),
        ("dns: '.example.org'", "certificates[0].dns: fits no certificate"),
        ("dns: x.", "certificates[0].dns: fits no certificate"),
        ("email: ann", "certificates[0].email: fits no certificate"),
        ("email: 'a@b@c'", "certificates[0].email: fits no certificate"),
        ("email: 'Ann <ann@x>'", "certificates[0].email: fits no certificate"),
        ("uri: 'https://a b'", "certificates[0].uri: fits no certificate"),
        ("dns: [x]", "certificates[0].dns: is a list"),
        ("cn: x", "certificates[0].cn: is nothing that \"edge\" speaks for"),
        ("dns: x, labels: {}", "labels: is an empty map"),
    ] {
        rule_refused(EDGE, keys, expected);
    }
    for keys in ["dns: '*'", "dns: '*.x'", "dns: _a.x", "email: '*'", "email: '*x'", "email: '*@x'", "email: 'a@*'"] {
        rule(EDGE, keys);
    }
    assert!(matches!(rule(NAMES, "cn: 'site 1'").subject, SubjectRule::Cn(_)));
    refused(&with(EDGE, "{ ca: edgy, dns: x, scopes: [push] }"), "no CA here, did you mean \"edge\"?");
    refused(&with(EDGE, "{ dns: x, scopes: [push] }"), "certificates[0].ca: is missing");
    let other = with(EDGE, "").replace("b: {}", "b: { certificates: [ { ca: edge, dns: x, scopes: [push] } ] }");
    refused(&other, "tenants.b.certificates[0].ca: is \"edge\", which does not list b");
    let ca = "edge: { ca_file: e, tenants: [a] }";
    let operator = "o: { certificates: [ { ca: edge, dns: x, scopes: ['ops:read'] } ] }";
    refused(
        &with(ca, "").replace("o: {}", operator),
        "which does not list operator o, expected it among its `operators`",
    );
}

#[test]
fn a_trust_domain_is_looked_at_by_uris_inside_of_it_alone() {
    rule(SPIFFE, "uri: 'spiffe://td/*'");
    for uri in ["spiffe://td", "spiffe://td/", "spiffe://td*", "spiffe://tdx/a", "spiffe://*", "*", "SPIFFE://td/a"] {
        rule_refused(SPIFFE, &format!("uri: '{uri}'"), "expected spiffe://td/ and a path");
    }
    for other in ["dns: x", "email: 'a@b'", "cn: x"] {
        rule_refused(SPIFFE, other, "looks at no uri");
    }
}

#[test]
fn a_label_takes_pieces_of_the_name_that_its_rule_looks_at() {
    let read = rule(EDGE, "uri: 'urn:*', labels: { site: 's-{uri.2}', env: prod, all: '{uri}' }");
    let parts = &read.labels["site"].parts;
    assert_eq!(parts[..], [TemplatePart::Text("s-".into()), TemplatePart::Claim("uri.2".into())]);
    assert_eq!((read.labels.len(), read.grant.labels.len()), (2, 1));
    rule(NAMES, "cn: x, labels: { l: '{cn}' }");
    rule(EDGE, "dns: x, labels: { l: '{dns}{dns.1}' }");
    for (keys, piece) in [
        ("uri: x", "dns"),
        ("uri: x", "uri.0"),
        ("uri: x", "uri.01"),
        ("uri: x", "uri."),
        ("uri: x", "uri.+1"),
        ("uri: x", "uri.a"),
        ("uri: x", "uri.99999999"),
        ("email: 'a@b'", "email.1"),
        ("dns: x", "cn"),
    ] {
        rule_refused(EDGE, &format!("{keys}, labels: {{ l: '{{{piece}}}' }}"), &format!("asks for {{{piece}}}"));
    }
    rule_refused(EDGE, "uri: x, labels: { l: '{' }", "expected {uri.2}, or {{ and }}");
}

#[test]
fn a_certificate_is_revoked_by_its_serial_or_its_uri() {
    let revoked = |entry: &str| {
        config(&(with(SPIFFE, "") + &format!("revoked: [ {{ ca: edge, {entry} }} ]\n"))).revoked.remove(0)
    };
    for serial in ["0A:1B:2C", "0a1b2c", "00:0A:1B:2C", "000A1B2C"] {
        let serial = revoked(&format!("serial: '{serial}'"));
        assert_eq!(serial, Revoked::Serial { ca: "edge".into(), serial: vec![0x0a, 0x1b, 0x2c] });
    }
    assert!(matches!(revoked("uri: 'spiffe://td/x/*'"), Revoked::Uri { .. }));
    for (entry, expected) in [
        ("{ ca: edge, serial: '' }", "revoked[0].serial: is"),
        ("{ ca: edge, serial: '00' }", "other than zero"),
        ("{ ca: edge, serial: 'A1B' }", "revoked[0].serial: is"),
        ("{ ca: edge, serial: '0A:1' }", "revoked[0].serial: is"),
        ("{ ca: edge, serial: '0A1B:2C' }", "revoked[0].serial: is"),
        ("{ ca: edge, serial: '+A' }", "revoked[0].serial: is"),
        ("{ ca: edge, serial: 'ää' }", "revoked[0].serial: is"),
        ("{ ca: edge, serial: 101 }", "in quotes"),
        ("{ ca: edge, serial: '010203040506070809101112131415161718192021' }", "1 to 20 bytes"),
        ("{ ca: edge, uri: 'a*b*' }", "revoked[0].uri: is"),
        ("{ ca: edge, uri: 'spiffe://other/x' }", "revoked[0].uri: is outside"),
        ("{ ca: edgy, uri: 'spiffe://td/x' }", "revoked[0].ca: is \"edgy\", expected the name of a CA"),
        ("{ ca: edge }", "revoked[0]: is no entry"),
        ("{ ca: edge, serial: '0A', uri: 'spiffe://td/x' }", "revoked[0]: is no entry"),
        ("{ ca: edge, serial: '0A', token: '0000000000' }", "revoked[0]: is no entry"),
    ] {
        refused(&(with(SPIFFE, "") + &format!("revoked: [ {entry} ]\n")), expected);
    }
}

#[test]
fn a_rule_that_never_decides_is_a_caution() {
    let cautions = |rules: &str, of_b: &str, of_o: &str| {
        let cas = "edge: { ca_file: e, cn_allowed: true, tenants: [a, b], operators: [o] }, other: { ca_file: f, tenants: [a] }";
        let text = with(cas, rules)
            .replace("b: {}", &format!("b: {{ certificates: [ {of_b} ] }}"))
            .replace("o: {}", &format!("o: {{ certificates: [ {of_o} ] }}"));
        let cautions = read(&text).unwrap().cautions;
        cautions.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let rule = |keys: &str| format!("{{ ca: edge, scopes: [push], {keys} }}");
    for (first, second, never) in [
        ("dns: x.example.org", "dns: X.Example.org", true),
        ("uri: 'spiffe://td/*'", "uri: 'spiffe://td/a/*'", true),
        ("uri: 'spiffe://td/*'", "uri: 'spiffe://td/a', labels: { l: '{uri}' }", true),
        ("uri: 'spiffe://td/*', labels: { l: '{uri.2}' }", "uri: 'spiffe://td/a'", false),
        ("uri: 'spiffe://td/a/*'", "uri: 'spiffe://td/*'", false),
        ("email: 'ann@x'", "email: 'Ann@x'", false),
        ("email: 'ann@x'", "email: 'ann@X'", true),
        ("uri: x", "dns: x", false),
        ("cn: x", "cn: x", true),
    ] {
        let told = cautions(&format!("{}, {}", rule(first), rule(second)), "", "");
        assert_eq!(told.len(), usize::from(never), "{first} {second} {told:?}");
        assert!(!never || told[0].contains("tenants.a.certificates[1]: can never decide: \"a/edge/1\""), "{told:?}");
    }
    let other = format!("{}, {{ ca: other, dns: x, scopes: [push] }}", rule("dns: x"));
    assert!(cautions(&other, "", "").is_empty());
    // Across tenants it does not matter which stands first.
    let told = cautions(&rule("uri: 'urn:a'"), &rule("uri: 'urn:a'"), "");
    assert!(
        told.len() == 1 && told[0].contains("tenants.b.certificates[0]: lets in nobody: \"a/edge/1\" of a"),
        "{told:?}"
    );
    let told = cautions(&rule("uri: 'urn:a'"), &rule("uri: 'urn:*'"), "");
    assert!(
        told.len() == 1 && told[0].contains("tenants.a.certificates[0]: lets in nobody: \"b/edge/1\" of b"),
        "{told:?}"
    );
    let told = cautions(&rule("cn: x"), "", "{ ca: edge, cn: 'x*', scopes: ['ops:read'] }");
    assert!(told.len() == 1 && told[0].contains("\"operator:o/edge/1\" of operator o fits"), "{told:?}");
}

#[test]
fn an_operators_secret_that_is_good_from_everywhere_is_a_caution_and_a_certificate_is_not() {
    let cautions = |listener: &str, token: &str| {
        let text = format!(
            "listener: {{ {listener}, tls: {{ {TLS}, client_auth: optional, client_cas: {{ {EDGE} }} }} }}\n\
             tenants: {{ a: {{}} }}\noperators: {{ o: {{ tokens: [ {{ id: aaaaaaaaaa, sha256: '{}', scopes: ['ops:read'] {token} }} ],\n\
             certificates: [ {{ ca: edge, dns: x, scopes: ['ops:read'] }} ] }} }}\n",
            "1".repeat(64)
        );
        let cautions = read(&text).unwrap().cautions;
        cautions.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let told = cautions("address: ':9091'", "");
    assert!(
        told.len() == 1 && told[0].contains("operators.o.tokens[0].id: \"aaaaaaaaaa\" is an operator's"),
        "{told:?}"
    );
    assert!(cautions("address: ':9091'", ", networks: [10.0.0.0/8]").is_empty());
    assert!(cautions("address: '127.0.0.1:9091'", "").is_empty());
}

#[test]
fn one_fault_of_a_ca_is_told_once() {
    let faults = faults(&with("edge: { tenants: [a] }", "{ ca: edge, cn: x, scopes: [push] }"));
    assert_eq!(faults.lines().count(), 1, "{faults}");
    assert!(read(&with(EDGE, "")).unwrap().parts.is_empty());
}
