//! Computing a hash: the one expensive thing that somebody without a proof can ask for.

use crate::config::Argon2id;
use crate::config::Bcrypt;
use crate::config::PasswordHash;
use crate::config::PasswordScheme;
use crate::config::Passwords;
use argon2::Algorithm;
use argon2::Argon2;
use argon2::Block;
use argon2::Params;
use argon2::Version;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use subtle::ConstantTimeEq;

/// Tells whether a password is a hash's. A trait, so that a test can count the calls.
pub(super) trait Verify: fmt::Debug + Send + Sync {
    /// Blocks for as long as the hash costs, whatever the password is. `memory` is used, and grown where it is too small.
    fn verify(&self, password: &[u8], hash: &PasswordHash, memory: &mut Vec<Block>) -> bool;
}

/// The real thing.
#[derive(Debug)]
pub(super) struct Compute;

impl Verify for Compute {
    fn verify(&self, password: &[u8], hash: &PasswordHash, memory: &mut Vec<Block>) -> bool {
        // Both crates are fed what was checked when the configuration was read; bcrypt did panic once (RUSTSEC-2026-0199).
        let computed = catch_unwind(AssertUnwindSafe(|| match hash.scheme() {
            PasswordScheme::Argon2id(argon2id) => is_argon2id(password, argon2id, memory),
            PasswordScheme::Bcrypt(_) => is_bcrypt(password, hash.as_str()),
        }));
        computed.ok().flatten().unwrap_or_else(|| {
            tracing::error!("a password's hash could not be computed: it counts as wrong");
            false
        })
    }
}

fn is_argon2id(password: &[u8], expected: &Argon2id, memory: &mut Vec<Block>) -> Option<bool> {
    let Argon2id { memory_kib, iterations, parallelism, salt, hash } = expected;
    let params = Params::new(*memory_kib, *iterations, *parallelism, Some(hash.len())).ok()?;
    let blocks = params.block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::new());
    }
    let mut computed = vec![0; hash.len()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, &mut computed, memory)
        .ok()?;
    Some(computed.ct_eq(hash).into())
}

/// bcrypt reads 72 bytes and, in C, up to a NUL. What it would not read to its end is computed all the same, so that it
/// costs as much as any other, and is wrong.
fn is_bcrypt(password: &[u8], expected: &str) -> Option<bool> {
    let is_read_whole = password.len() <= Bcrypt::PASSWORD_BYTES_MAX && !password.contains(&0);
    let is_right = bcrypt::verify(password, expected).ok()?;
    Some(is_right & is_read_whole)
}

/// What a hash costs, without what it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Argon2id { memory_kib: u32, iterations: u32, parallelism: u32 },
    Bcrypt { cost: u32 },
}

impl Kind {
    pub(super) fn of(hash: &PasswordHash) -> Self {
        match hash.scheme() {
            PasswordScheme::Argon2id(Argon2id { memory_kib, iterations, parallelism, .. }) => {
                Self::Argon2id { memory_kib: *memory_kib, iterations: *iterations, parallelism: *parallelism }
            }
            PasswordScheme::Bcrypt(bcrypt) => Self::Bcrypt { cost: bcrypt.cost },
        }
    }

    /// What a new hash costs.
    pub(super) fn configured(passwords: &Passwords) -> Self {
        let Passwords { memory, iterations, parallelism, .. } = *passwords;
        let memory_kib = u32::try_from(memory >> 10).unwrap_or(u32::MAX);
        Self::Argon2id { memory_kib, iterations, parallelism }
    }

    /// A hash that costs as much and is no password's that anybody knows. `None`: such a hash is not computed here.
    pub(super) fn dummy(self) -> Option<PasswordHash> {
        // Of neither does anybody know a password, and whoever finds one is still told no.
        let text = match self {
            Self::Argon2id { memory_kib, iterations, parallelism } => {
                let (salt, hash) = (STANDARD_NO_PAD.encode([0x5a; 16]), STANDARD_NO_PAD.encode([0xa5; 32]));
                format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${hash}")
            }
            Self::Bcrypt { cost } => format!("$2b${cost:02}${}.{}", "e".repeat(21), "u".repeat(31)),
        };
        PasswordHash::parse(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Compute;
    use super::Kind;
    use super::Verify;
    use crate::config::PasswordHash;
    use crate::config::Passwords;

    fn is_right(password: &str, hash: &str) -> bool {
        let hash = PasswordHash::parse(hash).unwrap();
        Compute.verify(password.as_bytes(), &hash, &mut Vec::new())
    }

    #[test]
    fn hashes_of_other_programs_are_computed() {
        // Of the reference implementation's own test vectors.
        let argon2id = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(is_right("password", argon2id));
        assert!(!is_right("Password", argon2id) && !is_right("", argon2id));
        let lanes = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
        assert!(is_right("password", lanes));
        for name in ["2a", "2b", "2y"] {
            let bcrypt = format!("${name}$04$UuTkLRZZ6QofpDOlMz32MuuxEHA43WOemOYHPz6.SjsVsyO1tDU96");
            assert!(is_right("password", &bcrypt) && !is_right("passwore", &bcrypt));
        }
    }

    #[test]
    fn a_password_that_bcrypt_does_not_read_to_its_end_is_wrong() {
        let full = "x".repeat(72);
        let hash = bcrypt::hash(&full, 4).unwrap();
        assert!(is_right(&full, &hash));
        assert!(!is_right(&format!("{full}y"), &hash));
        let hash = bcrypt::hash("abc", 4).unwrap();
        assert!(is_right("abc", &hash));
        assert!(!is_right("abc\0", &hash) && !is_right("abc\0abc", &hash));
    }

    #[test]
    fn memory_that_is_too_large_or_full_of_another_hash_changes_nothing() {
        let small = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let small = PasswordHash::parse(small).unwrap();
        let large = Kind::Argon2id { memory_kib: 1024, iterations: 1, parallelism: 1 }.dummy().unwrap();
        let mut memory = Vec::new();
        for _ in 0..2 {
            assert!(!Compute.verify(b"password", &large, &mut memory));
            assert!(Compute.verify(b"password", &small, &mut memory));
        }
        assert_eq!(memory.len(), 1024);
    }

    #[test]
    fn a_dummy_costs_as_much_as_what_it_stands_for() {
        let configured = Kind::configured(&Passwords::default());
        assert_eq!(configured, Kind::Argon2id { memory_kib: 19_456, iterations: 2, parallelism: 1 });
        for kind in [configured, Kind::Bcrypt { cost: 4 }, Kind::Bcrypt { cost: 12 }] {
            assert_eq!(Kind::of(&kind.dummy().unwrap()), kind);
        }
    }
}
