//! What one authentication scheme says of a request.

use crate::model::PlainToken;
use std::fmt;
use zeroize::Zeroizing;

/// The answer of a scheme.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The request does not use this scheme: the next one is asked.
    NotRequested,
    /// It uses this scheme and is wrong: nothing else is tried.
    Failed,
    /// It carries an API token of the right shape, not yet looked up.
    Token(PlainToken),
    /// A user name and a password, not yet looked up.
    Password { user: String, password: Secret },
    /// What may be a JWT: nothing of it was looked at but that it is three parts.
    Jwt(Secret),
}

/// A text that is told to nobody, and wiped from memory behind its last use.
pub(super) struct Secret(Zeroizing<String>);

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Splits an `Authorization` value at its scheme, which is compared without case (RFC 9110, 11.1).
pub(super) fn credentials_of<'a>(header: &'a str, scheme: &str) -> Option<&'a str> {
    let (name, credentials) = header.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| credentials.trim_matches(' '))
}
