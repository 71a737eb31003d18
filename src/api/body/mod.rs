//! From a body's frames to its bytes, decompressed, and never more of them than allowed.
//!
//! Every byte passes `intake`: there it is held to the bounds of a push, paid for, and accounted in memory. What a body
//! becomes is made in pieces of [`PIECE_BYTES`], so that no body keeps a thread of the runtime from the others.

mod encoding;
mod framed;
mod frames;
mod gzip;
mod held;
mod intake;

#[cfg(test)]
mod tests;

use self::framed::Framed;
use self::intake::Intake;
use super::turns::Turns;
use crate::limits::InFlightBytes;
use crate::limits::Meter;
use crate::model::PushBounds;
use crate::rejection::Rejection;
use axum::body::Body;
use axum::body::Bytes;

pub(super) use self::encoding::Encoding;
pub(super) use self::frames::discard;

/// What is decompressed before it is counted, and before others have their turn: some hundred microseconds.
const PIECE_BYTES: usize = 64 << 10;

/// How long compressed bytes may be beyond what they hold, besides a 32nd of it: an encoder adds less to what it cannot
/// compress, headers included. Frames that hold nothing cost time all the same, so without a bound they would come for as
/// long as the deadline lets them.
const OVERHEAD_MAX: u64 = 64 << 10;

/// What reading a body takes besides the body.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) bounds: &'a PushBounds,
    pub(super) meter: &'a Meter,
    /// Opens an account of bytes in memory.
    pub(super) account: &'a (dyn Fn() -> InFlightBytes + Sync),
    pub(super) turns: &'a Turns,
}

/// A body that is there whole.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) bytes: Bytes,
    /// Its account in memory, for as long as it is worked on.
    _held: InFlightBytes,
}

/// Reads a body to its end, or to the first byte that is over a bound.
pub(super) async fn body_of(encoding: Encoding, body: Body, terms: Terms<'_>) -> Result<Taken, Rejection> {
    let intake = Intake::new(terms);
    // The decoders behind a box: within, each push would carry the room for all of them, tens of kilobytes that are moved
    // where its future is made: some 2,000 instructions of a push that compresses nothing.
    match encoding {
        Encoding::Identity => frames::plain(body, intake).await,
        Encoding::Gzip => Box::pin(gzip::gunzipped(body, intake, terms)).await,
        Encoding::Snappy => Box::pin(framed::unframed(body, intake, terms, Framed::snappy)).await,
        Encoding::Zstd => Box::pin(framed::unframed(body, intake, terms, Framed::zstd)).await,
    }
}

/// The longest that a compressed body of so many bytes may have been.
fn compressed_max(decompressed: u64) -> u64 {
    decompressed.saturating_add(decompressed / 32).saturating_add(OVERHEAD_MAX)
}
