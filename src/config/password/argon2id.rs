//! `$argon2id$v=19$m=…,t=…,p=…$salt$hash`: the PHC string format, as every library writes it.

use super::PasswordHashError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::ops::RangeInclusive;

/// KiB. RFC 9106 asks for 8 a lane; 256 MiB is chosen, some half a second of one core a pass.
const MEMORY_KIB_MAX: u32 = 256 << 10;
/// Passes. Chosen: more of them than memory is worth nothing against hardware that guesses.
const ITERATIONS: RangeInclusive<u32> = 1..=16;
/// Lanes. Chosen: they are computed one behind the other here.
const PARALLELISM: RangeInclusive<u32> = 1..=8;
/// Bytes. The least is RFC 9106's, the most what the PHC format allows.
const SALT: RangeInclusive<usize> = 8..=64;
/// Bytes. Chosen: 128 bits are not hit by chance, and nobody writes more than 512.
const HASH: RangeInclusive<usize> = 16..=64;

/// What argon2id (version 19) is computed with, and what is to come out.
#[derive(Clone, PartialEq, Eq)]
pub struct Argon2id {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
    pub salt: Box<[u8]>,
    pub hash: Box<[u8]>,
}

impl Argon2id {
    pub(super) fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let shape = PasswordHashError("argon2id is $argon2id$v=19$m=…,t=…,p=…$salt$hash");
        let mut fields = text.split('$').skip(2);
        let mut field = || fields.next().ok_or_else(|| shape.clone());
        if field()? != "v=19" {
            return Err(PasswordHashError("argon2id of another version than v=19 is not taken"));
        }
        let mut numbers = field()?.split(',');
        let mut number = |key| numbers.next().and_then(|number| number_of(number, key)).ok_or_else(|| shape.clone());
        let (memory_kib, iterations, parallelism) = (number("m=")?, number("t=")?, number("p=")?);
        let salt = bytes(field()?)?;
        let hash = bytes(field()?)?;
        if numbers.next().is_some() || fields.next().is_some() {
            return Err(shape);
        }
        let within = |is_within, fault| if is_within { Ok(()) } else { Err(PasswordHashError(fault)) };
        within(PARALLELISM.contains(&parallelism), "argon2id of less than 1 or more than 8 lanes (p) is not taken")?;
        within(ITERATIONS.contains(&iterations), "argon2id of less than 1 or more than 16 passes (t) is not taken")?;
        within(memory_kib >= 8 * parallelism, "argon2id needs 8 KiB of memory (m) for each lane")?;
        within(memory_kib <= MEMORY_KIB_MAX, "argon2id of more than 256 MiB of memory (m=262144) is not taken")?;
        within(SALT.contains(&salt.len()), "argon2id's salt is 8 to 64 bytes")?;
        within(HASH.contains(&hash.len()), "argon2id's hash is 16 to 64 bytes")?;
        within(hash.iter().any(|byte| *byte != 0), "a hash of nothing but zeros is a placeholder")?;
        Ok(Self { memory_kib, iterations, parallelism, salt, hash })
    }

    pub(super) fn is_weak(&self) -> bool {
        let owasp = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
        !owasp.iter().any(|(memory, passes)| self.memory_kib >= *memory && self.iterations >= *passes)
    }
}

/// A decimal number behind its key, without a sign or zeros in front.
fn number_of(text: &str, key: &str) -> Option<u32> {
    let digits = text.strip_prefix(key)?;
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    canonical.then(|| digits.parse().ok()).flatten()
}

fn bytes(base64: &str) -> Result<Box<[u8]>, PasswordHashError> {
    let decoded = STANDARD_NO_PAD.decode(base64);
    decoded.map(Vec::into_boxed_slice).map_err(|_| PasswordHashError("argon2id's salt and hash are base64 without ="))
}
