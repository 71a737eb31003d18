//! A view as protobuf: one message for each family name, over all groups and tenants that hold it.

use super::decode::value_field;
use super::histogram::Histogram;
use super::keep::LABEL;
use super::keep::METRIC;
use super::keep::write_label;
use super::wire::Fields;
use super::wire::Value;
use super::wire::write_bytes;
use super::wire::write_double;
use super::wire::write_message;
use super::wire::write_uint;
use super::wire::write_varint;
use crate::exposition::escaping::Escaping;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::Metric;
use crate::exposition::pushed::Point;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::shown::Shown;
use crate::exposition::stored;
use crate::exposition::text;
use crate::model::FamilyView;
use crate::model::MetricKind;

/// What is read back and written at one time of what one group holds, where that is more.
const PART_BYTES: usize = 64 << 10;

/// A `MetricFamily` in the making. A small one is held whole, since its length goes out before it: `add` each part, then
/// `write`. A large one is gone through twice: `measure` each part, `begin`, then `send` each part.
///
/// Prometheus reads all metrics of a histogram as it reads the first: beside a native one it would not see the buckets of
/// a classic one. Tenants are not to hide each other's, so where an operator's view has both, all are shown by their
/// classic form: what has native ones by its lines, and all else as it is in any view, exemplars and all.
#[derive(Debug, Default)]
pub struct FamilyMessage {
    head: Vec<u8>,
    /// Those that were added, or the part that was measured last.
    metrics: Vec<u8>,
    /// The same that were added, all by their classic form, from the first native one on.
    classic_form: Option<Vec<u8>>,
    has_native: bool,
    has_classic: bool,
    /// Whether what is being sent goes by its lines, though more is kept of it.
    by_lines: bool,
    /// The lengths of what was measured: as it is, and all by its classic form.
    length: u64,
    classic_length: u64,
}

impl FamilyMessage {
    /// A family without metrics yet.
    pub fn new(name: &str, kind: MetricKind, help: &str, escaping: Escaping) -> Self {
        let mut head = Vec::with_capacity(name.len() + help.len() + 16);
        write_bytes(&mut head, 1, escaping.metric(name).as_bytes());
        if !help.is_empty() {
            write_bytes(&mut head, 2, help.as_bytes());
        }
        write_uint(&mut head, 3, number_of(kind));
        Self { head, ..Self::default() }
    }

    /// Adds what groups hold. With `only`, their lines of that name (underscored) alone, as untyped metrics.
    pub fn add<'f>(&mut self, family: impl Into<FamilyView<'f>>, shown: &Shown<'_>, only: Option<&str>) {
        let family = family.into();
        let start = self.metrics.len();
        write_as_it_is(&mut self.metrics, family, shown, only);
        if !may_be_mixed(family, shown) {
            return;
        }
        let native = self.note_kinds(family, only);
        let (before, added) = self.metrics.split_at_checked(start).unwrap_or_default();
        if native && self.classic_form.is_none() {
            self.classic_form = Some(before.to_vec());
        }
        match &mut self.classic_form {
            Some(form) if native => write_lines_of(form, family, shown, None),
            Some(form) => form.extend_from_slice(added),
            None => {}
        }
    }

    /// Notes which kinds of histograms these are, and says whether there are native ones.
    fn note_kinds(&mut self, family: FamilyView<'_>, only: Option<&str>) -> bool {
        let kept = family.kept_proto().filter(|_| only.is_none());
        let (native, classic) = kept.map_or((false, true), kinds_in);
        self.has_native |= native;
        self.has_classic |= classic;
        native
    }

    fn is_mixed(&self) -> bool {
        self.has_native && self.has_classic
    }

    /// Writes the message with its length; nothing where it has no metrics.
    pub fn write(&self, out: &mut Vec<u8>) {
        let metrics = match &self.classic_form {
            Some(form) if self.is_mixed() => form,
            _ => &self.metrics,
        };
        if !metrics.is_empty() {
            write_varint(out, (self.head.len() + metrics.len()) as u64);
            out.extend_from_slice(&self.head);
            out.extend_from_slice(metrics);
        }
    }

    /// Takes note of how long the message becomes by what groups hold, and keeps nothing of it.
    pub fn measure(&mut self, family: FamilyView<'_>, shown: &Shown<'_>, only: Option<&str>) {
        let native = may_be_mixed(family, shown) && self.note_kinds(family, only);
        let length = |by_lines: bool, written: &mut Vec<u8>| {
            let (mut at, mut sum) = (Some(0), 0);
            while let Some(from) = at {
                written.clear();
                at = write_part(written, family, from, shown, only, by_lines);
                sum += written.len() as u64;
            }
            sum
        };
        let as_it_is = length(false, &mut self.metrics);
        self.length += as_it_is;
        self.classic_length += if native { length(true, &mut self.metrics) } else { as_it_is };
        self.metrics.clear();
    }

    /// Writes what stands before the metrics that were measured; false where there are none.
    pub fn begin(&mut self, out: &mut Vec<u8>) -> bool {
        let length = if self.is_mixed() { self.classic_length } else { self.length };
        if length > 0 {
            write_varint(out, self.head.len() as u64 + length);
            out.extend_from_slice(&self.head);
        }
        length > 0
    }

    /// Writes a part of what was measured, from `at` on, which is 0 at first. Says where the next part begins, or none where
    /// nothing is left.
    pub fn send(
        &mut self,
        out: &mut Vec<u8>,
        family: FamilyView<'_>,
        at: usize,
        shown: &Shown<'_>,
        only: Option<&str>,
    ) -> Option<usize> {
        // Asked once, since what is kept is read for it to its end.
        if at == 0 {
            let kept = family.kept_proto().filter(|_| self.is_mixed());
            self.by_lines = kept.is_some_and(|kept| kinds_in(kept).0);
        }
        write_part(out, family, at, shown, only, self.by_lines)
    }
}

