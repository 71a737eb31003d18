//! What a push holds, whatever format it came in: names, labels and values, and nothing said of how they were written.

use super::stored;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use std::borrow::Cow;
use std::ops::Range;

/// The families of one push, as a decoder read them. Texts are borrowed from the body wherever it has them as they are.
///
/// Everything lies in flat columns, so that a sample costs no allocation of its own. Metrics and points stand in
/// the order in which they were pushed, those of one family or one histogram not necessarily together.
#[derive(Debug, Default)]
pub struct PushedFamilies<'a> {
    /// What places in a [`Text`] and in [`Metric::verbatim`] count from.
    pub(super) body: &'a [u8],
    pub(super) families: Vec<Family<'a>>,
    pub(super) metrics: Vec<Metric>,
    /// Names of labels, those of each shape together and sorted.
    pub(super) names: Vec<Cow<'a, str>>,
    /// Where the names of each shape lie. Nearly all metrics have the labels of the metric before them with other values, so
    /// names are held, compared and judged once for many.
    pub(super) shapes: Vec<(u32, u32)>,
    /// Values of labels, in the order of their names. `le` and `quantile` are not among them.
    pub(super) values: Vec<Text>,
    pub(super) points: Vec<Point>,
    /// Beside the metrics, where they came as protobuf: each as it was sent. Else empty.
    pub(super) raw: Vec<&'a [u8]>,
    /// How many lines all of it becomes; see [`PushedFamilies::line_count`].
    pub(super) lines: u64,
    /// Whether some name is not classic.
    pub(super) utf8: bool,
    /// Whether any sample came with a timestamp, even with 0.
    pub(super) timestamped: bool,
    /// What a decoder found that the push contradicts itself in. If something, not all of it need be in the columns.
    pub(super) contradiction: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) struct Family<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) kind: MetricKind,
    /// Not escaped; empty where none was pushed.
    pub(super) help: Cow<'a, str>,
    /// Whether some metric says what text cannot, so that all are kept as protobuf besides.
    pub(super) keeps: bool,
    /// Whether it was sent without any metric, and so takes away what the group holds under its name.
    pub(super) empties: bool,
}

impl<'a> Family<'a> {
    pub(super) fn new(name: Cow<'a, str>, kind: MetricKind) -> Self {
        Self { name, kind, help: Cow::Borrowed(""), keeps: false, empties: false }
    }
}

/// One gauge, one counter, one whole histogram, one whole summary.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metric {
    pub(super) family: u32,
    /// Which names its labels have, and where its values begin.
    pub(super) labels: Labels,
    /// From where to where the body has it as it will be written, the labels of its group aside: from its name to behind its
    /// line feed, or to its value where that is written otherwise. Empty where not even its labels are.
    pub(super) verbatim: (u32, u32),
    pub(super) measured: Measured,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Labels {
    pub(super) shape: u32,
    pub(super) values: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Measured {
    Value(f64),
    /// Of a histogram or summary. Its buckets or quantiles are [`Point`]s.
    Distribution {
        sum: f64,
        count: f64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label<'p> {
    pub(super) name: &'p str,
    pub(super) value: Cow<'p, str>,
}

/// A label's value, which lies in the body: UTF-8 without NUL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) form: Form,
}

impl Text {
    /// The same text so much farther behind.
    #[inline]
    pub(super) fn move_by(&mut self, bytes: u32) {
        (self.start, self.end) = (self.start.wrapping_add(bytes), self.end.wrapping_add(bytes));
    }
}

/// How a value lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is meant and as it is written, which is the same.
    Plain,
    /// As it is written, with escapes.
    Escaped,
    /// As it is meant: it may hold what is escaped where it is written.
    Meant,
}

/// A bucket or a quantile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) metric: u32,
    /// The bucket's upper bound, or the quantile.
    pub(super) at: f64,
    pub(super) value: f64,
}

/// The lines that a metric of this kind has whatever else is said of it: a histogram's bucket to infinity among them.
pub(super) const fn lines_always(kind: MetricKind) -> u64 {
    match kind {
        MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped => 1,
        MetricKind::Summary => 2,
        MetricKind::Histogram | MetricKind::GaugeHistogram => 3,
    }
}

/// The lines that a bucket or quantile adds to those.
pub(super) fn lines_of_point(kind: MetricKind, at: f64) -> u64 {
    u64::from(kind == MetricKind::Summary || at != f64::INFINITY)
}

impl<'a> PushedFamilies<'a> {
    /// How many metrics were pushed: a histogram counts once.
    pub fn metric_count(&self) -> usize {
        self.metrics.len()
    }

    /// How many lines of a scrape it becomes, families of the gateway's own names included.
    pub fn line_count(&self) -> u64 {
        self.lines
    }

