//! How large one push may be: at each bound, and one beyond it, beside somebody who notices nothing.

use crate::protobuf::PROTOBUF;
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use pushward::config::TenantGrant;
use pushward::exposition::protobuf::messages::Gauge;
use pushward::exposition::protobuf::messages::LabelPair;
use pushward::exposition::protobuf::messages::Metric;
use pushward::exposition::protobuf::messages::MetricFamily;
use pushward::exposition::protobuf::messages::MetricType;
use pushward::model::PushBounds;
use pushward::model::Verb;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use std::io::Write;

/// A gateway on which red has these bounds, and blue the default ones and a group.
async fn gateway(change: impl FnOnce(&mut PushBounds)) -> TestGateway {
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| change(&mut tenant.limits.push))
        .token("red", "red", &Verb::ALL, |_| {})
        .tenant("blue")
        .start();
    gateway.client("blue").put("/metrics/job/b", "kept 1\n").await.ok();
    gateway
}

/// Refuses with 413 and the limit's key and value where a client sees them, and changes nothing for anybody.
async fn refuses(gateway: &TestGateway, client: &Client, path: &str, body: Vec<u8>, limit: &str) {
    let before = (gateway.client("red").scrape().await, gateway.client("blue").scrape().await);
    let answer = client.send("PUT", path, body).await.refused(413, "bound_exceeded");
    assert_eq!(answer.reason.as_deref(), Some(&*format!("bound_exceeded {limit}")));
    let (key, value) = limit.split_once('=').unwrap();
    assert!(answer.text().contains(&format!("{key} is {value}, found at least ")), "{}", answer.text());
    let after = (gateway.client("red").scrape().await, gateway.client("blue").scrape().await);
    assert_eq!(before, after);
    assert_eq!(after.1, ["kept{instance=\"\",job=\"b\"} 1"]);
    gateway.client("blue").put("/metrics/job/b", "kept 1\n").await.ok();
}

#[tokio::test]
async fn a_text_at_each_bound_is_stored_and_one_beyond_it_is_refused_and_leaves_no_trace() {
    type Change = fn(&mut PushBounds);
    let cases: [(Change, &str, &str, &str); 7] = [
        (|b| b.families_per_push_max = 2, "a 1\nb 1\n", "a 1\nb 1\nc 1\n", "families_per_push_max=2"),
        (
            |b| b.series_per_push_max = 2,
            "a{x=\"1\"} 1\na 2\n",
            "# TYPE h histogram\nh_sum 1\n",
            "series_per_push_max=2",
        ),
        (|b| b.line_bytes_max = 5, "a 123\n", "a 1234\n", "line_bytes_max=5"),
        (|b| b.labels_per_series_max = 2, "a{x=\"1\"} 1\n", "a{x=\"1\",y=\"2\"} 1\n", "labels_per_series_max=2"),
        (|b| b.label_name_bytes_max = 3, "a{xyz=\"1\"} 1\n", "a{wxyz=\"1\"} 1\n", "label_name_bytes_max=3"),
        (|b| b.label_value_bytes_max = 3, "a{x=\"123\"} 1\n", "a{x=\"1234\"} 1\n", "label_value_bytes_max=3"),
        (|b| b.metric_name_bytes_max = 3, "abc 1\n", "abcd 1\n", "metric_name_bytes_max=3"),
    ];
    for (change, at, beyond, limit) in cases {
        let gateway = gateway(change).await;
        let red = gateway.client("red");
        red.put("/metrics/job/a", at).await.ok();
        refuses(&gateway, &red, "/metrics/job/a", beyond.into(), limit).await;
        let failed = "push_failure_time_seconds{instance=\"\",job=\"a\"} 0\n";
        assert!(red.get("/metrics").await.text().contains(failed));
        red.put("/metrics/job/c", at).await.ok();
    }
}