/// Whether native histograms and classic ones may stand side by side in this view.
fn may_be_mixed(family: FamilyView<'_>, shown: &Shown<'_>) -> bool {
    matches!(family.kind, MetricKind::Histogram | MetricKind::GaugeHistogram) && shown.fleet.is_some()
}

/// Writes some metrics from `at` on, and says where the next stand. Kept ones are written by their lines where `by_lines`.
fn write_part(
    out: &mut Vec<u8>,
    family: FamilyView<'_>,
    at: usize,
    shown: &Shown<'_>,
    only: Option<&str>,
    by_lines: bool,
) -> Option<usize> {
    let kept = family.kept_proto().filter(|_| only.is_none() && !by_lines);
    let whole = kept.unwrap_or(family.lines);
    let rest = whole.get(at..).unwrap_or_default();
    let part = match kept {
        Some(_) => metrics_in(rest, PART_BYTES),
        None => stored::metrics_in(family, rest, PART_BYTES),
    };
    let some = rest.get(..part).unwrap_or(rest);
    match kept {
        Some(_) => write_kept(out, some, family, shown),
        None => write_lines_of(out, FamilyView { lines: some, proto: &[], ..family }, shown, only),
    }
    Some(at + some.len()).filter(|next| *next < whole.len() && !some.is_empty())
}

/// The length of the first of these kept metrics, up to the one with which they are `enough`.
fn metrics_in(kept: &[u8], enough: usize) -> usize {
    let (mut metrics, mut end) = (Fields::of(kept), 0);
    while end < enough
        && let Ok(Some(metric)) = metrics.next()
    {
        end += metric.raw.len();
    }
    end
}

fn write_as_it_is(out: &mut Vec<u8>, family: FamilyView<'_>, shown: &Shown<'_>, only: Option<&str>) {
    match family.kept_proto().filter(|_| only.is_none()) {
        Some(kept) => write_kept(out, kept, family, shown),
        None => write_lines_of(out, family, shown, only),
    }
}

fn write_kept(out: &mut Vec<u8>, kept: &[u8], family: FamilyView<'_>, shown: &Shown<'_>) {
    if shown.fleet.is_none() && shown.keeps_names(family) {
        out.extend_from_slice(kept);
        return;
    }
    // We wrote it, so it is as it should be to its end.
    let mut metrics = Fields::of(kept);
    while let Ok(Some(metric)) = metrics.next() {
        let Value::Bytes(metric) = metric.value else { continue };
        write_message(out, METRIC, |out| {
            begin_labels(out, shown);
            let mut fields = Fields::of(metric);
            while let Ok(Some(field)) = fields.next() {
                match (field.number, field.value) {
                    (LABEL, Value::Bytes(label)) => {
                        let (name, value) = name_and_value(label);
                        write_shown(out, name, value, shown);
                    }
                    _ => out.extend_from_slice(field.raw),
                }
            }
        });
    }
}

/// Writes the metrics of a family as its lines say them.
fn write_lines_of(out: &mut Vec<u8>, family: FamilyView<'_>, shown: &Shown<'_>, only: Option<&str>) {
    // What we wrote, we can read.
    if let Ok(read) = text::read_back(family, only) {
        write_read(out, &read, shown);
    }
}