    /// About how many bytes it takes in the store's account once it is prepared for this group, from a body of so many: the
    /// group's labels stand on every line. Rather too many than too few.
    pub fn prepared_bytes(&self, body_bytes: u64, key: &GroupingKey) -> u64 {
        prepared_bytes(self.lines, self.families.len(), body_bytes, key)
    }

    /// Takes the labels that were read of a metric, in any order. `Err` is the name that occurs twice.
    pub(super) fn take_labels(&mut self, read: &mut Vec<(Cow<'a, str>, Text)>) -> Result<Labels, Cow<'a, str>> {
        if !read.is_sorted_by(|(left, _), (right, _)| left < right) {
            read.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
            let mut pairs = read.iter().zip(read.iter().skip(1));
            if let Some(((twice, _), _)) = pairs.find(|((left, _), (right, _))| left == right) {
                return Err(twice.clone());
            }
        }
        let values = index(self.values.len());
        self.values.extend(read.iter().map(|(_, value)| *value));
        let known = self.shape_of(|| read.iter().map(|(name, _)| &**name));
        let shape = known.unwrap_or_else(|| self.add_shape(read.drain(..).map(|(name, _)| name)));
        read.clear();
        Ok(Labels { shape, values })
    }

    /// One of the last shapes, if it has these names.
    pub(super) fn shape_of<'n, N>(&self, names: impl Fn() -> N) -> Option<u32>
    where
        N: ExactSizeIterator<Item = &'n str>,
    {
        /// What is pushed together has few shapes, most often one after the other.
        const LOOKED_AT: usize = 4;
        let last = self.shapes.iter().enumerate().rev().take(LOOKED_AT);
        let mut last = last.map(|(at, names)| (at, self.names.get(range(*names)).unwrap_or_default()));
        let (at, _) =
            last.find(|(_, known)| known.len() == names().len() && known.iter().zip(names()).all(|(a, b)| a == b))?;
        Some(index(at))
    }

    pub(super) fn add_shape(&mut self, names: impl Iterator<Item = Cow<'a, str>>) -> u32 {
        let start = index(self.names.len());
        self.names.extend(names);
        self.shapes.push((start, index(self.names.len())));
        index(self.shapes.len() - 1)
    }

    /// The names of a shape, sorted.
    #[inline]
    pub(super) fn names_of(&self, shape: u32) -> &[Cow<'a, str>] {
        let names = self.shapes.get(shape as usize).copied().unwrap_or_default();
        self.names.get(range(names)).unwrap_or_default()
    }

    /// The values of a metric's labels, in the order of their names.
    #[inline]
    pub(super) fn values_of(&self, labels: Labels) -> &[Text] {
        let (start, end) = self.shapes.get(labels.shape as usize).copied().unwrap_or_default();
        self.values.get(range((labels.values, labels.values + (end - start)))).unwrap_or_default()
    }

    /// The labels of a metric, sorted by name.
    pub(super) fn labels_of(&self, metric: &Metric) -> impl ExactSizeIterator<Item = Label<'_>> {
        let named = self.names_of(metric.labels.shape).iter().zip(self.values_of(metric.labels));
        named.map(|(name, value)| Label { name, value: self.meant(*value) })
    }

    /// Where `part`, some bytes of the body, lies in it.
    #[inline]
    pub(super) fn place_of(&self, part: &[u8]) -> u32 {
        index(part.as_ptr().addr().saturating_sub(self.body.as_ptr().addr()))
    }

    /// A value as it lies in the body.
    #[inline]
    pub(super) fn bytes_of(&self, value: Text) -> &'a [u8] {
        self.body.get(range((value.start, value.end))).unwrap_or_default()
    }

    /// A value as it is meant.
    pub(super) fn meant(&self, value: Text) -> Cow<'a, str> {
        match value.form {
            Form::Escaped => stored::unescaped(self.bytes_of(value)),
            // It was read as UTF-8.
            Form::Plain | Form::Meant => Cow::Borrowed(std::str::from_utf8(self.bytes_of(value)).unwrap_or_default()),
        }
    }
}

/// About what so many lines of so many families, from a body of so many bytes, take in the store's account: rather too much than
/// too little.
pub(super) fn prepared_bytes(lines: u64, families: usize, body_bytes: u64, key: &GroupingKey) -> u64 {
    // Identity, value and what is written around labels; and a family's own text beyond the body's.
    const OF_LINE: u64 = 100;
    let of_lines = lines.saturating_mul(OF_LINE + 2 * key.heap_bytes() as u64);
    let of_families = (families * (PreparedFamily::OVERHEAD + 100)) as u64;
    body_bytes.saturating_mul(2).saturating_add(of_lines).saturating_add(of_families)
}

#[inline]
pub(super) fn range((start, end): (u32, u32)) -> Range<usize> {
    start as usize..end as usize
}

/// A place in one of the columns. A decoder takes no body of 4 GiB, and no column is longer than its body.
#[inline]
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
