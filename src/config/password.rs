//! `passwords`: how they are hashed and how much of that is done at one time; and the hashes themselves.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::units;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) const PASSWORDS: Keys =
    Keys { known: &["memory", "iterations", "parallelism", "concurrency", "queue", "cache_ttl"], later: &[] };

/// What OWASP's cheat sheet on password storage holds to be alike, as MiB and passes: the least of argon2id.
const LEAST: [(u64, u64); 5] = [(46, 1), (19, 2), (12, 3), (9, 4), (7, 5)];
/// From the least of that list to what a few hashes at one time may cost a machine of some GiB.
const MEMORY: RangeInclusive<u64> = 7 << 20..=256 << 20;
/// As long as somebody whose password was taken away may be let in by a gateway that was not told; a reload tells it.
const CACHE_TTL: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);

/// `passwords`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passwords {
    /// Of a new hash and of the dummy that an unknown user costs: bytes, a multiple of 1 KiB.
    pub memory: u64,
    pub iterations: u32,
    pub parallelism: u32,
    /// Hashes computed at one time.
    pub concurrency: usize,
    /// Requests that wait for their turn; one more is refused.
    pub queue: usize,
    /// How long a password that was proved is believed without being hashed again.
    pub cache_ttl: Duration,
}

impl Default for Passwords {
    /// OWASP's least for argon2id (19 MiB, 2 passes, 1 lane). Two at a time and 64 waiting: the last of them waits a little
    /// more than a second at the 35 ms that such a hash takes.
    fn default() -> Self {
        Self {
            memory: 19 << 20,
            iterations: 2,
            parallelism: 1,
            concurrency: 2,
            queue: 64,
            cache_ttl: Duration::from_secs(300),
        }
    }
}

impl Passwords {
    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let default = Self::default();
        let Some(section) = field.section(&PASSWORDS, faults) else {
            return default;
        };
        let small = |number: u64| u32::try_from(number).ok();
        let count = |number: u64| usize::try_from(number).ok();
        let memory = section.size("memory", MEMORY, faults);
        if let Some(field) = section.get("memory")
            && memory.is_some_and(|bytes| !bytes.is_multiple_of(1 << 10))
        {
            field.mismatch(faults, "a whole number of KiB");
        }
        let passwords = Self {
            memory: memory.unwrap_or(default.memory),
            iterations: section.whole("iterations", 1..=10, faults).and_then(small).unwrap_or(default.iterations),
            parallelism: section.whole("parallelism", 1..=4, faults).and_then(small).unwrap_or(default.parallelism),
            concurrency: section.whole("concurrency", 1..=64, faults).and_then(count).unwrap_or(default.concurrency),
            queue: section.whole("queue", 0..=10_000, faults).and_then(count).unwrap_or(default.queue),
            cache_ttl: section.duration("cache_ttl", CACHE_TTL, faults).unwrap_or(default.cache_ttl),
        };
        let enough = |(mebibytes, passes): &(u64, u64)| {
            passwords.memory >= mebibytes << 20 && u64::from(passwords.iterations) >= *passes
        };
        if !LEAST.iter().any(enough) {
            let least = LEAST.map(|(mebibytes, passes)| format!("{mebibytes}MiB with {passes}"));
            let (memory, passes) = (units::spell_size(passwords.memory), passwords.iterations);
            let text = format!(
                "{memory} with iterations: {passes} is weaker than OWASP's least, expected at least one of {}",
                least.join(", ")
            );
            field.fault(faults, text);
        }
        passwords
    }
}

/// A password's hash, of a form and cost that this gateway computes. It is told to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Box<str>,
}

/// Why a text is no hash that this gateway computes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PasswordHashError(pub &'static str);

impl PasswordHash {
    /// From `$argon2id$…` (PHC) or `$2a$…`, `$2b$…`, `$2y$…` (bcrypt).
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let known = ["$argon2id$", "$2a$", "$2b$", "$2y$"].iter().any(|begin| text.starts_with(begin));
        known.then(|| Self { text: text.into() }).ok_or(PasswordHashError("it is neither argon2id nor bcrypt"))
    }

    /// The text itself, for whoever computes hashes.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}
