//! One histogram, read from its message; and whether Prometheus would load it, for it drops a whole scrape over one that
//! contradicts itself.

use super::error::DecodeError;
use super::wire::Fields;
use super::wire::unzigzag;

/// What a histogram's message says besides its classic buckets.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    pub(super) sum: f64,
    count: u64,
    count_float: f64,
    schema: i64,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    negative: Side,
    positive: Side,
    /// Whether it says something that text cannot.
    pub(super) keeps: bool,
}

/// The native buckets below or above zero.
#[derive(Debug, Default)]
struct Side {
    spans: u64,
    /// How many buckets the spans have.
    length: u64,
    steps_back: bool,
    deltas: u64,
    /// The population of the bucket last read, and of all.
    last: i128,
    total: u128,
    counts: u64,
    has_negative: bool,
}

/// A classic bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) bound: f64,
    pub(super) count: f64,
}

/// Counts from here on are not all told apart by a float, which is what text has.
const EXACT_MAX: u64 = 1 << 53;

/// The resolutions there are; Prometheus' own -53, with bounds of its own, is not of this wire.
const SCHEMAS: std::ops::RangeInclusive<i64> = -4..=8;

impl Histogram {
    /// Reads a histogram; `bucket` gets its classic buckets in their order. A second message goes on where a first ended,
    /// as protobuf has it.
    pub(super) fn read(
        &mut self,
        message: &[u8],
        mut bucket: impl FnMut(Bucket) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            let value = field.value;
            self.keeps |= (4..=16).contains(&field.number);
            match field.number {
                1 => self.count = value.varint()?,
                2 => self.sum = value.double()?,
                3 => bucket(self.bucket(value.bytes()?)?)?,
                4 => self.count_float = value.double()?,
                5 => self.schema = unzigzag(value.varint()?),
                6 => self.zero_threshold = value.double()?,
                7 => self.zero_count = value.varint()?,
                8 => self.zero_count_float = value.double()?,
                9 => self.negative.span(value.bytes()?)?,
                10 => value.each_varint(|delta| self.negative.delta(unzigzag(delta)))?,
                11 => value.each_double(|count| self.negative.count(count))?,
                12 => self.positive.span(value.bytes()?)?,
                13 => value.each_varint(|delta| self.positive.delta(unzigzag(delta)))?,
                14 => value.each_double(|count| self.positive.count(count))?,
                _ => {}
            }
        }
        self.keeps |= self.count > EXACT_MAX;
        Ok(())
    }

    /// Whether Prometheus takes it for a native one: by what it says, not by which fields it has.
    pub(super) fn is_native(&self) -> bool {
        let spans = self.negative.spans + self.positive.spans;
        spans > 0 || self.zero_count > 0 || self.zero_threshold > 0.0
    }

    /// How many were observed.
    pub(super) fn count(&self) -> f64 {
        as_text_has_it(self.count, self.count_float)
    }

    fn bucket(&mut self, message: &[u8]) -> Result<Bucket, DecodeError> {
        let (mut count, mut count_float, mut bound) = (0, 0.0, 0.0);
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => count = field.value.varint()?,
                2 => bound = field.value.double()?,
                3 => self.keeps = true,
                4 => (count_float, self.keeps) = (field.value.double()?, true),
                _ => {}
            }
        }
        self.keeps |= count > EXACT_MAX;
        Ok(Bucket { bound, count: as_text_has_it(count, count_float) })
    }

    /// What is wrong with it, as Prometheus judges.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let (negative, positive) = (&self.negative, &self.positive);
        if self.count() < 0.0 {
            return Some("negative count");
        }
        if self.zero_count_float < 0.0 || negative.has_negative || positive.has_negative {
            return Some("negative bucket population");
        }
        if !SCHEMAS.contains(&self.schema) {
            return Some("a schema outside of -4 to 8");
        }
        if self.zero_threshold < 0.0 || self.zero_threshold.is_nan() {
            return Some("a zero threshold below zero");
        }
        if negative.steps_back || positive.steps_back {
            return Some("a span that steps back");
        }
        let float = self.count_float > 0.0 || self.zero_count_float > 0.0;
        if [negative, positive].iter().any(|side| side.buckets(float) != (side.length, 0)) {
            return Some("spans of another number of buckets");
        }
        let filled = negative.total.saturating_add(positive.total).saturating_add(u128::from(self.zero_count));
        // Observations that are no number count, but fill no bucket and spoil the sum.
        let agrees =
            if self.sum.is_nan() { filled <= u128::from(self.count) } else { filled == u128::from(self.count) };
        (self.is_native() && !float && !agrees).then_some("another count than its buckets have")
    }
}

impl Side {
    fn span(&mut self, message: &[u8]) -> Result<(), DecodeError> {
        let (mut offset, mut length) = (0, 0);
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => offset = unzigzag(field.value.varint()?),
                2 => length = field.value.varint()?,
                _ => {}
            }
        }
        if i32::try_from(offset).is_err() || u32::try_from(length).is_err() {
            return Err(DecodeError::malformed("a span has more than 32 bits"));
        }
        self.steps_back |= self.spans > 0 && offset < 0;
        self.spans += 1;
        self.length = self.length.saturating_add(length);
        Ok(())
    }

    fn delta(&mut self, delta: i64) {
        self.deltas += 1;
        self.last += i128::from(delta);
        match i64::try_from(self.last) {
            Ok(population) if population >= 0 => self.total += u128::from(population.unsigned_abs()),
            // Beyond what 63 bits hold, Prometheus takes it for a negative one.
            _ => self.has_negative = true,
        }
    }

    fn count(&mut self, count: f64) {
        self.counts += 1;
        self.has_negative |= count < 0.0;
    }

    /// How many buckets there are of the histogram's own kind of number, and of the other.
    fn buckets(&self, float: bool) -> (u64, u64) {
        if float { (self.counts, self.deltas) } else { (self.deltas, self.counts) }
    }
}

/// A count of which there may be a float, which is then the one meant.
#[expect(clippy::cast_precision_loss, reason = "text has floats; what is not exact in one is kept besides")]
fn as_text_has_it(count: u64, float: f64) -> f64 {
    if float == 0.0 { count as f64 } else { float }
}
