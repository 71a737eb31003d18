//! What somebody may take and takes, as `GET /api/v1/limits` and the gateway's own metrics tell it.

use pushward::model::OperatorScope;
use pushward::model::Pattern;
use pushward::model::TenantId;
use pushward::model::Verb;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

fn two_tenants() -> GatewayBuilder {
    GatewayBuilder::new()
        .tenant_with("red", |tenant| {
            tenant.limits.quota.groups_max = 7;
            tenant.limits.pace.places.wait_max = Duration::from_millis(1500);
        })
        .token("red", "red", &Verb::ALL, |_| {})
        .token("red", "narrow", &Verb::ALL, |token| token.jobs = Pattern::parse("own").map(|job| vec![job]))
        .token("red", "bound", &Verb::ALL, |token| drop(token.labels.insert("env".into(), "prod".into())))
        .tenant("blue")
        .operator("prometheus", &[OperatorScope::FleetRead], |_| {})
        .operator("blues", &[OperatorScope::FleetRead], |token| {
            token.tenants = Some(["blue"].map(|name| TenantId::parse(name).unwrap()).into());
        })
}

async fn limits(client: &Client, query: &str) -> Value {
    let answer = client.get(&format!("/api/v1/limits{query}")).await.ok();
    assert_eq!(answer.headers["content-type"], "application/json");
    let read: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(read["status"], "success");
    read["data"].clone()
}

fn names(data: &Value) -> Vec<&str> {
    data["tenants"].as_array().unwrap().iter().map(|tenant| tenant["tenant"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_tenant_sees_each_of_its_limits_and_what_it_takes_of_them() {
    let gateway = two_tenants().start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "m 1\nn 2\n").await.ok();
    gateway.client("blue").put("/metrics/job/secret", "m 1\n").await.ok();
    let data = limits(&red, "").await;
    assert_eq!(names(&data), ["red"]);
    let (limit, usage) = (&data["tenants"][0]["limits"], &data["tenants"][0]["usage"]);
    for (key, value) in [
        ("groups_max", json!(7)),
        ("series_max", json!(500_000)),
        ("stored_bytes_max", json!(256 << 20)),
        ("requests_burst", json!(600)),
        ("bytes_per_second", json!(10 << 20)),
        ("wait_max", json!(1.5)),
        ("soft_warning", json!(0.8)),
    ] {
        assert_eq!(limit[key], value, "{key}");
    }
    assert_eq!((&usage["groups_max"], &usage["series_max"]), (&json!(1), &json!(2)));
    assert!(usage["stored_bytes_max"].as_u64().unwrap() > 0);
    // The question itself is under way.
    assert_eq!(usage["in_flight_max"], 1);
    // Nothing adds up to the bound of one push, and each usage has its limit.
    assert!(usage.get("body_bytes_max").is_none());
    assert!(usage.as_object().unwrap().keys().all(|key| limit.get(key).is_some()));
    assert_eq!(data["credential"], json!({ "name": "red", "limits": {}, "usage": {} }));
    assert!(data.get("operator").is_none() && data.get("gateway").is_none());

    red.delete("/metrics/job/a").await.ok();
    assert_eq!(limits(&red, "?tenant=red").await["tenants"][0]["usage"]["groups_max"], 0);
    red.get("/api/v1/limits?tenant=blue").await.refused(403, "tenant_refused");
}

#[tokio::test]
async fn a_narrowed_credential_sees_the_limits_and_nothing_of_what_others_hold() {
    let gateway = two_tenants().start();
    for name in ["narrow", "bound"] {
        let before = gateway.client(name).get("/api/v1/limits").await.ok().text();
        gateway.client("red").put(&format!("/metrics/job/other-{name}"), "m 1\nn 2\n").await.ok();
        let after = gateway.client(name).get("/api/v1/limits").await.ok().text();
        assert_eq!(before, after);
        let data = limits(&gateway.client(name), "").await;
        assert_eq!(data["tenants"][0]["usage"], Value::Null);
        assert_eq!(data["tenants"][0]["limits"]["groups_max"], 7);
        assert_eq!(data["credential"]["name"], name);
    }
}

#[tokio::test]
async fn an_operator_sees_the_tenants_that_it_may_see_and_only_one_over_all_of_them_the_gateway() {
    let gateway = two_tenants().start();
    gateway.client("red").put("/metrics/job/a", "m 1\n").await.ok();
    let (all, blues) = (gateway.client("prometheus"), gateway.client("blues"));
    let data = limits(&all, "").await;
    assert_eq!(names(&data), ["blue", "red"]);
    assert_eq!(data["tenants"][1]["usage"]["series_max"], 1);
    assert_eq!(data["operator"]["name"], "prometheus");
    assert_eq!(data["operator"]["limits"]["requests_per_second"], 100);
    assert!(data["operator"]["limits"].get("groups_max").is_none());
    assert_eq!(data["operator"]["usage"]["in_flight_max"], 1);
    assert!(data["gateway"].is_object());
    let named = limits(&all, "?tenant=red").await;
    assert_eq!((names(&named), named.get("gateway")), (vec!["red"], None));
    let some = limits(&blues, "").await;
    assert_eq!((names(&some), some.get("gateway")), (vec!["blue"], None));
    for query in ["?tenant=red", "?tenant=nobody"] {
        blues.get(&format!("/api/v1/limits{query}")).await.refused(403, "tenant_refused");
    }
}

#[tokio::test]
async fn limits_follow_a_reload() {
    let builder = two_tenants();
    let mut gateway = builder.clone().start();
    let mut other = builder;
    let red = other.config.tenants.get_mut("red").unwrap();
    (red.limits.quota.groups_max, red.limits.push.body_bytes_max) = (9, 1024);
    other.config.tenants.remove("blue");
    gateway.reload(other).await;
    let data = limits(&gateway.client("prometheus"), "").await;
    assert_eq!(names(&data), ["red"]);
    let limit = &data["tenants"][0]["limits"];
    assert_eq!((&limit["groups_max"], &limit["body_bytes_max"]), (&json!(9), &json!(1024)));
}

#[tokio::test]
async fn every_usage_in_the_metrics_has_its_limit_and_nobody_but_tenants_is_named() {
    let gateway = two_tenants().start();
    gateway.client("red").put("/metrics/job/a", "m 1\n").await.ok();
    let under_way = gateway.client("red").begin("GET", "/metrics", "").await;
    let text = gateway.at_ops(&gateway.stranger()).get("/metrics").await.ok().text();
    for expected in [
        "pushward_tenant_limit{tenant=\"red\",limit=\"groups_max\"} 7\n",
        "pushward_tenant_usage{tenant=\"red\",limit=\"groups_max\"} 1\n",
        "pushward_tenant_limit{tenant=\"red\",limit=\"in_flight_max\"} 64\n",
        "pushward_tenant_usage{tenant=\"red\",limit=\"in_flight_max\"} 1\n",
        "pushward_tenant_usage{tenant=\"blue\",limit=\"in_flight_max\"} 0\n",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let labels = |name: &str| -> Vec<String> {
        let of = |line: &str| line.strip_prefix(name).and_then(|rest| rest.split_once('}')).map(|(l, _)| l.to_owned());
        text.lines().filter_map(of).collect()
    };
    assert_eq!(labels("pushward_tenant_usage{"), labels("pushward_tenant_limit{"));
    let tenants = ["tenant=\"red\"", "tenant=\"blue\""];
    assert!(labels("pushward_tenant_limit{").iter().all(|line| tenants.iter().any(|name| line.contains(name))));
    drop(under_way);
}
