//! A family of a push, made ready to be scraped.

use super::GroupingKey;
use super::MetricKind;
use super::Series;
use super::SeriesId;
use super::Timestamp;
use super::underscored_metric;
use bytes::Bytes;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The name of a metric family.
pub type FamilyName = Arc<str>;

/// A family as one group brings it: every line written, every series identified. `exposition` makes it when it is
/// pushed, `store` lays its lines beside those of other groups without looking inside them, a scrape copies them.
#[derive(Clone)]
pub struct PreparedFamily {
    pub(super) texts: Texts,
    /// Some of a text that all families of its push share; or all of one of its own, if there are [`OWN_LINES`](Self::OWN_LINES).
    pub(super) lines: Bytes,
    pub(super) traits: Traits,
}

/// Its name, its help, and its name underscored, one behind the other; in a text that all families of its push share.
#[derive(Clone)]
pub(super) struct Texts {
    pub(super) of_push: Arc<str>,
    pub(super) start: u32,
    pub(super) name_end: u32,
    pub(super) help_end: u32,
    /// Where that of the name underscored ends, which stands behind the help; or the end of the help again, if it is the name.
    pub(super) escaped_end: u32,
}

/// What a family is besides its texts, as [`Parts`] describe it.
#[derive(Clone)]
pub struct Traits {
    pub kind: MetricKind,
    pub line_count: u32,
    pub series: Series,
    pub renamed: bool,
    pub proto: Box<[u8]>,
    pub utf8: bool,
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
            Cow::Borrowed(_) => "".into(),
            Cow::Owned(escaped) => Cow::Owned(escaped),
        };
        let mut text = String::with_capacity(name.len() + help.len() + escaped.len());
        let texts = Texts::write(&mut text, &name, &help, &escaped);
        let traits = Traits { kind, line_count, series, renamed, proto, utf8 };
        Self { texts: Texts { of_push: text.into(), ..texts }, lines: lines.into(), traits }
    }
}

impl Texts {
    /// Writes them behind what is there; `escaped` is empty if it is the name. The text is to be put in yet.
    pub(super) fn write(text: &mut String, name: &str, help: &str, escaped: &str) -> Self {
        let place = |text: &String| u32::try_from(text.len()).unwrap_or(u32::MAX);
        let start = place(text);
        text.push_str(name);
        let name_end = place(text);
        text.push_str(help);
        let help_end = place(text);
        text.push_str(escaped);
        Self { of_push: Arc::default(), start, name_end, help_end, escaped_end: place(text) }
    }

    fn part(&self, start: u32, end: u32) -> &str {
        self.of_push.get(start as usize..end as usize).unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.part(self.start, self.name_end)
    }

    fn help(&self) -> &str {
        self.part(self.name_end, self.help_end)
    }

    fn escaped(&self) -> &str {
        if self.help_end == self.escaped_end { self.name() } else { self.part(self.help_end, self.escaped_end) }
    }
}

/// A family as it is read: what was pushed, or lines of several groups that hold it.
#[derive(Clone, Copy)]
pub struct FamilyView<'f> {
    pub name: &'f str,
    pub kind: MetricKind,
    /// Of one group's lines their own; of several groups' that of none.
    pub help: &'f str,
    /// As [`Parts::lines`] describes them.
    pub lines: &'f [u8],
    /// As [`Parts::renamed`], of some line.
    pub renamed: bool,
    /// As [`Parts::proto`]; empty where text says it all.
    pub proto: &'f [u8],
    /// As [`Parts::utf8`], of some line.
    pub utf8: bool,
}

impl<'f> From<&'f PreparedFamily> for FamilyView<'f> {
    fn from(family: &'f PreparedFamily) -> Self {
        let PreparedFamily { texts, lines, traits: Traits { kind, renamed, proto, utf8, .. } } = family;
        let (name, help) = (texts.name(), texts.help());
        Self { name, kind: *kind, help, lines, renamed: *renamed, proto, utf8: *utf8 }
    }
}

impl<'f> FamilyView<'f> {
    /// Its metrics as protobuf, where text does not say them in full.
    pub fn kept_proto(&self) -> Option<&'f [u8]> {
        (!self.proto.is_empty()).then_some(self.proto)
    }
}

impl fmt::Debug for FamilyView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# {} {}\n{}", self.name, self.kind, String::from_utf8_lossy(self.lines))
    }
}

impl PreparedFamily {
    /// What the store accounts for a family of a group besides its texts: its place in a page, in its column and in its
    /// group. Held to what is measured by `tests/accounting.rs`.
    pub const OVERHEAD: usize = 56;
    /// What it accounts for each line: in half of the cases the identity of its series is kept.
    const OF_LINE: usize = 14;
    /// What it accounts for a help text that is not the column's, or metrics kept as protobuf, besides their bytes.
    const RARE: usize = 240;

