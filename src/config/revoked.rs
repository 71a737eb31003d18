//! `revoked`: what is refused at once, before any rule.

use super::jwts::Claims;
use crate::model::Pattern;
use crate::model::TokenId;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    Token(TokenId),
    /// The certificate of this CA with this serial number: its bytes, without zeros in front.
    Serial {
        ca: String,
        serial: Vec<u8>,
    },
    /// Every certificate of this CA with a name of type URI that fits.
    Uri {
        ca: String,
        uri: Pattern,
    },
    /// Every JWT of this issuer with all of these claims.
    Claims {
        issuer: String,
        claims: Claims,
    },
}
