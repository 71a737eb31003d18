//! Stage 3: not now? Takes a [`Principal`](crate::identity::Principal), hands on a [`Permit`].
//!
//! Time is spent here: requests by rate, and places for requests under way. Space is the store's, bytes are the api's.

mod bucket;
mod layer;
mod permit;

pub use bucket::Buckets;
pub use layer::admit;
pub use permit::Permit;

use std::time::Duration;

/// Why a request must come again later. Nothing of it was read but its head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// `limit` is in requests a second; `retry_after` is when one more would be let in, other requests aside.
    #[error("over the rate: requests_per_second is {limit}, with a burst of {burst}")]
    Rate { limit: u32, burst: u32, retry_after: Duration },
    /// All places are taken. When one comes free depends on the clients that hold them.
    #[error("too many requests under way: in_flight_max is {limit}, under way are {limit}")]
    InFlight { limit: u32 },
}
