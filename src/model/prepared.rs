//! A family of a push, made ready to be scraped.

use super::GroupingKey;
use super::MetricKind;
use super::Series;
use super::SeriesId;
use super::Timestamp;
use super::underscored_metric;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The name of a metric family.
pub type FamilyName = Arc<str>;

/// A family as one group holds it: every line written, every series identified. `exposition` makes it when it is
/// pushed, `store` keeps it without looking inside the lines, a scrape copies them.
#[derive(Clone)]
pub struct PreparedFamily {
    name: FamilyName,
    escaped: FamilyName,
    kind: MetricKind,
    help: Box<str>,
    lines: Box<[u8]>,
    line_count: u32,
    series: Series,
    renamed: bool,
    proto: Box<[u8]>,
    utf8: bool,
}

/// What a [`PreparedFamily`] is made of.
#[derive(Debug)]
pub struct Parts {
    pub name: FamilyName,
    pub kind: MetricKind,
    /// As pushed, not escaped; empty where none was pushed.
    pub help: Box<str>,
    /// Lines of the text format 0.0.4, each `name{label="value",…} value` and a line feed. Labels are sorted by name
    /// with `le` or `quantile` last, the grouping labels forced, and an `instance` always there: so every line has at
    /// least one label, and `{` stands right behind the name.
    pub lines: Box<[u8]>,
    /// How many lines `lines` has: what a quota counts as series.
    pub line_count: u32,
    /// One for each metric: a histogram's lines share one.
    pub series: Series,
    /// Whether some line has a label that the operator's view writes under another name.
    pub renamed: bool,
    /// For a family that text does not say in full (native histograms, exemplars, …): its metrics once more, each as the
    /// field `metric` of a protobuf `MetricFamily`, with the same labels in the same order. Else empty.
    pub proto: Box<[u8]>,
    /// Whether its name or some label's is not classic. Such a name stands in quotes, and a metric's then in the braces:
    /// `{"name",label="value",…} value`.
    pub utf8: bool,
}

impl From<Parts> for PreparedFamily {
    fn from(parts: Parts) -> Self {
        let Parts { name, kind, help, lines, line_count, series, renamed, proto, utf8 } = parts;
        let escaped = match underscored_metric(&name) {
            Cow::Borrowed(_) => name.clone(),
            Cow::Owned(escaped) => escaped.into(),
        };
        Self { name, escaped, kind, help, lines, line_count, series, renamed, proto, utf8 }
    }
}

impl PreparedFamily {
    /// What the store accounts for a family besides its texts: this struct, its counts, its place in a column and in its
    /// group, and what an allocator adds to each of its five texts. Held to what is measured by `tests/accounting.rs`.
    pub const OVERHEAD: usize = 300;
    /// What it accounts for the identity of a series: 16 bytes here, and an entry in the map of them all in half of the
    /// cases.
    const OF_SERIES: usize = 48;

    pub fn name(&self) -> &FamilyName {
        &self.name
    }

    /// The name underscored, which is what families are told apart by.
    pub fn escaped_name(&self) -> &FamilyName {
        &self.escaped
    }

    /// Whether its name or some label's is not classic.
    pub fn utf8(&self) -> bool {
        self.utf8
    }

    pub fn kind(&self) -> MetricKind {
        self.kind
    }

    /// Not escaped; empty where none was pushed.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// As [`Parts::lines`] describes them.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    pub fn line_count(&self) -> u32 {
        self.line_count
    }

    /// One for each metric. They may be found only now, once for all.
    pub fn series(&self) -> &[SeriesId] {
        self.series.of(self)
    }

    /// Whether some line has a label that the operator's view writes under another name.
    pub fn renamed(&self) -> bool {
        self.renamed
    }

    /// Its metrics as protobuf, where text does not say them in full.
    pub fn proto(&self) -> Option<&[u8]> {
        (!self.proto.is_empty()).then_some(&*self.proto)
    }

    /// Whether the other has its name, spelled as here, and its type.
    pub fn is_called_as(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name
    }

    /// Whether it holds nothing, and is pushed to take away what its group holds under its name.
    pub fn is_empty(&self) -> bool {
        self.line_count == 0
    }

    /// The bytes the store accounts for this family. Its help counts twice: it is kept once more where groups differ in it.
    pub fn stored_bytes(&self) -> u64 {
        let escaped = if Arc::ptr_eq(&self.name, &self.escaped) { 0 } else { self.escaped.len() + 32 };
        let text = self.name.len() + escaped + 2 * self.help.len() + self.lines.len() + self.proto.len();
        (text + self.series.count() * Self::OF_SERIES + Self::OVERHEAD) as u64
    }
}

impl PartialEq for PreparedFamily {
    fn eq(&self, other: &Self) -> bool {
        let told = |family: &Self| (family.kind, family.line_count, family.renamed, family.utf8);
        told(self) == told(other)
            && (&self.name, &self.escaped, &self.help) == (&other.name, &other.escaped, &other.help)
            && (&self.lines, &self.proto) == (&other.lines, &other.proto)
            && self.series() == other.series()
    }
}

impl Eq for PreparedFamily {}

impl fmt::Debug for PreparedFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# {} {}\n{}", self.name, self.kind, String::from_utf8_lossy(&self.lines))
    }
}

/// A gauge that the gateway itself keeps for every group. A pushed family of such a name is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnGauge {
    PushFailureTime,
    PushTime,
}

impl OwnGauge {
    pub const ALL: [Self; 2] = [Self::PushFailureTime, Self::PushTime];

    pub const fn name(self) -> &'static str {
        match self {
            Self::PushFailureTime => "push_failure_time_seconds",
            Self::PushTime => "push_time_seconds",
        }
    }

    /// Pushgateway's own words: scrapers compare them.
    pub const fn help(self) -> &'static str {
        match self {
            Self::PushFailureTime => "Last Unix time when changing this group in the Pushgateway failed.",
            Self::PushTime => "Last Unix time when changing this group in the Pushgateway succeeded.",
        }
    }

    /// What every name begins with of which pushed families are dropped.
    pub const RESERVED: &str = "push";

    /// Whether pushed families of this name are dropped: the gauges there are, and those that are to come.
    pub fn reserves(name: &str) -> bool {
        const TO_COME: [&str; 3] = ["push_expired_time_seconds", "push_overdue", "push_expected_time_seconds"];
        Self::ALL.iter().any(|gauge| gauge.name() == name) || TO_COME.contains(&name)
    }
}

/// Writes an own gauge of a group: `exposition` does it, the store is handed this. `None` is "never", written as 0.
pub type PrepareOwnGauge = fn(OwnGauge, &GroupingKey, Option<Timestamp>) -> PreparedFamily;
