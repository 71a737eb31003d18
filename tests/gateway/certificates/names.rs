//! Which names fit which rules.

use super::site::Site;
use super::site::cn;
use super::site::dns;
use super::site::email;
use super::site::shown;
use super::site::uri;
use pushward::config::SubjectRule;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use pushward::testkit::TestCertParams;
use rcgen::CustomExtension;
use rcgen::KeyUsagePurpose;
use rcgen::SanType;

/// The code of the answer: `ok` where the rule makes it red's.
async fn code(site: Site, rule: SubjectRule, cert: &TestCert) -> String {
    let gateway = site.rule("red", "edge", rule).start();
    let answer = gateway.stranger().with_certificate(shown(cert)).get("/metrics").await;
    if answer.status.is_success() { "ok".to_owned() } else { answer.code() }
}

async fn judged(ca: &TestCa, rule: SubjectRule, cert: impl FnOnce(TestCertParams) -> TestCertParams) -> String {
    code(Site::new().ca("edge", ca, &["red"]), rule, &ca.client(cert)).await
}

#[tokio::test]
async fn a_rule_takes_names_of_its_own_kind_alone() {
    let ca = TestCa::new();
    let text = "ann@example.org";
    assert_eq!(judged(&ca, email(text), |c| c.email(text)).await, "ok");
    assert_eq!(judged(&ca, dns("*"), |c| c.email(text)).await, "unauthenticated");
    assert_eq!(judged(&ca, email("*"), |c| c.dns(text).uri(text).cn(text)).await, "unauthenticated");
    assert_eq!(judged(&ca, email("site.example.org"), |c| c.dns("site.example.org")).await, "unauthenticated");
    assert_eq!(judged(&ca, dns("site.example.org"), |c| c.email("site.example.org")).await, "unauthenticated");
    assert_eq!(judged(&ca, dns("192.0.2.7"), |c| c.ip("192.0.2.7")).await, "unauthenticated");
    assert_eq!(judged(&ca, uri("*"), |c| c.ip("192.0.2.7").dns("a.b").email("a@b").cn("a")).await, "unauthenticated");
}

#[tokio::test]
async fn hosts_are_compared_without_case_and_their_wildcards_fit_nothing() {
    let ca = TestCa::new();
    assert_eq!(judged(&ca, dns("*.edge.example.org"), |c| c.dns("SITE-7.Edge.Example.org")).await, "ok");
    assert_eq!(judged(&ca, dns("*"), |c| c.dns("*.edge.example.org")).await, "unauthenticated");
    assert_eq!(judged(&ca, dns("*.edge.example.org"), |c| c.dns("*.edge.example.org")).await, "unauthenticated");
    assert_eq!(judged(&ca, dns("site"), |c| c.dns("site.evil")).await, "unauthenticated");
    assert_eq!(judged(&ca, dns("site.evil"), |c| c.dns("site.evil\0.org")).await, "unauthenticated");
    // One of several is enough.
    assert_eq!(judged(&ca, dns("site"), |c| c.dns("*.x").dns("other").dns("site")).await, "ok");
}

#[tokio::test]
async fn a_common_name_counts_where_the_ca_allows_it_and_there_is_one() {
    let ca = TestCa::new();
    let allowed = || Site::new().ca_with("edge", &ca, &["red"], |ca| ca.cn_allowed = true);
    assert_eq!(judged(&ca, cn("site-7"), |c| c.cn("site-7")).await, "unauthenticated");
    assert_eq!(code(allowed(), cn("site-7"), &ca.client(|c| c.cn("site-7"))).await, "ok");
    assert_eq!(code(allowed(), cn("site-7"), &ca.client(|c| c.dns("site-7"))).await, "unauthenticated");
    // A name of type DNS rules nothing out: rules are about what they ask for.
    assert_eq!(code(allowed(), cn("site-7"), &ca.client(|c| c.cn("site-7").dns("other"))).await, "ok");
}

