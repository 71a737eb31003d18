//! The decoder: bytes in, families out, nothing copied but what is kept.

use super::error::DecodeError;
use super::head::Head;
use super::head::Message;
use super::head::Terms;
use super::head::messages;
use super::histogram::Bucket;
use super::histogram::Histogram;
use super::keep::METRIC;
use super::keep::copy_value;
use super::repeats::Repeats;
use super::repeats::alone;
use super::repeats::form_of;
use super::wire::Fields;
use crate::exposition::escape::Quoted;
use crate::exposition::pushed::Family;
use crate::exposition::pushed::Form;
use crate::exposition::pushed::Labels;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::Metric;
use crate::exposition::pushed::Point;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::Text;
use crate::exposition::pushed::index;
use crate::exposition::pushed::lines_always;
use crate::exposition::pushed::lines_of_point;
use crate::model::GroupBounds;
use crate::model::MetricKind;
use crate::model::NameScheme;
use crate::model::PushBound;
use crate::model::is_label_name;
use crate::model::is_metric_name;
use std::borrow::Cow;

/// Metrics a body is expected to hold before it has been read.
const METRICS_EXPECTED_MAX: usize = 1024;

/// Reads a stream of `MetricFamily` messages, however large. What a client sent is for [`parse_within`].
pub fn parse(body: &[u8], names: NameScheme) -> Result<PushedFamilies<'_>, DecodeError> {
    parse_within(body, names, &GroupBounds::NONE)
}

/// Reads a stream of `MetricFamily` messages, each with its length in front. Stops at the first fault, and at the first
/// message or field that is over a bound.
///
/// Of two families of one name the last one counts, as upstream. What the store of upstream would refuse is noted in
/// what is handed back, for [`prepare`](crate::exposition::prepare()) to refuse.
pub fn parse_within<'a>(
    body: &'a [u8],
    names: NameScheme,
    bounds: &GroupBounds,
) -> Result<PushedFamilies<'a>, DecodeError> {
    if u32::try_from(body.len()).is_err() {
        return Err(DecodeError::new("the body has 4 GiB or more"));
    }
    let terms = Terms { names, bounds: *bounds };
    let messages = messages(body, &terms)?;
    let pushed = PushedFamilies { body, ..PushedFamilies::default() };
    let repeats = Repeats::default();
    let mut decoder = Decoder { pushed, terms, scratch: Vec::new(), read: Vec::new(), repeats };
    let expected = (body.len() / 64).min(METRICS_EXPECTED_MAX);
    decoder.pushed.metrics.reserve(expected);
    decoder.pushed.raw.reserve(expected);
    decoder.pushed.values.reserve(expected);
    decoder.pushed.families.reserve(messages.len());
    for (message, number) in messages.iter().zip(1..) {
        decoder.family(message).map_err(|error| error.in_message(number))?;
    }
    Ok(decoder.pushed)
}

/// The field of a metric that holds the value of a family of this type.
pub(super) const fn value_field(kind: MetricKind) -> u32 {
    match kind {
        MetricKind::Gauge => 2,
        MetricKind::Counter => 3,
        MetricKind::Summary => 4,
        MetricKind::Untyped => 5,
        MetricKind::Histogram | MetricKind::GaugeHistogram => 7,
    }
}

struct Decoder<'a> {
    pushed: PushedFamilies<'a>,
    terms: Terms,
    scratch: Vec<u8>,
    /// The labels of the metric, as far as it has been read.
    read: Vec<(Cow<'a, str>, Text)>,
    repeats: Repeats<'a>,
}

/// What is read of one metric.
struct Reading {
    metric: u32,
    kind: MetricKind,
    measured: Option<Measured>,
    keeps: bool,
    twins: bool,
}

impl<'a> Decoder<'a> {
    /// Reads a family; one that does not count is judged for its form all the same, and leaves nothing.
    fn family(&mut self, message: &Message<'a>) -> Result<(), DecodeError> {
        let Message { head, bytes, counts } = message;
        let pushed = &mut self.pushed;
        let lengths = [pushed.metrics.len(), pushed.values.len(), pushed.points.len()];
        let (timestamped, contradicted, lines) = (pushed.timestamped, pushed.contradiction.is_some(), pushed.lines);
        let family = index(pushed.families.len());
        pushed.utf8 |= self.terms.names == NameScheme::Utf8 && !is_metric_name(head.name);
        let mut entry = Family::new(Cow::Borrowed(head.name), head.kind);
        (entry.help, entry.empties) = (Cow::Borrowed(head.help), true);
        pushed.families.push(entry);
        let mut fields = Fields::of(bytes);
        while let Some(field) = fields.next()? {
            if field.number == METRIC {
                self.metric(head, family, field.value.bytes()?)?;
            }
        }
        if !counts {
            let pushed = &mut self.pushed;
            let [metrics, values, points] = lengths;
            pushed.families.pop();
            pushed.metrics.truncate(metrics);
            pushed.raw.truncate(metrics);
            // Shapes may be those of others to come.
            pushed.values.truncate(values);
            pushed.points.truncate(points);
            pushed.lines = lines;
            pushed.timestamped = timestamped;
            pushed.contradiction = pushed.contradiction.take().filter(|_| contradicted);
        }
        Ok(())
    }

