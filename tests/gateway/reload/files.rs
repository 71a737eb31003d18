//! A reload that reads files, and who may ask for one.

use super::metrics;
use crate::caught::Caught;
use pushward::config::KeySource;
use pushward::gateway::Trigger;
use pushward::model::PlainToken;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use pushward::testkit::TestIssuer;
use std::time::Duration;
use tempfile::TempDir;

/// A directory with a configuration, and somebody who may reload it.
struct Site {
    dir: TempDir,
    tokens: [(PlainToken, &'static str); 4],
}

impl Site {
    fn new() -> Self {
        let token = |scope| (PlainToken::generate("").unwrap(), scope);
        let scopes = ["push, read", "fleet:admin", "fleet:read", "fleet:admin"];
        Self { dir: TempDir::new().unwrap(), tokens: scopes.map(token) }
    }

    fn write(&self, more: &str) {
        let [red, admin, reader, narrow] = &self.tokens;
        let token = |(token, scopes): &(PlainToken, &str), more: &str| {
            let (id, digest) = (token.id(), token.digest().to_hex());
            let scopes = scopes.split(", ").map(|scope| format!("\"{scope}\"")).collect::<Vec<_>>().join(", ");
            format!("{{ tokens: [ {{ id: \"{id}\", sha256: \"{digest}\", scopes: [{scopes}]{more} }} ] }}")
        };
        let text = format!(
            "listener: {{ address: \"127.0.0.1:0\" }}\nops: {{ address: \"127.0.0.1:0\" }}\nstorage: {{ durability: memory }}\ntenants:\n  red: {}\n\
             operators:\n  admin: {}\n  reader: {}\n  narrow: {}\n{more}",
            token(red, ""),
            token(admin, ""),
            token(reader, ""),
            token(narrow, ", tenants: [red]"),
        );
        std::fs::write(self.file(), text).unwrap();
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("pushward.yml")
    }

    fn client(&self, gateway: &TestGateway, nth: usize) -> Client {
        gateway.stranger().with("authorization", &format!("Bearer {}", self.tokens[nth].0.reveal()))
    }
}

#[tokio::test]
async fn an_operator_with_fleet_admin_reloads_and_nobody_else() {
    let site = Site::new();
    site.write("");
    let gateway = GatewayBuilder::new().start_from(&site.file());
    gateway.stranger().post("/-/reload", "").await.refused(401, "unauthenticated");
    site.client(&gateway, 0).post("/-/reload", "").await.refused(403, "scope_refused");
    site.client(&gateway, 2).post("/-/reload", "").await.refused(403, "scope_refused");
    site.client(&gateway, 1).get("/-/reload").await.refused(405, "method_not_allowed");
    assert_eq!(site.client(&gateway, 1).post("/-/reload", "").await.ok().text(), "reloaded\n");
    site.write("log: { level: warn }\n");
    let told = site.client(&gateway, 1).post("/-/reload", "").await.ok().text();
    assert_eq!(told, "reloaded\nneeds a restart: log\n");
    assert_eq!(site.client(&gateway, 3).post("/-/reload", "").await.ok().text(), "reloaded\n");
}

#[tokio::test]
async fn a_main_file_that_cannot_be_used_changes_nothing_and_is_seen_until_it_can() {
    let site = Site::new();
    site.write("");
    let gateway = GatewayBuilder::new().start_from(&site.file());
    let (red, admin) = (site.client(&gateway, 0), site.client(&gateway, 1));
    red.put("/metrics/job/a", "m 1\n").await.ok();
    let success = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("pushward_config_last_reload_success_timestamp_seconds "));
        line.unwrap().to_owned()
    };
    let before = success(&metrics(&gateway).await);
    gateway.clock.advance(Duration::from_secs(5));
    for garbage in [
        "",
        "\0\0",
        "tenants: [",
        "tenants: {}\nnonsense: 1\n",
        "null",
        "[]",
        "tenants: { red: { limits: { in_flight_max: 0 } } }",
    ] {
        std::fs::write(site.file(), garbage).unwrap();
        let refused = admin.post("/-/reload", "").await.refused(422, "config_refused");
        assert!(refused.text().contains("pushward.yml"), "{}", refused.text());
        let narrow = site.client(&gateway, 3).post("/-/reload", "").await.refused(422, "config_refused");
        assert!(!narrow.text().contains("pushward.yml"), "{}", narrow.text());
    }
    std::fs::remove_file(site.file()).unwrap();
    admin.post("/-/reload", "").await.refused(422, "config_refused");
    red.put("/metrics/job/a", "m 2\n").await.ok();
    let text = metrics(&gateway).await;
    assert!(text.contains("pushward_config_fault{part=\"main\"} 1\n"), "{text}");
    assert!(text.contains("pushward_config_last_reload_successful 0\n"), "{text}");
    assert!(text.contains("pushward_degraded{reason=\"config_kept\"} 1\n"), "{text}");
    assert_eq!(success(&text), before);
    // Degraded is not unready, and strangers learn nothing of it.
    let ops = gateway.at_ops(&gateway.stranger());
    assert_eq!(ops.get("/-/ready").await.ok().text(), "OK, degraded: config_kept\n");
    assert_eq!(gateway.stranger().get("/-/ready").await.ok().text(), "OK");

