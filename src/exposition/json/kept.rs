//! Histograms that are kept as protobuf: native ones with the bounds of their buckets, classic ones as they were pushed.

use super::PAGE_BYTES;
use super::text_of;
use super::write_float;
use super::write_json_labels;
use super::write_places;
use super::write_quoted;
use crate::exposition::float;
use crate::exposition::protobuf;
use crate::exposition::protobuf::Buckets;
use crate::exposition::protobuf::Count;
use crate::exposition::protobuf::KeptHistogram;
use crate::exposition::protobuf::NativeBucket;
use crate::exposition::shown::Shown;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Writes histograms from the front of `kept` until a page of it is read, and says how many bytes that are.
pub(super) fn write_page(out: &mut Vec<u8>, kept: &[u8], shown: &Shown<'_>, mut behind_others: bool) -> usize {
    let mut rest = kept;
    while kept.len() - rest.len() < PAGE_BYTES
        && let Some(histogram) = protobuf::next_histogram(&mut rest)
    {
        if std::mem::replace(&mut behind_others, true) {
            out.push(b',');
        }
        write_histogram(out, &histogram, shown);
    }
    kept.len() - rest.len()
}

fn write_histogram(out: &mut Vec<u8>, histogram: &KeptHistogram<'_>, shown: &Shown<'_>) {
    out.extend_from_slice(b"{\"buckets\":");
    match &histogram.buckets {
        Buckets::Native(buckets) => write_native(out, buckets),
        Buckets::Classic(buckets) => {
            let places = buckets.iter().map(|(bound, count)| (text_of(*bound, float::write), *count)).collect();
            write_places(out, &places, write_count);
        }
    }
    out.extend_from_slice(b",\"count\":");
    write_quoted(out, histogram.count, write_count);
    out.extend_from_slice(b",\"labels\":");
    let labels = labels(histogram, shown);
    write_json_labels(out, labels.iter().map(|(name, value)| (&**name, &**value)));
    out.extend_from_slice(b",\"sum\":");
    write_float(out, histogram.sum);
    out.push(b'}');
}

/// The labels of this view, in the order of their names.
fn labels<'a>(histogram: &KeptHistogram<'a>, shown: &Shown<'a>) -> BTreeMap<Cow<'a, str>, Cow<'a, str>> {
    let own = histogram.labels.iter().map(|(name, value)| {
        let value = match std::str::from_utf8(shown.value_prefix(name)) {
            Ok("") | Err(_) => Cow::Borrowed(*value),
            Ok(prefix) => Cow::Owned(format!("{prefix}{value}")),
        };
        (shown.label(name), value)
    });
    let tenant = shown.fleet.map(|fleet| (Cow::Borrowed(fleet.label()), Cow::Borrowed(fleet.tenant())));
    own.chain(tenant).collect()
}

/// Each bucket as which of its bounds are within it, the bounds, and its count.
fn write_native(out: &mut Vec<u8>, buckets: &[NativeBucket]) {
    out.push(b'[');
    for (nth, bucket) in buckets.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        out.extend_from_slice(match (bucket.includes_lower, bucket.includes_upper) {
            (false, true) => b"[0,",
            (true, false) => b"[1,",
            (false, false) => b"[2,",
            (true, true) => b"[3,",
        });
        write_float(out, bucket.lower);
        out.push(b',');
        write_float(out, bucket.upper);
        out.push(b',');
        write_quoted(out, bucket.count, write_count);
        out.push(b']');
    }
    out.push(b']');
}

fn write_count(out: &mut Vec<u8>, count: Count) {
    match count {
        Count::Integer(count) => out.extend_from_slice(count.to_string().as_bytes()),
        Count::Float(count) => float::write(out, count),
    }
}

#[cfg(test)]
mod tests;