    fn metric(&mut self, head: &Head<'_>, family: u32, message: &'a [u8]) -> Result<(), DecodeError> {
        let (values, points) = (self.pushed.values.len(), self.pushed.points.len());
        let metric = index(self.pushed.metrics.len());
        let mut reading = Reading { metric, kind: head.kind, measured: None, keeps: false, twins: false };
        self.count_lines(lines_always(head.kind))?;
        self.read.clear();
        let mut again = self.repeats.labels(&mut self.pushed, message, self.terms.bounds.push());
        let rest = again.map_or(message, |(_, rest)| rest);
        if let Some((labels, rest)) = again
            && let Some(value) = alone(rest, head.kind)
        {
            self.take(Metric { family, labels, verbatim: (0, 0), measured: Measured::Value(value) }, message, false);
            return Ok(());
        }
        let mut histogram = Histogram::default();
        let mut fields = Fields::of(rest);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => {
                    if let Some((labels, _)) = again.take() {
                        self.read_from(labels);
                    }
                    self.label(field.value.bytes()?)?
                }
                6 => {
                    field.value.varint()?;
                    self.pushed.timestamped = true;
                }
                number if number == value_field(head.kind) => {
                    let value = field.value.bytes()?;
                    match head.kind {
                        MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped => {
                            single(&mut reading, head.kind, value)?
                        }
                        MetricKind::Summary => self.summary(&mut reading, value)?,
                        MetricKind::Histogram | MetricKind::GaugeHistogram => {
                            histogram.read(value, |bucket| self.bucket(&mut reading, bucket))?;
                            reading.measured =
                                Some(Measured::Distribution { sum: histogram.sum, count: histogram.count() + 0.0 });
                        }
                    }
                }
                // The value of another type is of no family of this one, and not kept.
                2..=5 | 7 => field.value.bytes().map(|_| ())?,
                _ => {}
            }
        }
        // A line of a bucket or quantile has one more.
        let placed = self.pushed.points.len() > points
            || matches!(head.kind, MetricKind::Histogram | MetricKind::GaugeHistogram);
        let labels = again.map_or(self.read.len(), |(labels, _)| self.pushed.names_of(labels.shape).len());
        self.check_labels(labels + usize::from(placed))?;
        reading.keeps |= histogram.keeps;
        if reading.keeps {
            // What is kept goes out again, so it is read to its innermost field before it is taken.
            self.scratch.clear();
            copy_value(&mut self.scratch, message, head.kind)?;
        }
        if let Some(fault) = histogram.fault() {
            let name = Quoted(head.name.as_bytes());
            return Err(DecodeError::new(format!("{fault} for histogram {name}")));
        }
        let labels = again.map(|(labels, _)| labels).or_else(|| self.seal(head));
        let Some((labels, measured)) = labels.zip(self.measured(head, &reading)) else {
            // It is refused as a whole, so nothing more of it need be held.
            self.pushed.values.truncate(values);
            self.pushed.points.truncate(points);
            return Ok(());
        };
        self.take(Metric { family, labels, verbatim: (0, 0), measured }, message, reading.keeps);
        Ok(())
    }

    fn take(&mut self, metric: Metric, message: &'a [u8], keeps: bool) {
        if let Some(entry) = self.pushed.families.get_mut(metric.family as usize) {
            entry.keeps |= keeps;
            entry.empties = false;
        }
        self.pushed.metrics.push(metric);
        self.pushed.raw.push(message);
    }

    /// Goes on to read labels behind those that are like the ones before: the others are somewhere else in the message.
    fn read_from(&mut self, labels: Labels) {
        let names = self.pushed.names_of(labels.shape).iter().cloned();
        self.read.extend(names.zip(self.pushed.values_of(labels).iter().copied()));
        self.pushed.values.truncate(labels.values as usize);
    }

    fn seal(&mut self, head: &Head<'_>) -> Option<Labels> {
        match self.pushed.take_labels(&mut self.read) {
            Ok(labels) => {
                self.repeats.learnt(&self.pushed, labels.shape);
                Some(labels)
            }
            Err(twice) => {
                let (name, twice) = (Quoted(head.name.as_bytes()), Quoted(twice.as_bytes()));
                self.contradicts(format!("collected metric {name} has two or more labels with the same name: {twice}"));
                None
            }
        }
    }

    fn measured(&mut self, head: &Head<'_>, reading: &Reading) -> Option<Measured> {
        let (name, kind) = (Quoted(head.name.as_bytes()), head.kind);
        if reading.twins {
            let text = format!("collected metric {name} was collected before with the same name and label values");
            self.contradicts(text);
            return None;
        }
        if reading.measured.is_none() {
            self.contradicts(format!("collected metric {name} is not a {}", kind.proto_name()));
        }
        reading.measured
    }

    /// Notes a contradiction; the first one counts.
    fn contradicts(&mut self, text: String) {
        self.pushed.contradiction.get_or_insert(text.into());
    }

    fn count_lines(&mut self, more: u64) -> Result<(), DecodeError> {
        self.pushed.lines += more;
        let limit = self.terms.bounds.push().series_per_push_max;
        self.terms.check(PushBound::Series, limit, self.pushed.lines, "the metrics")
    }

    /// Whether a line may have so many labels of its own.
    fn check_labels(&self, pushed: usize) -> Result<(), DecodeError> {
        let Terms { bounds, .. } = &self.terms;
        let limit = bounds.push().labels_per_series_max;
        self.terms.check(PushBound::Labels, limit, bounds.labels(pushed), "a metric's labels")
    }

    /// Takes a label of the metric.
    fn label(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        self.check_labels(self.read.len() + 1)?;
        let (mut name, mut value) = ("", "");
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => name = field.value.text()?,
                2 => value = field.value.text()?,
                _ => {}
            }
        }
        if !self.terms.names.is_label_name(name) {
            return Err(DecodeError::new(format!("invalid label name {}", Quoted(name.as_bytes()))));
        }
        let bounds = self.terms.bounds.push();
        let (names_max, values_max) = (bounds.label_name_bytes_max, bounds.label_value_bytes_max);
        self.terms.check(PushBound::LabelNameBytes, names_max, name.len() as u64, "a label's name")?;
        self.terms.check(PushBound::LabelValueBytes, values_max, value.len() as u64, "a label's value")?;
        self.pushed.utf8 |= self.terms.names == NameScheme::Utf8 && !is_label_name(name);
        let start = if value.is_empty() { 0 } else { self.pushed.place_of(value.as_bytes()) };
        let form = form_of(value.as_bytes()).unwrap_or(Form::Meant);
        self.repeats.learn(self.read.is_empty(), message, name);
        self.read.push((Cow::Borrowed(name), Text { start, end: start + index(value.len()), form }));
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "text has floats; what is not exact in one is kept besides")]
    fn summary(&mut self, reading: &mut Reading, message: &[u8]) -> Result<(), DecodeError> {
        let (mut sum, mut count) = match reading.measured {
            Some(Measured::Distribution { sum, count }) => (sum, count),
            _ => (0.0, 0.0),
        };
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => {
                    let exact = field.value.varint()?;
                    count = exact as f64;
                    reading.keeps |= exact > 1 << 53;
                }
                2 => sum = field.value.double()?,
                3 => {
                    let (at, value) = quantile(field.value.bytes()?)?;
                    self.point(reading, at, value)?;
                }
                4 => reading.keeps = true,
                _ => {}
            }
        }
        reading.measured = Some(Measured::Distribution { sum, count });
        Ok(())
    }

    fn bucket(&mut self, reading: &mut Reading, bucket: Bucket) -> Result<(), DecodeError> {
        if bucket.count < 0.0 {
            return Err(DecodeError::new("negative bucket population for a histogram"));
        }
        self.point(reading, bucket.bound, bucket.count + 0.0)
    }

    /// A bucket or quantile. Messages of two bytes are enough to say one, so what repeats the one before is not held.
    fn point(&mut self, reading: &mut Reading, at: f64, value: f64) -> Result<(), DecodeError> {
        if at.is_nan() {
            return Err(DecodeError::new("a bucket's bound or a quantile is not a number"));
        }
        // Twins of -0 and 0 would be one bound under two names.
        let at = at + 0.0;
        match self.pushed.points.last() {
            Some(before) if before.metric == reading.metric && before.at == at => reading.twins = true,
            _ => {
                self.count_lines(lines_of_point(reading.kind, at))?;
                self.pushed.points.push(Point { metric: reading.metric, at, value });
            }
        }
        Ok(())
    }
}

/// A counter, a gauge or an untyped value. A counter alone has more than its value.
fn single(reading: &mut Reading, kind: MetricKind, message: &[u8]) -> Result<(), DecodeError> {
    let mut single = match reading.measured {
        Some(Measured::Value(value)) => value,
        _ => 0.0,
    };
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => single = field.value.double()?,
            2 | 3 if kind == MetricKind::Counter => reading.keeps = true,
            _ => {}
        }
    }
    reading.measured = Some(Measured::Value(single));
    Ok(())
}

fn quantile(message: &[u8]) -> Result<(f64, f64), DecodeError> {
    let (mut at, mut value) = (0.0, 0.0);
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => at = field.value.double()?,
            2 => value = field.value.double()?,
            _ => {}
        }
    }
    Ok((at, value))
}
