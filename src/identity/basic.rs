//! `Authorization: Basic …`: a user with a password, or an API token as the password of any user name, which is what every
//! client library can send.

use super::scheme::Outcome;
use super::scheme::Secret;
use super::scheme::credentials_of;
use crate::model::PlainToken;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A base64 text longer than this is no Basic credential of ours: a user name of 256 bytes and a password of 500.
const ENCODED_MAX: usize = 1024;

pub(super) fn try_basic(header: &str) -> Outcome {
    let Some(encoded) = credentials_of(header, "Basic") else {
        return Outcome::NotRequested;
    };
    if encoded.len() > ENCODED_MAX {
        return Outcome::Failed;
    }
    let Ok(decoded) = STANDARD.decode(encoded).map(Zeroizing::new) else {
        return Outcome::Failed;
    };
    let Some((user, password)) = std::str::from_utf8(&decoded).ok().and_then(|text| text.split_once(':')) else {
        return Outcome::Failed;
    };
    // What has a token's shape is only ever tried as a token: a mistyped one costs no password's hash.
    match PlainToken::parse(password) {
        Ok(token) => Outcome::Token(token),
        Err(_) if PlainToken::is_shaped(password) => Outcome::Failed,
        Err(_) => Outcome::Password { user: user.to_owned(), password: Secret::new(password) },
    }
}
