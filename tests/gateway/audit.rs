//! Who did what: each event as it is written down, and what happens when it cannot be.

mod disk;

use pushward::config::AuditPushes;
use pushward::config::OpsAuth;
use pushward::gateway::Trigger;
use pushward::model::OperatorScope;
use pushward::model::Pattern;
use pushward::model::PlainToken;
use pushward::model::Timestamp;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use serde_json::Value;
use std::time::Duration;

const WIPE: &str = "/api/v1/admin/wipe";

/// The events of this name, without what differs from run to run.
fn named(gateway: &TestGateway, name: &str) -> Vec<Value> {
    let mut events: Vec<Value> = gateway.audit().into_iter().filter(|event| event["event"] == name).collect();
    for event in &mut events {
        let event = event.as_object_mut().unwrap();
        let time = event.remove("time").unwrap();
        assert!(time.as_str().unwrap().starts_with("2030-01-01T00:"), "{time}");
        if let Some(request) = event.remove("request") {
            assert_eq!(request.as_str().unwrap().len(), 16);
        }
    }
    events
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn a_failed_authentication_is_audited_without_a_word_of_the_strangers() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let stranger = gateway.stranger().from_address("203.0.113.9").with("authorization", "Bearer their-words");
    let answer = stranger.send("BREW", "/their-path?their-query", "their-body").await.refused(401, "unauthenticated");
    let events = gateway.audit();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["request"], answer.headers["x-request-id"].to_str().unwrap());
    assert!(!gateway.audit_text().contains("their-"));
    let expected = r#"{"event":"authentication_failed","peer":"203.0.113.9","code":"unauthenticated","method":"other","route":"none"}"#;
    assert_eq!(named(&gateway, "authentication_failed"), [json(expected)]);
    stranger.with("authorization", "Bearer x").get("/metrics").await.refused(400, "several_credentials");
    assert_eq!(named(&gateway, "authentication_failed")[1]["code"], "several_credentials");
}

#[tokio::test]
async fn above_a_rate_failures_are_counted_instead_and_the_count_is_told() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    for _ in 0..100 {
        gateway.stranger().get("/metrics").await.refused(401, "unauthenticated");
    }
    gateway.stranger().from_address("192.0.2.1").get("/metrics").await.refused(401, "unauthenticated");
    assert_eq!(named(&gateway, "authentication_failed").len(), 31, "30 of one address, and the other's");
    assert!(named(&gateway, "suppressed").is_empty());
    gateway.clock.advance(Duration::from_secs(60));
    let expected = r#"{"event":"suppressed","of":"authentication_failed","count":"70"}"#;
    assert_eq!(named(&gateway, "suppressed"), [json(expected)]);
}

