//! What a push does, as a client sees it.

use flate2::Compression;
use flate2::write::GzEncoder;
use pushward::testkit::GatewayBuilder;
use std::io::Write;
use std::time::Duration;

#[tokio::test]
async fn a_push_is_seen_by_the_next_scrape() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    let answer = red.put("/metrics/job/a", "m{x=\"1\"} 2\n").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, ""));
    let scrape = red.get("/metrics").await.ok();
    assert_eq!(scrape.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    assert_eq!(
        scrape.text(),
        "# TYPE m untyped\n\
         m{instance=\"\",job=\"a\",x=\"1\"} 2\n\
         # HELP push_failure_time_seconds Last Unix time when changing this group in the Pushgateway failed.\n\
         # TYPE push_failure_time_seconds gauge\n\
         push_failure_time_seconds{instance=\"\",job=\"a\"} 0\n\
         # HELP push_time_seconds Last Unix time when changing this group in the Pushgateway succeeded.\n\
         # TYPE push_time_seconds gauge\n\
         push_time_seconds{instance=\"\",job=\"a\"} 1.893456e+09\n"
    );
}

#[tokio::test]
async fn put_replaces_a_group_and_post_the_families_it_names() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "m{l=\"1\"} 1\nm{l=\"2\"} 2\nn 3\n").await.ok();
    red.post("/metrics/job/a", "m{l=\"3\"} 4\n").await.ok();
    assert_eq!(red.scrape().await, ["m{instance=\"\",job=\"a\",l=\"3\"} 4", "n{instance=\"\",job=\"a\"} 3"]);
    red.put("/metrics/job/a", "o 5\n").await.ok();
    assert_eq!(red.scrape().await, ["o{instance=\"\",job=\"a\"} 5"]);
    red.put("/metrics/job/a", "").await.ok();
    assert!(red.scrape().await.is_empty());
    assert!(red.get("/metrics").await.text().contains("push_time_seconds{"));
}

#[tokio::test]
async fn delete_removes_exactly_one_group_and_always_answers_202() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "m 1\n").await.ok();
    red.put("/metrics/job/a/instance/i", "m 2\n").await.ok();
    assert_eq!(red.delete("/metrics/job/a").await.status.as_u16(), 202);
    assert_eq!(red.scrape().await, ["m{instance=\"i\",job=\"a\"} 2"]);
    assert_eq!(red.delete("/metrics/job/nothing").await.status.as_u16(), 202);
    red.delete("/metrics/job/a/instance").await.refused(400, "path_malformed");
}

#[tokio::test]
async fn a_push_keeps_the_failure_time_and_a_failure_keeps_the_push() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "m 1\n").await.ok();
    gateway.clock.advance(Duration::from_secs(5));
    red.put("/metrics/job/a", "n 1 1000\n").await.refused(400, "inconsistent");
    let text = red.get("/metrics").await.text();
    assert!(text.contains("push_time_seconds{instance=\"\",job=\"a\"} 1.893456e+09\n"), "{text}");
    assert!(text.contains("push_failure_time_seconds{instance=\"\",job=\"a\"} 1.893456005e+09\n"), "{text}");
    gateway.clock.advance(Duration::from_secs(5));
    red.put("/metrics/job/a", "o 1\n").await.ok();
    let text = red.get("/metrics").await.text();
    assert!(text.contains("push_failure_time_seconds{instance=\"\",job=\"a\"} 1.893456005e+09\n"), "{text}");
    assert!(text.contains("push_time_seconds{instance=\"\",job=\"a\"} 1.89345601e+09\n"), "{text}");
}

#[tokio::test]
async fn a_push_cannot_write_the_gateways_own_families() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    for _ in 0..2 {
        red.put("/metrics/job/a", "push_failure_time_seconds 9\npush_time_seconds 9\npush_overdue 1\nm 1\n").await.ok();
        let text = red.get("/metrics").await.text();
        assert!(!text.contains(" 9\n") && !text.contains("push_overdue"), "{text}");
    }
}

#[tokio::test]
async fn a_gzip_body_is_read_and_a_gzip_scrape_is_written() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"m 1\n").unwrap();
    let zipped = red.clone().with("content-encoding", "gzip");
    zipped.send("PUT", "/metrics/job/a", encoder.finish().unwrap()).await.ok();
    let scrape = red.clone().with("accept-encoding", "gzip").get("/metrics").await.ok();
    assert_eq!(scrape.headers["content-encoding"], "gzip");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&scrape.body[..]), &mut text).unwrap();
    assert_eq!(text, red.get("/metrics").await.text());
}