fn message(name: &str, help: &str, label: (&str, &str)) -> Vec<u8> {
    let label = LabelPair { name: Some(label.0.into()), value: Some(label.1.into()) };
    let metric = Metric { label: vec![label], gauge: Some(Gauge { value: Some(1.0) }), ..Metric::default() };
    let family = MetricFamily {
        name: Some(name.into()),
        help: Some(help.into()),
        r#type: Some(MetricType::Gauge.into()),
        metric: vec![metric],
        ..MetricFamily::default()
    };
    family.encode_length_delimited_to_vec()
}

#[tokio::test]
async fn a_protobuf_at_each_bound_is_stored_and_one_beyond_it_is_refused_and_leaves_no_trace() {
    type Change = fn(&mut PushBounds);
    let one = message("abc", "help", ("xyz", "123"));
    let two = [one.clone(), message("d", "", ("x", ""))].concat();
    let cases: [(Change, Vec<u8>, &str); 7] = [
        (|b| b.families_per_push_max = 1, two.clone(), "families_per_push_max=1"),
        (|b| b.series_per_push_max = 1, two, "series_per_push_max=1"),
        (|b| b.line_bytes_max = 4, message("a", "helps", ("x", "")), "line_bytes_max=4"),
        (|b| b.labels_per_series_max = 2, one.clone(), "labels_per_series_max=2"),
        (|b| b.label_name_bytes_max = 3, message("a", "", ("wxyz", "")), "label_name_bytes_max=3"),
        (|b| b.label_value_bytes_max = 3, message("a", "", ("x", "1234")), "label_value_bytes_max=3"),
        (|b| b.metric_name_bytes_max = 3, message("abcd", "", ("x", "")), "metric_name_bytes_max=3"),
    ];
    for (change, beyond, limit) in cases {
        let gateway = gateway(change).await;
        let red = gateway.client("red").with("content-type", PROTOBUF);
        red.send("PUT", "/metrics/job/a", one.clone()).await.ok();
        // One more grouping label is one label more for each series.
        let path = if limit.starts_with("labels") { "/metrics/job/a/k/v" } else { "/metrics/job/a" };
        refuses(&gateway, &red, path, beyond, limit).await;
    }
}

#[tokio::test]
async fn a_path_is_held_to_the_bounds_of_names_and_values() {
    type Change = fn(&mut PushBounds);
    let cases: [(Change, &str, &str, &str); 5] = [
        (|b| b.label_value_bytes_max = 3, "/job/abc/l/def", "/job/abcd", "label_value_bytes_max=3"),
        (|b| b.label_value_bytes_max = 3, "/job/abc/l/%C3%BCx", "/job/a/l/%C3%BCxy", "label_value_bytes_max=3"),
        (|b| b.label_value_bytes_max = 3, "/job@base64/YWJj", "/job@base64/YWJjZA", "label_value_bytes_max=3"),
        (|b| b.label_name_bytes_max = 3, "/job/a/abc/x", "/job/a/abcd/x", "label_name_bytes_max=3"),
        (|b| b.labels_per_series_max = 2, "/job/a/b/c", "/job/a/b/c/d/e", "labels_per_series_max=2"),
    ];
    for (change, at, beyond, limit) in cases {
        let gateway = gateway(change).await;
        let red = gateway.client("red");
        red.put(&format!("/metrics{at}"), "m 1\n").await.ok();
        refuses(&gateway, &red, &format!("/metrics{beyond}"), b"".to_vec(), limit).await;
    }
}

#[tokio::test]
async fn a_label_that_a_credential_is_bound_to_counts_as_one_of_the_path() {
    let bound = |token: &mut TenantGrant| {
        token.labels.insert("team".into(), "x".into());
    };
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| tenant.limits.push.labels_per_series_max = 2)
        .token("red", "red", &Verb::ALL, bound)
        .start();
    gateway.client("red").put("/metrics/job/a", "m 1\n").await.ok();
    gateway.client("red").put("/metrics/job/a", "m{l=\"v\"} 1\n").await.refused(413, "bound_exceeded");
    gateway.client("red").put("/metrics/job/a/l/v", "").await.refused(413, "bound_exceeded");
}

