//! A certificate beside a token: what both allow, and no more.

use super::site::Site;
use super::site::dns;
use super::site::label;
use super::site::shown;
use super::site::uri;
use pushward::config::ClientAuth;
use pushward::config::ClientCa;
use pushward::config::TenantGrant;
use pushward::model::OperatorScope;
use pushward::model::Pattern;
use pushward::model::Verb;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestCa;
use pushward::testkit::TestGateway;
use std::time::Duration;

fn jobs(patterns: &[&str]) -> Option<Vec<Pattern>> {
    Some(patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect())
}

/// Red with a rule narrowed by `rule` and a token `both` narrowed by `token`, and somebody who has both.
fn both(rule: impl FnOnce(&mut TenantGrant), token: impl FnOnce(&mut TenantGrant)) -> (TestGateway, Client) {
    let ca = TestCa::new();
    let gateway = Site::new()
        .with(|builder: GatewayBuilder| builder.token("red", "both", &Verb::ALL, token))
        .ca("edge", &ca, &["red"])
        .rule_with("red", "edge", dns("*"), |entry| rule(&mut entry.grant))
        .start();
    let client = gateway.client("both").with_certificate(shown(&ca.client(|c| c.dns("site-7"))));
    (gateway, client)
}

#[tokio::test]
async fn scopes_are_those_of_both() {
    let (_gateway, client) = both(
        |rule| rule.scopes = [Verb::Push, Verb::Read].into(),
        |token| token.scopes = [Verb::Push, Verb::Delete].into(),
    );
    client.put("/metrics/job/a", "m 1\n").await.ok();
    client.get("/metrics").await.refused(403, "scope_refused");
    client.delete("/metrics/job/a").await.refused(403, "scope_refused");
    let (_gateway, client) = both(|rule| rule.scopes = [Verb::Push].into(), |token| token.scopes = [Verb::Read].into());
    for verb in ["PUT", "DELETE"] {
        client.send(verb, "/metrics/job/a", "").await.refused(403, "scope_refused");
    }
    client.get("/metrics").await.refused(403, "scope_refused");
}

#[tokio::test]
async fn jobs_fit_both() {
    let (gateway, client) = both(|rule| rule.jobs = jobs(&["a-*", "c"]), |token| token.jobs = jobs(&["*-x", "c"]));
    for (job, status) in [("a-x", 200), ("c", 200), ("a-y", 403), ("b-x", 403)] {
        assert_eq!(client.put(&format!("/metrics/job/{job}"), "m 1\n").await.status.as_u16(), status, "{job}");
        gateway.client("red").put(&format!("/metrics/job/{job}"), "m 1\n").await.ok();
    }
    assert_eq!(client.scrape().await.len(), 2);
    let (_gateway, client) = both(|rule| rule.jobs = jobs(&["a"]), |_| {});
    client.put("/metrics/job/b", "").await.refused(403, "job_refused");
    let (_gateway, client) = both(|_| {}, |token| token.jobs = jobs(&["a"]));
    client.put("/metrics/job/b", "").await.refused(403, "job_refused");
}

