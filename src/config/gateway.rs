//! `gateway`: what all tenants together may take.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;

pub(super) const GATEWAY: Keys =
    Keys { known: &["stored_bytes_max", "bodies_in_flight_bytes_max", "scrapes_in_flight_max"], later: &[] };

/// Beyond this somebody wrote the wrong unit.
const BYTES_MAX: u64 = 1 << 50;
/// Each may hold a copy of what it reads: more than this no machine has memory for.
const SCRAPES_MAX: u64 = 10_000;

/// The ceilings over all tenants. They are the machine's, as a tenant's limits are the tenant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayLimits {
    /// What the store accounts for all tenants: text, index, keys.
    pub stored_bytes_max: u64,
    /// Bytes of bodies that have come and are not yet stored or refused.
    pub bodies_in_flight_bytes_max: u64,
    /// Scrapes whose answers are not yet taken.
    pub scrapes_in_flight_max: u32,
}

impl Default for GatewayLimits {
    /// A machine of 16 GiB.
    fn default() -> Self {
        Self { stored_bytes_max: 4 << 30, bodies_in_flight_bytes_max: 512 << 20, scrapes_in_flight_max: 16 }
    }
}

impl GatewayLimits {
    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let default = Self::default();
        let Some(section) = field.section(&GATEWAY, faults) else {
            return default;
        };
        let mut size = |key, default| section.size(key, 1..=BYTES_MAX, faults).unwrap_or(default);
        let stored_bytes_max = size("stored_bytes_max", default.stored_bytes_max);
        let bodies_in_flight_bytes_max = size("bodies_in_flight_bytes_max", default.bodies_in_flight_bytes_max);
        let scrapes = section.whole("scrapes_in_flight_max", 1..=SCRAPES_MAX, faults);
        let scrapes = scrapes.and_then(|number| u32::try_from(number).ok());
        Self {
            stored_bytes_max,
            bodies_in_flight_bytes_max,
            scrapes_in_flight_max: scrapes.unwrap_or(default.scrapes_in_flight_max),
        }
    }
}
