//! For whom a CA speaks, and what the rule that matched binds.

use super::site::Site;
use super::site::dns;
use super::site::email;
use super::site::label;
use super::site::shown;
use super::site::uri;
use pushward::config::CertificateRule;
use pushward::config::ClientAuth;
use pushward::config::OperatorGrant;
use pushward::config::TenantGrant;
use pushward::model::OperatorScope;
use pushward::model::Pattern;
use pushward::model::Verb;
use pushward::testkit::TestCa;
use std::collections::BTreeMap;

const NAME: &str = "spiffe://edge.example.org/payments/site-7";

#[tokio::test]
async fn a_ca_speaks_for_the_tenants_it_lists_and_no_other() {
    let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
    // Blue's rule is about a CA that does not list blue.
    let gateway = Site::new()
        .ca("edge", &edge, &["red"])
        .ca("office", &office, &["red", "blue"])
        .rule("red", "edge", uri("https://red/*"))
        .rule("blue", "edge", uri("*"))
        .rule("blue", "office", uri("https://blue/*"))
        .start();
    let get = async |ca: &TestCa, name: &str| {
        gateway.stranger().with_certificate(shown(&ca.client(|c| c.uri(name)))).get("/metrics").await.status.as_u16()
    };
    assert_eq!(get(&edge, "https://red/a").await, 200);
    assert_eq!(get(&edge, "https://blue/a").await, 401);
    assert_eq!(get(&office, "https://blue/a").await, 200);
    assert_eq!(get(&office, "https://red/a").await, 401);
}

#[tokio::test]
async fn a_ca_counts_on_the_listeners_that_name_it() {
    let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
    let mut site = Site::new().listener("internal").ca("edge", &edge, &["red"]).rule("red", "edge", uri("*"));
    let edge_ca = site.builder.config.listeners[0].tls.as_ref().unwrap().client_cas["edge"].clone();
    let office_ca =
        pushward::config::ClientCa { name: "office".into(), ca_file: site.file("office.pem", office.pem()), ..edge_ca };
    site.trust(1, office_ca);
    let gateway = site.rule("red", "office", uri("*")).start();
    let of_edge = gateway.stranger().with_certificate(shown(&edge.client(|c| c.uri(NAME))));
    let of_office = gateway.stranger().with_certificate(shown(&office.client(|c| c.uri(NAME))));
    // What one listener has found out is nothing to the other.
    for _ in 0..2 {
        of_edge.get("/metrics").await.ok();
        of_office.get("/metrics").await.refused(401, "unauthenticated");
        gateway.at("internal", &of_edge).get("/metrics").await.refused(401, "unauthenticated");
        gateway.at("internal", &of_office).get("/metrics").await.ok();
    }
    // The operator's listener names none.
    gateway.at_ops(&of_edge).get("/-/healthy").await.ok();
}

/// Its handshake still asks as it did, and no list and no entry of `revoked` is asked any more.
#[tokio::test]
async fn at_a_listener_that_has_lost_its_name_a_certificate_is_worth_nothing_until_the_restart() {
    let edge = TestCa::named("edge");
    let mut site = Site::new().ca("edge", &edge, &["red"]).rule("red", "edge", uri("*"));
    let mut gateway = site.builder.clone().start();
    let certified = gateway.client("red").with_certificate(shown(&edge.client(|c| c.uri(NAME))));
    certified.get("/metrics").await.ok();
    site.builder.config.listeners[0].name = "renamed".into();
    gateway.reload(site.builder.clone()).await;
    certified.get("/metrics").await.refused(401, "unauthenticated");
    gateway.client("red").get("/metrics").await.ok();
    // One that asks for none passes it over, as before.
    site.builder.config.listeners[0].name = "public".into();
    site.builder.config.listeners[0].tls.as_mut().unwrap().client_auth = ClientAuth::Off;
    gateway.reload(site.builder).await;
    certified.get("/metrics").await.ok();
}

