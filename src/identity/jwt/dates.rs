//! When a token is good.

use super::json::Json;
use super::json::Members;
use crate::model::Timestamp;
use std::time::Duration;

/// The claims `exp`, `nbf` and `iat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dates {
    expires: Timestamp,
    /// The later of `nbf` and `iat`: a token that will only be issued is as little good as one that begins later.
    begins: Option<Timestamp>,
}

/// On which side of its time a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Season {
    Now,
    Over { at: Timestamp },
    Later { at: Timestamp },
}

impl Dates {
    /// `None` without `exp`, or where one of them is no date.
    pub(super) fn of(claims: &Members) -> Option<Self> {
        let optional = |name: &str| match claims.get(name) {
            Some(claim) => date(claim).map(Some),
            None => Some(None),
        };
        let expires = date(claims.get("exp")?)?;
        Some(Self { expires, begins: optional("nbf")?.max(optional("iat")?) })
    }

    /// `leeway`: how far the issuer's clock and ours may be apart.
    pub(super) fn season(&self, now: Timestamp, leeway: Duration) -> Season {
        if self.until(leeway) <= now {
            return Season::Over { at: self.expires };
        }
        match self.begins.filter(|begins| *begins > now.saturating_add(leeway)) {
            Some(at) => Season::Later { at },
            None => Season::Now,
        }
    }

    /// The first moment at which it is good no more.
    pub(super) fn until(&self, leeway: Duration) -> Timestamp {
        self.expires.saturating_add(leeway)
    }
}

/// Seconds since the epoch, with or without a fraction (RFC 7519, 2), up to the year 2262, where our own time ends.
/// Anything else is no date, a negative one included.
#[expect(clippy::cast_possible_truncation, reason = "checked to be within an i64")]
#[expect(clippy::cast_precision_loss, reason = "a bound that is off by less than a microsecond is a bound")]
fn date(claim: &Json) -> Option<Timestamp> {
    const SECONDS_MAX: u64 = i64::MAX as u64 / 1_000_000_000;
    match claim {
        Json::Whole(seconds) if *seconds <= SECONDS_MAX => {
            i64::try_from(*seconds).ok().map(Timestamp::from_unix_seconds)
        }
        Json::Fraction(seconds) if (0.0..SECONDS_MAX as f64).contains(seconds) => {
            Some(Timestamp::from_unix_nanos((seconds * 1e9) as i64))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Dates;
    use super::Season;
    use crate::identity::jwt::json::object;
    use crate::model::Timestamp;
    use std::time::Duration;

    fn dates(claims: &str) -> Option<Dates> {
        Dates::of(&object(claims.as_bytes()).unwrap())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn a_token_is_good_from_its_beginning_to_its_end_with_the_leeway_on_both_sides() {
        let dates = dates(r#"{"exp":1000,"nbf":500,"iat":400}"#).unwrap();
        let leeway = Duration::from_secs(60);
        assert_eq!(dates.season(at(439), leeway), Season::Later { at: at(500) });
        assert_eq!(dates.season(at(440), leeway), Season::Now);
        assert_eq!(dates.season(at(1059), leeway), Season::Now);
        assert_eq!(dates.season(at(1060), leeway), Season::Over { at: at(1000) });
        assert_eq!(dates.season(at(1000), Duration::ZERO), Season::Over { at: at(1000) });
    }

    #[test]
    fn a_token_from_the_future_is_not_good_yet() {
        let dates = dates(r#"{"exp":1000,"iat":500}"#).unwrap();
        assert_eq!(dates.season(at(400), Duration::ZERO), Season::Later { at: at(500) });
    }

    #[test]
    fn a_date_may_have_a_fraction_and_must_make_sense() {
        assert_eq!(dates(r#"{"exp":1.5}"#).unwrap().until(Duration::ZERO), Timestamp::from_unix_nanos(1_500_000_000));
        assert_eq!(dates(r#"{"exp":9223372036}"#).unwrap().until(Duration::MAX), Timestamp::from_unix_nanos(i64::MAX));
        for bad in ["-1", "-0.5", "9223372037", "1e300", "18446744073709551615", "\"1\"", "null", "true", "[1]", "{}"] {
            assert!(dates(&format!(r#"{{"exp":{bad}}}"#)).is_none(), "exp {bad}");
            assert!(dates(&format!(r#"{{"exp":1,"nbf":{bad}}}"#)).is_none(), "nbf {bad}");
            assert!(dates(&format!(r#"{{"exp":1,"iat":{bad}}}"#)).is_none(), "iat {bad}");
        }
        assert!(dates("{}").is_none());
    }
}
