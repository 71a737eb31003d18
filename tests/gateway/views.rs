//! What an operator sees of many tenants.

use pushward::config::JobLabel;
use pushward::model::OperatorScope;
use pushward::testkit::GatewayBuilder;

fn two_tenants() -> GatewayBuilder {
    GatewayBuilder::new().tenant("red").tenant("blue").operator("prometheus", &[OperatorScope::FleetRead], |_| {})
}

#[tokio::test]
async fn the_tenants_label_stands_first_on_every_line() {
    let gateway = two_tenants().start();
    gateway.client("red").put("/metrics/job/a", "# HELP m red's\n# TYPE m gauge\nm{x=\"1\"} 1\n").await.ok();
    gateway.client("blue").put("/metrics/job/a", "# TYPE m gauge\nm 2\n").await.ok();
    let text = gateway.client("prometheus").get("/metrics").await.ok().text();
    let m: Vec<_> = text.lines().filter(|line| !line.contains("push_")).collect();
    assert_eq!(
        m,
        [
            "# TYPE m gauge",
            "m{tenant=\"blue\",instance=\"\",job=\"a\"} 2",
            "m{tenant=\"red\",instance=\"\",job=\"a\",x=\"1\"} 1",
        ]
    );
    assert_eq!(text.matches("# TYPE push_time_seconds").count(), 1);
    assert!(text.contains("push_time_seconds{tenant=\"red\",instance=\"\",job=\"a\"} "));
}

#[tokio::test]
async fn a_forged_tenant_label_is_renamed_so_that_no_two_series_become_one() {
    let gateway = two_tenants().start();
    let red = gateway.client("red");
    let body =
        "m{tenant=\"blue\"} 1\nm{exported_tenant=\"blue\"} 2\nm{exported_exported_tenant=\"x\",tenant=\"y\"} 3\n";
    red.put("/metrics/job/a/tenant_/z", body).await.ok();
    red.put("/metrics/job/b/tenant/blue", "m 4\n").await.ok();
    let lines = gateway.client("prometheus").scrape().await;
    assert_eq!(
        lines,
        [
            "m{tenant=\"red\",instance=\"\",job=\"a\",exported_tenant=\"blue\",tenant_=\"z\"} 1",
            "m{tenant=\"red\",exported_exported_tenant=\"blue\",instance=\"\",job=\"a\",tenant_=\"z\"} 2",
            "m{tenant=\"red\",exported_exported_exported_tenant=\"x\",instance=\"\",job=\"a\",exported_tenant=\"y\",tenant_=\"z\"} 3",
            "m{tenant=\"red\",instance=\"\",job=\"b\",exported_tenant=\"blue\"} 4",
        ]
    );
    let text = gateway.client("prometheus").get("/metrics").await.text();
    assert!(
        text.contains("push_time_seconds{tenant=\"red\",instance=\"\",job=\"b\",exported_tenant=\"blue\"} "),
        "{text}"
    );
    assert!(red.scrape().await.contains(&"m{instance=\"\",job=\"b\",tenant=\"blue\"} 4".to_owned()));
}

#[tokio::test]
async fn jobs_are_prefixed_where_the_configuration_says_so() {
    let mut builder = two_tenants();
    builder.config.namespace.job = JobLabel::Prefix;
    builder.config.namespace.label = "team".into();
    let gateway = builder.start();
    gateway.client("red").put("/metrics/job/a/x/,job=", "m{y=\"\\\",job=\\\"z\"} 1\n").await.ok();
    let lines = gateway.client("prometheus").scrape().await;
    assert_eq!(lines, ["m{team=\"red\",instance=\"\",job=\"red/a\",x=\",job=\",y=\"\\\",job=\\\"z\"} 1"]);
    assert!(gateway.client("red").scrape().await[0].contains("job=\"a\""));
}

#[tokio::test]
async fn an_operator_narrows_by_tenant_and_is_refused_a_name_that_it_may_not_see() {
    let gateway = two_tenants()
        .operator("blues", &[OperatorScope::FleetRead], |token| {
            token.tenants = Some(["blue"].map(|name| pushward::model::TenantId::parse(name).unwrap()).into());
        })
        .start();
    for name in ["red", "blue"] {
        gateway.client(name).put("/metrics/job/a", "m 1\n").await.ok();
    }
    let lines = |text: String| text.lines().filter(|line| line.starts_with("m{")).count();
    let (all, blues) = (gateway.client("prometheus"), gateway.client("blues"));
    assert_eq!(lines(all.get("/metrics").await.ok().text()), 2);
    assert_eq!(lines(all.get("/metrics?tenant=red").await.ok().text()), 1);
    assert_eq!(lines(all.get("/metrics?tenant=red&tenant=blue").await.ok().text()), 2);
    assert_eq!(lines(blues.get("/metrics").await.ok().text()), 1);
    assert_eq!(lines(blues.get("/metrics?tenant=blue").await.ok().text()), 1);
    for query in ["tenant=nobody", "tenant=", "tenant=RED", "tenant=red&tenant=nobody", "tenant=%72ed"] {
        all.get(&format!("/metrics?{query}")).await.refused(403, "tenant_refused");
    }
    blues.get("/metrics?tenant=red").await.refused(403, "tenant_refused");
    blues.get("/metrics?tenant=nobody").await.refused(403, "tenant_refused");
}

