//! `strangers`: how much expensive work is done for those who prove nothing.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::limits::rate;
use std::num::NonZeroU32;

pub(super) const STRANGERS: Keys = Keys { known: &["failures_per_minute", "failures_burst"], later: &[] };

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

impl Strangers {
    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let default = Self::default();
        let Some(section) = field.section(&STRANGERS, faults) else {
            return default;
        };
        let mut number = |key, default| rate(&section, key, faults).unwrap_or(default);
        Self {
            failures_per_minute: number("failures_per_minute", default.failures_per_minute),
            failures_burst: number("failures_burst", default.failures_burst),
        }
    }
}