#[tokio::test]
async fn a_group_that_was_there_before_a_bound_was_lowered_can_be_deleted() {
    let builder = GatewayBuilder::new().tenant("red");
    let mut gateway = builder.clone().start();
    gateway.client("red").put("/metrics/job/a/l/long_value", "m 1\n").await.ok();
    let mut narrow = builder;
    narrow.config.tenants.values_mut().next().unwrap().limits.push.label_value_bytes_max = 3;
    let _ = gateway.reload(narrow).await;
    let red = gateway.client("red");
    red.put("/metrics/job/a/l/long_value", "m 1\n").await.refused(413, "bound_exceeded");
    assert_eq!(red.scrape().await.len(), 1);
    red.delete("/metrics/job/a/l/long_value").await.ok();
    assert!(red.scrape().await.is_empty());
}

#[tokio::test]
async fn a_body_denser_than_it_may_be_is_refused_for_its_ratio() {
    let gateway = gateway(|bounds| bounds.decompression_ratio_max = 100).await;
    let red = gateway.client("red").with("content-encoding", "gzip");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&b"# a comment\n".repeat(20_000)).unwrap();
    let bomb = encoder.finish().unwrap();
    refuses(&gateway, &red, "/metrics/job/a", bomb, "decompression_ratio_max=100").await;
}

#[tokio::test]
async fn the_default_bounds_are_far_from_what_a_job_sends() {
    let gateway = gateway(|_| {}).await;
    // Two thousand histograms' lines of a dozen labels, 4 MB.
    let labels: String = (0..12).map(|n| format!("label_{n}=\"{}\",", "value".repeat(5))).collect();
    let mut body = "# TYPE h histogram\n".to_owned();
    for n in 0..500 {
        for le in ["0.1", "1", "10", "+Inf"] {
            body += &format!("h_bucket{{n=\"{n}\",{labels}le=\"{le}\"}} 1\n");
        }
        body += &format!("h_sum{{n=\"{n}\",{labels}}} 1\nh_count{{n=\"{n}\",{labels}}} 1\n");
    }
    gateway.client("red").put("/metrics/job/a", &body).await.ok();
    assert_eq!(gateway.client("red").scrape().await.len(), 3000);
}

/// A body without an end that counts how much of it was asked for.
struct Endless(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl http_body::Body for Endless {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        self.0.fetch_add(1000, std::sync::atomic::Ordering::Relaxed);
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(axum::body::Bytes::from_static(&[b'x'; 1000])))))
    }
}

#[tokio::test]
async fn of_a_body_that_means_nothing_little_or_nothing_is_read() {
    let gateway =
        GatewayBuilder::new().tenant("red").operator("root", &pushward::model::OperatorScope::ALL, |_| {}).start();
    for (who, method, path, read_max) in [
        ("red", "DELETE", "/metrics/job/a", 66_000),
        ("red", "GET", "/metrics", 0),
        ("red", "GET", "/api/v1/status", 0),
        ("red", "PUT", "/api/v1/admin/wipe", 0),
        ("root", "PUT", "/api/v1/admin/wipe?tenant=red", 0),
        ("root", "POST", "/-/reload", 0),
        ("red", "GET", "/-/ready", 0),
        ("red", "GET", "/nothing", 0),
    ] {
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let body = axum::body::Body::new(Endless(asked.clone()));
        let status = gateway.client(who).send(method, path, body).await.status.as_u16();
        assert!(matches!(status, 200 | 202 | 404 | 422), "{method} {path} {status}");
        let asked = asked.load(std::sync::atomic::Ordering::Relaxed);
        assert!(asked <= read_max, "{method} {path} read {asked}");
    }
}
