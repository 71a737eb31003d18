//! Names that are not classic, for tenants that may have them.

use pushward::model::OperatorScope;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;

fn builder() -> GatewayBuilder {
    GatewayBuilder::new()
        .tenant_with("wide", |tenant| tenant.utf8_names = true)
        .token("wide", "wide", &Verb::ALL, |_| {})
        .tenant("narrow")
        .operator("o", &[OperatorScope::FleetRead], |_| {})
}

const BODY: &str = "# TYPE \"my.name\" gauge\n{\"my.name\",\"l.m\"=\"x\"} 1\n";

#[tokio::test]
async fn a_utf8_name_is_taken_from_a_tenant_that_may_have_one_and_shown_as_asked_for() {
    let gateway = builder().start();
    let wide = gateway.client("wide");
    wide.put("/metrics/job/a/U__g_2e_h/v", BODY).await.ok();
    assert_eq!(wide.scrape().await, ["my_name{g_h=\"v\",instance=\"\",job=\"a\",l_m=\"x\"} 1"]);
    for (escaping, line) in [
        ("allow-utf-8", "{\"my.name\",\"g.h\"=\"v\",instance=\"\",job=\"a\",\"l.m\"=\"x\"} 1"),
        ("dots", "my_dot_name{g_dot_h=\"v\",instance=\"\",job=\"a\",l_dot_m=\"x\"} 1"),
        ("values", "U__my_2e_name{U__g_2e_h=\"v\",instance=\"\",job=\"a\",U__l_2e_m=\"x\"} 1"),
    ] {
        let accept = format!("text/plain;version=1.0.0;escaping={escaping}");
        let scrape = wide.clone().with("accept", &accept).get("/metrics").await.ok();
        assert_eq!(
            scrape.headers["content-type"],
            format!("text/plain; version=1.0.0; charset=utf-8; escaping={escaping}")
        );
        assert!(scrape.text().contains(&format!("{line}\n")), "{}", scrape.text());
    }
    let fleet = gateway.client("o").with("accept", "text/plain;version=1.0.0;escaping=allow-utf-8");
    let text = fleet.get("/metrics").await.ok().text();
    assert!(
        text.contains("# TYPE \"my.name\" gauge\n{\"my.name\",tenant=\"wide\",\"g.h\"=\"v\",instance=\"\",job=\"a\",\"l.m\"=\"x\"} 1\n"),
        "{text}"
    );
    assert_eq!(wide.delete("/metrics/job/a/U__g_2e_h/v").await.status.as_u16(), 202);
    assert_eq!(wide.get("/metrics").await.text(), "");
}

#[tokio::test]
async fn other_tenants_are_refused_them() {
    let gateway = builder().start();
    let narrow = gateway.client("narrow");
    narrow.put("/metrics/job/a", BODY).await.refused(400, "body_malformed");
    narrow.put("/metrics/job/a/g.h/v", "").await.refused(400, "path_malformed");
    narrow.put("/metrics/job/a/U__g_2e_h/v", "m 1\n").await.ok();
    assert_eq!(narrow.scrape().await, ["m{U__g_2e_h=\"v\",instance=\"\",job=\"a\"} 1"]);
}

#[tokio::test]
async fn a_name_that_meets_another_escaped_is_refused_and_the_scrape_stands() {
    let gateway = builder().start();
    let (wide, narrow) = (gateway.client("wide"), gateway.client("narrow"));
    wide.put("/metrics/job/a", BODY).await.ok();
    wide.put("/metrics/job/b", "my_name 2\n").await.refused(400, "inconsistent");
    wide.post("/metrics/job/a", "my_name 2\n").await.refused(400, "inconsistent");
    wide.put("/metrics/job/b", "a{\"x.y\"=\"1\",x_y=\"2\"} 1\n").await.refused(400, "inconsistent");
    wide.put("/metrics/job/b/x_y/1/U__x_2e_y/2", "").await.refused(400, "path_malformed");
    wide.put("/metrics/job/b/U______x/1", "").await.refused(400, "path_malformed");
    wide.put("/metrics/job/c/U__x_2e_y/1", "m 1\n").await.ok();
    wide.put("/metrics/job/c/x_y/1", "m 1\n").await.refused(400, "inconsistent");
    // Another tenant knows nothing of it; to the operator both are one line name.
    narrow.put("/metrics/job/a", "my_name 2\n").await.ok();
    for accept in ["*/*", "text/plain;version=1.0.0;escaping=allow-utf-8"] {
        let text = gateway.client("o").with("accept", accept).get("/metrics").await.ok().text();
        assert_eq!(text.matches("# TYPE my_name untyped\n").count(), 1, "{text}");
        assert_eq!(text.matches("\nmy_name{tenant=").count(), 2, "{text}");
        assert!(!text.contains("my.name"), "{text}");
    }
}
