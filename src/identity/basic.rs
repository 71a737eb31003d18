//! `Authorization: Basic …` with an API token as the password and any user name: what every client library can send.

use super::scheme::Outcome;
use super::scheme::credentials_of;
use crate::model::PlainToken;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A base64 text longer than this is no Basic credential of ours: a user name of 256 bytes and a token fit well.
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
    let Ok(text) = std::str::from_utf8(&decoded) else {
        return Outcome::Failed;
    };
    match text.split_once(':').map(|(_user, password)| PlainToken::parse(password)) {
        Some(Ok(token)) => Outcome::Token(token),
        _ => Outcome::Failed,
    }
}
