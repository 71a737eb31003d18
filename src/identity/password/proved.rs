//! What is remembered of a password that was proved: a keyed tag of it, one for each user.
//!
//! A user has one right password, so one place is enough: nobody else's can push it out, and nothing grows. Only a right
//! password ever gets there. The key is this process' own and random, and the fields of a tag are as long as they say, so
//! no two different attempts have one tag (CVE-2022-46146 was a cache without either).

use crate::model::Tick;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use parking_lot::Mutex;
use sha2::Sha256;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// HMAC-SHA-256 of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tag([u8; 32]);

impl Tag {
    /// For what needs two small numbers and no secret.
    pub(super) fn first_bytes(&self) -> [u8; 2] {
        [self.0[0], self.0[1]]
    }
}

impl std::fmt::Debug for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tag(..)")
    }
}

/// Makes tags that nobody outside can make.
#[derive(Clone)]
pub(super) struct ProcessKey(Hmac<Sha256>);

impl ProcessKey {
    /// `None`: the system's random source failed.
    pub(super) fn random() -> Option<Self> {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice()).ok()?;
        Hmac::new_from_slice(key.as_slice()).ok().map(Self)
    }

    pub(super) fn tag(&self, fields: &[&[u8]]) -> Tag {
        let mut mac = self.0.clone();
        for field in fields {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field);
        }
        Tag(mac.finalize().into_bytes().into())
    }
}

impl std::fmt::Debug for ProcessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProcessKey(..)")
    }
}

/// What an attempt is, by its tag alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// This very password was proved lately: it is believed.
    Warm,
    /// This very password was proved, too long ago: it is proved anew, before everybody else's and charged to nobody.
    Stale,
    Not,
}

/// The last right password of one user.
#[derive(Debug, Default)]
pub(super) struct Proved(Mutex<Option<(Tag, Tick)>>);

impl Proved {
    pub(super) fn knows(&self, tag: &Tag, now: Tick) -> Known {
        match *self.0.lock() {
            Some((proved, until)) if bool::from(proved.0.ct_eq(&tag.0)) => {
                if now < until {
                    Known::Warm
                } else {
                    Known::Stale
                }
            }
            _ => Known::Not,
        }
    }

    pub(super) fn remember(&self, tag: Tag, now: Tick, ttl: Duration) {
        *self.0.lock() = Some((tag, now.after(ttl)));
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessKey;

    #[test]
    fn what_stands_in_one_field_is_never_taken_for_the_next() {
        let key = ProcessKey::random().unwrap();
        let tag = |fields: [&str; 3]| key.tag(&fields.map(str::as_bytes));
        let one = tag(["red", "alice", "secret"]);
        assert_eq!(one, tag(["red", "alice", "secret"]));
        for other in [
            ["red", "alices", "ecret"],
            ["reda", "lice", "secret"],
            ["", "redalice", "secret"],
            ["red", "alicesecret", ""],
            ["red", "alice", "Secret"],
        ] {
            assert_ne!(one, tag(other), "{other:?}");
        }
        assert_ne!(one, ProcessKey::random().unwrap().tag(&["red", "alice", "secret"].map(str::as_bytes)));
    }
}
