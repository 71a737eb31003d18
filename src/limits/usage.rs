//! What a party has taken of its pace, to be shown.

use std::time::Duration;

/// One rate, in its own units: requests, bytes or samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateUsage {
    /// For each second.
    pub limit: u64,
    pub burst: u64,
    /// What may come at once now; of bytes rounded down to whole KiB.
    pub left: u64,
    /// When all of the burst is there again, if nothing comes.
    pub full_in: Duration,
}

/// A party's pace and what of it is taken now. `None`: it has no such limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceUsage {
    pub requests: Option<RateUsage>,
    /// Of decompressed bodies.
    pub bytes: Option<RateUsage>,
    pub samples: Option<RateUsage>,
    pub in_flight: PlacesUsage,
    /// Scrapes are requests too and count among those in flight.
    pub scrapes_in_flight: PlacesUsage,
    /// Requests that wait for a rate or a place.
    pub waiting: PlacesUsage,
}

/// How many there are now, and may be; `u32::MAX` where nothing limits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacesUsage {
    pub now: u32,
    pub max: u32,
}
