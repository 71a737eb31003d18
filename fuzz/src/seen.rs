//! What a target saw in an input.

use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

/// What an input was read as, in a few numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether it was taken, or refused.
    pub taken: bool,
    /// The same for inputs that went the same way: stable Rust counts no branches, so this is what tells the driver that an
    /// input is worth keeping.
    pub shape: u64,
    /// The same only for inputs that were read as the same.
    pub digest: u64,
}

impl Seen {
    /// Something that was read; `shape` is what of it is of interest.
    pub fn taken(shape: impl Hash, read: impl Hash) -> Self {
        Self { taken: true, shape: hash_of((true, shape)), digest: hash_of(read) }
    }

    /// Refused, with these words. What they quote or count is not of interest.
    pub fn refused(why: &str) -> Self {
        let words = why.split(['"', '`', '\n']).next().unwrap_or_default();
        let words: String = words.chars().filter(|char| !char.is_ascii_digit()).take(32).collect();
        Self { taken: false, shape: hash_of((false, words)), digest: hash_of(why) }
    }
}

/// Without a random key, so that it is the same in every process.
pub(crate) fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A count as a power of two: what of it is of interest.
pub(crate) fn magnitude(count: usize) -> u32 {
    usize::BITS - count.leading_zeros()
}
