//! Credentials with limits of their own.

use super::PATH;
use super::Request;
use super::at_once;
use super::rate;
use super::red_and_blue;
use pushward::config::CredentialLimits;
use pushward::config::TenantGrant;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;
use std::time::Duration;

const NONE: CredentialLimits = CredentialLimits { requests: None, kib: None, samples: None, in_flight_max: None };

fn limited(limits: CredentialLimits) -> impl FnOnce(&mut TenantGrant) {
    move |grant| grant.limits = Some(limits)
}

fn with(limits: CredentialLimits, builder: GatewayBuilder) -> GatewayBuilder {
    builder.token("red", "slow", &Verb::ALL, limited(limits))
}

#[tokio::test]
async fn a_credential_over_its_own_rate_waits_and_holds_up_nobody_else_of_its_tenant() {
    let limits = CredentialLimits { requests: Some(rate(2, 1)), ..NONE };
    let gateway = with(limits, red_and_blue(|_| {})).start();
    let (slow, red) = (gateway.client("slow"), gateway.client("red"));
    at_once(&slow).await.ok();
    let mut waiting = Request::push(&slow).await;
    for _ in 0..20 {
        at_once(&red).await.ok();
    }
    waiting.waits().await;
    gateway.clock.advance(Duration::from_millis(500));
    waiting.answered().await.ok();
    // Five seconds of its own line at most, as its tenant has it.
    let mut line = Vec::new();
    for _ in 0..10 {
        line.push(Request::push(&slow).await);
    }
    let answer = at_once(&slow).await.refused(429, "rate_limited");
    assert_eq!(answer.headers["retry-after"], "6");
    assert_eq!(answer.reason.as_deref(), Some("rate_limited requests_per_second=2"));
}

#[tokio::test]
async fn a_credential_is_charged_to_its_tenant_too_and_not_for_what_that_refuses() {
    let limits = CredentialLimits { requests: Some(rate(1, 1)), ..NONE };
    let tenant = |pace: &mut pushward::config::Pace| {
        pace.requests = rate(2, 1);
        pace.places.wait_max = Duration::ZERO;
    };
    let gateway = with(limits, red_and_blue(tenant)).start();
    let (slow, red) = (gateway.client("slow"), gateway.client("red"));
    at_once(&red).await.ok();
    let answer = at_once(&slow).await.refused(429, "rate_limited");
    assert_eq!(answer.reason.as_deref(), Some("rate_limited requests_per_second=2"));
    gateway.clock.advance(Duration::from_millis(500));
    at_once(&slow).await.ok();
    at_once(&red).await.refused(429, "rate_limited");
    gateway.clock.advance(Duration::from_millis(500));
    let answer = at_once(&slow).await.refused(429, "rate_limited");
    assert_eq!(answer.reason.as_deref(), Some("rate_limited requests_per_second=1"));
    at_once(&red).await.ok();
}

#[tokio::test]
async fn every_limit_of_a_credential_holds() {
    let limits =
        CredentialLimits { requests: None, kib: Some(rate(1, 1)), samples: Some(rate(1, 2)), in_flight_max: Some(1) };
    let gateway = with(limits, red_and_blue(|_| {})).start();
    let (slow, red) = (gateway.client("slow"), gateway.client("red"));
    let long = format!("#{}\n", "x".repeat(1024));
    let answer = slow.put(PATH, &long).await.refused(413, "burst_exceeded");
    assert_eq!(answer.reason.as_deref(), Some("burst_exceeded bytes_burst=1024"));
    let three = "a 1\nb 1\nc 1\n";
    let answer = slow.put(PATH, three).await.refused(413, "burst_exceeded");
    assert_eq!(answer.reason.as_deref(), Some("burst_exceeded samples_burst=2"));
    let held = slow.begin("GET", "/api/v1/status", "").await;
    let waiting = Request::begun(&slow, "GET", "/api/v1/status", "").await;
    red.put(PATH, &long).await.ok();
    red.put(PATH, three).await.ok();
    drop(held);
    waiting.answered().await.ok();
}

#[tokio::test]
async fn a_reload_keeps_the_buckets_of_credentials_and_of_those_that_came_anew_begins_them_full() {
    let limits = CredentialLimits { requests: Some(rate(1, 1)), ..NONE };
    let base = red_and_blue(|pace| pace.places.wait_max = Duration::ZERO);
    let builder = with(limits, base);
    let mut gateway = builder.clone().start();
    let slow = gateway.client("slow");
    at_once(&slow).await.ok();
    at_once(&slow).await.refused(429, "rate_limited");
    let mut other = builder.clone();
    other.config.tenants.get_mut("red").unwrap().limits.pace.places.in_flight_max = 7;
    gateway.reload(other.token("red", "third", &Verb::ALL, limited(limits))).await;
    at_once(&slow).await.refused(429, "rate_limited");
    let third = gateway.client("third");
    at_once(&third).await.ok();
    at_once(&third).await.refused(429, "rate_limited");
    // Without limits of its own it is as any other.
    let mut without = builder;
    for token in &mut without.config.tenants.get_mut("red").unwrap().tokens {
        token.grant.limits = None;
    }
    gateway.reload(without).await;
    at_once(&slow).await.ok();
    at_once(&slow).await.ok();
}

#[tokio::test]
async fn each_user_has_limits_of_its_own() {
    let limits = CredentialLimits { requests: Some(rate(1, 1)), ..NONE };
    let builder = red_and_blue(|pace| pace.places.wait_max = Duration::ZERO)
        .user("red", "ann", "secret", &Verb::ALL, limited(limits))
        .user("red", "ben", "secret", &Verb::ALL, limited(limits));
    let gateway = builder.start();
    for user in ["ann", "ben"] {
        let user = gateway.basic(user, "secret");
        user.put(PATH, "m 1\n").await.ok();
        user.put(PATH, "m 1\n").await.refused(429, "rate_limited");
    }
}
