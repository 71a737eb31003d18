//! The line of those who are over their rate of requests.

use super::Frames;
use super::PATH;
use super::Request;
use super::at_once;
use super::rate;
use super::red_and_blue;
use super::start;
use axum::body::Body;
use pushward::config::Pace;
use pushward::model::OperatorScope;
use pushward::testkit::GatewayBuilder;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Two requests a second, one at once, a wait of two seconds.
fn slow(pace: &mut Pace) {
    pace.requests = rate(2, 1);
    pace.places.wait_max = Duration::from_secs(2);
}

const HALF: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_push_over_its_rate_waits_in_line_and_is_then_accepted() {
    let (gateway, red) = start(red_and_blue(slow));
    at_once(&red).await.ok();
    let mut second = Request::push(&red).await;
    gateway.clock.advance(HALF - Duration::from_nanos(1));
    second.waits().await;
    gateway.clock.advance(Duration::from_nanos(1));
    second.answered().await.ok();
}

#[tokio::test]
async fn who_came_first_is_served_first_and_nobody_newer_overtakes() {
    let (gateway, red) = start(red_and_blue(slow));
    at_once(&red).await.ok();
    let first = Request::push(&red).await;
    let mut second = Request::push(&red).await;
    gateway.clock.advance(HALF);
    // There is one request's worth, and somebody new who asks for it before those in line are told.
    let mut newer = Request::push(&red).await;
    second.waits().await;
    newer.waits().await;
    first.answered().await.ok();
    gateway.clock.advance(HALF);
    newer.waits().await;
    second.answered().await.ok();
    gateway.clock.advance(HALF);
    newer.answered().await.ok();
}

#[tokio::test]
async fn who_leaves_gives_his_place_in_line_back_at_once() {
    let (gateway, red) = start(red_and_blue(|pace| {
        slow(pace);
        pace.places.waiting_max = 2;
    }));
    at_once(&red).await.ok();
    let first = Request::push(&red).await;
    let second = Request::push(&red).await;
    let full = at_once(&red).await.refused(429, "rate_limited");
    assert_eq!(full.headers["retry-after"], "2");
    drop(first);
    let third = Request::push(&red).await;
    // It stands where the second stood, who leaves too.
    drop(second);
    gateway.clock.advance(HALF);
    third.answered().await.ok();
}

#[tokio::test]
async fn a_wait_that_cannot_succeed_is_refused_at_once_and_told_truly_when_to_come_again() {
    let (gateway, red) = start(red_and_blue(slow));
    at_once(&red).await.ok();
    let mut line = Vec::new();
    for _ in 0..4 {
        line.push(Request::push(&red).await);
    }
    // 2.5 seconds would be more than the wait of 2.
    let answer = at_once(&red).await.refused(429, "rate_limited");
    assert_eq!(answer.headers["retry-after"], "3");
    for request in line {
        gateway.clock.advance(HALF);
        request.answered().await.ok();
    }
    gateway.clock.advance(Duration::from_secs(1));
    at_once(&red).await.ok();
}

#[tokio::test]
async fn a_thousand_who_wait_cost_another_tenant_nothing() {
    let (gateway, red) = start(red_and_blue(|pace| {
        pace.requests = rate(100, 1);
        pace.places.wait_max = Duration::from_secs(10);
    }));
    at_once(&red).await.ok();
    let mut line = Vec::new();
    for _ in 0..1000 {
        line.push(Request::push(&red).await);
    }
    let blue = gateway.client("blue");
    for _ in 0..100 {
        at_once(&blue).await.ok();
    }
    // All of them are served in their time, with no more places than there are.
    for request in line {
        gateway.clock.advance(Duration::from_millis(10));
        request.answered().await.ok();
    }
}

#[tokio::test]
async fn a_thousand_pushes_at_once_are_all_accepted_by_the_defaults() {
    let (gateway, red) = start(red_and_blue(|_| {}));
    for _ in 0..600 {
        at_once(&red).await.ok();
    }
    let mut line = Vec::new();
    for _ in 0..400 {
        line.push(Request::push(&red).await);
    }
    for request in line {
        gateway.clock.advance(Duration::from_millis(10));
        request.answered().await.ok();
    }
}

#[tokio::test]
async fn who_was_withdrawn_in_line_is_unknown_when_his_turn_comes() {
    let base = red_and_blue(slow).token("red", "gone", &pushward::model::Verb::ALL, |_| {});
    let (mut gateway, red) = start(base.clone());
    let gone = gateway.client("gone");
    at_once(&red).await.ok();
    let (withdrawn, stays) = (Request::push(&gone).await, Request::push(&red).await);
    let mut without = base.clone();
    without.config.tenants.get_mut("red").unwrap().tokens.retain(|token| token.grant.name != "gone");
    gateway.reload(without).await;
    gateway.clock.advance(HALF);
    withdrawn.answered().await.refused(401, "unauthenticated");
    gateway.clock.advance(HALF);
    stays.answered().await.ok();

    // The same with the whole tenant.
    let last = Request::push(&red).await;
    gateway.reload(GatewayBuilder::new().tenant("blue")).await;
    gateway.clock.advance(HALF);
    last.answered().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_reload_keeps_every_rate_that_is_the_same_and_whoever_waits_for_it() {
    let base = red_and_blue(slow);
    let (mut gateway, red) = start(base.clone());
    at_once(&red).await.ok();
    let mut first = Request::push(&red).await;
    // Other samples, the same requests.
    let mut other = base.clone();
    other.config.tenants.get_mut("red").unwrap().limits.pace.samples = rate(7, 7);
    gateway.reload(other).await;
    let mut second = Request::push(&red).await;
    first.waits().await;
    gateway.clock.advance(HALF);
    second.waits().await;
    first.answered().await.ok();
    gateway.clock.advance(HALF);
    second.answered().await.ok();
}

#[tokio::test]
async fn an_operator_waits_in_a_line_of_its_own() {
    let mut builder = red_and_blue(slow).operator("hasty", &[OperatorScope::FleetRead], |_| {}).operator(
        "calm",
        &[OperatorScope::FleetRead],
        |_| {},
    );
    builder.config.operators.get_mut("hasty").unwrap().limits.requests = rate(1, 1);
    let gateway = builder.start();
    let hasty = gateway.client("hasty");
    hasty.get("/api/v1/status").await.ok();
    let mut waiting = Request::begun(&hasty, "GET", "/api/v1/status", "").await;
    gateway.client("calm").get("/api/v1/status").await.ok();
    at_once(&gateway.client("red")).await.ok();
    waiting.waits().await;
    gateway.clock.advance(Duration::from_secs(1));
    waiting.answered().await.ok();
}

#[tokio::test]
async fn who_waits_has_not_had_a_byte_of_his_body_read() {
    let (gateway, red) = start(red_and_blue(slow));
    at_once(&red).await.ok();
    let (body, asked) = Frames::of(["m 1\n"]);
    let mut waiting = Request::begun(&red, "PUT", PATH, Body::new(body)).await;
    waiting.waits().await;
    assert!(!asked.load(Ordering::Acquire));
    gateway.clock.advance(HALF);
    waiting.answered().await.ok();
    assert!(asked.load(Ordering::Acquire));
}
