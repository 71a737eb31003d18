//! Casts, for the fuzz targets.

use super::Original;
use super::make::places_of_values;
use super::make::renumbered;
use crate::exposition::PushFormat;
use crate::exposition::PushedFamilies;
use crate::exposition::prepare;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::SeriesHasher;
use std::sync::Arc;

/// What a body becomes in two ways.
pub struct TwoWays {
    pub cast: Result<Vec<PreparedFamily>, String>,
    /// None: it is not even read.
    pub decoded: Option<Result<Vec<PreparedFamily>, String>>,
}

/// A push that was accepted into `key`, with other numbers into `other`, which `numbers` writes: where that is a cast, what it
/// becomes so and as ever, both in the order of names.
pub fn cast_again(
    (format, body): (PushFormat, &[u8]),
    (key, other): (&GroupingKey, &GroupingKey),
    numbers: impl Fn(&mut Vec<u8>, u32),
    read: impl for<'b> Fn(&'b [u8]) -> Option<PushedFamilies<'b>>,
    bytes_max: u64,
) -> Option<TwoWays> {
    let hasher = SeriesHasher::with_key([1; 16]);
    let original = Original { format, body, key, hasher: &hasher, namespace_label: "tenant", line_bytes_max: u64::MAX };
    let mould = Arc::new(original.mould(&read)?);
    let next = renumbered(body, &places_of_values(format, body), numbers);
    let cast = mould.cast(format, &next, other)?.prepare(other, bytes_max).map_err(|unfit| unfit.to_string());
    let prepared = |pushed| prepare(pushed, other, &hasher, "tenant", bytes_max).map_err(|unfit| unfit.to_string());
    let in_order = |mut families: Vec<PreparedFamily>| {
        families.sort_by(|one, other| one.escaped_name().cmp(other.escaped_name()));
        families
    };
    Some(TwoWays { cast, decoded: read(&next).map(|pushed| prepared(pushed).map(in_order)) })
}
