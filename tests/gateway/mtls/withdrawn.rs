//! What was withdrawn is refused with the first request after the reload, on connections that are open and in sessions
//! that are resumed.

use super::door::ASKING;
use super::door::Client;
use super::door::Connection;
use super::door::ENDED;
use super::door::PROTOCOLS;
use super::door::Running;
use super::door::VERSIONS;
use crate::certificates::site::Site;
use crate::certificates::site::after;
use crate::certificates::site::uri;
use pushward::config::ClientAuth;
use pushward::config::Config;
use pushward::config::Revoked;
use pushward::model::Clock;
use pushward::model::Pattern;
use pushward::model::SystemClock;
use pushward::model::Timestamp;
use pushward::testkit::MockClock;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use rustls::HandshakeKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

const NAME: &str = "https://edge.example.org/red/site-7";
const PUSHED: &str = "200";
const NOBODY: &str = "401 unauthenticated";
const REVOKED: &str = "401 credential_revoked";

/// A CA of red with a list, a second CA, and somebody with a connection and a session.
struct Case {
    edge: TestCa,
    bad: TestCert,
    crl_file: PathBuf,
    gateway: Running,
    client: Client,
    open: Connection,
    /// Somebody else's, whom none of it concerns.
    other: Connection,
}

fn in_an_hour() -> Timestamp {
    SystemClock::new().now().saturating_add(Duration::from_secs(3600))
}

impl Case {
    async fn begin(auth: ClientAuth, protocol: &str, version: &'static rustls::SupportedProtocolVersion) -> Self {
        let (edge, office) = (TestCa::named("edge"), TestCa::named("office"));
        let bad = edge.client(|c| c.uri(NAME));
        let site = Site::new();
        let crl_file = site.file("edge.crl", edge.crl(&[], in_an_hour()).pem);
        let list = Some(crl_file.clone());
        let site = site.ca_with("edge", &edge, &["red"], |ca| ca.crl_file = list).ca("office", &office, &["red"]);
        let site = site.rule("red", "edge", uri("https://*")).rule("red", "office", uri("*"));
        let gateway = Running::start(site, auth);
        let client = gateway.client_of(version, protocol, Some(&bad));
        let mut open = client.connect().await.unwrap();
        assert_eq!(open.push("a").await.as_deref(), Ok(PUSHED));
        assert_eq!(client.push().await, Ok((HandshakeKind::Resumed, PUSHED.to_owned())));
        let of_other = gateway.client(protocol, Some(&office.client(|c| c.uri("https://office/"))));
        let mut other = of_other.connect().await.unwrap();
        assert_eq!(other.push("b").await.as_deref(), Ok(PUSHED));
        Self { edge, bad, crl_file, gateway, client, open, other }
    }

    /// What the open connection and the kept session are worth now; nobody else's has changed.
    async fn seen(&mut self) -> (String, Result<(HandshakeKind, String), String>) {
        assert_eq!(self.other.push("b").await.as_deref(), Ok(PUSHED));
        (self.open.push("a").await.unwrap(), self.client.push().await)
    }
}