#[tokio::test]
async fn who_matches_rules_of_two_is_nobody() {
    let ca = TestCa::new();
    let mut site = Site::new()
        .with(|builder| builder.operator("fleet", &OperatorScope::ALL, |_| {}))
        .ca_with("edge", &ca, &["red", "blue"], |ca| ca.operators = ["fleet".to_owned()].into())
        .rule("red", "edge", uri("*"))
        .rule("blue", "edge", dns("*"));
    let grant = OperatorGrant {
        name: "fleet-edge".into(),
        scopes: OperatorScope::ALL.into(),
        tenants: None,
        networks: None,
        expires: None,
    };
    let rule = CertificateRule { ca: "edge".into(), subject: email("*"), labels: BTreeMap::new(), grant };
    site.builder.config.operators.get_mut("fleet").unwrap().certificates.push(rule);
    let gateway = site.start();
    let client = |cert| gateway.stranger().with_certificate(shown(&cert));
    let (two_tenants, tenant_and_operator, operator) = (
        client(ca.client(|c| c.uri(NAME).dns("a"))),
        client(ca.client(|c| c.dns("a").email("a@b"))),
        client(ca.client(|c| c.email("a@b"))),
    );
    client(ca.client(|c| c.uri(NAME))).get("/metrics").await.ok();
    two_tenants.get("/metrics").await.refused(401, "ambiguous_identity");
    tenant_and_operator.get("/metrics").await.refused(401, "ambiguous_identity");
    let both = gateway.client("red").with_certificate(shown(&ca.client(|c| c.uri(NAME).dns("a"))));
    both.get("/metrics").await.refused(401, "ambiguous_identity");
    assert!(
        operator.get("/metrics").await.ok().text().contains("push") || operator.get("/metrics").await.status == 200
    );
    operator.put("/metrics/job/a", "m 1\n").await.refused(403, "scope_refused");
}

#[tokio::test]
async fn the_first_rule_of_a_tenant_that_matches_decides() {
    let ca = TestCa::new();
    let scopes = |verb: Verb| move |rule: &mut CertificateRule<TenantGrant>| rule.grant.scopes = [verb].into();
    let gateway = Site::new()
        .ca("edge", &ca, &["red"])
        .rule_with("red", "edge", uri("https://push/*"), scopes(Verb::Push))
        .rule_with("red", "edge", uri("*"), scopes(Verb::Read))
        .start();
    let client = |name: &str| gateway.stranger().with_certificate(shown(&ca.client(|c| c.uri(name))));
    client("https://push/a").put("/metrics/job/a", "m 1\n").await.ok();
    client("https://push/a").get("/metrics").await.refused(403, "scope_refused");
    client("https://else/a").get("/metrics").await.ok();
    client("https://else/a").put("/metrics/job/a", "m 1\n").await.refused(403, "scope_refused");
}