#[tokio::test]
async fn a_refusal_of_authority_is_audited_with_who_and_why() {
    let gateway = GatewayBuilder::new()
        .tenant("red")
        .tenant("blue")
        .token("red", "narrow", &[Verb::Push], |token| {
            token.jobs = Pattern::parse("backup-*").map(|pattern| vec![pattern]);
            token.labels = [("env".to_owned(), "prod".to_owned())].into();
        })
        .token("red", "old", &[Verb::Push], |token| token.expires = Some(Timestamp::from_unix_seconds(1_893_456_000)))
        .token("red", "elsewhere", &[Verb::Push], |token| token.networks = Some(vec!["10.0.0.0/8".parse().unwrap()]))
        .operator("o", &[OperatorScope::OpsRead], |_| {})
        .start();
    let red = gateway.client("red");
    gateway.client("old").put("/metrics/job/a", "").await.refused(401, "credential_expired");
    gateway.client("elsewhere").put("/metrics/job/a", "").await.refused(403, "network_refused");
    gateway.client("narrow").get("/metrics").await.refused(403, "scope_refused");
    gateway.client("narrow").put("/metrics/job/their-job", "").await.refused(403, "job_refused");
    gateway.client("narrow").put("/metrics/job/backup-a/env/dev", "").await.refused(403, "label_refused");
    red.get("/metrics?tenant=blue").await.refused(403, "tenant_refused");
    red.clone().with("sec-fetch-site", "cross-site").post("/metrics/job/a", "").await.refused(403, "origin_refused");
    gateway.client("o").get("/metrics").await.refused(403, "scope_refused");
    let events = named(&gateway, "refused");
    let told: Vec<_> = events.iter().map(|event| (event["credential"].as_str(), event["code"].as_str())).collect();
    let expected = [
        ("old", "credential_expired"),
        ("elsewhere", "network_refused"),
        ("narrow", "scope_refused"),
        ("narrow", "job_refused"),
        ("narrow", "label_refused"),
        ("red", "tenant_refused"),
        ("red", "origin_refused"),
        ("o", "scope_refused"),
    ];
    assert_eq!(told, expected.map(|(credential, code)| (Some(credential), Some(code))));
    assert!(events[3]["reason"].as_str().unwrap().contains("their-job"));
    assert_eq!((&events[3]["tenant"], &events[3]["operator"]), (&json(r#""red""#), &Value::Null));
    assert_eq!((&events[7]["tenant"], &events[7]["operator"]), (&Value::Null, &json(r#""o""#)));
    assert!(named(&gateway, "authentication_failed").is_empty());
}

#[tokio::test]
async fn the_first_use_from_each_network_is_audited_once() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    for address in ["192.0.2.1", "192.0.2.9", "2001:db8::1", "192.0.2.1", "2001:db8::2"] {
        red.clone().from_address(address).put("/metrics/job/a", "m 1\n").await.ok();
    }
    // A refusal is no use.
    red.clone()
        .from_address("198.51.100.1")
        .with("authorization", "x")
        .get("/metrics")
        .await
        .refused(400, "several_credentials");
    let expected = [("192.0.2.1", "192.0.2.0/24"), ("2001:db8::1", "2001:db8::/64")].map(|(peer, network)| {
        json(&format!(
            r#"{{"event":"first_use","peer":"{peer}","tenant":"red","credential":"red","network":"{network}"}}"#
        ))
    });
    assert_eq!(named(&gateway, "first_use"), expected);
}

#[tokio::test]
async fn a_delete_and_a_wipe_are_audited_with_what_they_were_done_to() {
    let gateway = GatewayBuilder::new().tenant("red").operator("o", &[OperatorScope::FleetAdmin], |_| {}).start();
    let red = gateway.client("red");
    red.put("/metrics/job/a/env/prod", "m 1\n").await.ok();
    red.delete("/metrics/job/a/env/prod").await.ok();
    let by_red = r#""peer":"127.0.0.1","tenant":"red","credential":"red""#;
    let expected = format!(r#"{{"event":"delete",{by_red},"job":"a","group":"env=\"prod\""}}"#);
    assert_eq!(named(&gateway, "delete"), [json(&expected)]);
    red.put(WIPE, "").await.ok();
    gateway.client("o").put(&format!("{WIPE}?tenant=red"), "").await.ok();
    let by_o = r#""peer":"127.0.0.1","operator":"o","credential":"o""#;
    let expected = [
        json(&format!(r#"{{"event":"wipe",{by_red}}}"#)),
        json(&format!(r#"{{"event":"wipe",{by_o},"tenants":"red"}}"#)),
    ];
    assert_eq!(named(&gateway, "wipe"), expected);
    let call = format!(r#"{{"event":"operator_call",{by_o},"method":"PUT","route":"{WIPE}","tenants":"red"}}"#);
    assert_eq!(named(&gateway, "operator_call"), [json(&call)]);
}

#[tokio::test]
async fn every_use_of_an_operators_authority_is_audited_on_both_listeners() {
    let mut builder =
        GatewayBuilder::new().tenant("red").operator("o", &[OperatorScope::FleetRead, OperatorScope::OpsRead], |_| {});
    builder.config.ops.auth = OpsAuth::Operators;
    let gateway = builder.start();
    let o = gateway.client("o");
    o.get("/metrics").await.ok();
    o.get("/metrics?tenant=red").await.ok();
    o.get("/api/v1/metrics").await.ok();
    o.send("HEAD", "/api/v1/status", "").await.ok();
    gateway.at_ops(&o).get("/metrics").await.ok();
    let reads = named(&gateway, "operator_read");
    let told: Vec<_> =
        reads.iter().map(|read| (read["method"].as_str(), read["route"].as_str(), read["tenants"].as_str())).collect();
    let expected = [
        (Some("GET"), Some("/metrics"), None),
        (Some("GET"), Some("/metrics"), Some("red")),
        (Some("GET"), Some("/api/v1/metrics"), None),
        (Some("HEAD"), Some("/api/v1/status"), None),
        (Some("GET"), Some("ops"), None),
    ];
    assert_eq!(told, expected);
    assert!(
        reads.iter().all(|read| read["operator"] == "o" && read["credential"] == "o" && read["peer"] == "127.0.0.1")
    );
    gateway.client("red").get("/metrics").await.ok();
    assert_eq!(named(&gateway, "operator_read").len(), 5, "a tenant's read is none");
}

#[tokio::test]
async fn pushes_are_audited_as_the_configuration_says() {
    for (pushes, expected) in [
        (AuditPushes::Off, &[][..]),
        (AuditPushes::Refused, &["refused"]),
        (AuditPushes::All, &["accepted", "accepted", "refused"]),
    ] {
        let mut builder = GatewayBuilder::new().tenant("red");
        builder.config.audit.pushes = pushes;
        let gateway = builder.start();
        let red = gateway.client("red");
        red.put("/metrics/job/a/env/prod", "m 1\n").await.ok();
        red.post("/metrics/job@base64/YQ", "m 1\n").await.ok();
        red.put("/metrics/job/a", "no push\n").await.refused(400, "body_malformed");
        red.get("/metrics").await.ok();
        red.delete("/metrics/job/a").await.ok();
        let events = named(&gateway, "push");
        let outcomes: Vec<_> = events.iter().map(|event| event["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, expected);
        let by_red = r#""event":"push","peer":"127.0.0.1","tenant":"red","credential":"red""#;
        if let Some(refused) = events.last() {
            let expected = r#""code":"body_malformed","method":"PUT","outcome":"refused","job":"a""#;
            assert_eq!(*refused, json(&format!("{{{by_red},{expected}}}")));
        }
        if pushes == AuditPushes::All {
            let expected = r#""method":"PUT","outcome":"accepted","job":"a","group":"env=\"prod\"""#;
            assert_eq!(events[0], json(&format!("{{{by_red},{expected}}}")));
        }
    }
}

#[tokio::test]
async fn a_push_whose_client_left_is_audited_as_abandoned() {
    let mut builder = GatewayBuilder::new().tenant("red");
    builder.config.audit.pushes = AuditPushes::All;
    let gateway = builder.start();
    let red = gateway.client("red");
    let (sender, body) = tokio::sync::oneshot::channel::<()>();
    let body = axum::body::Body::new(http_body_util::StreamBody::new(Pending(body)));
    tokio::select! {
        biased;
        _ = red.send("PUT", "/metrics/job/a", body) => panic!("the body never ends"),
        () = std::future::ready(()) => {}
    }
    drop(sender);
    let events = named(&gateway, "push");
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["outcome"], &events[0]["job"]), (&json(r#""abandoned""#), &json(r#""a""#)));
}

/// A body of which nothing ever comes.
struct Pending(tokio::sync::oneshot::Receiver<()>);

impl futures_core::Stream for Pending {
    type Item = Result<http_body::Frame<axum::body::Bytes>, std::convert::Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::future::Future::poll(std::pin::Pin::new(&mut self.0), cx).map(|_| None)
    }
}

#[tokio::test]
async fn whatever_a_client_sends_one_event_is_one_line() {
    let mut builder = GatewayBuilder::new().tenant("red").token("red", "narrow", &[Verb::Push], |token| {
        token.jobs = Pattern::parse("x").map(|pattern| vec![pattern]);
    });
    builder.config.audit.pushes = AuditPushes::All;
    let gateway = builder.start();
    let red = gateway.client("red");
    // LF, CR, ESC, U+2028, U+202E, DEL, U+0085, a quote and a backslash; a NUL makes no path at all.
    let text = "a%0A%0D%1B%5B31m%E2%80%A8%E2%80%AE%7F%C2%85%22%5C";
    let long = "%C3%A4".repeat(2000);
    red.delete("/metrics/job/a%00b").await.refused(400, "path_malformed");
    for job in [text, &long] {
        let path = format!("/metrics/job/{job}/label/{job}");
        red.put(&path, "m 1\n").await.ok();
        red.delete(&path).await.ok();
        gateway.client("narrow").put(&path, "").await.refused(403, "job_refused");
    }
    let text = gateway.audit_text();
    let unseen = |c: char| c != '\n' && (c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c));
    assert!(!text.contains(unseen), "{text:?}");
    // Two first uses, and three events for each job.
    assert_eq!(text.lines().count(), 2 + 6);
    let deletes = named(&gateway, "delete");
    assert_eq!(deletes[0]["job"], "a\n\r\u{1b}[31m\u{2028}\u{202e}\u{7f}\u{85}\"\\");
    for detail in ["job", "group"] {
        let cut = deletes[1][detail].as_str().unwrap();
        assert!(cut.len() <= 256 && cut.ends_with('…'), "{cut}");
    }
}

#[tokio::test]
async fn when_a_credential_was_used_and_when_it_expires_is_a_metric_of_configured_names_alone() {
    let expires = Timestamp::from_unix_seconds(1_900_000_000);
    let gateway = GatewayBuilder::new()
        .tenant("red")
        .token("red", "cron", &[Verb::Push], |token| token.expires = Some(expires))
        .operator("o", &[OperatorScope::FleetRead], |token| token.expires = Some(expires))
        .start();
    let ops = gateway.at_ops(&gateway.stranger());
    assert!(!ops.get("/metrics").await.text().contains("credential_last_used_timestamp_seconds{"));
    gateway.client("cron").put("/metrics/job/a", "").await.ok();
    gateway.clock.advance(Duration::from_secs(5));
    gateway.client("o").get("/metrics").await.ok();
    gateway.client("red").with("authorization", "Bearer x").get("/metrics").await.refused(400, "several_credentials");
    let text = ops.get("/metrics").await.text();
    for expected in [
        "pushward_credential_last_used_timestamp_seconds{tenant=\"red\",credential=\"cron\"} 1893456000\n",
        "pushward_credential_last_used_timestamp_seconds{tenant=\"\",credential=\"o\"} 1893456005\n",
        "pushward_credential_expiry_timestamp_seconds{tenant=\"red\",credential=\"cron\"} 1900000000\n",
        "pushward_credential_expiry_timestamp_seconds{tenant=\"\",credential=\"o\"} 1900000000\n",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    assert_eq!(text.matches("pushward_credential_last_used_timestamp_seconds{").count(), 2);
    assert_eq!(text.matches("pushward_credential_expiry_timestamp_seconds{").count(), 2);
}

/// A directory with a configuration of an operator who may reload it, and of two tenants with files of their own.
fn site() -> (tempfile::TempDir, PlainToken) {
    let (dir, admin) = (tempfile::tempdir().unwrap(), PlainToken::generate("").unwrap());
    let (id, digest) = (admin.id(), admin.digest().to_hex());
    let text = format!(
        "listener: {{ address: \"127.0.0.1:0\" }}\nops: {{ address: \"127.0.0.1:0\" }}\nstorage: {{ durability: memory }}\ntenants_dir: t\noperators:\n  o: \
         {{ tokens: [ {{ id: \"{id}\", name: admin, sha256: \"{digest}\", scopes: [\"fleet:admin\"] }} ] }}\n"
    );
    std::fs::write(dir.path().join("p.yml"), text).unwrap();
    std::fs::create_dir(dir.path().join("t")).unwrap();
    for tenant in ["red", "blue"] {
        std::fs::write(dir.path().join(format!("t/{tenant}.yml")), "{}\n").unwrap();
    }
    (dir, admin)
}

#[tokio::test]
async fn a_reload_is_audited_with_who_asked_what_changed_and_what_is_not_in_force() {
    let (dir, admin) = site();
    let gateway = GatewayBuilder::new().start_from(&dir.path().join("p.yml"));
    let o = gateway.stranger().with("authorization", &format!("Bearer {}", admin.reveal()));
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let by_o = r#""peer":"127.0.0.1","operator":"o","credential":"admin""#;
    let hash = pushward::testkit::cheap_hash("x");
    // A name with a comma in it is one name.
    write("t/red.yml", &format!("users: [ {{ name: 'x,blue/y', password_hash: '{hash}', scopes: [push] }} ]\n"));
    write("t/blue.yml", "tokens: [\n");
    write("t/green.yml", "tokens: [\n");
    let answer = o.post("/-/reload", "").await.ok();
    let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    let reloads = gateway.audit().into_iter().filter(|line| line["event"] == "reload").collect::<Vec<_>>();
    assert_eq!(reloads.iter().map(|line| &line["request"]).collect::<Vec<_>>(), [&Value::from(request)]);
    let told = format!(r#"{{"event":"reload",{by_o},"trigger":"request","faults":"2"}}"#);
    assert_eq!(named(&gateway, "reload"), [json(&told)]);
    let changes = [
        r#"{"event":"reload_change","tenants_added":"green"}"#,
        r#"{"event":"reload_change","users_added":"\"red/x,blue/y\""}"#,
        r#"{"event":"reload_change","kept":"tenant:blue"}"#,
        r#"{"event":"reload_change","closed":"tenant:green"}"#,
    ];
    assert_eq!(named(&gateway, "reload_change"), changes.map(json));

    // A look at files in which nothing is new is no line; a file that changed is one without anybody.
    gateway.reloader().reload(Trigger::Watch).await.unwrap();
    assert_eq!(named(&gateway, "reload").len(), 1);
    write("t/red.yml", "{}\n");
    gateway.reloader().reload(Trigger::Watch).await.unwrap();
    let told = r#"{"event":"reload","trigger":"watch","faults":"2"}"#;
    assert_eq!(named(&gateway, "reload")[1..], [json(told)]);
    assert!(
        named(&gateway, "reload_change")
            .contains(&json(r#"{"event":"reload_change","users_removed":"\"red/x,blue/y\""}"#))
    );

    write("p.yml", "tenants: [\n");
    o.post("/-/reload", "").await.refused(422, "config_refused");
    gateway.reloader().reload(Trigger::Signal).await.unwrap_err();
    let refused = |by: &str, trigger: &str| {
        json(&format!(r#"{{"event":"reload_refused",{by}"code":"config_refused","trigger":"{trigger}"}}"#))
    };
    assert_eq!(named(&gateway, "reload_refused"), [refused(&format!("{by_o},"), "request"), refused("", "signal")]);
    let call = format!(r#"{{"event":"operator_call",{by_o},"method":"POST","route":"/-/reload"}}"#);
    assert_eq!(named(&gateway, "operator_call"), [json(&call), json(&call)]);
}