fn write_read(out: &mut Vec<u8>, read: &PushedFamilies<'_>, shown: &Shown<'_>) {
    let mut points = read.points.as_slice();
    for (metric, at) in read.metrics.iter().zip(0_u32..) {
        // Lines of one metric stand together, so its points do, and in the order of metrics.
        let own = points.partition_point(|point| point.metric <= at);
        let (own, behind) = points.split_at_checked(own).unwrap_or_default();
        points = behind;
        let kind = read.families.get(metric.family as usize).map_or(MetricKind::Untyped, |family| family.kind);
        write_message(out, METRIC, |out| {
            begin_labels(out, shown);
            for label in read.labels_of(metric) {
                write_shown(out, label.name, label.value.as_bytes(), shown);
            }
            write_message(out, value_field(kind), |out| write_value(out, kind, metric, own));
        });
    }
}

/// Whether there are native histograms among kept metrics, and whether there are others.
fn kinds_in(kept: &[u8]) -> (bool, bool) {
    let (mut native, mut classic) = (false, false);
    let mut metrics = Fields::of(kept);
    while let Ok(Some(metric)) = metrics.next() {
        let Value::Bytes(metric) = metric.value else { continue };
        let mut read = Histogram::default();
        let mut fields = Fields::of(metric);
        while let Ok(Some(field)) = fields.next() {
            if let (true, Value::Bytes(histogram)) = (field.number == value_field(MetricKind::Histogram), field.value) {
                // It was read before it was kept.
                drop(read.read(histogram, |_| Ok(())));
            }
        }
        native |= read.is_native();
        classic |= !read.is_native();
    }
    (native, classic)
}

fn begin_labels(out: &mut Vec<u8>, shown: &Shown<'_>) {
    if let Some(fleet) = shown.fleet {
        write_label(out, &shown.escaping.label(fleet.label()), fleet.tenant().as_bytes());
    }
}

fn write_shown(out: &mut Vec<u8>, name: &str, value: &[u8], shown: &Shown<'_>) {
    match shown.value_prefix(name) {
        b"" => write_label(out, &shown.label(name), value),
        prefix => write_label(out, &shown.label(name), &[prefix, value].concat()),
    }
}

/// Of a label as it is kept.
pub(super) fn name_and_value(label: &[u8]) -> (&str, &[u8]) {
    let (mut name, mut value): (&str, &[u8]) = ("", b"");
    let mut fields = Fields::of(label);
    while let Ok(Some(field)) = fields.next() {
        match (field.number, field.value) {
            (1, Value::Bytes(bytes)) => name = std::str::from_utf8(bytes).unwrap_or_default(),
            (2, Value::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    (name, value)
}

const fn number_of(kind: MetricKind) -> u64 {
    match kind {
        MetricKind::Counter => 0,
        MetricKind::Gauge => 1,
        MetricKind::Summary => 2,
        MetricKind::Untyped => 3,
        MetricKind::Histogram => 4,
        MetricKind::GaugeHistogram => 5,
    }
}

fn write_value(out: &mut Vec<u8>, kind: MetricKind, metric: &Metric, points: &[Point]) {
    let (sum, count) = match metric.measured {
        Measured::Value(value) => return write_double(out, 1, value),
        Measured::Distribution { sum, count } => (sum, count),
    };
    if kind == MetricKind::Summary {
        write_uint(out, 1, integer(count).unwrap_or(u64::MAX));
        write_double(out, 2, sum);
        for point in points {
            write_message(out, 3, |out| {
                write_double(out, 1, point.at);
                write_double(out, 2, point.value);
            });
        }
        return;
    }
    // One count that is no integer makes floats of them all, as in upstream's reading of text.
    let integers = integer(count).is_some() && points.iter().all(|point| integer(point.value).is_some());
    let write_count = |out: &mut Vec<u8>, count: f64, number: u32, float: u32| match integer(count) {
        Some(integer) if integers => write_uint(out, number, integer),
        _ => write_double(out, float, count),
    };
    write_count(out, count, 1, 4);
    write_double(out, 2, sum);
    for point in points {
        write_message(out, 3, |out| {
            write_count(out, point.value, 1, 4);
            write_double(out, 2, point.at);
        });
    }
}

/// A count as the integer it is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a value that changes in the cast is sorted out right after it"
)]
fn integer(count: f64) -> Option<u64> {
    let integer = count as u64;
    (integer as f64 == count && count < 18_446_744_073_709_551_616.0).then_some(integer)
}
