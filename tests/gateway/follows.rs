//! What follows the configuration into a gateway that runs: keys, rates, what is written down, what is remembered.

use super::issuer_server::IssuerServer;
use super::issuer_server::Manner;
use pushward::config::AddressRule;
use pushward::config::AuditPushes;
use pushward::config::KeySource;
use pushward::gateway::Trigger;
use pushward::testkit::Answer;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use pushward::testkit::TestIssuer;
use serde_json::json;
use std::num::NonZeroU32;
use std::time::Duration;

async fn metrics(gateway: &TestGateway) -> String {
    gateway.at_ops(&gateway.stranger()).get("/metrics").await.ok().text()
}

async fn push(gateway: &TestGateway, issuer: &TestIssuer) -> Answer {
    let token = issuer.sign(&json!({ "sub": "ci" }));
    gateway.stranger().with("authorization", &format!("Bearer {token}")).put("/metrics/job/a", "m 1\n").await
}

/// `red`, and an issuer with keys from there for it.
fn with_issuer(issuer: &TestIssuer, keys: KeySource) -> GatewayBuilder {
    let builder = GatewayBuilder::new().tenant("red").issuer(issuer, &["red"], |config| config.keys = keys);
    builder.jwt_rule("red", &issuer.name, &[("sub", "ci")], |_| {})
}

#[tokio::test]
async fn an_issuer_that_a_reload_brings_has_its_keys_fetched_and_shows_what_is_wrong_with_them() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let builder = with_issuer(&issuer, server.source());
    let mut without = builder.clone();
    without.config.issuers.clear();
    without.config.tenants.get_mut("red").unwrap().jwts.clear();
    let mut gateway = without.clone().start();
    push(&gateway, &issuer).await.refused(401, "unauthenticated");
    assert_eq!(server.connections(), 0);
    gateway.reload(builder.clone()).await;
    push(&gateway, &issuer).await.ok();
    let shown = "pushward_jwks_last_success_timestamp_seconds{issuer=\"ci\"} 1893456000\n";
    assert!(metrics(&gateway).await.contains(shown));
    gateway.reload(without).await;
    push(&gateway, &issuer).await.refused(401, "unauthenticated");
    assert!(!metrics(&gateway).await.contains("{issuer=\"ci\"}"));

    // One that does not answer is a fault for as long as it does not, without any reload.
    server.becomes(Manner::Status(500, String::new()));
    gateway.reload(builder).await;
    push(&gateway, &issuer).await.refused(401, "unauthenticated");
    let text = metrics(&gateway).await;
    assert!(text.contains("pushward_config_fault{part=\"issuer:ci\"} 1\n") && !text.contains("{issuer=\"ci\"}"));
    server.becomes(Manner::Keys(issuer.jwks()));
    // Past the pauses behind the failures: the gateway asks by itself, and so does each push.
    let mut answer = push(&gateway, &issuer).await;
    for _ in 0..9 {
        gateway.clock.advance(Duration::from_secs(10));
        tokio::task::yield_now().await;
        answer = push(&gateway, &issuer).await;
        if answer.status == 200 {
            break;
        }
    }
    answer.ok();
    let text = metrics(&gateway).await;
    assert!(!text.contains("pushward_config_fault{") && text.contains("{issuer=\"ci\"} 1893456"), "{text}");
}

