//! Keys of issuers: of files, and of a real HTTPS server that rotates, stalls, lies and dies. The clock is the test's.

mod reloads;

use super::issuer_server::IssuerServer;
use super::issuer_server::Manner;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use pushward::config::Algorithm;
use pushward::config::Config;
use pushward::config::KeySource;
use pushward::identity::IdentityError;
use pushward::identity::Registry;
use pushward::listener::Peer;
use pushward::model::Clock;
use pushward::model::SharedClock;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::MockClock;
use pushward::testkit::TestCa;
use pushward::testkit::TestIssuer;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const REFRESH: Duration = Duration::from_secs(300);

/// A configuration in which `red` lets in the issuer `ci`, with keys from there.
fn config(issuer: &TestIssuer, keys: KeySource) -> Config {
    let builder = GatewayBuilder::new().tenant("red").issuer(issuer, &["red"], |config| config.keys = keys);
    builder.jwt_rule("red", "ci", &[("sub", "ci")], |_| {}).into_parts().0
}

struct Entrance {
    clock: MockClock,
    shared: SharedClock,
    registry: Registry,
}

impl Entrance {
    fn open(config: &Config) -> Self {
        let clock = MockClock::new();
        let shared: SharedClock = Arc::new(clock.clone());
        let registry = Registry::new(config, &shared, None);
        registry.keep_keys_fresh();
        Self { clock, shared, registry }
    }

    fn reload(&mut self, config: &Config) {
        self.registry = Registry::new(config, &self.shared, Some(&self.registry));
        self.registry.keep_keys_fresh();
    }

    async fn ask(&self, token: &str) -> Result<(), IdentityError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let asked = self
            .registry
            .authenticate(&headers, &Peer::invented(([192, 0, 2, 1], 1).into(), true), self.clock.now())
            .await;
        asked.map(drop).map_err(|refused| refused.error)
    }

    async fn lets_in(&self, token: &str) -> bool {
        let asked = self.ask(token).await;
        assert!(matches!(asked, Ok(()) | Err(IdentityError::Unauthenticated)), "{asked:?}");
        asked.is_ok()
    }

    /// The one fault there is, or nothing.
    fn fault(&self) -> String {
        let faults = self.registry.faults();
        assert!(faults.iter().all(|(part, _)| part == "issuer:ci") && faults.len() <= 1, "{faults:?}");
        faults.into_iter().map(|(_, text)| text).collect()
    }

    async fn fails_with(&self, text: &str) {
        until(|| self.fault().contains(text)).await;
    }
}

/// Lets the others work until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it comes about");
}

/// Lets the others do whatever they would do now.
async fn settle() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}

fn ci(issuer: &TestIssuer) -> String {
    issuer.sign(&json!({ "sub": "ci", "exp": TestIssuer::EXPIRES + 90_000 }))
}

#[tokio::test]
async fn the_first_job_waits_for_the_keys_and_is_let_in() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let entrance = Entrance::open(&config(&issuer, server.source()));
    assert_eq!(entrance.registry.key_ages(), [("ci".to_owned(), None)]);
    assert!(entrance.lets_in(&ci(&issuer)).await);
    assert_eq!(entrance.registry.key_ages(), [("ci".to_owned(), Some(entrance.clock.now()))]);
    assert_eq!((entrance.fault(), server.paths()), (String::new(), vec!["/jwks".to_owned()]));
}

