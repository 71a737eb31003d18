//! The JSON API, as Pushgateway's clients read it.

use pushward::model::OperatorScope;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use serde_json::Value;
use std::time::Duration;

async fn data(client: &Client, path: &str) -> Value {
    let answer = client.get(path).await.ok();
    assert_eq!(answer.headers["content-type"], "application/json");
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")));
    let json: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json["status"], "success");
    json["data"].clone()
}

#[tokio::test]
async fn a_tenants_groups_have_pushgateways_shape() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    assert_eq!(red.get("/api/v1/metrics").await.ok().text(), r#"{"status":"success","data":[]}"#);
    let body = "# HELP backup_seconds How long.\n# TYPE backup_seconds gauge\nbackup_seconds 12.5\n";
    red.put("/metrics/job/backup/instance/db1", body).await.ok();
    gateway.clock.advance(Duration::from_millis(1500));
    red.post("/metrics/job/backup/instance/db1", "labels 1\n").await.ok();
    red.put("/metrics/job/backup/instance/db1", "x 1 1000\n").await.refused(400, "inconsistent");
    let labels = r#"{"instance":"db1","job":"backup"}"#;
    assert_eq!(
        red.get("/api/v1/metrics").await.ok().text(),
        [
            r#"{"status":"success","data":[{"backup_seconds":{"time_stamp":"2030-01-01T00:00:00Z","type":"GAUGE","help":"How long.","metrics":[{"labels":LABELS,"value":"12.5"}]},"#,
            r#""labels":{"time_stamp":"2030-01-01T00:00:01.5Z","type":"UNTYPED","metrics":[{"labels":LABELS,"value":"1"}]},"#,
            r#""last_push_successful":true,"#,
            r#""push_failure_time_seconds":{"time_stamp":"2030-01-01T00:00:01.5Z","type":"GAUGE","help":"Last Unix time when changing this group in the Pushgateway failed.","metrics":[{"labels":LABELS,"value":"1.8934560015e+09"}]},"#,
            r#""push_time_seconds":{"time_stamp":"2030-01-01T00:00:01.5Z","type":"GAUGE","help":"Last Unix time when changing this group in the Pushgateway succeeded.","metrics":[{"labels":LABELS,"value":"1.8934560015e+09"}]}}]}"#,
        ]
        .concat()
        .replace("LABELS", labels)
    );
}

#[tokio::test]
async fn a_narrowed_credential_reads_its_groups_and_an_operator_those_of_its_tenants() {
    let gateway = GatewayBuilder::new()
        .tenant("red")
        .tenant("blue")
        .token("red", "narrow", &[pushward::model::Verb::Read], |token| {
            token.labels.insert("env".into(), "prod".into());
        })
        .operator("o", &[OperatorScope::FleetRead], |_| {})
        .start();
    let red = gateway.client("red");
    red.put("/metrics/job/a/env/prod", "m 1\n").await.ok();
    red.put("/metrics/job/a/env/dev", "secret 1\n").await.ok();
    gateway.client("blue").put("/metrics/job/a/tenant/red", "m{x=\"y\"} 2\n").await.ok();
    let seen = data(&gateway.client("narrow"), "/api/v1/metrics").await;
    assert_eq!(seen.as_array().unwrap().len(), 1);
    assert_eq!(seen[0]["labels"]["env"], "prod");
    let operator = gateway.client("o");
    let all = data(&operator, "/api/v1/metrics").await;
    let tenants: Vec<_> = all.as_array().unwrap().iter().map(|group| group["labels"]["tenant"].clone()).collect();
    assert_eq!(tenants, ["blue", "red", "red"]);
    assert_eq!(all[0]["labels"]["exported_tenant"], "red");
    assert_eq!(all[0]["m"]["metrics"][0]["labels"]["tenant"], "blue");
    assert_eq!(all[0]["m"]["metrics"][0]["labels"]["exported_tenant"], "red");
    let red = data(&operator, "/api/v1/metrics?tenant=red").await;
    assert_eq!(red.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_list_of_any_size_comes_whole() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    let body: String = (0..3000).map(|n| format!("m{{n=\"{n}\"}} {n}\n")).collect();
    for job in 0..20 {
        red.put(&format!("/metrics/job/{job}"), &body).await.ok();
    }
    let groups = data(&red, "/api/v1/metrics").await;
    let metrics = groups.as_array().unwrap().iter().map(|group| group["m"]["metrics"].as_array().unwrap().len());
    assert_eq!(metrics.sum::<usize>(), 60_000);
}

#[tokio::test]
async fn the_status_names_the_version_and_no_path_address_or_tenant() {
    let gateway = GatewayBuilder::new().tenant("red").tenant("blue").start();
    let status = data(&gateway.client("red"), "/api/v1/status").await;
    assert_eq!(status["build_information"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["start_time"], "2030-01-01T00:00:00Z");
    assert!(status["flags"].as_object().unwrap().values().all(|value| *value == "true" || *value == "false"));
    let text = status.to_string();
    assert!(!text.contains("blue") && !text.contains('/') && !text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn the_status_says_whether_the_tenant_may_push_utf8_names() {
    let all = &pushward::model::Verb::ALL;
    let gateway = GatewayBuilder::new().tenant_with("wide", |tenant| tenant.utf8_names = true);
    let gateway = gateway.token("wide", "wide", all, |_| {}).tenant("red").start();
    for (name, expected) in [("wide", "true"), ("red", "false")] {
        assert_eq!(data(&gateway.client(name), "/api/v1/status").await["flags"]["push.enable-utf8-names"], expected);
    }
}
