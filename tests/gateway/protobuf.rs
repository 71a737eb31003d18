//! Delimited protobuf, pushed and scraped.

use prost::Message;
use pushward::config::JobLabel;
use pushward::exposition::protobuf::messages::*;
use pushward::model::OperatorScope;
use pushward::testkit::Answer;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;

pub(crate) const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

fn label(name: &str, value: &str) -> LabelPair {
    LabelPair { name: Some(name.into()), value: Some(value.into()) }
}

fn family(name: &str, kind: MetricType, metric: Vec<Metric>) -> MetricFamily {
    MetricFamily { name: Some(name.into()), r#type: Some(kind.into()), metric, ..MetricFamily::default() }
}

fn gauge(labels: &[(&str, &str)], value: f64) -> Metric {
    let label = labels.iter().map(|(name, value)| self::label(name, value)).collect();
    Metric { label, gauge: Some(Gauge { value: Some(value) }), ..Metric::default() }
}

fn native() -> Histogram {
    Histogram {
        sample_count: Some(3),
        sample_sum: Some(6.0),
        schema: Some(0),
        zero_threshold: Some(0.001),
        zero_count: Some(0),
        positive_span: vec![BucketSpan { offset: Some(0), length: Some(2) }],
        positive_delta: vec![1, 1],
        exemplars: vec![Exemplar {
            label: vec![label("trace_id", "abc")],
            value: Some(2.0),
            timestamp: Some(Timestamp { seconds: 1, nanos: 2 }),
        }],
        ..Histogram::default()
    }
}

async fn push(client: &Client, method: &str, families: &[MetricFamily]) -> Answer {
    let body: Vec<u8> = families.iter().flat_map(Message::encode_length_delimited_to_vec).collect();
    client.clone().with("content-type", PROTOBUF).send(method, "/metrics/job/a/k/v", body).await
}

/// What a scrape in protobuf holds, the gateway's own gauges left out.
#[expect(clippy::expect_used, reason = "a test that is answered with less is to fail here")]
async fn scrape(client: &Client) -> Vec<MetricFamily> {
    let answer = client.clone().with("accept", PROTOBUF).get("/metrics").await.ok();
    assert_eq!(answer.headers["content-type"], format!("{PROTOBUF}; escaping=underscores"));
    let mut rest = &answer.body[..];
    let mut families = Vec::new();
    while !rest.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut rest).expect("a scrape is of whole messages"));
    }
    families.retain(|family| !family.name().starts_with("push_"));
    families
}

#[tokio::test]
async fn a_protobuf_push_is_scraped_as_text_and_as_protobuf() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    let histogram = Metric { histogram: Some(native()), ..Metric::default() };
    let gauges = family("g", MetricType::Gauge, vec![gauge(&[("z", "ö\n")], 1.5), gauge(&[], 2.0)]);
    push(&red, "PUT", &[family("h", MetricType::Histogram, vec![histogram.clone()]), gauges]).await.ok();
    assert_eq!(
        red.scrape().await,
        [
            "g{instance=\"\",job=\"a\",k=\"v\",z=\"ö\\n\"} 1.5",
            "g{instance=\"\",job=\"a\",k=\"v\"} 2",
            "h_bucket{instance=\"\",job=\"a\",k=\"v\",le=\"+Inf\"} 3",
            "h_sum{instance=\"\",job=\"a\",k=\"v\"} 6",
            "h_count{instance=\"\",job=\"a\",k=\"v\"} 3",
        ]
    );
    let forced = [("instance", ""), ("job", "a"), ("k", "v")];
    let own = forced.iter().map(|(name, value)| label(name, value)).collect();
    let [a, b, c] = forced;
    assert_eq!(
        scrape(&red).await,
        [
            family("g", MetricType::Gauge, vec![gauge(&[a, b, c, ("z", "ö\n")], 1.5), gauge(&forced, 2.0)]),
            family("h", MetricType::Histogram, vec![Metric { label: own, ..histogram }]),
        ]
    );
}

#[tokio::test]
async fn the_json_api_lists_native_buckets_among_other_families_and_an_operator_sees_whose_they_are() {
    let gateway = GatewayBuilder::new().tenant("red").operator("o", &[OperatorScope::FleetRead], |_| {}).start();
    let red = gateway.client("red");
    let metric = Metric { histogram: Some(native()), ..Metric::default() };
    let histogram = family("h", MetricType::Histogram, vec![metric]);
    push(&red, "PUT", &[histogram, family("z", MetricType::Gauge, vec![gauge(&[], 2.0)])]).await.ok();
    let buckets = serde_json::json!([[0, "0.5", "1", "1"], [0, "1", "2", "2"]]);
    let forced = serde_json::json!({"instance": "", "job": "a", "k": "v"});
    let mut of_fleet = forced.clone();
    of_fleet["tenant"] = "red".into();
    for (client, labels) in [(red, forced), (gateway.client("o"), of_fleet)] {
        let json: serde_json::Value = serde_json::from_slice(&client.get("/api/v1/metrics").await.ok().body).unwrap();
        let expected = serde_json::json!([{"buckets": buckets, "count": "3", "labels": labels, "sum": "6"}]);
        let group = &json["data"][0];
        assert_eq!((&group["h"]["metrics"], &group["z"]["metrics"][0]["value"]), (&expected, &"2".into()));
    }
}

#[tokio::test]
async fn an_empty_family_takes_away_what_the_group_holds_under_its_name() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    red.put("/metrics/job/a/k/v", "m 1\nn 2\n").await.ok();
    push(&red, "POST", &[family("m", MetricType::Counter, vec![])]).await.ok();
    assert_eq!(red.scrape().await, ["n{instance=\"\",job=\"a\",k=\"v\"} 2"]);
}