#[tokio::test]
async fn a_new_key_is_fetched_when_it_is_used_and_an_old_one_is_forgotten_with_its_tokens() {
    let mut issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let entrance = Entrance::open(&config(&issuer, server.source()));
    let old = ci(&issuer);
    assert!(entrance.lets_in(&old).await);
    issuer.rotate();
    server.becomes(Manner::Keys(issuer.jwks()));
    assert!(entrance.lets_in(&old).await);
    assert!(entrance.lets_in(&ci(&issuer)).await);
    assert!(!entrance.lets_in(&old).await, "proved by a key that is gone");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn keys_are_fetched_again_every_five_minutes_and_the_same_keys_keep_what_was_proved() {
    let mut issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let entrance = Entrance::open(&config(&issuer, server.source()));
    let token = ci(&issuer);
    assert!(entrance.lets_in(&token).await);
    for fetches in 2..5 {
        entrance.clock.advance(Duration::from_secs(269));
        settle().await;
        assert_eq!(server.connections(), fetches - 1);
        entrance.clock.advance(Duration::from_secs(31));
        let now = entrance.clock.now();
        until(|| entrance.registry.key_ages()[0].1 == Some(now)).await;
        assert_eq!(server.connections(), fetches);
        assert!(entrance.lets_in(&token).await);
    }
    // Rotated out without anybody coming with a new key.
    issuer.rotate();
    server.becomes(Manner::Keys(issuer.jwks()));
    entrance.clock.advance(REFRESH);
    let now = entrance.clock.now();
    until(|| entrance.registry.key_ages()[0].1 == Some(now)).await;
    assert!(!entrance.lets_in(&token).await);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_makes_one_request_a_minute() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let mut config = config(&issuer, server.source());
    config.issuers.get_mut("ci").unwrap().algorithms = [Algorithm::Es256].into();
    let entrance = Entrance::open(&config);
    assert!(entrance.lets_in(&ci(&issuer)).await);
    let unknown =
        |number: usize| issuer.sign_with_header(&json!({ "kid": format!("k{number}") }), &json!({ "sub": "ci" }));
    for minute in 1..4 {
        for number in 0..300 {
            assert!(!entrance.lets_in(&unknown(number)).await);
        }
        assert_eq!(server.connections(), 1 + minute);
        entrance.clock.advance(Duration::from_secs(60));
    }
    // Many at one time are one request, too, and what could not be let in anyway makes none.
    let tokens: Vec<String> = (0..200).map(unknown).collect();
    let bad = issuer.sign_with_header(&json!({ "kid": "k" }), &json!({ "sub": "ci", "exp": 1 }));
    assert!(!entrance.lets_in(&bad).await);
    let other_algorithm = issuer.sign_with_header(&json!({ "kid": "k", "alg": "RS256" }), &json!({ "sub": "ci" }));
    assert!(!entrance.lets_in(&other_algorithm).await);
    assert_eq!(server.connections(), 4);
    let mut asked: Vec<_> = tokens.iter().map(|token| Box::pin(entrance.lets_in(token))).collect();
    std::future::poll_fn(|context| {
        asked.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if asked.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(server.connections(), 5);
    assert!(entrance.lets_in(&ci(&issuer)).await);
}

#[tokio::test]
async fn a_request_waits_two_seconds_for_an_issuer_that_is_slow_and_the_fetch_ten() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Silent).await;
    let entrance = Entrance::open(&config(&issuer, server.source()));
    until(|| server.paths().len() == 1).await;
    let token = ci(&issuer);
    let mut asked = Box::pin(entrance.lets_in(&token));
    tokio::select! {
        biased;
        _ = &mut asked => panic!("the keys are under way"),
        () = settle() => {}
    }
    entrance.clock.advance(Duration::from_secs(2));
    assert!(!asked.await);
    entrance.clock.advance(Duration::from_millis(7_999));
    settle().await;
    assert_eq!(entrance.fault(), "");
    entrance.clock.advance(Duration::from_millis(1));
    entrance.fails_with("it did not answer within 10 s").await;
    // One that sends a head and no body gets no longer, and a good one is heard then.
    server.becomes(Manner::Stalled);
    entrance.clock.advance(Duration::from_secs(1));
    until(|| server.paths().len() == 2).await;
    server.becomes(Manner::Keys(issuer.jwks()));
    entrance.clock.advance(Duration::from_secs(10));
    settle().await;
    entrance.clock.advance(Duration::from_secs(2));
    until(|| entrance.fault().is_empty()).await;
    assert!(entrance.lets_in(&token).await);
}

#[tokio::test]
async fn a_dead_issuer_is_tried_again_less_and_less_often_until_it_lives() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::HangUp).await;
    let entrance = Entrance::open(&config(&issuer, server.source()));
    entrance.fails_with("TLS").await;
    let mut pause = Duration::from_secs(1);
    for tries in 1..12 {
        assert_eq!(server.connections(), tries);
        entrance.clock.advance(pause.saturating_sub(Duration::from_millis(1)));
        settle().await;
        assert_eq!(server.connections(), tries, "before {pause:?} are over");
        entrance.clock.advance(Duration::from_millis(1));
        until(|| server.connections() == tries + 1).await;
        settle().await;
        pause = (pause * 2).min(REFRESH);
    }
    server.becomes(Manner::Keys(issuer.jwks()));
    // A job that comes now need not wait for the next try.
    assert!(entrance.lets_in(&ci(&issuer)).await);
    assert_eq!(entrance.fault(), "");
}

