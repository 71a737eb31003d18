//! Stage 3: not now? Takes a [`Principal`](crate::identity::Principal), hands on a [`Permit`].
//!
//! Time is spent here: requests, bytes and samples by rate, and places for what is under way. Whoever is over either waits
//! in line before he is refused, since clients of this protocol do not come again. Space is the store's.

mod bodies;
mod bucket;
mod buckets;
mod ceilings;
mod flow;
mod layer;
mod line;
mod meter;
mod permit;
mod places;
mod usage;

pub use bodies::InFlightBytes;
pub use buckets::Buckets;
pub use ceilings::Ceilings;
pub use ceilings::ScrapePlace;
pub use ceilings::Scraper;
pub use layer::Pace;
pub use meter::Admitted;
pub use meter::Meter;
pub use permit::Permit;
pub use places::Place;
pub use usage::PaceUsage;
pub use usage::PlacesUsage;
pub use usage::RateUsage;

use std::fmt;
use std::time::Duration;

/// Why a request must come again later, or smaller. The store was not touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// Over a rate, also after waiting in line. `limit` and `burst` are in the rate's own units; `retry_after` is when it
    /// would be let in, other requests aside.
    #[error("over the rate: {} is {limit}, with a burst of {burst}", .of.key())]
    Rate { of: RateKind, limit: u64, burst: u64, retry_after: Duration },
    /// It alone costs more than may ever come at once, so no waiting helps.
    #[error("the request is too large: {} is {burst}, and it costs {cost}", .of.burst_key())]
    OverBurst { of: RateKind, burst: u64, cost: u64 },
    /// All places are taken. When one comes free depends on the clients that hold them.
    #[error("too many requests under way: in_flight_max is {limit}, under way are {limit}")]
    InFlight { limit: u32 },
    #[error("too many scrapes under way: scrapes_in_flight_max is {limit}, under way are {limit}")]
    ScrapesInFlight { limit: u32 },
    /// What all tenants together may take is taken.
    #[error("the gateway is full: gateway.{ceiling} is {limit}")]
    GatewayFull { ceiling: Ceiling, limit: u64 },
}

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateKind {
    Requests,
    /// Of decompressed bodies.
    Bytes,
    Samples,
}

impl RateKind {
    /// The configuration's key of the rate.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Requests => "requests_per_second",
            Self::Bytes => "bytes_per_second",
            Self::Samples => "samples_per_second",
        }
    }

    /// The configuration's key of the burst.
    pub const fn burst_key(self) -> &'static str {
        match self {
            Self::Requests => "requests_burst",
            Self::Bytes => "bytes_burst",
            Self::Samples => "samples_burst",
        }
    }
}

/// What all tenants share that this stage gives out. The store has one of its own, of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ceiling {
    Bodies,
    Scrapes,
}

impl Ceiling {
    /// The configuration's key below `gateway`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Bodies => "bodies_in_flight_bytes_max",
            Self::Scrapes => "scrapes_in_flight_max",
        }
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

#[cfg(test)]
mod tests;
