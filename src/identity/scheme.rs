//! What one authentication scheme says of a request.

use crate::model::PlainToken;

/// The answer of a scheme.
#[derive(Debug)]
pub enum Outcome {
    /// The request does not use this scheme: the next one is asked.
    NotRequested,
    /// It uses this scheme and is wrong: nothing else is tried.
    Failed,
    /// It carries an API token of the right shape, not yet looked up.
    Token(PlainToken),
}

/// Splits an `Authorization` value at its scheme, which is compared without case (RFC 9110, 11.1).
pub(super) fn credentials_of<'a>(header: &'a str, scheme: &str) -> Option<&'a str> {
    let (name, credentials) = header.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| credentials.trim_matches(' '))
}
