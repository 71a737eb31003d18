//! Wiping: what the caller can see, and nothing else.

use pushward::model::OperatorScope;
use pushward::model::TenantId;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;

const WIPE: &str = "/api/v1/admin/wipe";

async fn gateway() -> TestGateway {
    let gateway = GatewayBuilder::new()
        .tenant("red")
        .tenant("blue")
        .token("red", "narrow", &[Verb::Admin], |token| {
            token.labels.insert("env".into(), "prod".into());
        })
        .operator("o", &[OperatorScope::FleetAdmin], |_| {})
        .operator("reds", &[OperatorScope::FleetAdmin], |token| {
            token.tenants = Some([TenantId::parse("red").unwrap()].into());
        })
        .start();
    for name in ["red", "blue"] {
        for path in ["/metrics/job/a/env/prod", "/metrics/job/a/env/dev"] {
            gateway.client(name).put(path, "m 1\n").await.ok();
        }
    }
    gateway
}

#[tokio::test]
async fn a_tenant_wipes_its_own_groups_and_a_narrowed_credential_those_it_sees() {
    let gateway = gateway().await;
    let (red, blue) = (gateway.client("red"), gateway.client("blue"));
    assert_eq!(gateway.client("narrow").put(WIPE, "").await.status.as_u16(), 202);
    assert_eq!(red.scrape().await, ["m{env=\"dev\",instance=\"\",job=\"a\"} 1"]);
    assert_eq!(red.put(WIPE, "").await.status.as_u16(), 202);
    assert_eq!(red.get("/metrics").await.ok().text(), "");
    assert_eq!(red.put(WIPE, "").await.status.as_u16(), 202);
    assert_eq!(blue.scrape().await.len(), 2);
}

#[tokio::test]
async fn an_operator_names_exactly_one_tenant_that_it_may_name() {
    let gateway = gateway().await;
    for (name, query, status, code) in [
        ("o", "", 400, "tenant_not_named"),
        ("o", "?tenant=red&tenant=blue", 400, "tenant_not_named"),
        ("o", "?tenant=red&tenant=red", 400, "tenant_not_named"),
        ("reds", "", 400, "tenant_not_named"),
        ("o", "?tenant=", 403, "tenant_refused"),
        ("o", "?tenant=nobody", 403, "tenant_refused"),
        ("reds", "?tenant=blue", 403, "tenant_refused"),
        ("red", "?tenant=blue", 403, "tenant_refused"),
    ] {
        gateway.client(name).put(&format!("{WIPE}{query}"), "").await.refused(status, code);
    }
    assert_eq!(gateway.client("red").scrape().await.len() + gateway.client("blue").scrape().await.len(), 4);
    assert_eq!(gateway.client("reds").put(&format!("{WIPE}?tenant=red"), "").await.status.as_u16(), 202);
    assert!(gateway.client("red").scrape().await.is_empty());
    assert_eq!(gateway.client("blue").scrape().await.len(), 2);
    for method in ["GET", "POST", "DELETE"] {
        gateway.client("red").send(method, WIPE, "").await.refused(405, "method_not_allowed");
    }
}
