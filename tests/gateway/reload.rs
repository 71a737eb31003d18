//! Another configuration while requests come: who is let in, what is kept, what is told.

mod files;

use http_body::Frame;
use pushward::config::Config;
use pushward::config::ConfigErrors;
use pushward::config::Fault;
use pushward::config::PartFault;
use pushward::config::Reading;
use pushward::config::Tenant;
use pushward::model::OperatorScope;
use pushward::model::Pattern;
use pushward::model::Timestamp;
use pushward::model::Verb;
use pushward::testkit::Answer;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A body that comes as it is sent, and ends when its sender is gone.
struct Slow(mpsc::UnboundedReceiver<&'static str>);

impl http_body::Body for Slow {
    type Data = bytes::Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|text| text.map(|text| Ok(Frame::data(text.into()))))
    }
}

/// A request whose head was accepted and whose body is still to come; without the sender it ends.
async fn begun(
    client: &Client,
    method: &'static str,
    path: &'static str,
) -> (mpsc::UnboundedSender<&'static str>, JoinHandle<Answer>) {
    let (sender, body) = mpsc::unbounded_channel();
    let client = client.clone();
    let answer = tokio::spawn(async move { client.send(method, path, axum::body::Body::new(Slow(body))).await });
    tokio::task::yield_now().await;
    (sender, answer)
}

async fn metrics(gateway: &TestGateway) -> String {
    gateway.at_ops(&gateway.stranger()).get("/metrics").await.ok().text()
}

#[tokio::test]
async fn a_token_is_rotated_with_an_overlap_and_the_old_one_is_unknown_from_then_on() {
    let with = |names: &[&str]| {
        let builder = GatewayBuilder::new().tenant_with("red", |_| {});
        names.iter().fold(builder, |builder, name| builder.token("red", name, &Verb::ALL, |_| {}))
    };
    let both = with(&["old", "new"]);
    let only = |name: &str| {
        let mut builder = both.clone();
        builder.config.tenants.get_mut("red").unwrap().tokens.retain(|token| token.grant.name == name);
        builder
    };
    let mut gateway = only("old").start();
    let old = gateway.client("old");
    old.put("/metrics/job/a", "m 1\n").await.ok();
    gateway.reload(both.clone()).await;
    let new = gateway.client("new");
    old.put("/metrics/job/a", "m 2\n").await.ok();
    new.put("/metrics/job/a", "m 3\n").await.ok();
    let reloaded = gateway.reload(only("new")).await;
    old.put("/metrics/job/a", "m 4\n").await.refused(401, "unauthenticated");
    old.get("/metrics").await.refused(401, "unauthenticated");
    assert_eq!(new.scrape().await, ["m{instance=\"\",job=\"a\"} 3"]);
    let id = both.config.tenants["red"].tokens[0].id;
    assert_eq!(reloaded.changes.to_string(), format!("tokens_removed: red/{id}"));
}

#[tokio::test]
async fn a_tenant_that_comes_is_served_and_one_that_goes_leaves_nothing_behind() {
    let all = GatewayBuilder::new().tenant("red").tenant("blue").tenant("green").operator(
        "prometheus",
        &[OperatorScope::FleetRead],
        |_| {},
    );
    let without = |gone: &str| {
        let mut builder = all.clone();
        builder.config.tenants.remove(gone);
        builder
    };
    let mut gateway = without("green").start();
    let prometheus = gateway.client("prometheus");
    gateway.client("red").put("/metrics/job/a", "m_sum 1\n").await.ok();
    gateway.client("blue").put("/metrics/job/a", "# TYPE m summary\nm_sum 2\nm_count 2\n").await.ok();
    assert!(prometheus.get("/metrics").await.text().contains("# TYPE m_sum untyped\n"));
    prometheus.get("/metrics?tenant=green").await.refused(403, "tenant_refused");

    gateway.reload(all.clone()).await;
    gateway.client("green").put("/metrics/job/a", "g 1\n").await.ok();
    assert_eq!(prometheus.get("/metrics?tenant=green").await.ok().status, 200);

    let red = gateway.client("red");
    gateway.reload(without("red")).await;
    red.put("/metrics/job/a", "m_sum 1\n").await.refused(401, "unauthenticated");
    prometheus.get("/metrics?tenant=red").await.refused(403, "tenant_refused");
    let view = prometheus.get("/metrics").await.text();
    assert!(!view.contains("red") && view.contains("# TYPE m summary\n") && view.contains("\ng{"), "{view}");
    assert!(!metrics(&gateway).await.contains("pushward_tenant_limit{tenant=\"red\""));

    // Whoever comes under the same name later finds an empty shelf.
    gateway.reload(all).await;
    assert!(red.scrape().await.is_empty());
}

