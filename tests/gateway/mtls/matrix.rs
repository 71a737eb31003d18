//! What becomes of each kind of certificate at a listener: the handshake ends, or a push has this status and code. One
//! table for listeners that ask and that insist, both protocols, both versions of TLS, and sessions new and resumed.

use super::door::ENDED;
use super::door::PROTOCOLS;
use super::door::Running;
use super::door::VERSIONS;
use crate::certificates::site::Site;
use crate::certificates::site::cn;
use crate::certificates::site::dns;
use crate::certificates::site::email;
use crate::certificates::site::uri;
use pushward::config::ClientAuth;
use pushward::model::Clock;
use pushward::model::SystemClock;
use pushward::model::Timestamp;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use rcgen::BasicConstraints;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rustls::HandshakeKind;
use std::time::Duration;

/// A name that a rule of red knows.
const KNOWN: &str = "https://edge.example.org/red/site-7";
const SVID: &str = "spiffe://edge.example.org/red/site-7";

const PUSHED: &str = "200";
/// As good as no certificate.
const NOBODY: &str = "401 unauthenticated";
const MALFORMED: &str = "401 certificate_refused";

struct Row {
    what: &'static str,
    cert: TestCert,
    seen: &'static str,
}

fn row(what: &'static str, seen: &'static str, cert: TestCert) -> Row {
    Row { what, cert, seen }
}

/// The authorities of red: each but the first is there for one kind of row.
struct Authorities {
    edge: TestCa,
    /// With a list that is in force.
    listed: TestCa,
    /// With a list past its next update.
    stale: TestCa,
    /// Of X.509-SVIDs.
    spire: TestCa,
    /// That signs no further CA.
    last: TestCa,
    /// Whom nobody believes.
    strange: TestCa,
}

fn authorities() -> Authorities {
    let no_further = |params: &mut rcgen::CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    };
    Authorities {
        edge: TestCa::named("edge"),
        listed: TestCa::named("listed"),
        stale: TestCa::named("stale"),
        spire: TestCa::named("spire"),
        last: TestCa::with("last", no_further),
        strange: TestCa::named("edge"),
    }
}

fn now() -> Timestamp {
    SystemClock::new().now()
}

fn minutes_ago(minutes: u64) -> Timestamp {
    Timestamp::from_unix_seconds(now().unix_seconds() - i64::try_from(minutes * 60).unwrap())
}

fn in_minutes(minutes: u64) -> Timestamp {
    now().saturating_add(Duration::from_secs(minutes * 60))
}

