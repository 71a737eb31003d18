//! What all tenants share: a full gateway says so, and nobody who takes little is the worse for it.

use pushward::model::OperatorScope;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use std::time::Duration;

/// A gateway of two tenants and an operator.
fn gateway(stored_bytes_max: u64, scrapes_in_flight_max: u32) -> TestGateway {
    let mut builder = builder();
    builder.config.gateway.stored_bytes_max = stored_bytes_max;
    builder.config.gateway.scrapes_in_flight_max = scrapes_in_flight_max;
    builder.start()
}

fn builder() -> GatewayBuilder {
    GatewayBuilder::new().tenant("blue").tenant("red").operator("ops", &[OperatorScope::FleetRead], |_| {})
}

/// Some 100 bytes for each line.
fn body(lines: usize) -> String {
    (0..lines).map(|n| format!("m{{n=\"{n}\",text=\"{}\"}} {n}\n", "x".repeat(50))).collect()
}

#[tokio::test]
async fn a_full_gateway_names_its_ceiling_and_lets_those_below_their_share_in() {
    let gateway = gateway(200_000, 16);
    let (red, blue) = (gateway.client("red"), gateway.client("blue"));
    red.put("/metrics/job/a", &body(1_000)).await.ok();
    let answer = red.put("/metrics/job/b", &body(1_000)).await.refused(503, "gateway_full");
    assert_eq!(answer.reason.as_deref(), Some("gateway_full gateway.stored_bytes_max=200000"));
    assert_eq!(answer.headers["retry-after"], "1");
    blue.put("/metrics/job/a", &body(100)).await.ok();
    red.put("/metrics/job/a", &body(990)).await.ok();
    red.delete("/metrics/job/a").await;
    red.put("/metrics/job/b", &body(900)).await.ok();
}

#[tokio::test]
async fn an_unread_scrape_that_keeps_too_much_alive_is_cut_and_one_that_is_read_is_not() {
    let gateway = gateway(1_000_000, 16);
    let (red, operator) = (gateway.client("red"), gateway.client("ops"));
    red.put("/metrics/job/a", &body(3_750)).await.ok();
    let unread = operator.begin("GET", "/metrics", "").await.into_body();
    let listed = operator.begin("GET", "/api/v1/metrics", "").await.into_body();
    // The store is half full: one old version has room beside it, two of them may be kept by two readers for some time.
    red.put("/metrics/job/a", &body(3_650)).await.ok();
    let read = red.begin("GET", "/metrics", "").await.into_body();
    red.put("/metrics/job/a", &body(3_550)).await.ok();
    let cut = [unread, listed].map(|body| async { axum::body::to_bytes(body, usize::MAX).await.is_err() });
    let [unread, listed] = cut;
    assert!(unread.await | listed.await, "both old versions are still there");
    let read = axum::body::to_bytes(read, usize::MAX).await.unwrap();
    assert!(String::from_utf8_lossy(&read).contains("n=\"3649\""));
}

#[tokio::test]
async fn scrapes_wait_for_a_place_and_operators_have_their_own() {
    let gateway = gateway(1 << 30, 4);
    let (red, operator) = (gateway.client("red"), gateway.client("ops"));
    let mut unread = Vec::new();
    for _ in 0..3 {
        unread.push(red.begin("GET", "/metrics", "").await);
    }
    let clock = gateway.clock.clone();
    let moved = async {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(5));
    };
    let (answer, ()) = tokio::join!(red.get("/metrics"), moved);
    let answer = answer.refused(503, "gateway_full");
    assert_eq!(answer.reason.as_deref(), Some("gateway_full gateway.scrapes_in_flight_max=4"));
    operator.get("/metrics").await.ok();
    // A place is free when an answer is taken, or with more places.
    unread.pop();
    red.get("/metrics").await.ok();
}