#[tokio::test]
async fn a_body_under_way_is_judged_by_what_its_credential_grants_when_it_is_whole() {
    let all = GatewayBuilder::new().tenant("red").tenant("blue").token("red", "cron", &Verb::ALL, |_| {});
    let change = |change: fn(&mut Config)| {
        let mut builder = all.clone();
        change(&mut builder.config);
        builder
    };
    let narrow = change(|config| {
        let tokens = &mut config.tenants.get_mut("red").unwrap().tokens;
        tokens[1].grant.jobs = Pattern::parse("other").map(|job| vec![job]);
    });
    for (reloaded, status, code) in [
        (all.clone(), 200, ""),
        (change(|config| drop(config.tenants.get_mut("red").unwrap().tokens.pop())), 401, "unauthenticated"),
        (change(|config| drop(config.tenants.remove("red"))), 401, "unauthenticated"),
        (narrow, 403, "job_refused"),
        (change(|config| drop(config.tenants.remove("blue"))), 200, ""),
    ] {
        for (method, path) in [("PUT", "/metrics/job/a"), ("POST", "/metrics/job/b"), ("DELETE", "/metrics/job/c")] {
            let mut gateway = all.clone().start();
            gateway.client("red").put("/metrics/job/c", "kept 1\n").await.ok();
            let (sender, answer) = begun(&gateway.client("cron"), method, path).await;
            sender.send("m ").unwrap();
            let told = gateway.reload(reloaded.clone()).await;
            sender.send("1\n").unwrap();
            drop(sender);
            let answer = answer.await.unwrap();
            let expected = if (method, status) == ("DELETE", 200) { 202 } else { status };
            let what = format!("{method} after {}: {}", told.changes, answer.text());
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (expected, code), "{what}");
            if status != 200 && reloaded.config.tenants.contains_key("red") {
                let left = gateway.client("red").scrape().await;
                assert_eq!(left, ["kept{instance=\"\",job=\"c\"} 1"], "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_reload_fills_no_bucket_and_forgets_no_request_under_way() {
    let with = |builder: &GatewayBuilder, burst: u32, in_flight: u32| {
        let mut builder = builder.clone();
        let limits = &mut builder.config.tenants.get_mut("red").unwrap().limits;
        limits.pace.requests.per_second = NonZeroU32::MIN;
        limits.pace.requests.burst = NonZeroU32::new(burst).unwrap();
        limits.pace.places.in_flight_max = in_flight;
        limits.pace.places.wait_max = Duration::ZERO;
        builder
    };
    let base = GatewayBuilder::new().tenant("red");
    let mut gateway = with(&base, 3, 2).start();
    let red = gateway.client("red");
    let unread = red.begin("GET", "/metrics", "").await;
    red.get("/metrics").await.ok();
    red.get("/metrics").await.ok();
    red.get("/metrics").await.refused(429, "rate_limited");
    let same = gateway.reload(with(&base, 3, 2)).await;
    assert!(same.changes.is_empty(), "{}", same.changes);
    red.get("/metrics").await.refused(429, "rate_limited");
    // Other limits are in force at once, and whoever is still under way has a place under them.
    let other = gateway.reload(with(&base, 9, 1)).await;
    assert_eq!(other.changes.to_string(), "limits_changed: red");
    red.get("/metrics").await.refused(429, "in_flight_full");
    drop(unread);
    red.get("/metrics").await.ok();
}

#[tokio::test]
async fn a_quota_below_what_is_kept_takes_nothing_away_and_lets_nothing_grow() {
    let with = |builder: &GatewayBuilder, series_max: u64| {
        let mut builder = builder.clone();
        builder.config.tenants.get_mut("red").unwrap().limits.quota.series_max = series_max;
        builder
    };
    let base = GatewayBuilder::new().tenant("red");
    let mut gateway = with(&base, 3).start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "a 1\nb 1\nc 1\n").await.ok();
    gateway.reload(with(&base, 1)).await;
    assert_eq!(red.scrape().await.len(), 3);
    assert!(metrics(&gateway).await.contains("pushward_tenant_limit{tenant=\"red\",limit=\"series_max\"} 1\n"));
    red.put("/metrics/job/b", "d 1\n").await.refused(403, "quota_full");
    red.put("/metrics/job/a", "a 2\nb 2\nc 2\n").await.ok();
    red.put("/metrics/job/a", "a 2\nb 2\n").await.ok();
    red.put("/metrics/job/a", "a 2\nb 2\nc 2\n").await.refused(403, "quota_full");
    gateway.reload(with(&base, 4)).await;
    red.put("/metrics/job/b", "c 1\nd 1\n").await.ok();
}

#[tokio::test]
async fn how_bodies_are_read_follows_the_configuration() {
    let mut utf8 = GatewayBuilder::new().tenant("red");
    let classic = utf8.clone();
    utf8.config.tenants.get_mut("red").unwrap().utf8_names = true;
    let mut gateway = classic.clone().start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "{\"ä\"} 1\n").await.refused(400, "body_malformed");
    gateway.reload(utf8).await;
    red.put("/metrics/job/a", "{\"ä\"} 1\n").await.ok();
    gateway.reload(classic).await;
    red.put("/metrics/job/b", "{\"ö\"} 1\n").await.refused(400, "body_malformed");
}

#[tokio::test]
async fn what_is_pushed_again_after_a_reload_is_judged_by_the_new_bounds() {
    let base = GatewayBuilder::new().tenant("red");
    let mut strict = base.clone();
    strict.config.tenants.get_mut("red").unwrap().limits.push.metric_name_bytes_max = 5;
    let mut gateway = base.clone().start();
    let red = gateway.client("red");
    for value in 0..5 {
        red.put("/metrics/job/a", &format!("a_long_name {value}\n")).await.ok();
    }
    gateway.reload(strict).await;
    red.put("/metrics/job/a", "a_long_name 5\n").await.refused(413, "bound_exceeded");
    assert_eq!(red.scrape().await, ["a_long_name{instance=\"\",job=\"a\"} 4"]);
    gateway.reload(base).await;
    red.put("/metrics/job/a", "a_long_name 6\n").await.ok();
}

#[tokio::test]
async fn a_closed_tenant_lets_nobody_in_and_is_scraped_all_the_same() {
    let open = GatewayBuilder::new().tenant("red").operator("prometheus", &[OperatorScope::FleetRead], |_| {});
    let mut gateway = open.clone().start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "m 1\n").await.ok();
    let mut closed = open.config.clone();
    let tenant = closed.tenants.get_mut("red").unwrap();
    tenant.closed = true;
    tenant.tokens.clear();
    let fault = Fault::new(Path::new("tenants.d/red.yml"), None, "", "is empty");
    let part = PartFault { part: "tenant:red".to_owned(), errors: ConfigErrors::from(fault), closed: true };
    let mut reading = Reading::from(closed);
    reading.parts.push(part);
    gateway.reloader().take(reading).await.unwrap();
    red.put("/metrics/job/a", "m 2\n").await.refused(401, "unauthenticated");
    assert_eq!(gateway.client("prometheus").scrape().await, ["m{tenant=\"red\",instance=\"\",job=\"a\"} 1"]);
    let text = metrics(&gateway).await;
    assert!(text.contains("pushward_config_fault{part=\"tenant:red\"} 1\n"), "{text}");
    assert!(text.contains("pushward_degraded{reason=\"config_closed\"} 1\n"), "{text}");
    assert!(text.contains("pushward_config_last_reload_successful 0\n"), "{text}");
    gateway.reload(open).await;
    red.put("/metrics/job/a", "m 2\n").await.ok();
    assert!(!metrics(&gateway).await.contains("pushward_config_fault{"));
}

