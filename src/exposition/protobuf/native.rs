//! A histogram that is kept as protobuf, read to be shown bucket by bucket.

use super::bounds::bound;
use super::decode::value_field;
use super::error::DecodeError;
use super::keep::LABEL;
use super::scrape::name_and_value;
use super::wire::Field;
use super::wire::Fields;
use super::wire::unzigzag;
use crate::model::MetricKind;

/// A histogram of more native buckets has its classic ones shown. A bucket is a byte as it is pushed and some fifty as it
/// is shown, and all of a metric are made at one time. Clients keep to some hundreds.
const SHOWN_MAX: u64 = 1 << 14;

/// A histogram with its labels as they are kept.
#[derive(Debug)]
pub(in crate::exposition) struct KeptHistogram<'k> {
    pub(in crate::exposition) labels: Vec<(&'k str, &'k str)>,
    pub(in crate::exposition) count: Count,
    pub(in crate::exposition) sum: f64,
    pub(in crate::exposition) buckets: Buckets,
}

#[derive(Debug)]
pub(in crate::exposition) enum Buckets {
    /// Upper bounds, and how many are not above.
    Classic(Vec<(f64, Count)>),
    /// From the lowest to the highest, the empty ones left out.
    Native(Vec<NativeBucket>),
}

/// How many were observed. Some count in fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::exposition) enum Count {
    Integer(u64),
    Float(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::exposition) struct NativeBucket {
    pub(in crate::exposition) lower: f64,
    pub(in crate::exposition) upper: f64,
    pub(in crate::exposition) includes_lower: bool,
    pub(in crate::exposition) includes_upper: bool,
    pub(in crate::exposition) count: Count,
}

/// Takes a histogram off the front of metrics that are kept.
pub(in crate::exposition) fn next_histogram<'k>(rest: &mut &'k [u8]) -> Option<KeptHistogram<'k>> {
    // We wrote them, so they are as they should be to their end.
    let metric = Fields::of(rest).next().ok().flatten()?;
    *rest = rest.get(metric.raw.len()..).unwrap_or_default();
    histogram(metric.value.bytes().ok()?).ok()
}

fn histogram(metric: &[u8]) -> Result<KeptHistogram<'_>, DecodeError> {
    let mut labels = Vec::new();
    let mut fields = Fields::of(metric);
    while let Some(field) = fields.next()? {
        if field.number == LABEL {
            let (name, value) = name_and_value(field.value.bytes()?);
            labels.push((name, std::str::from_utf8(value).unwrap_or_default()));
        }
    }
    let mut head = Head::default();
    each_part(metric, |part| head.take(part))?;
    let count = Count::of(head.count, head.count_float);
    let buckets = if head.spans > 0 && head.buckets <= SHOWN_MAX {
        Buckets::Native(head.native(metric)?)
    } else {
        let mut classic = Vec::new();
        each_part(metric, |part| {
            if part.number == 3 {
                classic.push(classic_bucket(part.value.bytes()?)?);
            }
            Ok(())
        })?;
        Buckets::Classic(classic)
    };
    Ok(KeptHistogram { labels, count, sum: head.sum, buckets })
}

/// Each field of a metric's histogram. Where there are more messages than one, they are one.
fn each_part<'k>(
    metric: &'k [u8],
    mut each: impl FnMut(Field<'k>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut fields = Fields::of(metric);
    while let Some(field) = fields.next()? {
        if field.number == value_field(MetricKind::Histogram) {
            let mut parts = Fields::of(field.value.bytes()?);
            while let Some(part) = parts.next()? {
                each(part)?;
            }
        }
    }
    Ok(())
}

/// What a histogram says besides its buckets, and how many native ones there are.
#[derive(Debug, Default)]
struct Head {
    count: u64,
    count_float: f64,
    sum: f64,
    schema: i64,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    spans: u64,
    buckets: u64,
}

impl Head {
    fn take(&mut self, part: Field<'_>) -> Result<(), DecodeError> {
        let value = part.value;
        match part.number {
            1 => self.count = value.varint()?,
            2 => self.sum = value.double()?,
            4 => self.count_float = value.double()?,
            5 => self.schema = unzigzag(value.varint()?),
            6 => self.zero_threshold = value.double()?,
            7 => self.zero_count = value.varint()?,
            8 => self.zero_count_float = value.double()?,
            9 | 12 => {
                let (_, length) = span(value.bytes()?)?;
                self.spans += 1;
                self.buckets = self.buckets.saturating_add(length);
            }
            _ => {}
        }
        Ok(())
    }