#[tokio::test]
async fn an_issuer_that_nobody_listens_for_refuses_and_harms_no_other() {
    let (issuer, other) = (TestIssuer::new("ci"), TestIssuer::new("other"));
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cas = IssuerServer::start(Manner::HangUp).await;
    let url = format!("https://127.0.0.1:{nowhere}/");
    let keys = KeySource::Url { url, ca_file: Some(cas.file("ca.pem")), token_file: None };
    let builder = GatewayBuilder::new().tenant("red").issuer(&issuer, &["red"], |config| config.keys = keys);
    let builder = builder.jwt_rule("red", "ci", &[("sub", "ci")], |_| {});
    let builder = builder.issuer(&other, &["red"], |_| {}).jwt_rule("red", "other", &[("sub", "ci")], |_| {});
    let entrance = Entrance::open(&builder.into_parts().0);
    entrance.fails_with("no connection").await;
    assert!(!entrance.lets_in(&ci(&issuer)).await);
    assert!(entrance.lets_in(&ci(&other)).await);
}

#[tokio::test]
async fn the_last_good_keys_are_believed_for_a_day_and_then_nothing_is() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let entrance = Entrance::open(&config(&issuer, server.source()));
    let (proved, new) =
        (ci(&issuer), issuer.sign(&json!({ "sub": "ci", "n": 1, "exp": TestIssuer::EXPIRES + 90_000 })));
    assert!(entrance.lets_in(&proved).await);
    server.becomes(Manner::Status(503, String::new()));
    entrance.clock.advance(DAY.saturating_sub(Duration::from_secs(1)));
    entrance.fails_with("it answered 503").await;
    assert!(entrance.lets_in(&proved).await && entrance.lets_in(&new).await);
    entrance.clock.advance(Duration::from_secs(1));
    assert!(!entrance.lets_in(&proved).await && !entrance.lets_in(&new).await);
    server.becomes(Manner::Keys(issuer.jwks()));
    entrance.clock.advance(REFRESH);
    until(|| entrance.fault().is_empty()).await;
    assert!(entrance.lets_in(&proved).await);
}

