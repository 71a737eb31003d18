//! The operator's listener: health and our own metrics, and nothing else.

use pushward::config::OpsAuth;
use pushward::model::OperatorScope;
use pushward::testkit::GatewayBuilder;

#[tokio::test]
async fn our_own_metrics_are_at_ops_alone_and_hold_no_tenants_data() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    red.put("/metrics/job/very-private", "a_private_name 42\n").await.ok();
    red.get("/nothing-of-ours").await.refused(404, "not_found");
    gateway.stranger().get("/a-strangers-path").await.refused(401, "unauthenticated");
    let text = gateway.at_ops(&gateway.stranger()).get("/metrics").await.ok().text();
    for expected in [
        "pushward_build_info{",
        "pushward_http_requests_total{route=\"/metrics/job/{*group}\",code=\"200\"} 1",
        "pushward_http_requests_total{route=\"none\",code=\"404\"} 1",
        "pushward_refusals_total{code=\"unauthenticated\"} 1",
        "pushward_pushes_total{tenant=\"red\",outcome=\"accepted\"} 1",
        "pushward_push_size_bytes_count 1",
        "pushward_tenant_limit{tenant=\"red\",limit=\"series_max\"} 500000",
        "pushward_tenant_usage{tenant=\"red\",limit=\"series_max\"} 1",
        "pushward_tenant_usage{tenant=\"red\",limit=\"groups_max\"} 1",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    for private in ["very-private", "a_private_name", "nothing-of-ours", "strangers-path"] {
        assert!(!text.contains(private), "{private}");
    }
    assert!(!gateway.client("red").get("/metrics").await.text().contains("pushward_"));
}

#[tokio::test]
async fn ops_has_no_verb_and_no_other_path() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let ops = gateway.at_ops(&gateway.client("red"));
    for method in ["PUT", "POST", "DELETE", "PATCH"] {
        for path in ["/metrics", "/-/healthy", "/-/ready"] {
            let answer = ops.send(method, path, "").await.refused(405, "method_not_allowed");
            assert_eq!(answer.headers["allow"], "GET, HEAD, OPTIONS", "{method} {path}");
        }
        ops.send(method, "/metrics/job/a", "m 1\n").await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn where_ops_asks_for_operators_only_ops_read_reads_the_metrics() {
    let mut builder = GatewayBuilder::new()
        .tenant("red")
        .operator("watcher", &[OperatorScope::OpsRead], |_| {})
        .operator("reader", &[OperatorScope::FleetRead, OperatorScope::FleetAdmin], |_| {});
    builder.config.ops.auth = OpsAuth::Operators;
    let gateway = builder.start();
    gateway.at_ops(&gateway.stranger()).get("/metrics").await.refused(401, "unauthenticated");
    gateway.at_ops(&gateway.stranger()).put("/metrics", "").await.refused(401, "unauthenticated");
    gateway.at_ops(&gateway.client("red")).get("/metrics").await.refused(403, "scope_refused");
    gateway.at_ops(&gateway.client("reader")).get("/metrics").await.refused(403, "scope_refused");
    gateway.at_ops(&gateway.client("watcher")).get("/metrics").await.ok();
    gateway.at_ops(&gateway.stranger()).get("/-/ready").await.ok();
    gateway.client("watcher").get("/metrics").await.refused(403, "scope_refused");
}
