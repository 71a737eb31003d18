//! `limits`: how much a tenant may use. The same names serve as defaults and in each tenant.

use crate::model::Quota;
use std::num::NonZeroU32;

/// A tenant's limits: the defaults with the tenant's own in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The rate at which requests are let in for ever.
    pub requests_per_second: NonZeroU32,
    /// How many may come at once after a rest.
    pub requests_burst: NonZeroU32,
    /// Requests under way at one time.
    pub in_flight_max: u32,
    /// A pushed body, decompressed.
    pub body_bytes_max: u64,
    /// What the store keeps.
    pub quota: Quota,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: NonZeroU32::MIN.saturating_add(99),
            requests_burst: NonZeroU32::MIN.saturating_add(599),
            in_flight_max: 64,
            body_bytes_max: 10 << 20,
            quota: Quota {
                groups_max: 10_000,
                series_max: 500_000,
                stored_bytes_max: 256 << 20,
            },
        }
    }
}

/// An operator's limits: it pushes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorLimits {
    pub requests_per_second: NonZeroU32,
    pub requests_burst: NonZeroU32,
    pub in_flight_max: u32,
}

impl Default for OperatorLimits {
    fn default() -> Self {
        let Limits {
            requests_per_second,
            requests_burst,
            in_flight_max,
            ..
        } = Limits::default();
        Self {
            requests_per_second,
            requests_burst,
            in_flight_max,
        }
    }
}
