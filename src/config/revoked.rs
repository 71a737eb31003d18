//! `revoked`: what is refused at once, before any rule.

use super::jwts::Claims;
use crate::model::TokenId;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    Token(TokenId),
    /// Every JWT of this issuer with all of these claims.
    Claims {
        issuer: String,
        claims: Claims,
    },
}