#[tokio::test]
async fn an_edge_site_pushes_its_own_groups_and_sees_them_alone() {
    let ca = TestCa::new();
    let gateway = Site::new()
        .ca("edge", &ca, &["red"])
        .rule_with("red", "edge", uri("spiffe://edge.example.org/payments/*"), |rule| label(rule, "site", "uri.2"))
        .start();
    let site = |name: &str| {
        let name = format!("spiffe://edge.example.org/payments/{name}");
        gateway.stranger().with_certificate(shown(&ca.client(|c| c.uri(&name))))
    };
    let (seven, eight) = (site("site-7"), site("site-8"));
    seven.put("/metrics/job/a", "m 7\n").await.ok();
    eight.put("/metrics/job/a", "m 8\n").await.ok();
    seven.put("/metrics/job/a/site/site-7", "m 77\n").await.ok();
    seven.put("/metrics/job/a/site/site-8", "m 0\n").await.refused(403, "label_refused");
    seven.delete("/metrics/job/a/site/site-8").await.refused(403, "label_refused");
    assert_eq!(seven.scrape().await, [r#"m{instance="",job="a",site="site-7"} 77"#]);
    assert_eq!(eight.scrape().await, [r#"m{instance="",job="a",site="site-8"} 8"#]);
    assert_eq!(gateway.client("red").scrape().await.len(), 2);
    // Without the piece there is no site, and then there is nobody.
    site("").get("/metrics").await.refused(401, "unauthenticated");
    let short = ca.client(|c| c.uri("spiffe://edge.example.org/payments/"));
    gateway.stranger().with_certificate(shown(&short)).get("/metrics").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_rule_that_lacks_a_piece_leaves_the_certificate_to_the_next() {
    let ca = TestCa::new();
    let gateway = Site::new()
        .ca("edge", &ca, &["red"])
        .rule_with("red", "edge", uri("*"), |rule| label(rule, "site", "uri.2"))
        .rule_with("red", "edge", uri("*"), |rule| label(rule, "site", "uri.1"))
        .start();
    let client = |names: &[&str]| {
        let cert = ca.client(|c| names.iter().fold(c, |c, name| c.uri(name)));
        gateway.stranger().with_certificate(shown(&cert))
    };
    client(&["https://h/one"]).put("/metrics/job/a/site/one", "").await.ok();
    client(&["https://h/one/two"]).put("/metrics/job/a/site/two", "").await.ok();
    client(&["https://h/one/two"]).put("/metrics/job/a/site/one", "").await.refused(403, "label_refused");
    // The first of its names that has the piece.
    client(&["https://h/one", "https://h/x/two", "https://h/x/three"]).put("/metrics/job/a/site/two", "").await.ok();
}

#[tokio::test]
async fn a_bound_label_of_the_rule_is_not_bound_anew_by_the_certificate() {
    let ca = TestCa::new();
    let gateway = Site::new()
        .ca("edge", &ca, &["red"])
        .rule_with("red", "edge", dns("*"), |rule| {
            label(rule, "site", "dns.1");
            rule.grant.labels = [("site".to_owned(), "seven".to_owned())].into();
        })
        .start();
    let client = |name: &str| gateway.stranger().with_certificate(shown(&ca.client(|c| c.dns(name))));
    client("Seven.edge").put("/metrics/job/a/site/seven", "").await.ok();
    client("eight.edge").get("/metrics").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn everything_that_narrows_a_token_narrows_a_certificate() {
    let ca = TestCa::new();
    let gateway = Site::new()
        .ca("edge", &ca, &["red"])
        .rule_with("red", "edge", dns("*"), |rule| {
            rule.grant.jobs = Some(vec![Pattern::parse("backup-*").unwrap()]);
            rule.grant.networks = Some(vec!["203.0.113.0/24".parse().unwrap()]);
            rule.grant.expires = Some(super::site::after(60));
        })
        .start();
    let client = gateway.stranger().with_certificate(shown(&ca.client(|c| c.dns("a"))));
    client.put("/metrics/job/backup-a", "").await.refused(403, "network_refused");
    let client = client.from_address("203.0.113.9");
    client.put("/metrics/job/backup-a", "").await.ok();
    client.put("/metrics/job/other", "").await.refused(403, "job_refused");
    client.clone().with("x-scope-orgid", "red").put("/metrics/job/backup-a", "").await.ok();
    client.clone().with("x-scope-orgid", "blue").put("/metrics/job/backup-a", "").await.refused(403, "tenant_refused");
    gateway.clock.advance(std::time::Duration::from_secs(60));
    client.put("/metrics/job/backup-a", "").await.refused(401, "credential_expired");
}

#[tokio::test]
async fn a_closed_tenants_rules_let_nobody_in() {
    let ca = TestCa::new();
    let mut site = Site::new().ca("edge", &ca, &["red", "blue"]).rule("red", "edge", dns("*"));
    site.builder.config.tenants.get_mut("red").unwrap().closed = true;
    let gateway = site.start();
    let client = gateway.stranger().with_certificate(shown(&ca.client(|c| c.dns("a"))));
    client.get("/metrics").await.refused(401, "unauthenticated");
}
