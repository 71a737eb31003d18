//! What a refusal says, and that it leaves nothing behind.

use pushward::testkit::GatewayBuilder;

#[tokio::test]
async fn what_is_refused_before_the_judgement_leaves_no_trace() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    for (path, body, status, code) in [
        ("/metrics/job/%FF", "m 1\n", 400, "path_malformed"),
        ("/metrics/job@base64/_w", "m 1\n", 400, "path_malformed"),
        ("/metrics/job/a/b", "m 1\n", 400, "path_malformed"),
        ("/metrics/job@base64/=", "m 1\n", 400, "path_malformed"),
        ("/metrics/job/a/__b/c", "m 1\n", 400, "path_malformed"),
        ("/metrics/job/a", "blablabla\n", 400, "body_malformed"),
        ("/metrics/job/a", "m{x=\"\u{1}\"} 1\nm 1 1 1\n", 400, "body_malformed"),
    ] {
        red.put(path, body).await.refused(status, code);
        red.post(path, body).await.refused(status, code);
    }
    let invalid = red.send("PUT", "/metrics/job/a", b"m{x=\"\xff\"} 1\n".to_vec()).await;
    invalid.refused(400, "body_malformed");
    let proto = red.clone().with(
        "content-type",
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    );
    for broken in [&b"\x00"[..], b"\xff\xff\xff\xff\x07\x0a\x01a", b"\x05\x0a\x03a.b", b"m 1\n"] {
        proto.send("PUT", "/metrics/job/a", broken.to_vec()).await.refused(400, "body_malformed");
    }
    red.clone().with("content-encoding", "br").put("/metrics/job/a", "").await.refused(415, "encoding_unsupported");
    red.clone().with("content-encoding", "gzip").put("/metrics/job/a", "no").await.refused(400, "encoding_malformed");
    assert_eq!(red.get("/metrics").await.text(), "");
}

#[tokio::test]
async fn a_refusal_begins_with_upstreams_words_and_ends_with_the_requests_id() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    for (path, body, begins) in [
        ("/metrics/job/a", "blablabla\n", "text format parsing error in line 1: "),
        ("/metrics/job/a/b", "", "odd number of components in label string \"/b\""),
        ("/metrics/job/a/a=b/c", "", "improper label name \"a=b\""),
        ("/metrics/job@base64/=", "", "job name is required"),
        (
            "/metrics/job/a",
            "m 1 1\n",
            "pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps",
        ),
        (
            "/metrics/job/a",
            "m 1\nm 2\n",
            "pushed metrics are invalid or inconsistent with existing metrics: collected metric \"m\"",
        ),
    ] {
        let answer = red.put(path, body).await;
        let (text, id) = (answer.text(), answer.headers["x-request-id"].to_str().unwrap().to_owned());
        assert_eq!(answer.status.as_u16(), 400);
        assert!(text.starts_with(begins), "{text}");
        assert!(text.ends_with(&format!(" request {id}\n")) && text.lines().count() == 1, "{text}");
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn what_a_client_sends_cannot_break_the_line_it_is_told() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    for job in ["%0Aa/b", "x/%1B%5B31m/v", "x/%00/v", "x/%E2%80%A8/v", "x/%C2%85/v", &"y/".repeat(3000)] {
        let answer = red.put(&format!("/metrics/job/{job}"), "").await;
        let text = answer.text();
        if answer.status.as_u16() == 400 {
            assert!(text.len() <= 512, "{}", text.len());
            assert_eq!(text.chars().filter(|c| c.is_control() || *c == '\u{2028}').count(), 1, "{text:?}");
        }
    }
    let bodies = ["m{x=\"1\u{1b}[2J\u{2028}\"} y\n", "\u{7f}\u{9b} 1\n", "m \u{1b}[31m\n"];
    for body in bodies {
        let text = red.put("/metrics/job/a", body).await.refused(400, "body_malformed").text();
        assert_eq!(text.chars().filter(|c| c.is_control() || *c == '\u{2028}').count(), 1, "{text:?}");
    }
}

#[tokio::test]
async fn the_three_requests_that_end_a_pushgateway_harm_nobody() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    red.put("/metrics/job/good", "m 1\n").await.ok();
    // A job that is not UTF-8.
    red.post("/metrics/job/%FF", "m 1\n").await.refused(400, "path_malformed");
    // Twins that differ in an empty label.
    red.post("/metrics/job/a", "m 1\n").await.ok();
    red.post("/metrics/job/a/instance/", "m 1\n").await.ok();
    red.post("/metrics/job/a/instance@base64/=", "m 1\n").await.ok();
    // A protobuf family without a name.
    let proto = red.clone().with(
        "content-type",
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    );
    let nameless = proto.send("POST", "/metrics/job/p", b"\x00".to_vec()).await;
    assert!(nameless.status.is_client_error());
    assert_eq!(red.scrape().await, ["m{instance=\"\",job=\"good\"} 1", "m{instance=\"\",job=\"a\"} 1"]);
}
