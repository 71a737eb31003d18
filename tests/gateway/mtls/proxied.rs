//! A balancer in front: the certificate is the client's, and so is the address that is named.

use super::door::PROTOCOLS;
use super::door::Running;
use crate::certificates::site::Site;
use crate::certificates::site::uri;
use pushward::config::ClientAuth;
use pushward::config::ProxyProtocol;
use pushward::testkit::TestCa;

#[tokio::test]
async fn behind_a_balancer_the_certificate_counts_and_its_networks_are_of_the_named_address() {
    let edge = TestCa::named("edge");
    let mut site = Site::new();
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    site.builder.config.listeners[0].proxy_protocol = Some(ProxyProtocol { trusted, required: false });
    let site = site.ca("edge", &edge, &["red"]).rule_with("red", "edge", uri("*"), |rule| {
        rule.grant.networks = Some(vec!["192.0.2.0/24".parse().unwrap()]);
    });
    let gateway = Running::start(site, ClientAuth::Optional);
    let cert = edge.client(|c| c.uri("https://edge/a"));
    for protocol in PROTOCOLS {
        let with = gateway.client(protocol, Some(&cert));
        let without = gateway.client(protocol, None);
        for (header, seen) in [
            ("PROXY TCP4 192.0.2.9 198.51.100.1 1 2\r\n", "200"),
            ("PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n", "200"),
            ("PROXY TCP4 192.0.3.9 198.51.100.1 1 2\r\n", "403 network_refused"),
            ("", "403 network_refused"),
            ("PROXY UNKNOWN\r\n", "401 unauthenticated"),
        ] {
            assert_eq!(with.clone().behind(header).pushes("a").await, seen, "{protocol} {header:?}");
            assert_eq!(
                without.clone().behind(header).pushes("a").await,
                "401 unauthenticated",
                "{protocol} {header:?}"
            );
            // Whose address is outside the certificate's networks is not let in by a token beside it.
            let beside = with.clone().with(gateway.bearer("red")).behind(header).pushes("a").await;
            assert_eq!(beside, seen, "{protocol} {header:?}");
        }
    }
}

#[tokio::test]
async fn a_session_made_from_one_address_has_no_place_at_another() {
    let edge = TestCa::named("edge");
    let mut site = Site::new();
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    site.builder.config.listeners[0].proxy_protocol = Some(ProxyProtocol { trusted, required: true });
    let site = site.ca("edge", &edge, &["red"]).rule_with("red", "edge", uri("*"), |rule| {
        rule.grant.networks = Some(vec!["192.0.2.0/24".parse().unwrap()]);
    });
    let gateway = Running::start(site, ClientAuth::Required);
    let cert = edge.client(|c| c.uri("https://edge/a"));
    for protocol in PROTOCOLS {
        let client = gateway.client(protocol, Some(&cert));
        let from = |address: &str| client.clone().behind(&format!("PROXY TCP4 {address} 198.51.100.1 1 2\r\n"));
        let (kind, seen) = from("192.0.2.9").push().await.unwrap();
        assert_eq!((kind, seen.as_str()), (rustls::HandshakeKind::Full, "200"));
        let (kind, seen) = from("192.0.3.9").push().await.unwrap();
        assert_eq!((kind, seen.as_str()), (rustls::HandshakeKind::Resumed, "403 network_refused"));
    }
}