    /// So many bytes of lines are one family's own, and do not keep alive those of all its push: whoever has fewer is to copy
    /// them.
    pub const OWN_LINES: usize = 16 << 10;

    pub fn name(&self) -> &str {
        self.texts.name()
    }

    /// The name underscored, which is what families are told apart by.
    pub fn escaped_name(&self) -> &str {
        self.texts.escaped()
    }

    /// Its name and its name underscored, which nothing else is kept alive by: one text, if they are the same.
    pub fn own_names(&self) -> (FamilyName, FamilyName) {
        let name = FamilyName::from(self.name());
        let escaped = self.escaped_name();
        let escaped = if *name == *escaped { name.clone() } else { escaped.into() };
        (name, escaped)
    }

    /// Whether its name or some label's is not classic.
    pub fn utf8(&self) -> bool {
        self.traits.utf8
    }

    pub fn kind(&self) -> MetricKind {
        self.traits.kind
    }

    /// Not escaped; empty where none was pushed.
    pub fn help(&self) -> &str {
        self.texts.help()
    }

    /// As [`Parts::lines`] describes them.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// The same, shared.
    pub fn shared_lines(&self) -> &Bytes {
        &self.lines
    }

    pub fn line_count(&self) -> u32 {
        self.traits.line_count
    }

    /// One for each metric. They may be found only now, once for all.
    pub fn series(&self) -> &[SeriesId] {
        self.traits.series.of(self)
    }

    /// Whether some line has a label that the operator's view writes under another name.
    pub fn renamed(&self) -> bool {
        self.traits.renamed
    }

    /// Its metrics as protobuf, where text does not say them in full.
    pub fn proto(&self) -> Option<&[u8]> {
        (!self.traits.proto.is_empty()).then_some(&*self.traits.proto)
    }

    /// The same without its lines, with these series.
    #[must_use]
    pub fn without_lines(self, series: Series) -> Self {
        Self { lines: Bytes::new(), traits: Traits { series, ..self.traits }, ..self }
    }

    /// Whether the other has its name, spelled as here, and its type.
    pub fn is_called_as(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.name() == other.name()
    }

    /// Whether it holds nothing, and is pushed to take away what its group holds under its name.
    pub fn is_empty(&self) -> bool {
        self.traits.line_count == 0
    }

    /// The bytes the store accounts for this family at most: where its help is not that of the others of its name.
    pub fn stored_bytes(&self) -> u64 {
        Self::accounted(self.lines.len(), self.traits.line_count.into(), Some(self.help()), &self.traits.proto)
    }

    /// The bytes the store accounts for a family of so many bytes of lines, such a help where that is its own, and such a `proto`. Lines
    /// count for a fifth more than they are: what is replaced stays in its page until it is a sixth of it.
    pub fn accounted(lines: usize, line_count: u64, own_help: Option<&str>, proto: &[u8]) -> u64 {
        let help = own_help.map_or(0, |help| 2 * help.len() + Self::RARE);
        let proto = if proto.is_empty() { 0 } else { proto.len() + Self::RARE };
        let text = lines + lines / 5;
        line_count * Self::OF_LINE as u64 + (text + help + proto + Self::OVERHEAD) as u64
    }
}

/// Identifies what is stored again: `exposition` does it, the store is handed this. It finds the identities that the lines
/// had when they were prepared, so that none has to be kept of those that can meet no other.
pub trait IdentifySeries: fmt::Debug + Send + Sync {
    /// One for each metric, in the order of the lines, which are some group's own.
    fn series(&self, family: FamilyView<'_>) -> Box<[SeriesId]>;
}

impl PartialEq for PreparedFamily {
    fn eq(&self, other: &Self) -> bool {
        let told = |family: &Self| (family.kind(), family.line_count(), family.renamed(), family.utf8());
        told(self) == told(other)
            && (self.name(), self.escaped_name(), self.help()) == (other.name(), other.escaped_name(), other.help())
            && (&self.lines, self.proto()) == (&other.lines, other.proto())
            && self.series() == other.series()
    }
}

impl Eq for PreparedFamily {}

impl fmt::Debug for PreparedFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# {} {}\n{}", self.name(), self.kind(), String::from_utf8_lossy(&self.lines))
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

/// Writes the own gauges of groups: `exposition` does it, the store is handed this. A moment that is `None` is "never", written
/// as 0.
#[derive(Clone, Copy, Debug)]
pub struct WriteOwnGauge {
    /// All of one.
    pub whole: fn(OwnGauge, &GroupingKey, Option<Timestamp>) -> PreparedFamily,
    /// The lines of another moment, from those of one.
    pub at_moment: fn(&[u8], Option<Timestamp>) -> Vec<u8>,
}