    // A look at the other files does not make the main one good.
    gateway.reloader().reload(Trigger::Watch).await.unwrap();
    assert!(metrics(&gateway).await.contains("pushward_config_fault{part=\"main\"} 1\n"));
    site.write("");
    admin.post("/-/reload", "").await.ok();
    let text = metrics(&gateway).await;
    assert!(!text.contains("pushward_config_fault{") && !text.contains("config_kept"), "{text}");
    assert_ne!(success(&text), before);
    assert_eq!(ops.get("/-/ready").await.ok().text(), "OK\n");
}

#[tokio::test]
async fn a_file_of_keys_that_cannot_be_used_is_told_at_the_start_and_by_a_reload() {
    let issuer = TestIssuer::new("ci");
    let good = issuer.jwks();
    let KeySource::File(keys) = issuer.config().keys else { panic!("its keys are in a file") };
    let rules = format!(
        "issuers: {{ ci: {{ issuer: i, audiences: [a], algorithms: [ES256], jwks_file: '{}', tenants: [red] }} }}\n",
        keys.display()
    );
    let caught = Caught::listen();
    let site = Site::new();
    for (at_the_start, stands) in [("garbage", "closed"), (&*good, "kept")] {
        issuer.publish_text(at_the_start);
        site.write(&rules);
        let gateway = GatewayBuilder::new().start_from(&site.file());
        // The reload is told of on another thread.
        assert_eq!(caught.said().contains("part=\"issuer:ci\" stands=\"closed\""), stands == "closed");
        issuer.publish_text("garbage");
        let told = site.client(&gateway, 1).post("/-/reload", "").await.ok().text();
        assert!(
            told.contains(&format!("\n{stands} issuer:ci: {}: issuers.ci.jwks_file: it is no JWKS", keys.display())),
            "{told}"
        );
        let text = metrics(&gateway).await;
        assert!(text.contains("pushward_config_fault{part=\"issuer:ci\"} 1\n"), "{text}");
        assert!(text.contains("pushward_config_last_reload_successful 0\n"), "{text}");
        assert!(text.contains(&format!("pushward_degraded{{reason=\"config_{stands}\"}} 1\n")), "{text}");
        issuer.publish_text(&good);
        assert_eq!(site.client(&gateway, 1).post("/-/reload", "").await.ok().text(), "reloaded\n");
        assert!(!metrics(&gateway).await.contains("issuer:ci\"} 1"));
    }
}

#[tokio::test]
async fn a_look_at_changed_files_does_not_read_the_main_one() {
    let site = Site::new();
    site.write("");
    let gateway = GatewayBuilder::new().start_from(&site.file());
    let red = site.client(&gateway, 0);
    std::fs::write(site.file(), "listener: { address: \"127.0.0.1:0\" }\nstorage: { durability: memory }\n").unwrap();
    gateway.reloader().reload(Trigger::Watch).await.unwrap();
    red.put("/metrics/job/a", "m 1\n").await.ok();
    gateway.reloader().reload(Trigger::Signal).await.unwrap();
    red.put("/metrics/job/a", "m 1\n").await.refused(401, "unauthenticated");
}
