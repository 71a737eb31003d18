//! What is said while a tenant's quota fills.

use crate::caught::Caught;
use crate::sockets::ask;
use parking_lot::Mutex;
use pushward::config::Amount;
use pushward::config::Limits;
use pushward::gateway::Gateway;
use pushward::model::SharedClock;
use pushward::model::TenantId;
use pushward::model::Verb;
use pushward::ops::warn_of_fullness;
use pushward::telemetry::Share;
use pushward::telemetry::Shares;
use pushward::telemetry::Who;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::MockClock;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Red takes so many of its groups and series, of which it may have 10 and 100.
#[derive(Debug, Default)]
struct Red(Mutex<[u64; 2]>);

impl Shares for Red {
    fn of_tenants(&self, _: &dyn Fn(&TenantId) -> bool) -> Vec<(TenantId, Vec<Share>)> {
        let [groups, series] = *self.0.lock();
        let part = Limits::default().soft_warning;
        let share = |key, limit, used| Share { key, limit: Amount::Count(limit), used };
        let shares = vec![
            share("groups_max", 10, Some(groups)),
            share("series_max", 100, Some(series)),
            share("in_flight_max", 1, Some(1)),
            Share { key: "soft_warning", limit: Amount::Part(part), used: None },
        ];
        vec![(TenantId::parse("red").unwrap(), shares)]
    }

    fn of_operator(&self, _: &str) -> Vec<Share> {
        Vec::new()
    }

    fn of_credential(&self, _: &Who) -> Vec<Share> {
        Vec::new()
    }

    fn of_gateway(&self) -> Vec<Share> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_quota_that_fills_is_told_of_once_and_again_when_it_was_emptied_in_between() {
    let caught = Caught::listen();
    let (clock, red) = (MockClock::new(), Arc::new(Red::default()));
    let shared: SharedClock = Arc::new(clock.clone());
    let warn = warn_of_fullness(red.clone(), shared);
    tokio::pin!(warn);
    let mut told = Vec::new();
    // In steps of 15 s: what red takes, and for how many looks.
    let course: [([u64; 2], usize); 8] = [
        ([7, 79], 4),
        // Both marks are met exactly.
        ([8, 80], 4),
        // More of it is no news.
        ([10, 100], 100),
        ([7, 100], 1),
        // Long after it was told: at once.
        ([9, 100], 2),
        ([0, 100], 1),
        // Soon after it was told: behind ten minutes.
        ([9, 100], 60),
        ([0, 0], 1),
    ];
    let mut look = 0;
    for (taken, looks) in course {
        *red.0.lock() = taken;
        for _ in 0..looks {
            tokio::select! {
                biased;
                never = &mut warn => match never {},
                () = std::future::ready(()) => {}
            }
            for line in caught.said().lines() {
                assert!(line.contains("WARN") && line.contains("tenant=\"red\""), "{line}");
                let limit = ["groups_max", "series_max"].into_iter().find(|key| line.contains(key)).unwrap();
                told.push((look, limit));
            }
            look += 1;
            clock.advance(Duration::from_secs(15));
        }
    }
    assert_eq!(told, [(4, "groups_max"), (4, "series_max"), (109, "groups_max"), (149, "groups_max")]);
}

#[tokio::test]
async fn a_gateway_that_runs_says_whose_quota_fills_and_which() {
    let caught = Caught::listen();
    let clock = MockClock::new();
    let builder = GatewayBuilder::new()
        .tenant_with("red", |tenant| tenant.limits.quota.groups_max = 1)
        .token("red", "red", &Verb::ALL, |_| {})
        .tenant("blue");
    let (config, tokens) = builder.into_parts();
    let gateway = Gateway::bind(config, Arc::new(clock.clone())).unwrap();
    let address = gateway.addresses()[0];
    let stop = CancellationToken::new();
    TaskTracker::new().spawn(gateway.run(stop.clone()));
    let _stop = stop.drop_guard();
    for name in ["red", "blue"] {
        let request = format!(
            "PUT /metrics/job/a HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\ncontent-length: 4\r\n\r\nm 1\n",
            tokens[name]
        );
        let answer = ask(TcpStream::connect(address).await.unwrap(), &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let mut said = caught.said();
    assert!(!said.contains("quota fills"));
    clock.advance(Duration::from_secs(15));
    for _ in 0..1000 {
        tokio::task::yield_now().await;
        said += &caught.said();
    }
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("quota fills")).collect();
    let [line] = lines[..] else { panic!("{said}") };
    for part in ["WARN", "tenant=\"red\"", "limit=\"groups_max\"", "value=1", "used=1"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}
