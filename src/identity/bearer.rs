//! `Authorization: Bearer …`: an API token, or a JWT.

use super::scheme::Outcome;
use super::scheme::Secret;
use super::scheme::credentials_of;
use crate::model::PlainToken;

/// No issuer of ours writes longer tokens; a longer one is not looked into.
const JWT_MAX: usize = 8 << 10;

pub(super) fn try_bearer(header: &str) -> Outcome {
    let Some(text) = credentials_of(header, "Bearer") else {
        return Outcome::NotRequested;
    };
    match PlainToken::parse(text) {
        Ok(token) => Outcome::Token(token),
        Err(_) if text.len() <= JWT_MAX && text.matches('.').count() == 2 => Outcome::Jwt(Secret::new(text)),
        Err(_) => Outcome::Failed,
    }
}
