//! What was found about a chain, kept as long as nothing in it can have changed.

use super::bounded::Bounded;
use crate::identity::IdentityError;
use crate::identity::credential::Credential;
use crate::model::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Chains whose verdict is remembered, of all listeners: about as many as one listener has connections by default. Whoever
/// makes more is judged anew, at the price of a few signatures.
const VERDICTS_MAX: usize = 10_000;

/// Whom a chain makes: nobody, where it opens doors and no more.
pub(in crate::identity) type Found = Result<Option<Arc<Credential>>, IdentityError>;

/// By listener and chain. They live as long as the rules do: others come with others.
#[derive(Debug)]
pub(super) struct Verdicts(Bounded<Key, Verdict>);

/// The listener's place in the configuration, and the chain's digest.
pub(super) type Key = (usize, [u8; 32]);

/// What is true in all of `from..until`: between two moments at which something begins or ends, nothing does.
#[derive(Clone, Debug)]
struct Verdict {
    found: Found,
    from: Timestamp,
    until: Timestamp,
}

impl Verdicts {
    pub(super) fn new() -> Self {
        Self(Bounded::new(VERDICTS_MAX))
    }

    /// What is known and true at `now`.
    pub(super) fn get(&self, key: &Key, now: Timestamp) -> Option<Found> {
        self.0.get(key).filter(|verdict| (verdict.from..verdict.until).contains(&now)).map(|verdict| verdict.found)
    }

    /// Keeps what was found at `now`, until the next of `moments`.
    pub(super) fn keep(&self, key: Key, found: Found, now: Timestamp, moments: impl Iterator<Item = Timestamp>) {
        // X.509 counts whole seconds: what ends at one is good in all of it, or in none, as its reader sees it.
        let edges = moments.flat_map(|moment| [moment, moment.saturating_add(Duration::from_secs(1))]);
        let (mut from, mut until) = (Timestamp::from_unix_nanos(i64::MIN), Timestamp::from_unix_nanos(i64::MAX));
        for edge in edges {
            if edge <= now {
                from = from.max(edge);
            } else {
                until = until.min(edge);
            }
        }
        self.0.insert(key, Verdict { found, from, until });
    }
}

#[cfg(test)]
mod tests {
    use super::Verdicts;
    use crate::model::Timestamp;

    #[test]
    fn a_verdict_is_true_between_two_moments_and_not_beyond() {
        let at = Timestamp::from_unix_seconds;
        let verdicts = Verdicts::new();
        let key = (0, [7; 32]);
        verdicts.keep(key, Ok(None), at(15), [at(10), at(20), at(99)].into_iter());
        for (now, known) in [(9, false), (10, false), (11, true), (15, true), (19, true), (20, false), (30, false)] {
            assert_eq!(verdicts.get(&key, at(now)).is_some(), known, "{now}");
        }
        assert!(verdicts.get(&(1, [7; 32]), at(15)).is_none());
    }
}