#[tokio::test]
async fn labels_are_those_of_both_and_a_contradiction_is_nobody() {
    let bound = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    let (_gateway, client) =
        both(|rule| rule.labels = bound("site", "seven"), |token| token.labels = bound("env", "prod"));
    client.put("/metrics/job/a", "m 1\n").await.ok();
    assert_eq!(client.scrape().await, [r#"m{env="prod",instance="",job="a",site="seven"} 1"#]);
    client.put("/metrics/job/a/site/eight", "").await.refused(403, "label_refused");
    client.put("/metrics/job/a/env/dev", "").await.refused(403, "label_refused");
    let (gateway, client) =
        both(|rule| rule.labels = bound("site", "seven"), |token| token.labels = bound("site", "eight"));
    client.get("/metrics").await.refused(403, "credentials_differ");
    gateway.client("both").get("/metrics").await.ok();
}

#[tokio::test]
async fn networks_and_ends_are_those_of_both() {
    let net = |text: &str| Some(vec![text.parse().unwrap()]);
    let (_gateway, client) =
        both(|rule| rule.networks = net("203.0.113.0/25"), |token| token.networks = net("203.0.113.64/26"));
    for (address, status) in [("203.0.113.70", 200), ("203.0.113.9", 403), ("203.0.113.130", 403)] {
        let status_there = client.clone().from_address(address).get("/metrics").await.status.as_u16();
        assert_eq!(status_there, status, "{address}");
    }
    for early in [true, false] {
        let ends = |grant: &mut TenantGrant, first: bool| {
            grant.expires = Some(super::site::after(if first { 60 } else { 120 }));
        };
        let (gateway, client) = both(|rule| ends(rule, early), |token| ends(token, !early));
        client.get("/metrics").await.ok();
        gateway.clock.advance(Duration::from_secs(60));
        let answer = client.get("/metrics").await.refused(401, "credential_expired");
        let name = if early { "red-edge" } else { "both" };
        assert!(answer.text().contains(&format!("credential {name} expired")), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_token_and_a_certificate_of_two_sides_are_refused() {
    let ca = TestCa::new();
    let gateway = Site::new()
        .with(|builder| builder.operator("fleet", &OperatorScope::ALL, |_| {}))
        .ca("edge", &ca, &["red"])
        .rule("red", "edge", dns("*"))
        .start();
    let chain = shown(&ca.client(|c| c.dns("site-7")));
    for other in ["blue", "fleet"] {
        let client = gateway.client(other).with_certificate(chain.clone());
        let answer = client.get("/metrics").await.refused(403, "credentials_differ");
        assert!(!answer.text().contains("red-edge") && !answer.text().contains("tenant red"), "{}", answer.text());
        gateway.client(other).get("/metrics").await.ok();
    }
    gateway.client("red").with_certificate(chain).get("/metrics").await.ok();
}

#[tokio::test]
async fn a_header_that_fails_is_refused_whatever_certificate_stands_beside_it() {
    let ca = TestCa::new();
    let expired = |token: &mut TenantGrant| token.expires = Some(super::site::START);
    let gateway = Site::new()
        .with(|builder| builder.token("red", "old", &Verb::ALL, expired))
        .ca("edge", &ca, &["red"])
        .rule("red", "edge", dns("*"))
        .start();
    let certificate = gateway.stranger().with_certificate(shown(&ca.client(|c| c.dns("site-7"))));
    certificate.get("/metrics").await.ok();
    let with = |value: &str| certificate.clone().with("authorization", value);
    for wrong in ["", "Bearer", "Bearer x", "Basic eDp5", "Digest a=b", "Bearer \u{e4}"] {
        with(wrong).get("/metrics").await.refused(401, "unauthenticated");
    }
    with(&format!("Bearer {}", gateway.token("old"))).get("/metrics").await.refused(401, "credential_expired");
    let good = format!("Bearer {}", gateway.token("red"));
    with(&good).with("authorization", &good).get("/metrics").await.refused(400, "several_credentials");
    with(&good).get("/metrics").await.ok();
}

#[tokio::test]
async fn a_door_key_is_nobody_alone_and_changes_nothing_beside_a_token() {
    let ca = TestCa::new();
    let gateway = Site::new().ca("edge", &ca, &["red"]).rule("red", "edge", uri("https://red/*")).start();
    let strange = TestCa::named("strange");
    let server = ca.client(|c| c.uri("https://red/a").usages(&[rcgen::ExtendedKeyUsagePurpose::ServerAuth]));
    for cert in [ca.client(|c| c.uri("https://door/a")), strange.client(|c| c.uri("https://red/a")), server] {
        gateway.stranger().with_certificate(shown(&cert)).get("/metrics").await.refused(401, "unauthenticated");
        for tenant in ["red", "blue"] {
            let client = gateway.client(tenant).with_certificate(shown(&cert));
            client.put("/metrics/job/a", "m 1\n").await.ok();
            assert_eq!(client.scrape().await.len(), 1);
        }
    }
}

/// The door of such a listener is open to whom its CAs have signed; a CA may be gone, or closed, since it was passed.
#[tokio::test]
async fn where_certificates_are_required_one_that_no_ca_vouches_for_opens_nothing_beside_a_token() {
    let (edge, strange) = (TestCa::named("edge"), TestCa::named("strange"));
    let site = || {
        let mut site = Site::new().rule("red", "edge", uri("https://red/*"));
        site.builder.config.listeners[0].tls.as_mut().unwrap().client_auth = ClientAuth::Required;
        site
    };
    let (good, door) = (edge.client(|c| c.uri("https://red/a")), edge.client(|c| c.uri("https://door/a")));
    let gateway = site().ca("edge", &edge, &["red"]).start();
    let with = |gateway: &TestGateway, cert| gateway.client("red").with_certificate(shown(cert));
    with(&gateway, &good).get("/metrics").await.ok();
    with(&gateway, &door).get("/metrics").await.ok();
    let foreign = strange.client(|c| c.uri("https://red/a"));
    with(&gateway, &foreign).get("/metrics").await.refused(401, "unauthenticated");
    let lost = |ca: &mut ClientCa| ca.crl_file = Some("not-there.crl".into());
    let closed = site().ca_with("edge", &edge, &["red"], lost).start();
    for cert in [&good, &door] {
        with(&closed, cert).get("/metrics").await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_certificate_that_is_no_longer_good_is_not_passed_over_beside_a_token() {
    let ca = TestCa::new();
    let gateway = Site::new().ca("edge", &ca, &["red"]).rule("red", "edge", uri("*")).start();
    let red = gateway.client("red");
    let late = red.clone().with_certificate(shown(&ca.client(|c| c.uri("https://red/a").expired())));
    late.get("/metrics").await.refused(401, "credential_expired");
    let early = red.with_certificate(shown(&ca.client(|c| c.uri("https://red/a").not_yet_valid())));
    early.get("/metrics").await.refused(401, "credential_not_yet_valid");
}

#[tokio::test]
async fn a_site_with_a_token_for_all_sites_still_pushes_its_own() {
    let ca = TestCa::new();
    let gateway = Site::new()
        .ca("edge", &ca, &["red"])
        .rule_with("red", "edge", dns("*.edge"), |rule| label(rule, "site", "dns.1"))
        .start();
    let client = gateway.client("red").with_certificate(shown(&ca.client(|c| c.dns("seven.edge"))));
    client.put("/metrics/job/a/site/eight", "m 1\n").await.refused(403, "label_refused");
    client.put("/metrics/job/a", "m 1\n").await.ok();
    assert_eq!(client.scrape().await, [r#"m{instance="",job="a",site="seven"} 1"#]);
    // The token by itself is as it was.
    gateway.client("red").put("/metrics/job/a/site/eight", "m 1\n").await.ok();
}
