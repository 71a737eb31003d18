//! What is said before something expires.

use crate::caught::Caught;
use arc_swap::ArcSwap;
use pushward::identity::Registry;
use pushward::model::SharedClock;
use pushward::model::Timestamp;
use pushward::model::Verb;
use pushward::ops::warn_of_expiries;
use pushward::telemetry::Health;
use pushward::telemetry::Metrics;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::MockClock;
use std::sync::Arc;
use std::time::Duration;

const DAY: u32 = 24 * 60 * 60;
/// Where the clock of tests begins.
const START: i64 = 1_893_456_000;

fn in_days(days: u32) -> Timestamp {
    Timestamp::from_unix_seconds(START + i64::from(days * DAY))
}

#[tokio::test]
async fn days_before_a_credential_or_a_certificate_expires_the_log_says_so_and_does_not_repeat_itself() {
    let caught = Caught::listen();
    let builder = GatewayBuilder::new()
        .tenant("red")
        .token("red", "soon", &[Verb::Push], |token| token.expires = Some(in_days(5)))
        .token("red", "later", &[Verb::Push], |token| token.expires = Some(in_days(16)))
        .token("red", "over", &[Verb::Push], |token| token.expires = Some(in_days(0)));
    let clock = MockClock::new();
    let shared: SharedClock = Arc::new(clock.clone());
    let registry = Arc::new(ArcSwap::from_pointee(Registry::new(&builder.into_parts().0, &shared, None)));
    let metrics = Metrics::new(&shared, &Health::default());
    metrics.certificate_expires("server.pem", in_days(8));
    let warn = warn_of_expiries(registry, metrics, shared);
    tokio::pin!(warn);
    let mut told = Vec::new();
    for day in 0..20 {
        tokio::select! {
            biased;
            never = &mut warn => match never {},
            () = std::future::ready(()) => {}
        }
        let said = caught.said();
        let mut names = Vec::new();
        for line in said.lines() {
            let name =
                ["soon", "later", "over", "server.pem"].into_iter().find(|name| line.contains(&format!("\"{name}\"")));
            assert!(line.contains("WARN") && line.contains("expires=\"2030-01-"), "{line}");
            names.push((name.unwrap(), line.contains("has expired")));
        }
        names.sort_unstable();
        told.extend(names.into_iter().map(|(name, over)| (day, name, over)));
        clock.advance(Duration::from_secs(DAY.into()));
    }
    let expected = [
        (0, "over", true),
        (0, "server.pem", false),
        (0, "soon", false),
        (1, "server.pem", false),
        (2, "later", false),
        (2, "soon", false),
        (4, "soon", false),
        (5, "server.pem", false),
        (5, "soon", true),
        (7, "server.pem", false),
        (8, "server.pem", true),
        (9, "later", false),
        (13, "later", false),
        (15, "later", false),
        (16, "later", true),
    ];
    assert_eq!(told, expected);
}