/// The table, and the certificate that is to stand on a list.
fn rows(ca: &Authorities) -> (Vec<Row>, TestCert) {
    let Authorities { edge, listed, stale, spire, last, strange } = ca;
    let known = |ca: &TestCa| ca.client(|c| c.uri(KNOWN));
    let deep =
        |levels: u32| (1..levels).fold(edge.intermediate("1"), |ca, nth| ca.intermediate(&(nth + 1).to_string()));
    let revoked = known(listed);
    let rows = vec![
        row("P-256", PUSHED, edge.client(|c| c.uri(KNOWN).valid(minutes_ago(5), in_minutes(60)))),
        row("P-384", PUSHED, edge.client(|c| c.uri(KNOWN).key(&rcgen::PKCS_ECDSA_P384_SHA384))),
        row("RSA", PUSHED, edge.client(|c| c.uri(KNOWN).key(&rcgen::PKCS_RSA_SHA256))),
        row("Ed25519", PUSHED, edge.client(|c| c.uri(KNOWN).key(&rcgen::PKCS_ED25519))),
        row("expired", ENDED, edge.client(|c| c.uri(KNOWN).valid(minutes_ago(60), minutes_ago(5)))),
        row("not yet valid", ENDED, edge.client(|c| c.uri(KNOWN).valid(in_minutes(5), in_minutes(60)))),
        row("of a stranger's CA of the same name", ENDED, known(strange)),
        row("for servers", ENDED, edge.client(|c| c.uri(KNOWN).usages(&[ExtendedKeyUsagePurpose::ServerAuth]))),
        row("for anything", ENDED, edge.client(|c| c.uri(KNOWN).usages(&[ExtendedKeyUsagePurpose::Any]))),
        row("for no named purpose", PUSHED, edge.client(|c| c.uri(KNOWN).usages(&[]))),
        row(
            "a CA's own",
            ENDED,
            edge.client(|c| c.uri(KNOWN).with(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
        ),
        row("not on its CA's list", PUSHED, known(listed)),
        row("on its CA's list", "401 credential_revoked", revoked.clone()),
        row("of a CA whose list has expired", "401 revocation_unknown", known(stale)),
        row("below a CA of which no list speaks", "401 revocation_unknown", known(&listed.intermediate("below"))),
        row("five CAs below the root", PUSHED, known(&deep(5))),
        row("six CAs below the root", ENDED, known(&deep(6))),
        row("of a CA that signs no further CA", PUSHED, known(last)),
        row("one CA too far below it", NOBODY, known(&last.intermediate("one too many"))),
        row("two URIs, the second one known", PUSHED, edge.client(|c| c.uri("https://else/").uri(KNOWN))),
        row("an X.509-SVID", PUSHED, spire.client(|c| c.uri(SVID))),
        row("an X.509-SVID with two URIs", MALFORMED, spire.client(|c| c.uri(SVID).uri("spiffe://edge.example.org/b"))),
        row("of another trust domain", MALFORMED, spire.client(|c| c.uri("spiffe://evil.example.org/red/site-7"))),
        row("an X.509-SVID without a path", MALFORMED, spire.client(|c| c.uri("spiffe://edge.example.org"))),
        row("an X.509-SVID of no rule", NOBODY, spire.client(|c| c.uri("spiffe://edge.example.org/blue/a"))),
        row("the SPIFFE ID from a CA without a trust domain", NOBODY, edge.client(|c| c.uri(SVID))),
        row("capital letters in a host", PUSHED, edge.client(|c| c.dns("Seven.EDGE.example.org"))),
        row("a wildcard for hosts", NOBODY, edge.client(|c| c.dns("*.edge.example.org"))),
        row("a host as an email address", NOBODY, edge.client(|c| c.email("seven.edge.example.org"))),
        row("a host as a URI", NOBODY, edge.client(|c| c.uri("seven.edge.example.org"))),
        row("a host as a common name", NOBODY, edge.client(|c| c.cn("seven.edge.example.org"))),
        row("an email address", PUSHED, edge.client(|c| c.email("ann@edge.example.org"))),
        row("an email address as a host", NOBODY, edge.client(|c| c.dns("ann@edge.example.org"))),
        row("addresses alone", NOBODY, edge.client(|c| c.ip("192.0.2.7").ip("2001:db8::7"))),
        row("an address as a host", NOBODY, edge.client(|c| c.dns("192.0.2.7"))),
        row("no name at all", NOBODY, edge.client(|c| c)),
        row("a host that no rule knows", NOBODY, edge.client(|c| c.dns("seven.edge.example.org.evil.example"))),
    ];
    (rows, revoked)
}

fn site(ca: &Authorities, revoked: &TestCert) -> Site {
    let Authorities { edge, listed, stale, spire, last, .. } = ca;
    let site = Site::new();
    let in_force = site.file("listed.crl", listed.crl(&[&revoked.serial], in_minutes(60)).pem);
    let too_old = site.file("stale.crl", stale.crl(&[], minutes_ago(1)).pem);
    site.ca("edge", edge, &["red"])
        .ca_with("listed", listed, &["red"], |ca| ca.crl_file = Some(in_force))
        .ca_with("stale", stale, &["red"], |ca| ca.crl_file = Some(too_old))
        .ca_with("spire", spire, &["red"], |ca| ca.trust_domain = Some("edge.example.org".to_owned()))
        .ca("last", last, &["red"])
        .rule("red", "edge", uri("https://edge.example.org/red/*"))
        .rule("red", "edge", dns("*.edge.example.org"))
        .rule("red", "edge", dns("192.0.2.7.example"))
        .rule("red", "edge", email("ann@edge.example.org"))
        .rule("red", "edge", cn("*.edge.example.org"))
        .rule("red", "listed", uri("*"))
        .rule("red", "stale", uri("*"))
        .rule("red", "spire", uri("spiffe://edge.example.org/red/*"))
        .rule("red", "last", uri("*"))
}

/// Every row at one listener.
async fn holds(auth: ClientAuth, protocol: &str) {
    let ca = authorities();
    let (rows, revoked) = rows(&ca);
    let gateway = Running::start(site(&ca, &revoked), auth);
    for version in VERSIONS {
        for Row { what, cert, seen } in &rows {
            let client = gateway.client_of(version, protocol, Some(cert));
            let at = format!("{what}, {auth:?}, {protocol}, {version:?}");
            for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
                match client.push().await {
                    Ok((made, answer)) => assert_eq!((made, answer.as_str()), (kind, *seen), "{at}"),
                    Err(error) => assert_eq!(ENDED, *seen, "{at}, {kind:?}: {error}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn where_a_certificate_is_asked_for_the_table_holds_over_http1() {
    holds(ClientAuth::Optional, "http/1.1").await;
}

#[tokio::test]
async fn where_a_certificate_is_asked_for_the_table_holds_over_http2() {
    holds(ClientAuth::Optional, "h2").await;
}

#[tokio::test]
async fn where_a_certificate_is_required_the_table_holds_over_http1() {
    holds(ClientAuth::Required, "http/1.1").await;
}

#[tokio::test]
async fn where_a_certificate_is_required_the_table_holds_over_http2() {
    holds(ClientAuth::Required, "h2").await;
}

#[tokio::test]
async fn without_a_certificate_one_is_nobody_or_outside() {
    let edge = TestCa::named("edge");
    for (auth, alone, with_a_token) in [(ClientAuth::Optional, NOBODY, PUSHED), (ClientAuth::Required, ENDED, ENDED)] {
        let gateway = Running::start(Site::new().ca("edge", &edge, &["red"]).rule("red", "edge", uri("*")), auth);
        for protocol in PROTOCOLS {
            for version in VERSIONS {
                let client = gateway.client_of(version, protocol, None);
                let red = client.clone().with(gateway.bearer("red"));
                for _ in ["fresh", "again"] {
                    assert_eq!(client.pushes("a").await, alone, "{auth:?} {protocol} {version:?}");
                    assert_eq!(red.pushes("a").await, with_a_token, "{auth:?} {protocol} {version:?}");
                }
            }
        }
    }
}
