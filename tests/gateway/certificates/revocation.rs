//! Certificates that were withdrawn: by a list of the CA, or by an entry of `revoked`.

use super::site::Site;
use super::site::after;
use super::site::dns;
use super::site::registry;
use super::site::shown;
use super::site::uri;
use pushward::config::ClientAuth;
use pushward::config::Revoked;
use pushward::model::Pattern;
use pushward::model::Timestamp;
use pushward::testkit::Client;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use pushward::testkit::TestCrl;
use pushward::testkit::TestGateway;
use std::time::Duration;

const NAME: &str = "https://edge.example.org/site-7";

fn cert(ca: &TestCa) -> TestCert {
    ca.client(|c| c.uri(NAME))
}

/// A CA `edge` of red with these lists, and a CA `office` of red without any.
fn gateway(edge: &TestCa, office: &TestCa, lists: &[TestCrl]) -> TestGateway {
    let site = Site::new();
    let content: String = lists.iter().map(|list| list.pem.as_str()).collect();
    let crl_file = site.file("edge.crl", content);
    let site = site.ca_with("edge", edge, &["red"], |ca| ca.crl_file = Some(crl_file)).ca("office", office, &["red"]);
    site.rule("red", "edge", uri("*")).rule("red", "office", uri("*")).start()
}

fn client(gateway: &TestGateway, cert: &TestCert) -> Client {
    gateway.stranger().with_certificate(shown(cert))
}

#[tokio::test]
async fn a_certificate_on_its_cas_list_is_refused_and_no_other() {
    let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
    let bad = cert(&edge);
    let same_serial = office.client(|c| c.uri(NAME).serial(&bad.serial));
    let gateway = gateway(&edge, &office, &[edge.crl(&[&bad.serial], after(3600))]);
    client(&gateway, &cert(&edge)).get("/metrics").await.ok();
    client(&gateway, &same_serial).get("/metrics").await.ok();
    let answer = client(&gateway, &bad).get("/metrics").await.refused(401, "credential_revoked");
    assert!(answer.text().starts_with("the credential of this certificate was revoked"), "{}", answer.text());
    // Beside a good token too: what was withdrawn is not passed over.
    gateway.client("red").with_certificate(shown(&bad)).get("/metrics").await.refused(401, "credential_revoked");
}

#[tokio::test]
async fn where_a_certificate_is_all_that_ops_asks_for_a_revoked_one_reads_no_metrics() {
    let (edge, strange) = (TestCa::named("edge"), TestCa::named("strange"));
    let (good, bad, named) = (cert(&edge), cert(&edge), cert(&edge));
    let mut site = Site::new();
    let crl_file = site.file("edge.crl", edge.crl(&[&bad.serial], after(3600)).pem);
    site = site.ca_with("edge", &edge, &["red"], |ca| ca.crl_file = Some(crl_file));
    let config = &mut site.builder.config;
    config.revoked = vec![Revoked::Serial { ca: "edge".into(), serial: named.serial.clone() }];
    config.ops.listener.tls = config.listeners[0].tls.clone();
    config.ops.listener.tls.as_mut().unwrap().client_auth = ClientAuth::Required;
    let gateway = site.start();
    let metrics = async |client: &Client| gateway.at_ops(client).get("/metrics").await;
    metrics(&client(&gateway, &good)).await.ok();
    metrics(&client(&gateway, &bad)).await.refused(401, "credential_revoked");
    metrics(&client(&gateway, &named)).await.refused(401, "credential_revoked");
    metrics(&client(&gateway, &cert(&strange))).await.refused(401, "unauthenticated");
    // From before there was a certificate to be asked for.
    metrics(&gateway.stranger()).await.refused(401, "unauthenticated");
    gateway.at_ops(&gateway.stranger()).get("/-/healthy").await.ok();
    gateway.clock.advance(Duration::from_secs(3600));
    metrics(&client(&gateway, &good)).await.refused(401, "revocation_unknown");
}

#[tokio::test]
async fn the_newest_list_of_a_file_counts() {
    let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
    let bad = cert(&edge);
    // A list's beginning is long ago, or a day before its end if that is earlier.
    let old = edge.crl(&[], Timestamp::from_unix_seconds(1_500_000_000));
    let new = edge.crl(&[&bad.serial], after(3600));
    for lists in [[old.clone(), new.clone()], [new, old]] {
        let gateway = gateway(&edge, &office, &lists);
        client(&gateway, &bad).get("/metrics").await.refused(401, "credential_revoked");
        client(&gateway, &cert(&edge)).get("/metrics").await.ok();
    }
}