    fn native(&self, metric: &[u8]) -> Result<Vec<NativeBucket>, DecodeError> {
        let float = self.count_float > 0.0 || self.zero_count_float > 0.0;
        let (mut negative, mut positive) = (Side::default(), Side::default());
        each_part(metric, |part| match part.number {
            9..=11 => negative.take(part, 9, float),
            12..=14 => positive.take(part, 12, float),
            _ => Ok(()),
        })?;
        let zero = if float { Count::Float(self.zero_count_float) } else { Count::Integer(self.zero_count) };
        let mut buckets: Vec<NativeBucket> = negative
            .filled()
            .map(|(index, count)| {
                let (lower, upper) = (-bound(index, self.schema), -bound(index.saturating_sub(1), self.schema));
                NativeBucket::beside_zero(lower, upper, count)
            })
            .collect();
        buckets.reverse();
        if !zero.is_zero() {
            let (lower, upper) = (-self.zero_threshold, self.zero_threshold);
            buckets.push(NativeBucket { lower, upper, includes_lower: true, includes_upper: true, count: zero });
        }
        buckets.extend(positive.filled().map(|(index, count)| {
            let (lower, upper) = (bound(index.saturating_sub(1), self.schema), bound(index, self.schema));
            NativeBucket::beside_zero(lower, upper, count)
        }));
        Ok(buckets)
    }
}

impl NativeBucket {
    /// The bound that is farther from zero is within the bucket.
    fn beside_zero(lower: f64, upper: f64, count: Count) -> Self {
        Self { lower, upper, includes_lower: lower < 0.0, includes_upper: upper > 0.0, count }
    }
}

/// The native buckets below or above zero.
#[derive(Debug, Default)]
struct Side {
    /// Offsets and lengths.
    spans: Vec<(i64, u64)>,
    /// What spans without buckets add to the offset of the next.
    skipped: i64,
    last: u64,
    counts: Vec<Count>,
}

impl Side {
    /// Takes a part whose number is `first` for a span, and the ones after it for deltas and for counts.
    fn take(&mut self, part: Field<'_>, first: u32, float: bool) -> Result<(), DecodeError> {
        match part.number - first {
            0 => {
                let (offset, length) = span(part.value.bytes()?)?;
                self.skipped = self.skipped.saturating_add(offset);
                if length > 0 {
                    self.spans.push((std::mem::take(&mut self.skipped), length));
                }
                Ok(())
            }
            1 if !float => part.value.each_varint(|delta| {
                self.last = self.last.wrapping_add_signed(unzigzag(delta));
                self.counts.push(Count::Integer(self.last));
            }),
            2 if float => part.value.each_double(|count| self.counts.push(Count::Float(count))),
            _ => Ok(()),
        }
    }

    /// The buckets that are not empty, by their index.
    fn filled(&self) -> impl Iterator<Item = (i64, Count)> {
        let mut end = 0_i64;
        let indexes = self.spans.iter().flat_map(move |(offset, length)| {
            let start = end.saturating_add(*offset);
            end = start.saturating_add_unsigned(*length);
            start..end
        });
        indexes.zip(self.counts.iter().copied()).filter(|(_, count)| !count.is_zero())
    }
}

impl Count {
    /// A count of which there may be a float, which is then the one meant.
    fn of(count: u64, float: f64) -> Self {
        if float > 0.0 { Self::Float(float) } else { Self::Integer(count) }
    }

    fn is_zero(self) -> bool {
        match self {
            Self::Integer(count) => count == 0,
            Self::Float(count) => count == 0.0,
        }
    }
}

/// Offset and length of a span.
fn span(message: &[u8]) -> Result<(i64, u64), DecodeError> {
    let (mut offset, mut length) = (0, 0);
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => offset = unzigzag(field.value.varint()?),
            2 => length = field.value.varint()?,
            _ => {}
        }
    }
    Ok((offset, length))
}

fn classic_bucket(message: &[u8]) -> Result<(f64, Count), DecodeError> {
    let (mut bound, mut count, mut count_float) = (0.0, 0, 0.0);
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => count = field.value.varint()?,
            2 => bound = field.value.double()?,
            4 => count_float = field.value.double()?,
            _ => {}
        }
    }
    // Minus zero is the bound zero, as in text.
    Ok((bound + 0.0, Count::of(count, count_float)))
}
