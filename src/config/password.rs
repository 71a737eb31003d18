//! `passwords`: how they are hashed and how much of that is done at one time; and the hashes themselves.

mod argon2id;
mod bcrypt;

pub use argon2id::Argon2id;
pub use bcrypt::Bcrypt;

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

/// A longer password is nobody's: with a user name of 255 bytes it is all that fits into the `Authorization` we read.
pub const PASSWORD_BYTES_MAX: usize = 512;

/// Longer than any hash within the bounds below: 22 bytes of name and version, 22 of parameters, 86 each of salt and hash.
const TEXT_BYTES_MAX: usize = 256;

/// A password's hash, of a form and cost that this gateway computes. It is told to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Box<str>,
    scheme: PasswordScheme,
}

/// How a hash is computed, and what is to come out.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordScheme {
    Argon2id(Argon2id),
    Bcrypt(Bcrypt),
}

/// Why a text is no hash that this gateway computes. Nothing of the text is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PasswordHashError(pub &'static str);

impl PasswordHash {
    /// From `$argon2id$…` (PHC, version 19) or `$2a$…`, `$2b$…`, `$2y$…` (bcrypt, as htpasswd and web-config files have it).
    ///
    /// What costs more than 256 MiB, 16 passes or 8 lanes (argon2id) or more than cost 16 (bcrypt) is refused: each is
    /// seconds for one try. What costs less than it should [is weak](Self::is_weak) and accepted: it comes from elsewhere,
    /// and whoever brings it cannot hash it again.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(PasswordHashError("it is longer than any argon2id or bcrypt hash"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(PasswordHashError("a hash is printable ASCII without spaces"));
        }
        let name = text.strip_prefix('$').and_then(|rest| rest.split('$').next()).unwrap_or_default();
        let scheme = match name {
            "argon2id" => PasswordScheme::Argon2id(Argon2id::parse(text)?),
            "2a" | "2b" | "2y" => PasswordScheme::Bcrypt(Bcrypt::parse(text)?),
            "argon2i" | "argon2d" => return Err(PasswordHashError("argon2i and argon2d are not taken, argon2id is")),
            "apr1" | "1" | "5" | "6" => {
                return Err(PasswordHashError("MD5 and SHA crypt are not taken, argon2id and bcrypt are"));
            }
            _ => return Err(PasswordHashError("it is neither argon2id nor bcrypt")),
        };
        Ok(Self { text: text.into(), scheme })
    }

    /// Whether a guess costs less than OWASP's least: argon2id of 46 MiB and 1 pass, 19 and 2, 12 and 3, 9 and 4, 7 and 5,
    /// or bcrypt of cost 10.
    pub fn is_weak(&self) -> bool {
        match &self.scheme {
            PasswordScheme::Argon2id(argon2id) => argon2id.is_weak(),
            PasswordScheme::Bcrypt(bcrypt) => bcrypt.is_weak(),
        }
    }

    /// The text itself: who has the same one has the same salt and the same password.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn scheme(&self) -> &PasswordScheme {
        &self.scheme
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

impl fmt::Debug for PasswordScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2id(_) => f.write_str("Argon2id(..)"),
            Self::Bcrypt(_) => f.write_str("Bcrypt(..)"),
        }
    }
}

#[cfg(test)]
mod tests;
