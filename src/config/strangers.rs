//! `strangers`: how much expensive work is done for those who prove nothing.

use std::num::NonZeroU32;

/// Failed passwords that are let in from one address (IPv6: one /64), and for one user from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strangers {
    pub failures_per_minute: NonZeroU32,
    pub failures_burst: NonZeroU32,
}

impl Default for Strangers {
    /// Twenty typing errors are a person's, and at a third of a guess a second a password of any worth outlives us.
    fn default() -> Self {
        let twenty = NonZeroU32::MIN.saturating_add(19);
        Self { failures_per_minute: twenty, failures_burst: twenty }
    }
}
