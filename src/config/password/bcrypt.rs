//! `$2b$10$…`: bcrypt, as htpasswd, exporter-toolkit's web-config files and most older systems have it.

use super::PasswordHashError;
use std::ops::RangeInclusive;

/// Powers of two. The least is bcrypt's own; 16 is chosen, more than five seconds of one core.
const COST: RangeInclusive<u32> = 4..=16;
/// OWASP's least.
const COST_OF_OWASP: u32 = 10;
/// `$2b$10$`, and 22 characters of salt.
const HASH_AT: usize = 29;
/// bcrypt's base64 of 23 zero bytes.
const HASH_OF_ZEROS: &str = "...............................";

/// What bcrypt is computed with. The text itself has salt and hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Bcrypt {
    pub cost: u32,
}

impl Bcrypt {
    /// bcrypt reads no further than this, so a longer password is none.
    pub const PASSWORD_BYTES_MAX: usize = 72;

    /// `text` is ASCII and begins with `$2a$`, `$2b$` or `$2y$`. The three are one algorithm; the crate wants ASCII
    /// (RUSTSEC-2026-0199), 60 characters, and no spare bits set.
    pub(super) fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let shape = PasswordHashError("bcrypt is $2b$, two digits, $, 22 characters of salt and 31 of hash");
        let cost = text.get(4..6).ok_or_else(|| shape.clone())?;
        let parts: bcrypt::HashParts = text.parse().map_err(|_| shape.clone())?;
        if !cost.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(shape);
        }
        if !COST.contains(&parts.get_cost()) {
            return Err(PasswordHashError("bcrypt of a cost below 4 or above 16 is not taken"));
        }
        if text.get(HASH_AT..) == Some(HASH_OF_ZEROS) {
            return Err(PasswordHashError("a hash of nothing but zeros is a placeholder"));
        }
        Ok(Self { cost: parts.get_cost() })
    }

    pub(super) fn is_weak(&self) -> bool {
        self.cost < COST_OF_OWASP
    }
}