#[tokio::test]
async fn what_upstreams_store_refuses_is_noted_and_what_is_no_message_is_not() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    push(&red, "PUT", &[family("", MetricType::Gauge, vec![gauge(&[], 1.0)])]).await.refused(400, "body_malformed");
    push(&red, "PUT", &[family("m", MetricType::Gauge, vec![gauge(&[("x", "\0")], 1.0)])])
        .await
        .refused(400, "body_malformed");
    assert_eq!(red.get("/metrics").await.text(), "");
    let told = push(&red, "PUT", &[family("m", MetricType::Counter, vec![gauge(&[], 1.0)])]).await;
    let text = told.refused(400, "inconsistent").text();
    assert!(text.contains("collected metric \"m\" is not a COUNTER"), "{text}");
    assert!(red.get("/metrics").await.text().contains("push_time_seconds{instance=\"\",job=\"a\",k=\"v\"} 0\n"));
}

#[tokio::test]
async fn an_operator_scrapes_protobuf_over_tenants() {
    let mut builder =
        GatewayBuilder::new().tenant("red").tenant("blue").operator("o", &[OperatorScope::FleetRead], |_| {});
    builder.config.namespace.job = JobLabel::Prefix;
    let gateway = builder.start();
    let (red, blue) = (gateway.client("red"), gateway.client("blue"));
    let sent = Metric { label: vec![label("tenant", "x")], histogram: Some(native()), ..Metric::default() };
    push(&red, "PUT", &[family("h", MetricType::Histogram, vec![sent.clone()])]).await.ok();
    push(&blue, "PUT", &[family("h", MetricType::Histogram, vec![sent.clone()])]).await.ok();
    let labels = |tenant: &str| {
        let job = format!("{tenant}/a");
        let all = [("tenant", tenant), ("instance", ""), ("job", &*job), ("k", "v"), ("exported_tenant", "x")];
        all.iter().map(|(name, value)| label(name, value)).collect::<Vec<_>>()
    };
    let shown = |tenant: &str| Metric { label: labels(tenant), ..sent.clone() };
    let operator = gateway.client("o");
    assert_eq!(scrape(&operator).await, [family("h", MetricType::Histogram, vec![shown("blue"), shown("red")])]);
    // Where tenants contradict each other, a native histogram comes by its classic form.
    push(&blue, "PUT", &[]).await.ok();
    blue.put("/metrics/job/a", "h_count 1\n").await.ok();
    let names: Vec<_> =
        scrape(&operator).await.iter().map(|f| (f.name().to_owned(), f.r#type(), f.metric.len())).collect();
    let untyped = |name: &str, metrics| (name.to_owned(), MetricType::Untyped, metrics);
    assert_eq!(names, [untyped("h_bucket", 1), untyped("h_count", 2), untyped("h_sum", 1)]);
}

#[tokio::test]
async fn a_histogram_that_only_has_a_schema_is_not_shown_beside_a_native_one() {
    let gateway =
        GatewayBuilder::new().tenant("red").tenant("blue").operator("o", &[OperatorScope::FleetRead], |_| {}).start();
    let histogram = |histogram| {
        family("h", MetricType::Histogram, vec![Metric { histogram: Some(histogram), ..Metric::default() }])
    };
    push(&gateway.client("blue"), "PUT", &[histogram(native())]).await.ok();
    // Prometheus would read it as it reads the first: five observations, and no bucket that has them.
    let empty = Histogram { sample_count: Some(5), schema: Some(0), zero_threshold: Some(0.0), ..Histogram::default() };
    push(&gateway.client("red"), "PUT", &[histogram(empty)]).await.ok();
    let scraped = scrape(&gateway.client("o")).await;
    let shown: Vec<_> = scraped.iter().flat_map(|family| &family.metric).filter_map(|m| m.histogram.as_ref()).collect();
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|histogram| histogram.positive_span.is_empty()), "{shown:?}");
}

#[tokio::test]
async fn a_scrape_in_protobuf_of_any_size_comes_whole() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    let body: String = (0..3000).map(|n| format!("m{{n=\"{n}\"}} {n}\nx{n} 1\n")).collect();
    for job in 0..5 {
        red.put(&format!("/metrics/job/{job}"), &body).await.ok();
    }
    let families = scrape(&red).await;
    assert_eq!((families.len(), families[0].metric.len(), families[1].metric.len()), (3001, 15_000, 5));
}

#[tokio::test]
async fn snappy_and_zstd_are_read_and_everything_else_is_text() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    let mut snappy = snap::write::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut snappy, b"s 1\n").unwrap();
    let snappy = snappy.into_inner().unwrap();
    red.clone().with("content-encoding", "snappy").send("POST", "/metrics/job/a", snappy).await.ok();
    let zstd = ruzstd::encoding::compress_to_vec(&b"z 1\n"[..], ruzstd::encoding::CompressionLevel::Fastest);
    red.clone().with("content-encoding", "zstd").send("POST", "/metrics/job/a", zstd).await.ok();
    for (at, kind) in
        ["application/json", "application/vnd.google.protobuf", "nonsense", "application/openmetrics-text"]
            .into_iter()
            .enumerate()
    {
        red.clone().with("content-type", kind).post("/metrics/job/a", &format!("t{at} 1\n")).await.ok();
    }
    assert_eq!(red.scrape().await.len(), 6);
}
