//! Where the numbers of a body stand.

use super::decode::value_field;
use super::error::DecodeError;
use super::head::kind_of;
use super::keep::METRIC;
use super::wire::Fields;
use super::wire::Value;
use super::wire::take;
use super::wire::varint;
use crate::exposition::pushed::index;
use crate::model::MetricKind;

/// The values of gauges, counters and untyped metrics in a body that was read, each of eight bytes: from where to where they
/// stand. What histograms and summaries count has as many bytes as it needs, and is left where it is.
pub(in crate::exposition) fn places_of_values(body: &[u8]) -> Vec<(u32, u32)> {
    let mut places = Vec::new();
    // Of a body that was read there is no fault to be found.
    let _ = collect(body, &mut places);
    places
}

fn collect(body: &[u8], places: &mut Vec<(u32, u32)>) -> Result<(), DecodeError> {
    let mut rest = body;
    while !rest.is_empty() {
        let length = varint(&mut rest)?;
        let message = take(&mut rest, length)?;
        let mut kind = MetricKind::Counter;
        each(message, |number, value| match number {
            3 => value.varint().and_then(kind_of).map(|read| kind = read),
            _ => Ok(()),
        })?;
        if !matches!(kind, MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped) {
            continue;
        }
        each(message, |number, value| match number {
            METRIC => each(value.bytes()?, |number, value| match number {
                number if number == value_field(kind) => doubles(body, value.bytes()?, places),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })?;
    }
    Ok(())
}

/// The field 1 of a message of one value.
fn doubles(body: &[u8], message: &[u8], places: &mut Vec<(u32, u32)>) -> Result<(), DecodeError> {
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        if let (1, Value::Fixed64(_)) = (field.number, field.value) {
            // Key and value; the key may be longer than it need be, the value is last.
            let end = field.raw.as_ptr_range().end.addr().saturating_sub(body.as_ptr().addr());
            places.push((index(end.saturating_sub(8)), index(end)));
        }
    }
    Ok(())
}

fn each<'a>(
    message: &'a [u8],
    mut take: impl FnMut(u32, Value<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        take(field.number, field.value)?;
    }
    Ok(())
}