#[tokio::test]
async fn what_waits_for_a_restart_is_told_and_all_else_takes_effect() {
    let mut wanted = GatewayBuilder::new().tenant("red").tenant("blue");
    let mut gateway = GatewayBuilder::new().start();
    wanted.config.listeners[0].connections_max = 7;
    wanted.config.namespace.label = "team".to_owned();
    let reloaded = gateway.reload(wanted.clone()).await;
    assert_eq!(reloaded.needs_restart, ["listener.public.connections_max", "namespace"]);
    gateway.client("blue").put("/metrics/job/a", "m 1\n").await.ok();
    assert!(metrics(&gateway).await.contains("pushward_config_restart_needed 1\n"));
    wanted.config = GatewayBuilder::new().config;
    gateway.reload(wanted).await;
    assert!(metrics(&gateway).await.contains("pushward_config_restart_needed 0\n"));
}

#[tokio::test]
async fn a_credential_that_goes_takes_its_expiry_along() {
    let at = Timestamp::from_unix_seconds(2_000_000_000);
    let with = GatewayBuilder::new().tenant("red").token("red", "laptop", &Verb::ALL, |grant| grant.expires = Some(at));
    let mut without = with.clone();
    without.config.tenants.get_mut("red").unwrap().tokens.pop();
    let mut gateway = with.start();
    let line = "pushward_credential_expiry_timestamp_seconds{tenant=\"red\",credential=\"laptop\"} 2000000000\n";
    assert!(metrics(&gateway).await.contains(line));
    gateway.reload(without).await;
    assert!(!metrics(&gateway).await.contains("laptop"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_storm_of_reloads_loses_no_acknowledged_push_and_fails_none() {
    const RELOADS: usize = 200;
    let roomy = |tenant: &mut Tenant| tenant.limits.pace.requests.burst = NonZeroU32::new(10_000_000).unwrap();
    let all = GatewayBuilder::new()
        .tenant_with("red", roomy)
        .token("red", "red", &Verb::ALL, |_| {})
        .tenant_with("blue", roomy)
        .token("blue", "blue", &Verb::ALL, |_| {});
    let mut without = all.clone();
    without.config.tenants.remove("blue");
    without.config.tenants.get_mut("red").unwrap().limits.push.body_bytes_max = 1 << 20;
    let mut gateway = all.clone().start();
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))];
    let pushing = |client: Client, goes_too: bool, acknowledged: &Arc<AtomicU64>| {
        let (stop, acknowledged) = (stop.clone(), acknowledged.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let next = acknowledged.load(Ordering::Relaxed) + 1;
                let answer = client.put("/metrics/job/a", &format!("m {next}\n")).await;
                match answer.status.as_u16() {
                    200 => acknowledged.store(next, Ordering::Relaxed),
                    // The tenant is not there at this moment.
                    401 if goes_too => {}
                    status => panic!("{status} {}", answer.text()),
                }
                tokio::task::yield_now().await;
            }
        })
    };
    let red = pushing(gateway.client("red"), false, &acknowledged[0]);
    let blue = pushing(gateway.client("blue"), true, &acknowledged[1]);
    let mut reloads = 0;
    // Also until both have come to something: a machine that is busy runs them when it likes.
    while reloads < RELOADS || acknowledged.iter().any(|of| of.load(Ordering::Relaxed) < 100) {
        gateway.reload(if reloads % 2 == 0 { without.clone() } else { all.clone() }).await;
        reloads += 1;
        assert!(!red.is_finished() && !blue.is_finished());
    }
    stop.store(true, Ordering::Relaxed);
    red.await.unwrap();
    blue.await.unwrap();
    let last = acknowledged[0].load(Ordering::Relaxed);
    assert_eq!(gateway.client("red").scrape().await, [format!("m{{instance=\"\",job=\"a\"}} {last}")]);
}