#[tokio::test]
async fn a_file_of_keys_that_cannot_be_used_is_told_by_the_reload_and_by_the_start() {
    let issuer = TestIssuer::new("ci");
    let builder = with_issuer(&issuer, issuer.config().keys);
    let gateway = builder.clone().start();
    push(&gateway, &issuer).await.ok();
    issuer.publish_text("{}");
    let told = gateway.reloader().reload(Trigger::Request).await.unwrap();
    let [part] = &told.parts[..] else { panic!("{:?}", told.parts) };
    assert_eq!((&*part.part, part.closed), ("issuer:ci", false));
    assert!(part.errors.to_string().contains("issuers.ci.jwks_file: "), "{}", part.errors);
    push(&gateway, &issuer).await.ok();
    let text = metrics(&gateway).await;
    assert!(text.contains("pushward_degraded{reason=\"config_kept\"} 1\n"), "{text}");
    assert!(text.contains("pushward_config_last_reload_successful 0\n"), "{text}");
    assert_eq!(text.matches("pushward_config_fault{").count(), 1);

    let closed = builder.start();
    push(&closed, &issuer).await.refused(401, "unauthenticated");
    assert!(metrics(&closed).await.contains("pushward_degraded{reason=\"config_closed\"} 1\n"));
    issuer.publish();
    assert!(closed.reloader().reload(Trigger::Watch).await.unwrap().parts.is_empty());
    push(&closed, &issuer).await.ok();
    assert!(!metrics(&closed).await.contains("pushward_config_fault{"));
}

/// So many wrong passwords in a row are looked at, and one more is not.
async fn are_looked_at(gateway: &TestGateway, address: &str, wrong: usize) {
    let guesser = gateway.basic("eve", "wrong").from_address(address);
    for _ in 0..wrong {
        guesser.get("/metrics").await.refused(401, "unauthenticated");
    }
    let mut answer = std::pin::pin!(guesser.get("/metrics"));
    // It comes behind a pause.
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => break drop(answer.refused(429, "too_many_failures")),
            () = tokio::task::yield_now() => gateway.clock.advance(Duration::from_millis(10)),
        }
    }
}

#[tokio::test]
async fn the_rate_of_failures_is_the_networks_own_and_follows_a_reload() {
    let per_minute = |rate: u32| NonZeroU32::new(rate).unwrap();
    let with = |all: u32, office: u32| {
        let mut builder = GatewayBuilder::new().tenant("red").user("red", "alice", "right", &[], |_| {});
        builder.config.strangers.failures_burst = per_minute(all);
        builder.config.strangers.failures_per_minute = per_minute(all);
        builder.config.listeners[0].address_rules = vec![AddressRule {
            networks: vec!["198.51.100.0/24".parse().unwrap()],
            connections_max: 9,
            failures_per_minute: Some(per_minute(office)),
        }];
        builder
    };
    let mut gateway = with(2, 5).start();
    are_looked_at(&gateway, "192.0.2.1", 2).await;
    // Each address of the network has its own.
    are_looked_at(&gateway, "198.51.100.1", 5).await;
    are_looked_at(&gateway, "198.51.100.2", 5).await;
    gateway.reload(with(3, 7)).await;
    are_looked_at(&gateway, "192.0.2.2", 3).await;
    are_looked_at(&gateway, "198.51.100.3", 7).await;
}

#[tokio::test]
async fn which_pushes_are_written_down_follows_a_reload_and_who_was_seen_before_is_no_news_after_it() {
    let red = GatewayBuilder::new().tenant("red");
    let with = |pushes: AuditPushes| {
        let mut builder = red.clone();
        builder.config.audit.pushes = pushes;
        builder
    };
    let mut gateway = with(AuditPushes::Off).start();
    let client = gateway.client("red");
    let count =
        |gateway: &TestGateway, event: &str| gateway.audit().iter().filter(|line| line["event"] == event).count();
    client.put("/metrics/job/a", "m 1\n").await.ok();
    assert_eq!((count(&gateway, "push"), count(&gateway, "first_use")), (0, 1));
    let told = gateway.reload(with(AuditPushes::All)).await;
    assert_eq!(told.changes.to_string(), "settings_changed: audit.pushes");
    client.put("/metrics/job/a", "m 1\n").await.ok();
    assert_eq!((count(&gateway, "push"), count(&gateway, "first_use")), (1, 1));
    gateway.reload(with(AuditPushes::Off)).await;
    client.put("/metrics/job/a", "m 1\n").await.ok();
    assert_eq!((count(&gateway, "push"), count(&gateway, "first_use")), (1, 1));
}
