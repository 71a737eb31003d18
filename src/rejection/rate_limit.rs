//! The fields `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10: structured fields (RFC 9651),
//! one item each.
//!
//! A bucket of `burst` that is filled at `limit` a second is told as the quota `q` = `burst` over the window `w` = `burst` ÷
//! `limit` seconds, rounded up: whoever spreads `q` evenly over `w` seconds is never refused. `r` is always 0, as the fields
//! stand on refusals alone, and `t` is what `Retry-After` says.

use crate::limits::RateKind;

/// The largest integer of a structured field.
const INTEGER_MAX: u64 = 999_999_999_999_999;

/// What a party may do, as the draft tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    name: &'static str,
    quota: u64,
    /// A registered unit of the quota. `None`: requests, or what has no registered unit.
    unit: Option<&'static str>,
    /// Seconds. `None`: the quota is of what is there at one time.
    window: Option<u64>,
}

impl Policy {
    /// `limit` is for each second, in the same units as `burst`.
    pub(super) fn of_rate(of: RateKind, limit: u64, burst: u64) -> Self {
        let (name, unit) = match of {
            RateKind::Requests => ("requests", None),
            RateKind::Bytes => ("bytes", Some("content-bytes")),
            RateKind::Samples => ("samples", None),
        };
        Self { name, quota: burst, unit, window: Some(burst.div_ceil(limit.max(1)).max(1)) }
    }

    /// So many requests at one time.
    pub(super) const fn of_places(name: &'static str, max: u64) -> Self {
        Self { name, quota: max, unit: Some("concurrent-requests"), window: None }
    }

    /// The value of `RateLimit-Policy`.
    pub(super) fn policy(&self) -> String {
        let Self { name, quota, unit, window } = *self;
        let unit = unit.map(|unit| format!(";qu=\"{unit}\"")).unwrap_or_default();
        let window = window.map(|window| format!(";w={}", window.min(INTEGER_MAX))).unwrap_or_default();
        format!("\"{name}\";q={}{unit}{window}", quota.min(INTEGER_MAX))
    }

    /// The value of `RateLimit`. When a place comes free depends on others, so of places no time is promised.
    pub(super) fn state(&self, again: Option<u64>) -> String {
        let again = again.filter(|_| self.window.is_some()).map(|again| format!(";t={}", again.min(INTEGER_MAX)));
        format!("\"{}\";r=0{}", self.name, again.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::Policy;
    use crate::limits::RateKind;

    #[test]
    fn a_burst_is_the_quota_of_the_time_in_which_it_fills() {
        for (policy, policy_text, state) in [
            (Policy::of_rate(RateKind::Requests, 100, 600), "\"requests\";q=600;w=6", "\"requests\";r=0;t=3"),
            (
                Policy::of_rate(RateKind::Bytes, 10 << 20, (50 << 20) + 1),
                "\"bytes\";q=52428801;qu=\"content-bytes\";w=6",
                "\"bytes\";r=0;t=3",
            ),
            (Policy::of_rate(RateKind::Samples, 100, 1), "\"samples\";q=1;w=1", "\"samples\";r=0;t=3"),
            (
                Policy::of_rate(RateKind::Samples, 1, u64::MAX),
                "\"samples\";q=999999999999999;w=999999999999999",
                "\"samples\";r=0;t=3",
            ),
            (
                Policy::of_places("in_flight_max", 64),
                "\"in_flight_max\";q=64;qu=\"concurrent-requests\"",
                "\"in_flight_max\";r=0",
            ),
        ] {
            assert_eq!((policy.policy(), policy.state(Some(3))), (policy_text.to_owned(), state.to_owned()));
        }
    }
}