#[tokio::test]
async fn a_scrape_of_any_size_comes_whole() {
    let gateway =
        GatewayBuilder::new().tenant("red").operator("o", &[pushward::model::OperatorScope::FleetRead], |_| {}).start();
    let red = gateway.client("red");
    let body: String = (0..3000).map(|n| format!("m{{n=\"{n}\"}} {n}\n")).collect();
    for job in 0..20 {
        red.put(&format!("/metrics/job/{job}"), &body).await.ok();
    }
    assert_eq!(red.scrape().await.len(), 60_000);
    assert_eq!(gateway.client("o").scrape().await.len(), 60_000);
}

#[tokio::test]
async fn a_later_push_that_spells_empty_labels_differently_does_not_change_those_shown() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    red.post("/metrics/job/a", "m 1\n").await.ok();
    red.post("/metrics/job/a/other@base64/=", "n 1\n").await.ok();
    assert_eq!(red.scrape().await, ["m{instance=\"\",job=\"a\"} 1", "n{instance=\"\",job=\"a\"} 1"]);
    red.post("/metrics/job/b/other/", "m 1\n").await.ok();
    red.post("/metrics/job/b", "n 2\n").await.ok();
    assert!(red.scrape().await.contains(&"n{instance=\"\",job=\"b\",other=\"\"} 2".to_owned()));
}

/// A body of two frames that tells when its end was asked for.
struct Watched {
    frames: u8,
    ended: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        let left = self.frames;
        self.frames = left.saturating_sub(1);
        self.ended.store(left == 0, std::sync::atomic::Ordering::Relaxed);
        std::task::Poll::Ready((left > 0).then(|| Ok(http_body::Frame::data("x".into()))))
    }
}

#[tokio::test]
async fn the_body_of_a_delete_is_read_to_its_end_though_it_means_nothing() {
    // A client may take an answer before that for a failure: curl over HTTP/2 waited for the stream's end in vain.
    let gateway = GatewayBuilder::new().tenant("red").start();
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let body = axum::body::Body::new(Watched { frames: 2, ended: ended.clone() });
    let answer = gateway.client("red").send("DELETE", "/metrics/job/a", body).await;
    assert_eq!((answer.status.as_u16(), ended.load(std::sync::atomic::Ordering::Relaxed)), (202, true));
}

/// What a job sends after each of its runs.
fn run(rows: &str, seconds: &str, count: &str) -> String {
    format!(
        "# HELP rows How many.\n# TYPE rows gauge\nrows{{table=\"a\"}} {rows}\nrows{{table=\"b\"}} 7\n# TYPE run summary\n\
         run{{quantile=\"0.5\"}} {seconds}\nrun_sum {seconds}\nrun_count {count}\n"
    )
}

#[tokio::test]
async fn what_a_job_pushes_again_and_again_is_seen_with_its_last_numbers_and_as_its_group_is_called() {
    let gateway = GatewayBuilder::new().tenant("red").tenant("blue").start();
    let (red, blue) = (gateway.client("red"), gateway.client("blue"));
    for nth in 0..20 {
        let (group, rows, seconds) = (nth % 3, (nth * 5003).to_string(), format!("{nth}.50"));
        let body = run(&rows, &seconds, "4");
        red.put(&format!("/metrics/job/a/instance/{group}"), &body).await.ok();
        blue.post(&format!("/metrics/job/a/zone/{group}"), &body).await.ok();
        let labels = format!("instance=\"{group}\",job=\"a\"");
        let scrape = red.scrape().await;
        for line in [
            format!("rows{{{labels},table=\"a\"}} {rows}"),
            format!("rows{{{labels},table=\"b\"}} 7"),
            format!("run{{{labels},quantile=\"0.5\"}} {nth}.5"),
            format!("run_sum{{{labels}}} {nth}.5"),
            format!("run_count{{{labels}}} 4"),
        ] {
            assert!(scrape.contains(&line), "{line} is not in {scrape:?}");
        }
        assert_eq!(scrape.len(), 5 * 3.min(nth + 1));
        let line = format!("rows{{instance=\"\",job=\"a\",table=\"a\",zone=\"{group}\"}} {rows}");
        assert!(blue.scrape().await.contains(&line));
    }
}

#[tokio::test]
async fn what_is_no_push_is_refused_however_alike_it_is_to_those_before() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    for nth in 0..20 {
        red.put("/metrics/job/a", &run(&nth.to_string(), "1", "4")).await.ok();
        let before = red.scrape().await;
        for (rows, count) in [("1 2", "4"), ("x", "4"), ("1", "-4"), ("1e", "4"), ("", "4")] {
            assert_eq!(red.put("/metrics/job/a", &run(rows, "1", count)).await.status.as_u16(), 400, "{rows} {count}");
        }
        red.put("/metrics/job/a", &run("1", "1", "4\nrows{table=\"a\"} 8")).await.refused(400, "inconsistent");
        assert_eq!(red.scrape().await, before);
    }
}