#[tokio::test]
async fn past_its_next_update_a_list_refuses_its_cas_certificates_on_open_connections_and_nothing_else() {
    let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
    let gateway = gateway(&edge, &office, &[edge.crl(&[], after(60))]);
    let (of_edge, of_office) = (client(&gateway, &cert(&edge)), client(&gateway, &cert(&office)));
    gateway.clock.advance(Duration::from_secs(59));
    of_edge.get("/metrics").await.ok();
    gateway.clock.advance(Duration::from_secs(1));
    let answer = of_edge.get("/metrics").await.refused(401, "revocation_unknown");
    assert_eq!(answer.headers["www-authenticate"], r#"Bearer realm="pushward", error="invalid_token""#);
    of_office.get("/metrics").await.ok();
    gateway.client("red").get("/metrics").await.ok();
    let both = gateway.client("red").with_certificate(shown(&cert(&edge)));
    both.get("/metrics").await.refused(401, "revocation_unknown");
}

#[tokio::test]
async fn a_list_speaks_of_the_whole_chain_and_is_signed_by_its_own_ca() {
    let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
    let below = edge.intermediate("below");
    let end = after(3600);
    let known = [edge.crl(&[], end), below.crl(&[], end)];
    client(&gateway(&edge, &office, &known), &cert(&below)).get("/metrics").await.ok();
    // Nothing says that the leaf is good, or that what signed it is.
    for part in &known {
        let gateway = gateway(&edge, &office, std::slice::from_ref(part));
        client(&gateway, &cert(&below)).get("/metrics").await.refused(401, "revocation_unknown");
    }
    // A list of another CA says nothing, of another CA of the same name too.
    for other in [TestCa::named("other"), TestCa::named("edge")] {
        let gateway = gateway(&edge, &office, &[other.crl(&[], end)]);
        client(&gateway, &cert(&edge)).get("/metrics").await.refused(401, "revocation_unknown");
    }
    let serial = [0x51, 0x52];
    let below = edge.intermediate_with("below", |ca| ca.serial_number = Some(serial.to_vec().into()));
    let gateway = gateway(&edge, &office, &[edge.crl(&[&serial], end), below.crl(&[], end)]);
    client(&gateway, &cert(&below)).get("/metrics").await.refused(401, "credential_revoked");
}

#[tokio::test]
async fn an_entry_refuses_at_once_and_for_its_ca_alone() {
    let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
    let bad = cert(&edge);
    let by_name = edge.client(|c| c.dns("site").uri("https://edge.example.org/laptop-7"));
    let below = edge.intermediate_with("below", |ca| ca.serial_number = Some(vec![0x51, 0x52].into()));
    let mut site = Site::new().ca("edge", &edge, &["red"]).ca("office", &office, &["red"]);
    let pattern = |text| Pattern::parse(text).unwrap();
    site.builder.config.revoked = vec![
        Revoked::Serial { ca: "edge".into(), serial: bad.serial.clone() },
        Revoked::Serial { ca: "edge".into(), serial: vec![0x51, 0x52] },
        Revoked::Uri { ca: "edge".into(), uri: pattern("https://edge.example.org/laptop-*") },
    ];
    let site =
        ["edge", "office"].into_iter().fold(site, |site, ca| site.rule("red", ca, uri("*")).rule("red", ca, dns("*")));
    let gateway = site.start();
    client(&gateway, &cert(&edge)).get("/metrics").await.ok();
    client(&gateway, &bad).get("/metrics").await.refused(401, "credential_revoked");
    // By another name it is the same certificate.
    client(&gateway, &by_name).get("/metrics").await.refused(401, "credential_revoked");
    client(&gateway, &cert(&below)).get("/metrics").await.refused(401, "credential_revoked");
    gateway.client("red").with_certificate(shown(&bad)).get("/metrics").await.refused(401, "credential_revoked");
    let of_office = office.client(|c| c.uri("https://edge.example.org/laptop-7").serial(&bad.serial));
    client(&gateway, &of_office).get("/metrics").await.ok();
}

#[tokio::test]
async fn revoked_by_one_ca_is_revoked_though_another_with_the_same_root_vouches_for_it() {
    let root = TestCa::new();
    let bad = cert(&root);
    for by_list in [true, false] {
        let mut site = Site::new();
        let crl_file = site.file("edge.crl", root.crl(&[&bad.serial], after(3600)).pem);
        if !by_list {
            site.builder.config.revoked = vec![Revoked::Serial { ca: "edge".into(), serial: bad.serial.clone() }];
        }
        let site = site.ca_with("edge", &root, &["red"], |ca| ca.crl_file = Some(crl_file).filter(|_| by_list)).ca(
            "same",
            &root,
            &["red"],
        );
        let gateway = site.rule("red", "same", uri("*")).start();
        client(&gateway, &bad).get("/metrics").await.refused(401, "credential_revoked");
        client(&gateway, &cert(&root)).get("/metrics").await.ok();
    }
    // A list that is too old closes its own CA and leaves the other open.
    let site = Site::new();
    let crl_file = site.file("edge.crl", root.crl(&[], after(60)).pem);
    let site = site.ca_with("edge", &root, &["red"], |ca| ca.crl_file = Some(crl_file)).ca("same", &root, &["red"]);
    let gateway = site.rule("red", "same", uri("https://edge.example.org/*")).start();
    gateway.clock.advance(Duration::from_secs(60));
    client(&gateway, &cert(&root)).get("/metrics").await.ok();
}

#[test]
fn the_end_of_every_list_is_told_by_its_ca() {
    let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
    let site = Site::new();
    let lists = edge.crl(&[], after(90)).pem + &edge.crl(&[], after(60)).pem;
    let (first, second) = (site.file("edge.crl", lists), site.file("office.crl", office.crl(&[], after(30)).der));
    let site = site
        .ca_with("edge", &edge, &["red"], |ca| ca.crl_file = Some(first))
        .ca_with("office", &office, &["red"], |ca| ca.crl_file = Some(second))
        .ca("third", &office, &["red"]);
    let registry = registry(&site.builder.config, None);
    assert_eq!(registry.crl_next_updates(), [("edge".to_owned(), after(60)), ("office".to_owned(), after(30))]);
    assert!(registry.faults().is_empty());
}
