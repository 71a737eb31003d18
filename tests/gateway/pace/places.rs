//! Places for requests and scrapes under way.

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
use std::time::Duration;

fn one_place(pace: &mut Pace) {
    pace.places.in_flight_max = 1;
}

fn one_scrape(pace: &mut Pace) {
    pace.places.scrapes_in_flight_max = 1;
}

#[tokio::test]
async fn who_finds_no_place_waits_for_one_in_order() {
    let (gateway, red) = start(red_and_blue(one_place));
    let held = red.begin("GET", "/api/v1/status", "").await;
    let mut first = Request::push(&red).await;
    let mut second = Request::push(&red).await;
    at_once(&gateway.client("blue")).await.ok();
    drop(held);
    // Somebody new who asks for it before those in line are told.
    let mut newer = Request::push(&red).await;
    second.waits().await;
    first.answer().await.expect("it has the place").ok();
    newer.waits().await;
    second.answer().await.expect("it has the place").ok();
    newer.answered().await.ok();
}

#[tokio::test]
async fn who_leaves_the_line_for_a_place_leaves_it_to_the_next() {
    let (_gateway, red) = start(red_and_blue(one_place));
    let held = red.begin("GET", "/api/v1/status", "").await;
    let (gone, next) = (Request::push(&red).await, Request::push(&red).await);
    // It was told of the place already, and does not take it.
    drop(held);
    drop(gone);
    next.answered().await.ok();
}

#[tokio::test]
async fn a_place_that_does_not_come_free_in_time_is_a_429() {
    let (gateway, red) = start(red_and_blue(|pace| {
        one_place(pace);
        pace.places.waiting_max = 1;
    }));
    let _stalled = Request::begun(&red, "PUT", PATH, Body::new(Frames::promised(4))).await;
    let waiting = Request::push(&red).await;
    at_once(&red).await.refused(429, "in_flight_full");
    gateway.clock.advance(Duration::from_secs(5));
    let answer = waiting.answered().await.refused(429, "in_flight_full");
    assert_eq!(answer.reason.as_deref(), Some("in_flight_full in_flight_max=1"));
}

#[tokio::test]
async fn a_request_that_gets_no_place_is_not_charged() {
    let (_gateway, red) = start(red_and_blue(|pace| {
        one_place(pace);
        (pace.requests, pace.places.wait_max) = (rate(1, 2), Duration::ZERO);
    }));
    let held = red.begin("GET", "/api/v1/status", "").await;
    for _ in 0..10 {
        at_once(&red).await.refused(429, "in_flight_full");
    }
    drop(held);
    at_once(&red).await.ok();
    at_once(&red).await.refused(429, "rate_limited");
}

#[tokio::test]
async fn scrapes_wait_for_scrapes_and_nothing_else_does() {
    let (gateway, red) = start(red_and_blue(one_scrape));
    at_once(&red).await.ok();
    let unread = red.begin("GET", "/metrics", "").await;
    let mut scrape = Request::begun(&red, "GET", "/metrics", "").await;
    let catalogue = Request::begun(&red, "GET", "/api/v1/metrics", "").await;
    red.get("/api/v1/status").await.ok();
    at_once(&red).await.ok();
    gateway.client("blue").get("/metrics").await.ok();
    scrape.waits().await;
    drop(unread);
    assert!(scrape.answered().await.ok().text().contains("m{"));
    catalogue.answered().await.ok();

    // The place of a catalogue is as long its own.
    let unread = red.begin("GET", "/api/v1/metrics", "").await;
    let scrape = Request::begun(&red, "GET", "/metrics", "").await;
    gateway.clock.advance(Duration::from_secs(5));
    let answer = scrape.answered().await.refused(429, "scrapes_in_flight_full");
    assert_eq!(answer.reason.as_deref(), Some("scrapes_in_flight_full scrapes_in_flight_max=1"));
    drop(unread);
}

#[tokio::test]
async fn an_operators_scrapes_have_places_of_their_own() {
    let mut builder = red_and_blue(one_scrape).operator("prometheus", &[OperatorScope::FleetRead], |_| {}).operator(
        "other",
        &[OperatorScope::FleetRead],
        |_| {},
    );
    let limits = &mut builder.config.operators.get_mut("prometheus").unwrap().limits;
    limits.places.scrapes_in_flight_max = 1;
    let gateway = builder.start();
    at_once(&gateway.client("red")).await.ok();
    let prometheus = gateway.client("prometheus");
    let unread = prometheus.begin("GET", "/metrics", "").await;
    let scrape = Request::begun(&prometheus, "GET", "/metrics", "").await;
    gateway.client("other").get("/metrics").await.ok();
    gateway.client("red").get("/metrics").await.ok();
    drop(unread);
    scrape.answered().await.ok();
}

#[tokio::test]
async fn a_scrape_shows_what_its_credential_may_see_when_its_turn_comes() {
    let base = red_and_blue(one_scrape).token("red", "other", &pushward::model::Verb::ALL, |_| {}).operator(
        "prometheus",
        &[OperatorScope::FleetRead],
        |_| {},
    );
    let mut base = base;
    base.config.operators.get_mut("prometheus").unwrap().limits.places.scrapes_in_flight_max = 1;
    let mut gateway = base.clone().start();
    let (red, other, prometheus) = (gateway.client("red"), gateway.client("other"), gateway.client("prometheus"));
    at_once(&red).await.ok();
    at_once(&gateway.client("blue")).await.ok();
    let unread = (red.begin("GET", "/metrics", "").await, prometheus.begin("GET", "/metrics", "").await);
    let gone = Request::begun(&other, "GET", "/metrics", "").await;
    let narrowed = Request::begun(&prometheus, "GET", "/metrics", "").await;
    let mut narrower = base.clone();
    narrower.config.tenants.get_mut("red").unwrap().tokens.retain(|token| token.grant.name != "other");
    let grant = &mut narrower.config.operators.get_mut("prometheus").unwrap().tokens[0].grant;
    grant.tenants = Some([pushward::model::TenantId::parse("blue").unwrap()].into());
    gateway.reload(narrower).await;
    drop(unread);
    gone.answered().await.refused(401, "unauthenticated");
    let text = narrowed.answered().await.ok().text();
    assert!(text.contains("tenant=\"blue\"") && !text.contains("tenant=\"red\""), "{text}");
}
