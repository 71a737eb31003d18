//! `Authorization: Bearer pward_…`.

use super::scheme::Outcome;
use super::scheme::credentials_of;
use crate::model::PlainToken;

pub(super) fn try_bearer(header: &str) -> Outcome {
    match credentials_of(header, "Bearer") {
        None => Outcome::NotRequested,
        Some(text) => PlainToken::parse(text).map_or(Outcome::Failed, Outcome::Token),
    }
}
