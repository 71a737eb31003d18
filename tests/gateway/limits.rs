//! One tenant's rate and places are its own.

use pushward::testkit::GatewayBuilder;
use std::num::NonZeroU32;
use std::time::Duration;

#[tokio::test]
async fn over_the_burst_a_request_is_told_when_to_come_again_and_then_is_let_in() {
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| {
            tenant.limits.pace.requests.per_second = NonZeroU32::new(2).unwrap();
            tenant.limits.pace.requests.burst = NonZeroU32::new(3).unwrap();
            tenant.limits.pace.places.wait_max = Duration::ZERO;
        })
        .token("red", "red", &pushward::model::Verb::ALL, |_| {})
        .tenant("blue")
        .start();
    let red = gateway.client("red");
    for _ in 0..3 {
        red.put("/metrics/job/a", "").await.ok();
    }
    let answer = red.put("/metrics/job/a", "").await.refused(429, "rate_limited");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.reason.as_deref(), Some("rate_limited requests_per_second=2"));
    // Nobody else is any the worse, and after the wait it goes on at the rate.
    gateway.client("blue").put("/metrics/job/a", "").await.ok();
    gateway.clock.advance(Duration::from_millis(500));
    red.put("/metrics/job/a", "").await.ok();
    red.put("/metrics/job/a", "").await.refused(429, "rate_limited");
}

#[tokio::test]
async fn an_unknown_path_costs_a_tenant_as_a_known_one_does() {
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| {
            tenant.limits.pace.requests.burst = NonZeroU32::MIN;
            tenant.limits.pace.places.wait_max = Duration::ZERO;
        })
        .token("red", "red", &pushward::model::Verb::ALL, |_| {})
        .start();
    gateway.client("red").get("/nothing").await.refused(404, "not_found");
    gateway.client("red").get("/nothing").await.refused(429, "rate_limited");
}

#[tokio::test]
async fn a_place_is_taken_while_a_body_comes_and_given_back_when_its_client_leaves() {
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| {
            tenant.limits.pace.places.in_flight_max = 1;
            tenant.limits.pace.places.wait_max = Duration::ZERO;
        })
        .token("red", "red", &pushward::model::Verb::ALL, |_| {})
        .start();
    let red = gateway.client("red");
    let (sender, body) = tokio::sync::oneshot::channel::<()>();
    let stalled = axum::body::Body::new(http_body_util::StreamBody::new(stalled_until(body)));
    let waiting = {
        let red = red.clone();
        tokio::spawn(async move { red.send("PUT", "/metrics/job/a", stalled).await })
    };
    tokio::task::yield_now().await;
    let answer = red.put("/metrics/job/b", "").await.refused(429, "in_flight_full");
    assert_eq!(answer.reason.as_deref(), Some("in_flight_full in_flight_max=1"));
    drop(sender);
    waiting.await.unwrap();
    red.put("/metrics/job/b", "").await.ok();
}

#[tokio::test]
async fn a_place_is_kept_while_an_answer_is_being_read() {
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| {
            tenant.limits.pace.places.in_flight_max = 1;
            tenant.limits.pace.places.wait_max = Duration::ZERO;
        })
        .token("red", "red", &pushward::model::Verb::ALL, |_| {})
        .start();
    let red = gateway.client("red");
    let unread = red.begin("GET", "/metrics", "").await;
    assert!(unread.status().is_success());
    red.get("/metrics").await.refused(429, "in_flight_full");
    drop(unread);
    red.get("/metrics").await.ok();
}

/// A body that ends when `end` does.
fn stalled_until(
    end: tokio::sync::oneshot::Receiver<()>,
) -> impl futures_core::Stream<Item = Result<http_body::Frame<axum::body::Bytes>, std::convert::Infallible>> {
    struct Stalled(tokio::sync::oneshot::Receiver<()>);
    impl futures_core::Stream for Stalled {
        type Item = Result<http_body::Frame<axum::body::Bytes>, std::convert::Infallible>;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::pin::Pin::new(&mut self.0).poll(cx).map(|_| None)
        }
    }
    Stalled(end)
}

#[tokio::test]
async fn a_body_over_its_cap_is_413_and_leaves_no_trace() {
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| tenant.limits.push.body_bytes_max = 8)
        .token("red", "red", &pushward::model::Verb::ALL, |_| {})
        .start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "mm 1234\n").await.ok();
    let answer = red.put("/metrics/job/b", "mmm 1234\n").await.refused(413, "body_too_large");
    assert_eq!(answer.reason.as_deref(), Some("body_too_large body_bytes_max=8"));
    assert!(!red.get("/metrics").await.text().contains("job=\"b\""));
}

