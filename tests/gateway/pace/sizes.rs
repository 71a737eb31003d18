//! Bytes and samples by rate.

use super::Frames;
use super::PATH;
use super::Request;
use super::at_once;
use super::rate;
use super::red_and_blue;
use super::start;
use axum::body::Body;
use std::time::Duration;

/// So many samples, each some bytes.
fn samples(count: usize) -> String {
    (0..count).map(|n| format!("m{{n=\"{n}\"}} 1\n")).collect()
}

#[tokio::test]
async fn more_samples_than_ever_come_at_once_are_a_413_that_names_the_burst_and_costs_nothing() {
    let (_gateway, red) = start(red_and_blue(|pace| pace.samples = rate(1, 10)));
    at_once(&red).await.ok();
    let answer = red.put(PATH, &samples(11)).await.refused(413, "burst_exceeded");
    assert_eq!(answer.reason.as_deref(), Some("burst_exceeded samples_burst=10"));
    assert!(answer.text().contains("samples_burst is 10, and it costs 11"), "{}", answer.text());
    assert_eq!(red.scrape().await, ["m{instance=\"\",job=\"a\"} 1"]);
    red.put(PATH, &samples(9)).await.ok();
    // A distribution is as many as its lines.
    let histogram = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n";
    let seven = format!("{histogram}# TYPE s summary\ns{{quantile=\"0.5\"}} 1\ns_sum 1\ns_count 1\n");
    let answer = red.put(PATH, &(seven + &samples(4))).await.refused(413, "burst_exceeded");
    assert!(answer.text().contains("it costs 11"), "{}", answer.text());
}

#[tokio::test]
async fn samples_over_their_rate_wait_and_are_stored_when_their_time_comes() {
    let (gateway, red) = start(red_and_blue(|pace| pace.samples = rate(10, 20)));
    red.put(PATH, &samples(20)).await.ok();
    let mut waiting = Request::begun(&red, "PUT", PATH, samples(10)).await;
    // As they came: one behind it waits for both.
    let behind = Request::begun(&red, "PUT", "/metrics/job/b", samples(1)).await;
    assert_eq!(red.scrape().await.len(), 20);
    at_once(&gateway.client("blue")).await.ok();
    gateway.clock.advance(Duration::from_millis(999));
    waiting.waits().await;
    gateway.clock.advance(Duration::from_millis(1));
    waiting.answered().await.ok();
    assert_eq!(red.scrape().await.len(), 10);
    gateway.clock.advance(Duration::from_millis(100));
    behind.answered().await.ok();
    // Six seconds would be more than the five it may wait.
    red.put(PATH, &samples(0)).await.ok();
    let mut all = Vec::new();
    for _ in 0..2 {
        all.push(Request::begun(&red, "PUT", PATH, samples(20)).await);
    }
    let answer = red.put(PATH, &samples(20)).await.refused(429, "rate_limited");
    assert_eq!(answer.headers["retry-after"], "6");
    assert_eq!(answer.reason.as_deref(), Some("rate_limited samples_per_second=10"));
}

#[tokio::test]
async fn a_withdrawn_credential_stores_nothing_when_its_samples_time_comes() {
    let base =
        red_and_blue(|pace| pace.samples = rate(10, 20)).token("red", "gone", &[pushward::model::Verb::Push], |_| {});
    let (mut gateway, red) = start(base.clone());
    red.put(PATH, &samples(20)).await.ok();
    let waiting = Request::begun(&gateway.client("gone"), "PUT", "/metrics/job/b", samples(10)).await;
    let mut without = base;
    without.config.tenants.get_mut("red").unwrap().tokens.retain(|token| token.grant.name != "gone");
    gateway.reload(without).await;
    gateway.clock.advance(Duration::from_secs(1));
    waiting.answered().await.refused(401, "unauthenticated");
    assert_eq!(red.scrape().await.len(), 20);
}

#[tokio::test]
async fn a_body_that_says_it_is_over_the_burst_is_refused_before_it_comes() {
    let (_gateway, red) = start(red_and_blue(|pace| pace.kib = rate(1, 4)));
    let body = Body::new(Frames::promised((4 << 10) + 1));
    let answer = tokio::time::timeout(super::DEADLINE, red.send("PUT", PATH, body)).await.expect("it was waited for");
    let answer = answer.refused(413, "burst_exceeded");
    assert_eq!(answer.reason.as_deref(), Some("burst_exceeded bytes_burst=4096"));
    // One that does not say so is as large when it is there.
    let comment = format!("#{}\n", "x".repeat(1022));
    let (body, _) = Frames::of(std::iter::repeat_n(comment.as_str(), 5));
    red.send("PUT", PATH, Body::new(body)).await.refused(413, "burst_exceeded");
}

#[tokio::test]
async fn a_body_in_many_small_frames_is_charged_as_one_in_a_single_frame() {
    let (gateway, red) = start(red_and_blue(|pace| pace.kib = rate(1, 4)));
    let body = format!("#{}\nm 1\n", "x".repeat(3000));
    assert!(body.len() < 3 << 10);
    let (body, _) = Frames::of(body.split_inclusive(|_| true));
    red.send("PUT", PATH, Body::new(body)).await.ok();
    // 3 KiB are gone, whatever the number of frames: one is left.
    at_once(&red).await.ok();
    let mut waiting = Request::push(&red).await;
    at_once(&gateway.client("blue")).await.ok();
    gateway.clock.advance(Duration::from_millis(999));
    waiting.waits().await;
    gateway.clock.advance(Duration::from_millis(1));
    waiting.answered().await.ok();
}