#[tokio::test]
async fn what_tenants_contradict_each_other_in_is_flattened_for_the_operator_alone() {
    let gateway = two_tenants().start();
    let histogram = "# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_bucket{le=\"+Inf\"} 2\nx_sum 3\nx_count 2\n";
    gateway.client("red").put("/metrics/job/a", histogram).await.ok();
    gateway.client("blue").put("/metrics/job/a", "# TYPE x_sum counter\nx_sum 9\n").await.ok();
    let text = gateway.client("prometheus").get("/metrics").await.ok().text();
    let x: Vec<_> = text.lines().filter(|line| !line.contains("push_")).collect();
    assert_eq!(
        x,
        [
            "# TYPE x_bucket untyped",
            "x_bucket{tenant=\"red\",instance=\"\",job=\"a\",le=\"1\"} 1",
            "x_bucket{tenant=\"red\",instance=\"\",job=\"a\",le=\"+Inf\"} 2",
            "# TYPE x_count untyped",
            "x_count{tenant=\"red\",instance=\"\",job=\"a\"} 2",
            "# TYPE x_sum untyped",
            "x_sum{tenant=\"blue\",instance=\"\",job=\"a\"} 9",
            "x_sum{tenant=\"red\",instance=\"\",job=\"a\"} 3",
        ]
    );
    assert!(gateway.client("red").get("/metrics").await.text().contains("# TYPE x histogram\n"));
}

#[tokio::test]
async fn reserved_names_reach_their_tenant_but_not_the_operator() {
    let gateway = two_tenants().start();
    gateway.client("red").put("/metrics/job/a", "up 0\nALERTS{alertname=\"x\"} 1\nscrape_x 1\nfine 1\n").await.ok();
    assert_eq!(gateway.client("red").scrape().await.len(), 4);
    assert_eq!(gateway.client("prometheus").scrape().await, ["fine{tenant=\"red\",instance=\"\",job=\"a\"} 1"]);
    assert!(gateway.at_ops(&gateway.stranger()).get("/metrics").await.text().contains("pushward_reserved_families 3"));
}

#[tokio::test]
async fn an_operator_who_narrows_sees_nothing_of_what_others_contradict() {
    let gateway = two_tenants().start();
    let summary = "# TYPE x summary\nx{quantile=\"0.5\"} 1\nx_sum 2\nx_count 3\n";
    gateway.client("red").put("/metrics/job/a", summary).await.ok();
    gateway.client("blue").put("/metrics/job/a", "# TYPE x gauge\nx 9\n").await.ok();
    let prometheus = gateway.client("prometheus");
    assert!(!prometheus.get("/metrics").await.ok().text().contains("# TYPE x summary"));
    let red = prometheus.get("/metrics?tenant=red").await.ok().text();
    assert!(red.contains("# TYPE x summary\n") && !red.contains("blue"), "{red}");
}

#[tokio::test]
async fn the_help_is_that_of_the_tenant_whose_id_sorts_first() {
    let gateway = two_tenants().start();
    gateway.client("red").put("/metrics/job/a", "# HELP m red's words\n# TYPE m gauge\nm 1\n").await.ok();
    let help = |text: String| text.lines().find(|line| line.starts_with("# HELP m ")).map(str::to_owned);
    let prometheus = gateway.client("prometheus");
    assert_eq!(help(prometheus.get("/metrics").await.text()).unwrap(), "# HELP m red's words");
    gateway.client("blue").put("/metrics/job/z", "# HELP m blue's words\n# TYPE m gauge\nm 1\n").await.ok();
    assert_eq!(help(prometheus.get("/metrics").await.text()).unwrap(), "# HELP m blue's words");
    assert_eq!(help(gateway.client("red").get("/metrics").await.text()).unwrap(), "# HELP m red's words");
}

#[tokio::test]
async fn a_tenants_view_has_no_metrics_of_the_gateway_so_it_may_push_such_names_itself() {
    let gateway = two_tenants().start();
    let red = gateway.client("red");
    let own = ["go_goroutines 7", "process_open_fds 8", "pushward_build_info 9", "pushgateway_build_info 10"];
    red.put("/metrics/job/a", &(own.join("\n") + "\n")).await.ok();
    let scrape = red.scrape().await;
    assert_eq!(scrape.len(), own.len(), "{scrape:?}");
    for line in own {
        let (name, value) = line.split_once(' ').unwrap();
        assert!(scrape.contains(&format!("{name}{{instance=\"\",job=\"a\"}} {value}")), "{scrape:?}");
    }
}