#[tokio::test]
async fn answers_that_nobody_takes_make_room_for_whoever_waits() {
    let gateway = gateway(1 << 30, 4);
    let (red, blue) = (gateway.client("red"), gateway.client("blue"));
    red.put("/metrics/job/a", &body(5_000)).await.ok();
    let mut stalled = Vec::new();
    for _ in 0..3 {
        stalled.push(red.begin("GET", "/metrics", "").await.into_body());
    }
    let clock = gateway.clock.clone();
    let moved = async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(1));
        }
    };
    tokio::join!(blue.get("/metrics"), moved).0.ok();
    for body in stalled {
        assert!(axum::body::to_bytes(body, usize::MAX).await.is_err(), "it is whole");
    }
}

#[tokio::test]
async fn a_reload_changes_the_ceilings() {
    let mut of_before = builder();
    of_before.config.gateway.stored_bytes_max = 50_000;
    let mut gateway = of_before.clone().start();
    gateway.client("red").put("/metrics/job/a", &body(1_000)).await.refused(503, "gateway_full");
    let mut of_after = of_before;
    of_after.config.gateway = pushward::config::GatewayLimits { scrapes_in_flight_max: 1, ..Default::default() };
    let reloaded = gateway.reload(of_after).await;
    assert_eq!((reloaded.changes.to_string().as_str(), reloaded.needs_restart.len()), ("settings_changed: gateway", 0));
    let red = gateway.client("red");
    red.put("/metrics/job/a", &body(1_000)).await.ok();
    let _unread = red.begin("GET", "/metrics", "").await;
    let clock = gateway.clock.clone();
    let moved = async {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(5));
    };
    tokio::join!(red.get("/metrics"), moved).0.refused(503, "gateway_full");
}

/// The next piece of an answer, if it has one.
async fn piece(body: &mut axum::body::Body) -> Option<usize> {
    let frame = http_body_util::BodyExt::frame(body).await?.ok()?;
    frame.data_ref().map(axum::body::Bytes::len)
}

#[tokio::test]
async fn answers_that_are_taken_drop_by_drop_keep_no_other_tenant_out() {
    let gateway = gateway(1 << 30, 4);
    let (red, blue) = (gateway.client("red"), gateway.client("blue"));
    red.put("/metrics/job/a", &body(20_000)).await.ok();
    let mut dripping = Vec::new();
    for _ in 0..3 {
        dripping.push(red.begin("GET", "/metrics", "").await.into_body());
    }
    let clock = gateway.clock.clone();
    let drips = async {
        for _ in 0..4 {
            for body in &mut dripping {
                assert!(piece(body).await.is_some());
            }
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(1));
        }
    };
    tokio::join!(blue.get("/metrics"), drips).0.ok();
    let mut cut = 0;
    for body in dripping {
        cut += usize::from(axum::body::to_bytes(body, usize::MAX).await.is_err());
    }
    assert_eq!(cut, 1, "no more than the one whose place was needed");
}

/// What all bodies take, as an operator is told.
async fn in_flight(gateway: &TestGateway) -> u64 {
    let limits = gateway.client("ops").get("/api/v1/limits").await.ok();
    let limits: serde_json::Value = serde_json::from_slice(&limits.body).unwrap();
    limits["data"]["gateway"]["usage"]["bodies_in_flight_bytes_max"].as_u64().unwrap()
}

#[tokio::test]
async fn a_small_body_that_becomes_larger_than_there_is_room_for_is_refused_before_it_does() {
    let mut builder = builder();
    builder.config.gateway.bodies_in_flight_bytes_max = 1 << 20;
    let gateway = builder.start();
    let (red, blue) = (gateway.client("red"), gateway.client("blue"));
    let lines: String = (0..500).map(|n| format!("m{{n=\"{n}\"}} {n}\n")).collect();
    let long = format!("/metrics/job/a/l/{0}/m/{0}", "x".repeat(3_000));
    // 3 MB of 7 KB.
    red.put(&long, &lines).await.refused(503, "gateway_full");
    assert_eq!(in_flight(&gateway).await, 0);
    red.put("/metrics/job/a", &lines).await.ok();
    blue.put(&long, "m 1\n").await.ok();
    assert_eq!((in_flight(&gateway).await, red.scrape().await.len()), (0, 500));
}
