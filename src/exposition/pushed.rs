//! What a push holds, whatever format it came in: names, labels and values, and nothing said of how they were written.

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
    pub(super) families: Vec<Family<'a>>,
    pub(super) metrics: Vec<Metric>,
    pub(super) labels: Vec<Label<'a>>,
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
    /// Where its labels lie; [`PushedFamilies::seal_labels`] has sorted them. `le` and `quantile` are not among them.
    pub(super) labels: (u32, u32),
    pub(super) measured: Measured,
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

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Label<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
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
        // Identity, value and what is written around labels; and a family's own text beyond the body's.
        const OF_LINE: u64 = 100;
        let of_lines = self.lines.saturating_mul(OF_LINE + key.heap_bytes() as u64);
        let of_families = (self.families.len() * (PreparedFamily::OVERHEAD + 100)) as u64;
        body_bytes.saturating_mul(2).saturating_add(of_lines).saturating_add(of_families)
    }

    /// Sorts the labels from `start` on by name, and says where they lie now. `Err` is the name that occurs twice.
    pub(super) fn seal_labels(&mut self, start: usize) -> Result<(u32, u32), Cow<'a, str>> {
        let labels = self.labels.get_mut(start..).unwrap_or_default();
        if !labels.is_sorted_by(|left, right| left.name < right.name) {
            labels.sort_unstable_by(|left, right| left.name.cmp(&right.name));
            let mut pairs = labels.iter().zip(labels.iter().skip(1));
            if let Some((twice, _)) = pairs.find(|(left, right)| left.name == right.name) {
                return Err(twice.name.clone());
            }
        }
        Ok((index(start), index(self.labels.len())))
    }

    pub(super) fn labels_of(&self, metric: &Metric) -> &[Label<'a>] {
        self.labels.get(range(metric.labels)).unwrap_or_default()
    }
}

pub(super) fn range((start, end): (u32, u32)) -> Range<usize> {
    start as usize..end as usize
}

/// A place in one of the columns. A decoder takes no body of 4 GiB, and no column is longer than its body.
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
