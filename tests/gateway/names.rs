//! Names that are not classic, for tenants that may have them.

use proptest::prelude::*;
use prost::Message;
use pushward::exposition::protobuf::messages::MetricFamily;
use pushward::exposition::protobuf::messages::MetricType;
use pushward::model::OperatorScope;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;
use std::collections::BTreeSet;

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

/// A push with names that meet each other in this or that escaping.
fn any_push() -> impl Strategy<Value = (&'static str, &'static str, String, String)> {
    let tenant = prop_oneof![Just("wide"), Just("broad")];
    let method = prop_oneof![Just("PUT"), Just("POST")];
    let group = "(/(k|k_m|U__k_2e_m|U__tenant_2e_|tenant|exported_tenant|U__exported_2e_tenant)/[12]){0,2}";
    let name = "\"(a|a_b|a\\.b|a-b|U__a_2e_b|a_dot_b|é|1|_)(_sum|\\.sum|_count)?\"";
    let label = "(\"(l|l_m|l\\.m|é|k\\.m|k_m|tenant|exported\\.tenant|U__l_2e_m)\"=\"[12]\",){0,2}";
    let line = (name, label, "(gauge|counter|summary|histogram)?").prop_map(|(name, labels, kind)| match &*kind {
        "" => format!("{{{name},{labels}}} 1\n"),
        "summary" | "histogram" => {
            format!("# TYPE {name} {kind}\n{{{}_count\",{labels}}} 1\n", name.trim_end_matches('"'))
        }
        kind => format!("# TYPE {name} {kind}\n{{{name},{labels}}} 1\n"),
    });
    let body = proptest::collection::vec(line, 0..3).prop_map(|lines| lines.concat());
    (tenant, method, group.prop_map(|labels| format!("/metrics/job/j{labels}")), body)
}

/// That no family and no series is there twice, told apart as Prometheus does.
fn all_differ(scrape: &[u8]) -> Result<(), TestCaseError> {
    let mut rest = scrape;
    let (mut names, mut lines) = (BTreeSet::new(), BTreeSet::new());
    while !rest.is_empty() {
        let family =
            MetricFamily::decode_length_delimited(&mut rest).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert!(names.insert(family.name().to_owned()), "{} comes twice", family.name());
        let suffixes: &[&str] = match family.r#type() {
            MetricType::Summary => &["", "_sum", "_count"],
            MetricType::Histogram => &["", "_bucket", "_sum", "_count"],
            _ => &[""],
        };
        for suffix in suffixes {
            let line = format!("{}{suffix}", family.name());
            prop_assert!(lines.insert(line.clone()), "{line} is of two families");
        }
        let mut series = BTreeSet::new();
        for metric in &family.metric {
            let labels: BTreeSet<_> = metric.label.iter().map(|label| label.name().to_owned()).collect();
            prop_assert_eq!(labels.len(), metric.label.len());
            let filled = metric.label.iter().filter(|label| !label.value().is_empty());
            let filled: BTreeSet<_> = filled.map(|label| (label.name().to_owned(), label.value().to_owned())).collect();
            prop_assert!(series.insert(filled.clone()), "{} {filled:?} comes twice", family.name());
        }
    }
    Ok(())
}

async fn history(pushes: &[(&str, &str, String, String)]) -> Result<(), TestCaseError> {
    let wide = |builder: GatewayBuilder, name: &str| {
        builder.tenant_with(name, |tenant| tenant.utf8_names = true).token(name, name, &Verb::ALL, |_| {})
    };
    let builder = wide(wide(GatewayBuilder::new(), "wide"), "broad");
    let gateway = builder.operator("o", &[OperatorScope::FleetRead], |_| {}).start();
    for (tenant, method, path, body) in pushes {
        let answer = gateway.client(tenant).send(method, path, body.clone()).await;
        prop_assert!(matches!(answer.status.as_u16(), 200 | 400), "{}", answer.text());
    }
    for who in ["wide", "broad", "o"] {
        for escaping in ["underscores", "dots", "values", "allow-utf-8"] {
            let accept = format!(
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping={escaping}"
            );
            let scrape = gateway.client(who).with("accept", &accept).get("/metrics").await.ok();
            all_differ(&scrape.body).map_err(|error| TestCaseError::fail(format!("{who} {escaping}: {error}")))?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_names_are_pushed_no_view_has_a_family_or_a_series_twice(
        pushes in proptest::collection::vec(any_push(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(history(&pushes))?;
    }
}
