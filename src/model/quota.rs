//! How much a tenant may keep.

use std::fmt;

/// The space one tenant may take in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Groups.
    pub groups_max: u64,
    /// Pushed series: lines of a scrape, so that a histogram counts once for each bucket, its sum and its count. The
    /// gateway's own two gauges of each group are not counted.
    pub series_max: u64,
    /// Bytes of memory as the store accounts for them: lines, help, identities, keys, and a fixed sum for each entry.
    pub stored_bytes_max: u64,
}

/// Which of the three is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotaKind {
    Groups,
    Series,
    StoredBytes,
}

impl QuotaKind {
    /// The configuration's key.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Groups => "groups_max",
            Self::Series => "series_max",
            Self::StoredBytes => "stored_bytes_max",
        }
    }
}

impl fmt::Display for QuotaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}