#[tokio::test]
async fn an_answer_that_is_not_keys_in_full_from_the_place_itself_is_none() {
    let issuer = TestIssuer::new("ci");
    let elsewhere = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let keys = issuer.jwks();
    for (manner, fault) in [
        (Manner::Redirect(elsewhere.url("/jwks"), keys.clone()), "it answered 302, expected 200"),
        (Manner::Redirect("/other".into(), keys.clone()), "it answered 302, expected 200"),
        (Manner::Status(500, keys.clone()), "it answered 500"),
        (Manner::Status(203, keys.clone()), "it answered 203"),
        (Manner::Keys(format!("{keys}{}", " ".repeat(1 << 20))), "its answer is larger than 1MiB"),
        (Manner::Keys("<html>".into()), "it is no JWKS"),
        (Manner::Keys(String::new()), "it is no JWKS"),
        (Manner::Keys(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#.into()), "none of its keys can be used"),
    ] {
        let server = IssuerServer::start(manner).await;
        let entrance = Entrance::open(&config(&issuer, server.source()));
        entrance.fails_with(fault).await;
        assert!(!entrance.lets_in(&ci(&issuer)).await, "{fault}");
        assert!(server.paths().iter().all(|path| path == "/jwks"), "{fault}");
    }
    assert_eq!(elsewhere.connections(), 0);
    // A large set is no large answer.
    let server = IssuerServer::start(Manner::Keys(format!("{keys}{}", " ".repeat((1 << 20) - keys.len())))).await;
    assert!(Entrance::open(&config(&issuer, server.source())).lets_in(&ci(&issuer)).await);
}

#[tokio::test]
async fn only_the_ca_that_is_named_is_believed_and_only_for_the_host_that_is_named() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    std::fs::write(server.file("other.pem"), TestCa::new().pem()).unwrap();
    std::fs::write(server.file("empty.pem"), "").unwrap();
    std::fs::write(server.file("broken.pem"), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
    let by = |url: String, file: Option<&str>| KeySource::Url {
        url,
        ca_file: file.map(|file| server.file(file)),
        token_file: None,
    };
    for (keys, fault) in [
        (by(server.url("/"), Some("other.pem")), "TLS"),
        (by(server.url("/").replace("localhost", "127.0.0.1"), Some("ca.pem")), "TLS"),
        (by(server.url("/"), None), "its keys could not be fetched"),
        (by(server.url("/"), Some("empty.pem")), "holds no certificate"),
        (by(server.url("/"), Some("broken.pem")), "is no PEM"),
        (by(server.url("/"), Some("absent.pem")), "cannot be read"),
        (by(server.url("/").replace("https", "http"), None), "no https URL"),
    ] {
        let entrance = Entrance::open(&config(&issuer, keys));
        entrance.fails_with(fault).await;
        assert!(!entrance.lets_in(&ci(&issuer)).await, "{fault}");
    }
    assert_eq!(server.paths(), [""; 0]);
    assert!(server.ca.pem().contains("BEGIN CERTIFICATE"));
}

#[tokio::test]
async fn the_token_that_an_issuer_asks_for_is_read_for_each_request_and_told_to_nobody_else() {
    const TOKENS: [&str; 2] = ["first-canary-0123", "second-canary-4567"];
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::KeysFor(TOKENS[0], issuer.jwks())).await;
    let file = server.file("token");
    std::fs::write(&file, format!("{}\n", TOKENS[0])).unwrap();
    let keys = KeySource::Url {
        url: server.url("/jwks"),
        ca_file: Some(server.file("ca.pem")),
        token_file: Some(file.clone()),
    };
    let entrance = Entrance::open(&config(&issuer, keys));
    assert!(entrance.lets_in(&ci(&issuer)).await);
    server.becomes(Manner::KeysFor(TOKENS[1], issuer.jwks()));
    entrance.clock.advance(REFRESH);
    entrance.fails_with("it answered 401").await;
    for bad in ["", "two words", &"x".repeat(17 << 10)] {
        std::fs::write(&file, bad).unwrap();
        let connections = server.connections();
        entrance.clock.advance(REFRESH);
        until(|| entrance.fault().contains("token")).await;
        assert_eq!(server.connections(), connections, "{bad:?}");
    }
    std::fs::write(&file, TOKENS[1]).unwrap();
    entrance.clock.advance(REFRESH);
    until(|| entrance.fault().is_empty()).await;
    let debug = format!("{:?}", entrance.registry);
    assert!(TOKENS.iter().all(|token| !debug.contains(token)));
}
