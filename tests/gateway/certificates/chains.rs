//! Which chains are believed: each is shown to a gateway whose one rule takes every name.

use super::site::START;
use super::site::Site;
use super::site::after;
use super::site::registry;
use super::site::shown;
use super::site::uri;
use http::HeaderMap;
use proptest::prelude::*;
use pushward::identity::Registry;
use pushward::listener::ClientChain;
use pushward::listener::Peer;
use pushward::testkit::Answer;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use pushward::testkit::TestGateway;
use rcgen::BasicConstraints;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

const NAME: &str = "https://edge.example.org/site-7";

fn gateway(ca: &TestCa) -> TestGateway {
    Site::new().ca("edge", ca, &["red"]).rule("red", "edge", uri("*")).start()
}

async fn answer(gateway: &TestGateway, cert: &TestCert) -> Answer {
    gateway.stranger().with_certificate(shown(cert)).put("/metrics/job/a", "m 1\n").await
}

#[tokio::test]
async fn keys_of_every_kind_are_taken() {
    let ca = TestCa::new();
    let gateway = gateway(&ca);
    for key in
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256]
    {
        answer(&gateway, &ca.client(|c| c.uri(NAME).key(key))).await.ok();
    }
    answer(&gateway, &ca.intermediate("below").client(|c| c.uri(NAME))).await.ok();
}