/// In every way of connecting: withdrawn by `change`, back by `restore`, both within a second of the reload.
async fn is_withdrawn_and_restored(
    refusal: &str,
    change: impl Fn(&mut Config, &Case),
    restore: impl Fn(&mut Config, &Case),
) {
    for (protocol, auth) in PROTOCOLS.into_iter().zip(ASKING) {
        for version in VERSIONS {
            let mut case = Case::begin(auth, protocol, version).await;
            for (change, answer) in
                [(&change as &dyn Fn(&mut Config, &Case), refusal), (&restore as &dyn Fn(&mut Config, &Case), PUSHED)]
            {
                let mut config = case.gateway.site.builder.config.clone();
                change(&mut config, &case);
                case.gateway.change(|held| *held = config).await;
                let since = Instant::now();
                let seen = case.seen().await;
                let resumed = Ok((HandshakeKind::Resumed, answer.to_owned()));
                assert_eq!(seen, (answer.to_owned(), resumed), "{protocol} {version:?}");
                // By far: it is the very next request.
                assert!(since.elapsed() < Duration::from_secs(1), "{protocol} {version:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_entry_in_the_cas_list_reaches_open_connections_and_kept_sessions() {
    let write = |case: &Case, serials: &[&[u8]]| {
        std::fs::write(&case.crl_file, case.edge.crl(serials, in_an_hour()).pem).unwrap();
    };
    is_withdrawn_and_restored(REVOKED, |_, case| write(case, &[&case.bad.serial]), |_, case| write(case, &[])).await;
}

#[tokio::test]
async fn an_entry_of_revoked_reaches_open_connections_and_kept_sessions() {
    let clear = |config: &mut Config, _: &Case| config.revoked.clear();
    let by_serial = |config: &mut Config, case: &Case| {
        config.revoked = vec![Revoked::Serial { ca: "edge".into(), serial: case.bad.serial.clone() }];
    };
    is_withdrawn_and_restored(REVOKED, by_serial, clear).await;
    let by_name = |config: &mut Config, _: &Case| {
        let uri = Pattern::parse("https://edge.example.org/*/site-7").unwrap();
        config.revoked = vec![Revoked::Uri { ca: "edge".into(), uri }];
    };
    is_withdrawn_and_restored(REVOKED, by_name, clear).await;
}

#[tokio::test]
async fn another_rule_reaches_open_connections_and_kept_sessions() {
    let to = |pattern: &'static str| {
        move |config: &mut Config, _: &Case| {
            let rules = &mut config.tenants.get_mut("red").unwrap().certificates;
            rules.iter_mut().find(|rule| rule.ca == "edge").unwrap().subject = uri(pattern);
        }
    };
    is_withdrawn_and_restored(NOBODY, to("https://edge.example.org/blue/*"), to("https://*")).await;
}

#[tokio::test]
async fn a_tenant_that_its_ca_no_longer_speaks_for_is_lost_to_open_connections_and_kept_sessions() {
    let to = |tenant: &'static str| {
        move |config: &mut Config, _: &Case| {
            let tls = config.listeners[0].tls.as_mut().unwrap();
            let tenant = pushward::model::TenantId::parse(tenant).unwrap();
            tls.client_cas.get_mut("edge").unwrap().tenants = [tenant].into();
        }
    };
    is_withdrawn_and_restored(NOBODY, to("blue"), to("red")).await;
}

#[tokio::test]
async fn a_ca_that_is_taken_away_is_nobody_on_open_connections_and_ends_the_next_handshake() {
    for (protocol, auth) in PROTOCOLS.into_iter().zip(ASKING) {
        for version in VERSIONS {
            let mut case = Case::begin(auth, protocol, version).await;
            let edge = case.gateway.site.builder.config.listeners[0].tls.as_ref().unwrap().client_cas["edge"].clone();
            let reloaded = case
                .gateway
                .change(|config| {
                    config.listeners[0].tls.as_mut().unwrap().client_cas.remove("edge");
                })
                .await;
            assert!(reloaded.parts.is_empty() && reloaded.needs_restart.is_empty(), "{reloaded:?}");
            let since = Instant::now();
            let (open, next) = case.seen().await;
            assert_eq!((open.as_str(), next.is_err()), (NOBODY, true), "{protocol} {version:?}: {next:?}");
            assert!(since.elapsed() < Duration::from_secs(1));
            // Back again it is believed again; the session of the time before is worth nothing.
            case.gateway.site.trust(0, edge);
            case.gateway.change(|_| {}).await;
            let (open, next) = case.seen().await;
            assert_eq!((open.as_str(), next), (PUSHED, Ok((HandshakeKind::Full, PUSHED.to_owned()))));
        }
    }
}

#[tokio::test]
async fn a_ca_whose_file_holds_another_root_believes_the_old_one_no_longer() {
    for (protocol, auth) in PROTOCOLS.into_iter().zip(ASKING) {
        let edge = TestCa::named("edge");
        let site = Site::new().ca("edge", &edge, &["red"]).rule("red", "edge", uri("*"));
        let gateway = Running::start(site, auth);
        let client = gateway.client(protocol, Some(&edge.client(|c| c.uri(NAME))));
        let mut open = client.connect().await.unwrap();
        assert_eq!(open.push("a").await.as_deref(), Ok(PUSHED));
        let new = TestCa::named("edge");
        gateway.site.file("edge.pem", new.pem());
        gateway.reload().await;
        assert_eq!(open.push("a").await.as_deref(), Ok(NOBODY), "{protocol}");
        assert_eq!(client.pushes("a").await, ENDED, "{protocol}");
        assert_eq!(gateway.client(protocol, Some(&new.client(|c| c.uri(NAME)))).pushes("a").await, PUSHED);
    }
}

#[tokio::test]
async fn where_certificates_come_to_be_required_a_connection_without_one_is_worth_nothing() {
    for protocol in PROTOCOLS {
        let edge = TestCa::named("edge");
        let site = Site::new().ca("edge", &edge, &["red"]).rule("red", "edge", uri("*"));
        let mut gateway = Running::start(site, ClientAuth::Optional);
        let client = gateway.client(protocol, None).with(gateway.bearer("red"));
        let certified = gateway.client(protocol, Some(&edge.client(|c| c.uri(NAME))));
        let (mut open, mut with) = (client.connect().await.unwrap(), certified.connect().await.unwrap());
        for (auth, token, certificate, next) in [
            (ClientAuth::Optional, PUSHED, PUSHED, PUSHED),
            (ClientAuth::Required, NOBODY, PUSHED, ENDED),
            (ClientAuth::Off, PUSHED, NOBODY, PUSHED),
            (ClientAuth::Required, NOBODY, PUSHED, ENDED),
        ] {
            gateway.change(|config| config.listeners[0].tls.as_mut().unwrap().client_auth = auth).await;
            assert_eq!(open.push("a").await.as_deref(), Ok(token), "{protocol} {auth:?}");
            assert_eq!(with.push("a").await.as_deref(), Ok(certificate), "{protocol} {auth:?}");
            assert_eq!(client.pushes("a").await, next, "{protocol} {auth:?}");
        }
    }
}

#[tokio::test]
async fn what_ends_while_a_connection_is_open_ends_without_a_reload() {
    for protocol in PROTOCOLS {
        let clock = MockClock::new();
        let edge = TestCa::named("edge");
        let mut site = Site::new();
        let list = site.file("edge.crl", edge.crl(&[], after(60)).pem);
        site.builder.config.listeners[0].deadlines.idle = Duration::from_secs(3600);
        let site = site.ca_with("edge", &edge, &["red"], |ca| ca.crl_file = Some(list)).rule("red", "edge", uri("*"));
        let shared = Arc::new(clock.clone());
        let gateway = Running::try_start(site, ClientAuth::Required, shared).unwrap();
        let client = gateway.client(protocol, Some(&edge.client(|c| c.uri(NAME))));
        let mut open = client.connect().await.unwrap();
        assert_eq!(open.push("a").await.as_deref(), Ok(PUSHED));
        clock.advance(Duration::from_secs(59));
        assert_eq!(open.push("a").await.as_deref(), Ok(PUSHED));
        clock.advance(Duration::from_secs(1));
        let unknown = "401 revocation_unknown".to_owned();
        assert_eq!(open.push("a").await.as_ref(), Ok(&unknown), "{protocol}");
        assert_eq!(client.push().await, Ok((HandshakeKind::Resumed, unknown)), "{protocol}");
        gateway.site.file("edge.crl", edge.crl(&[], after(600)).pem);
        gateway.reload().await;
        assert_eq!(open.push("a").await.as_deref(), Ok(PUSHED), "{protocol}");
    }
}

/// The handshake that made the session went by the machine's date, by which the certificate is good.
#[tokio::test]
async fn a_session_is_worth_nothing_once_its_certificate_has_expired() {
    let end = Timestamp::from_unix_seconds(7_258_118_400);
    for protocol in PROTOCOLS {
        for version in VERSIONS {
            let clock = MockClock::new();
            let edge = TestCa::named("edge");
            let site = Site::new().ca("edge", &edge, &["red"]).rule("red", "edge", uri("*"));
            let gateway = Running::try_start(site, ClientAuth::Required, Arc::new(clock.clone())).unwrap();
            let cert = edge.client(|c| c.uri(NAME).valid(Timestamp::from_unix_seconds(1_000_000_000), end));
            let client = gateway.client_of(version, protocol, Some(&cert));
            assert_eq!(client.push().await, Ok((HandshakeKind::Full, PUSHED.to_owned())));
            assert_eq!(client.push().await, Ok((HandshakeKind::Resumed, PUSHED.to_owned())));
            let left = u64::try_from(end.unix_seconds() - clock.now().unix_seconds()).unwrap();
            clock.advance(Duration::from_secs(left + 1));
            let late = "401 credential_expired".to_owned();
            assert_eq!(client.push().await, Ok((HandshakeKind::Resumed, late)), "{protocol} {version:?}");
        }
    }
}
