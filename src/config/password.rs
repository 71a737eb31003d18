//! `passwords`: how they are hashed and how much of that is done at one time; and the hashes themselves.

use std::fmt;
use std::time::Duration;

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