#[tokio::test]
async fn names_that_cannot_be_read_are_refused_and_not_passed_over() {
    let ca = TestCa::new();
    let with_san = |content: &[u8]| {
        let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], content.to_vec());
        extension.set_criticality(false);
        ca.client(|c| c.cn("site").with(|params| params.custom_extensions.push(extension)))
    };
    for content in [
        &[0x30, 0x03, 0x86, 0x05, b'a'][..],
        &[0x30, 0x04, 0x86, 0x02, 0xff, 0xfe],
        &[0x30, 0x02, 0x9f, 0x7f],
        b"rubbish",
    ] {
        let site = Site::new().ca_with("edge", &ca, &["red"], |ca| ca.cn_allowed = true);
        let code = code(site, cn("*"), &with_san(content)).await;
        assert!(code == "certificate_refused" || code == "unauthenticated", "{code}");
    }
    let other = SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3], "a@b".into()));
    assert_eq!(judged(&ca, email("*"), |c| c.san(other)).await, "unauthenticated");
}

const ID: &str = "spiffe://edge.example.org/red/site-7";

async fn svid(ca: &TestCa, rule: SubjectRule, cert: impl FnOnce(TestCertParams) -> TestCertParams) -> String {
    let domain = |ca: &mut pushward::config::ClientCa| ca.trust_domain = Some("edge.example.org".into());
    code(Site::new().ca_with("edge", ca, &["red"], domain), rule, &ca.client(cert)).await
}

#[tokio::test]
async fn a_ca_with_a_trust_domain_takes_svids_alone() {
    let ca = TestCa::new();
    let rule = || uri("spiffe://edge.example.org/red/*");
    assert_eq!(svid(&ca, rule(), |c| c.uri(ID)).await, "ok");
    assert_eq!(svid(&ca, rule(), |c| c.uri(ID).dns("site-7.edge.example.org")).await, "ok");
    assert_eq!(svid(&ca, uri("spiffe://edge.example.org/blue/*"), |c| c.uri(ID)).await, "unauthenticated");
    for second in ["https://example.org/", "spiffe://edge.example.org/red/other", ID] {
        assert_eq!(svid(&ca, uri("*"), |c| c.uri(ID).uri(second)).await, "certificate_refused", "{second}");
    }
    for id in ["spiffe://other.example.org/red/site-7", "spiffe://edge.example.org/", "https://edge.example.org/red/a"]
    {
        assert_eq!(svid(&ca, uri("*"), |c| c.uri(id)).await, "certificate_refused", "{id}");
    }
    assert_eq!(svid(&ca, dns("*"), |c| c.dns("site-7.edge.example.org")).await, "certificate_refused");
    for usages in [vec![], vec![KeyUsagePurpose::KeyEncipherment]] {
        assert_eq!(
            svid(&ca, uri("*"), |c| c.uri(ID).with(|params| params.key_usages = usages)).await,
            "certificate_refused"
        );
    }
    let signs = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign];
    assert_eq!(svid(&ca, uri("*"), |c| c.uri(ID).with(|p| p.key_usages = signs)).await, "certificate_refused");
}

#[tokio::test]
async fn of_an_svid_the_id_alone_is_a_name() {
    let ca = TestCa::new();
    assert_eq!(svid(&ca, dns("*"), |c| c.uri(ID).dns("site-7.edge.example.org")).await, "unauthenticated");
    assert_eq!(svid(&ca, email("*"), |c| c.uri(ID).email("a@b")).await, "unauthenticated");
    let both = Site::new().ca_with("edge", &ca, &["red"], |ca| {
        (ca.trust_domain, ca.cn_allowed) = (Some("edge.example.org".into()), true);
    });
    assert_eq!(code(both, cn("*"), &ca.client(|c| c.uri(ID).cn("a"))).await, "unauthenticated");
    // Where the CA has none, it is a URI like others.
    assert_eq!(judged(&ca, uri("spiffe://edge.example.org/red/*"), |c| c.uri(ID).uri("urn:a")).await, "ok");
}
