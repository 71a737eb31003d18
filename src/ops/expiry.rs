//! A word in the log days before something expires: whoever reads no metrics is told all the same.

use crate::identity::Registry;
use crate::model::SharedClock;
use crate::model::Timestamp;
use crate::model::rfc3339;
use crate::telemetry::Metrics;
use arc_swap::ArcSwap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// With how many days left it is told again; the last is too late. Chosen: time for a change that needs somebody else, for
/// one that does not, and for a hurry.
const DAYS_LEFT: [u32; 5] = [14, 7, 3, 1, 0];

/// Warns of credentials and certificates that expire soon: of all that have 14 days or less at the start, then once a day of
/// those that have come to 14, 7, 3, 1 or no days. Never returns.
pub async fn warn_of_expiries(registry: Arc<ArcSwap<Registry>>, metrics: Metrics, clock: SharedClock) -> Infallible {
    let mut before = None;
    loop {
        let now = clock.now();
        for times in registry.load_full().credential_times() {
            if let Some(at) = times.expires.filter(|at| is_due(before, now, *at)) {
                let (tenant, credential, expires) = (times.tenant, times.credential, rfc3339(at));
                tracing::warn!(tenant, credential, expires, "{}", words(now, at, "this credential"));
            }
        }
        for (file, at) in metrics.certificate_expiries() {
            if is_due(before, now, at) {
                tracing::warn!(file, expires = rfc3339(at), "{}", words(now, at, "this certificate"));
            }
        }
        before = Some(now);
        clock.sleep_until(clock.tick().after(DAY)).await;
    }
}

fn is_due(before: Option<Timestamp>, now: Timestamp, at: Timestamp) -> bool {
    let left_at_most = |since: Timestamp, days: u32| at <= since.saturating_add(DAY * days);
    DAYS_LEFT.iter().any(|&days| left_at_most(now, days) && !before.is_some_and(|before| left_at_most(before, days)))
}

fn words(now: Timestamp, at: Timestamp, what: &str) -> String {
    if at <= now { format!("{what} has expired") } else { format!("{what} expires soon") }
}

#[cfg(test)]
mod tests {
    use super::DAY;
    use super::is_due;
    use crate::model::Timestamp;

    #[test]
    fn it_is_told_with_14_7_3_1_and_no_days_left_and_not_in_between() {
        let start = Timestamp::from_unix_seconds(1_893_456_000);
        let at = start.saturating_add(DAY * 20);
        let mut before = None;
        let mut told = Vec::new();
        for day in 0..30 {
            let now = start.saturating_add(DAY * day);
            if is_due(before, now, at) {
                told.push(20 - i64::from(day));
            }
            before = Some(now);
        }
        assert_eq!(told, [14, 7, 3, 1, 0]);
    }

    #[test]
    fn at_the_start_everything_that_is_near_or_over_is_told_and_nothing_else() {
        let now = Timestamp::from_unix_seconds(1_893_456_000);
        for (days, due) in [(0, true), (1, true), (5, true), (14, true), (15, false), (3650, false)] {
            assert_eq!(is_due(None, now, now.saturating_add(DAY * days)), due, "{days}");
        }
        assert!(is_due(None, now, Timestamp::from_unix_seconds(0)));
    }
}