#[tokio::test]
async fn what_no_ca_vouches_for_is_nobody() {
    let ca = TestCa::new();
    let gateway = gateway(&ca);
    let too_long = (0..8).fold(ca.intermediate("0"), |ca, n| ca.intermediate(&format!("{n} more")));
    let short = TestCa::with("test CA", |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let no_ca = ca.intermediate_with("no CA", |ca| ca.is_ca = IsCa::ExplicitNoCa);
    for (what, cert) in [
        ("another CA", TestCa::named("other").client(|c| c.uri(NAME))),
        ("another CA of the same name", TestCa::new().client(|c| c.uri(NAME))),
        ("a server's", ca.client(|c| c.uri(NAME).usages(&[ExtendedKeyUsagePurpose::ServerAuth]))),
        ("a chain too long", too_long.client(|c| c.uri(NAME))),
        ("signed by no CA", no_ca.client(|c| c.uri(NAME))),
    ] {
        let refused = answer(&gateway, &cert).await;
        assert_eq!((refused.status.as_u16(), &*refused.code()), (401, "unauthenticated"), "{what}");
    }
    let short_gateway = self::gateway(&short);
    answer(&short_gateway, &short.client(|c| c.uri(NAME))).await.ok();
    let below = short.intermediate("one too many").client(|c| c.uri(NAME));
    answer(&short_gateway, &below).await.refused(401, "unauthenticated");
    // Without what leads to the root there is no way to it.
    let mut deep = ca.intermediate("below").client(|c| c.uri(NAME));
    deep.chain_der.truncate(1);
    answer(&gateway, &deep).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_chain_with_rubbish_in_it_is_refused() {
    let ca = TestCa::new();
    let gateway = gateway(&ca);
    let mut cert = ca.client(|c| c.uri(NAME));
    cert.chain_der.push(b"rubbish".to_vec().into());
    answer(&gateway, &cert).await.refused(401, "certificate_refused");
    let rubbish = Arc::new(ClientChain::invented(vec![b"rubbish".to_vec().into()]));
    gateway.stranger().with_certificate(rubbish).get("/metrics").await.refused(401, "unauthenticated");
    let nothing = Arc::new(ClientChain::invented(Vec::new()));
    gateway.stranger().with_certificate(nothing).get("/metrics").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn what_is_out_of_its_time_says_so() {
    let ca = TestCa::new();
    let gateway = gateway(&ca);
    let expired = answer(&gateway, &ca.client(|c| c.uri(NAME).expired())).await.refused(401, "credential_expired");
    assert!(expired.text().starts_with("the credential of this certificate expired at 2020-01-01T00:00:00Z"));
    assert_eq!(expired.headers["www-authenticate"], r#"Bearer realm="pushward", error="invalid_token""#);
    answer(&gateway, &ca.client(|c| c.uri(NAME).not_yet_valid())).await.refused(401, "credential_not_yet_valid");
    let past = TestCa::with("past", |ca| ca.not_after = rcgen::date_time_ymd(2020, 1, 1));
    answer(&self::gateway(&past), &past.client(|c| c.uri(NAME))).await.refused(401, "credential_expired");
    let below = ca.intermediate_with("past", |ca| ca.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let refused = answer(&gateway, &below.client(|c| c.uri(NAME))).await;
    assert_eq!(refused.status, 401, "{}", refused.text());
}

#[tokio::test]
async fn a_certificate_begins_and_ends_on_a_connection_that_stays_open() {
    let ca = TestCa::new();
    let gateway = gateway(&ca);
    let cert = ca.client(|c| c.uri(NAME).valid(after(60), after(120)));
    let client = gateway.stranger().with_certificate(shown(&cert));
    client.get("/metrics").await.refused(401, "credential_not_yet_valid");
    gateway.clock.advance(Duration::from_secs(60));
    client.get("/metrics").await.ok();
    gateway.clock.advance(Duration::from_millis(59_999));
    client.get("/metrics").await.ok();
    gateway.clock.advance(Duration::from_millis(1));
    let answer = client.get("/metrics").await.refused(401, "credential_expired");
    assert!(answer.text().contains("red-edge expired at 2030-01-01T00:02:00Z"), "{}", answer.text());
    gateway.clock.advance(Duration::from_secs(1));
    client.get("/metrics").await.refused(401, "credential_expired");
}

#[tokio::test]
async fn whatever_in_the_chain_ends_first_ends_it() {
    let root = TestCa::with("root", |ca| ca.not_after = time(after(90)));
    let below = root.intermediate_with("below", |ca| ca.not_after = time(after(30)));
    let gateway = gateway(&root);
    let direct = gateway.stranger().with_certificate(shown(&root.client(|c| c.uri(NAME))));
    let deep = gateway.stranger().with_certificate(shown(&below.client(|c| c.uri(NAME))));
    direct.get("/metrics").await.ok();
    deep.get("/metrics").await.ok();
    gateway.clock.advance(Duration::from_secs(31));
    direct.get("/metrics").await.ok();
    assert_eq!(deep.get("/metrics").await.status, 401);
    gateway.clock.advance(Duration::from_secs(60));
    direct.get("/metrics").await.refused(401, "credential_expired");
}

fn time(at: pushward::model::Timestamp) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(at.unix_seconds()).unwrap()
}

proptest! {
    /// Some bytes of a good chain replaced, put in or taken out, wherever: somebody reads them before any signature is checked.
    #[test]
    fn a_spoilt_chain_makes_nobody_and_breaks_nothing(
        of_leaf: bool,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..4),
    ) {
        static GOOD: LazyLock<(Registry, Vec<CertificateDer<'static>>)> = LazyLock::new(|| {
            let ca = TestCa::named("edge");
            let cert = ca.intermediate("middle").client(|c| c.uri("https://red/a").dns("a.b").email("a@b").cn("a"));
            let site = Site::new().ca("edge", &ca, &["red"]).rule("red", "edge", uri("*"));
            (registry(&site.builder.config, None), cert.chain_der)
        });
        let mut chain = GOOD.1.clone();
        let spoilt = &mut chain[usize::from(!of_leaf)];
        let mut bytes = spoilt.to_vec();
        for (at, byte, edit) in edits {
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let is_another = bytes != spoilt.as_ref();
        *spoilt = CertificateDer::from(bytes);
        let peer = Peer::invented(SocketAddr::from(([127, 0, 0, 1], 1)), true).invented_at("public");
        let peer = peer.invented_with(Arc::new(ClientChain::invented(chain)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(GOOD.0.authenticate(&HeaderMap::new(), &peer, START));
        prop_assert_eq!(found.is_err(), is_another);
    }
}