#[tokio::test]
async fn a_full_quota_is_403_and_names_limit_and_need() {
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| tenant.limits.quota.series_max = 1)
        .token("red", "red", &pushward::model::Verb::ALL, |_| {})
        .start();
    let red = gateway.client("red");
    let answer = red.put("/metrics/job/a", "m 1\nn 2\n").await.refused(403, "quota_full");
    assert!(answer.text().contains("series_max is 1, in use are 0, and this would make it 2"), "{}", answer.text());
    assert_eq!(answer.reason.as_deref(), Some("quota_full series_max=1"));
    red.put("/metrics/job/a", "m 1\n").await.ok();
}

#[tokio::test]
async fn a_small_body_that_long_grouping_labels_make_vast_is_refused_for_the_quota_and_not_written_out() {
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| tenant.limits.quota.stored_bytes_max = 100_000)
        .token("red", "red", &pushward::model::Verb::ALL, |_| {})
        .start();
    let red = gateway.client("red");
    let value = "v".repeat(3_400);
    let path = format!("/metrics/job/a/l/{value}/m/{value}/n/{value}");
    let body: String = (0..20).map(|n| format!("m{n} 1\n")).collect();
    let answer = red.put(&path, &body).await.refused(403, "quota_full");
    assert!(answer.text().contains("stored_bytes_max is 100000, and this would be over it"), "{}", answer.text());
    assert_eq!(red.get("/metrics").await.text(), "");
    // A group that is there keeps a note, as for every full quota.
    red.put(&path, "m 1\n").await.ok();
    red.put(&path, &body).await.refused(403, "quota_full");
    assert!(!red.get("/metrics").await.text().contains("\"} 0\n"));
}

#[tokio::test]
async fn a_narrowed_credential_is_not_told_how_much_its_tenant_holds() {
    let narrowed = |token: &mut pushward::config::TenantGrant| {
        token.jobs = pushward::model::Pattern::parse("own").map(|job| vec![job]);
    };
    let gateway = GatewayBuilder::new()
        .tenant_with("red", |tenant| tenant.limits.quota.series_max = 3)
        .token("red", "red", &pushward::model::Verb::ALL, |_| {})
        .token("red", "narrow", &pushward::model::Verb::ALL, narrowed)
        .start();
    gateway.client("red").put("/metrics/job/other", "m 1\nn 2\n").await.ok();
    let answer = gateway.client("narrow").put("/metrics/job/own", "m 1\nn 2\n").await.refused(403, "quota_full");
    assert!(answer.text().contains("series_max is 3, and this would be over it"), "{}", answer.text());
}

#[tokio::test]
async fn a_full_tenant_and_a_hasty_operator_are_nobody_elses_business() {
    let mut builder = GatewayBuilder::new()
        .tenant_with("red", |tenant| tenant.limits.quota.groups_max = 1)
        .token("red", "red", &pushward::model::Verb::ALL, |_| {})
        .tenant("blue")
        .operator("hasty", &[pushward::model::OperatorScope::FleetRead], |_| {})
        .operator("prometheus", &[pushward::model::OperatorScope::FleetRead], |_| {});
    let hasty = builder.config.operators.get_mut("hasty").unwrap();
    hasty.limits.requests.burst = NonZeroU32::MIN;
    hasty.limits.places.wait_max = Duration::ZERO;
    let gateway = builder.start();
    gateway.client("red").put("/metrics/job/a", "m 1\n").await.ok();
    gateway.client("red").put("/metrics/job/b", "m 1\n").await.refused(403, "quota_full");
    gateway.client("blue").put("/metrics/job/b", "m 1\n").await.ok();
    gateway.client("hasty").get("/metrics").await.ok();
    gateway.client("hasty").get("/metrics").await.refused(429, "rate_limited");
    assert_eq!(gateway.client("prometheus").scrape().await.len(), 2);
}

#[tokio::test]
async fn a_large_body_is_read_beside_the_runtime_and_judged_like_a_small_one() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    let large = |name: &str| (0..8000).map(|n| format!("{name}{{n=\"{n}\"}} {n}\n")).collect::<String>();
    let (good, twins) = (large("m"), large("m") + "m{n=\"7\"} 7\n");
    let mut push = std::pin::pin!(red.put("/metrics/job/a", &good));
    // This runtime has one thread. Were the body read on it, the first look would find the answer.
    let first = std::future::poll_fn(|cx| std::task::Poll::Ready(push.as_mut().poll(cx).is_ready())).await;
    assert!(!first);
    red.put("/metrics/job/small", "small 1\n").await.ok();
    push.await.ok();
    assert_eq!(red.scrape().await.len(), 8001);
    red.put("/metrics/job/a", &twins).await.refused(400, "inconsistent");
    red.put("/metrics/job/a", &large("1")).await.refused(400, "body_malformed");
    assert_eq!(red.scrape().await.len(), 8001);
}
