//! One family after the other, written.

use super::Forced;
use super::Inconsistent;
use super::Unfit;
use crate::exposition::escape::Quoted;
use crate::exposition::fleet;
use crate::exposition::float;
use crate::exposition::protobuf;
use crate::exposition::pushed::Family;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::Metric;
use crate::exposition::pushed::Point;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::index;
use crate::exposition::stored;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use crate::model::PreparedParts;
use crate::model::SeriesHasher;
use crate::model::SeriesId;
use crate::model::is_label_name;
use crate::model::is_metric_name;
use crate::model::underscored_label;
use crate::model::underscored_metric;

/// Writes families. Holds what is the same for all of a push, and the buffers they share.
pub(super) struct FamilyWriter<'p> {
    pushed: &'p PushedFamilies<'p>,
    forced: &'p Forced<'p>,
    hasher: &'p SeriesHasher,
    namespace_label: &'p str,
    /// Whether the group's own labels are renamed in the operator's view, so that every line's are.
    forced_renamed: bool,
    /// What the families to come may take.
    bytes_left: u64,
    /// Whether names need not be classic.
    utf8: bool,
    merged: Vec<(&'p str, &'p str)>,
    labels: Vec<u8>,
    lines: Vec<u8>,
    line_count: usize,
    series: Vec<SeriesId>,
    sorted: Vec<SeriesId>,
    identity: Vec<u8>,
    proto: Vec<u8>,
}

impl<'p> FamilyWriter<'p> {
    pub(super) fn new(
        pushed: &'p PushedFamilies<'p>,
        forced: &'p Forced<'p>,
        hasher: &'p SeriesHasher,
        namespace_label: &'p str,
        bytes_max: u64,
        utf8: bool,
    ) -> Self {
        Self {
            pushed,
            forced,
            hasher,
            namespace_label,
            forced_renamed: forced.names().any(|name| fleet::renames(namespace_label, &underscored_label(name))),
            bytes_left: bytes_max,
            utf8,
            merged: Vec::new(),
            labels: Vec::new(),
            lines: Vec::new(),
            line_count: 0,
            series: Vec::new(),
            sorted: Vec::new(),
            identity: Vec::new(),
            proto: Vec::new(),
        }
    }

    /// The family with `metrics`, which are places in the column of all metrics.
    pub(super) fn write(&mut self, family: &'p Family<'p>, metrics: &[u32]) -> Result<PreparedFamily, Unfit> {
        let name = &*family.name;
        self.lines.clear();
        self.line_count = 0;
        self.series.clear();
        self.proto.clear();
        let mut renamed = self.forced_renamed;
        let mut utf8 = self.utf8 && !is_metric_name(name);
        if let Some(taken) = place_label(family.kind)
            && self.forced.names().any(|forced| forced == taken)
        {
            return Err(explicit(name, taken).into());
        }
        for metric_at in metrics {
            let Some(metric) = self.pushed.metrics.get(*metric_at as usize) else {
                continue;
            };
            renamed |= self.take_labels(family, metric)?;
            utf8 |= self.utf8 && self.merged.iter().any(|(label, _)| !is_label_name(label));
            let id = match self.utf8 {
                true => self.compared_id(name)?,
                false => self.hasher.id_in(&mut self.identity, name, self.merged.iter().copied()),
            };
            self.series.push(id);
            match metric.measured {
                Measured::Value(value) => self.line(name, "", None, value)?,
                Measured::Distribution { sum, count } => self.distribution(family, *metric_at, sum, count)?,
            }
            if family.keeps {
                let sent = self.pushed.raw.get(*metric_at as usize).copied().unwrap_or_default();
                let kept = protobuf::keep(&mut self.proto, &self.merged, sent, family.kind);
                kept.map_err(|error| Inconsistent::new(error.to_string()))?;
            }
        }
        self.refuse_twins(name)?;
        let family = PreparedFamily::from(PreparedParts {
            name: name.into(),
            kind: family.kind,
            help: (&*family.help).into(),
            lines: self.lines.as_slice().into(),
            line_count: index(self.line_count),
            series: self.series.as_slice().into(),
            renamed,
            proto: self.proto.as_slice().into(),
            utf8,
        });
        self.bytes_left = self.bytes_left.checked_sub(family.stored_bytes()).ok_or(Unfit::TooLarge)?;
        Ok(family)
    }

    /// Merges and writes the labels of `metric`; says whether one of them is renamed in the operator's view.
    fn take_labels(&mut self, family: &Family<'_>, metric: &Metric) -> Result<bool, Inconsistent> {
        let labels = self.pushed.labels_of(metric);
        let mut renamed = false;
        for label in labels {
            let label = &*label.name;
            if label.starts_with("__") {
                let what = format!("has a label with an invalid name: {}", Quoted(label.as_bytes()));
                return Err(Inconsistent::metric(&family.name, &what));
            }
            if place_label(family.kind) == Some(label) {
                return Err(explicit(&family.name, label));
            }
            renamed |= match self.utf8 {
                true => fleet::renames(self.namespace_label, &underscored_label(label)),
                false => fleet::renames(self.namespace_label, label),
            };
        }
        self.forced.merge(labels, &mut self.merged, &mut self.labels);
        Ok(renamed)
    }

    /// The identity of the series whose labels are merged, by its names as they are compared.
    fn compared_id(&self, name: &str) -> Result<SeriesId, Inconsistent> {
        let mut labels: Vec<_> =
            self.merged.iter().map(|(label, value)| (underscored_label(label), *label, *value)).collect();
        labels.sort_unstable();
        if let Some((_, label, _)) = labels.iter().find(|(compared, _, _)| compared.starts_with("__")) {
            let what = format!("has a label with an invalid name: {}", Quoted(label.as_bytes()));
            return Err(Inconsistent::metric(name, &what));
        }
        let mut pairs = labels.iter().zip(labels.iter().skip(1));
        if let Some((one, other)) = pairs.find(|(one, other)| one.0 == other.0) {
            return Err(Inconsistent::twin_names(one.1, other.1));
        }
        let compared = labels.iter().map(|(compared, _, value)| (&**compared, *value));
        Ok(self.hasher.id(&underscored_metric(name), compared))
    }

    fn distribution(&mut self, family: &Family<'_>, metric_at: u32, sum: f64, count: f64) -> Result<(), Unfit> {
        let name = &*family.name;
        let (suffix, place) = match family.kind {
            MetricKind::Summary => ("", "quantile"),
            _ => ("_bucket", "le"),
        };
        let all = &self.pushed.points;
        let start = all.partition_point(|point| point.metric < metric_at);
        let points = all.get(start..).unwrap_or_default();
        let end = points.partition_point(|point| point.metric == metric_at);
        let points = points.get(..end).unwrap_or_default();
        if has_twins(points) {
            return Err(Inconsistent::collected_before(&format!("{name}{suffix}")).into());
        }
        for point in points {
            self.line(name, suffix, Some((place, point.at)), point.value)?;
        }
        if family.kind != MetricKind::Summary && !points.iter().any(|point| point.at == f64::INFINITY) {
            self.line(name, suffix, Some((place, f64::INFINITY)), count)?;
        }
        self.line(name, "_sum", None, sum)?;
        self.line(name, "_count", None, count)
    }

    fn line(&mut self, name: &str, suffix: &str, place: Option<(&str, f64)>, value: f64) -> Result<(), Unfit> {
        let lines = &mut self.lines;
        if self.utf8 {
            stored::write_name(lines, name, suffix);
        } else {
            lines.extend_from_slice(name.as_bytes());
            lines.extend_from_slice(suffix.as_bytes());
            lines.push(b'{');
        }
        lines.extend_from_slice(&self.labels);
        if let Some((label, place)) = place {
            lines.push(b',');
            lines.extend_from_slice(label.as_bytes());
            lines.extend_from_slice(b"=\"");
            float::write(lines, place);
            lines.push(b'"');
        }
        lines.extend_from_slice(b"} ");
        float::write(lines, value);
        lines.push(b'\n');
        self.line_count += 1;
        if lines.len() as u64 > self.bytes_left { Err(Unfit::TooLarge) } else { Ok(()) }
    }

    fn refuse_twins(&mut self, name: &str) -> Result<(), Inconsistent> {
        if self.series.len() < 2 {
            return Ok(());
        }
        self.sorted.clone_from(&self.series);
        self.sorted.sort_unstable();
        let mut pairs = self.sorted.iter().zip(self.sorted.iter().skip(1));
        if pairs.any(|(left, right)| left == right) {
            return Err(Inconsistent::collected_before(name));
        }
        Ok(())
    }
}

/// The label a family writes by itself, so that no metric may have it.
fn place_label(kind: MetricKind) -> Option<&'static str> {
    match kind {
        MetricKind::Summary => Some("quantile"),
        MetricKind::Histogram | MetricKind::GaugeHistogram => Some("le"),
        MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped => None,
    }
}

fn explicit(name: &str, label: &str) -> Inconsistent {
    Inconsistent::metric(name, &format!("must not have an explicit \"{label}\" label"))
}

/// Whether two of a metric's buckets or quantiles would be one line. Nearly always they come in order.
fn has_twins(points: &[Point]) -> bool {
    if points.is_sorted_by(|left, right| left.at < right.at) {
        return false;
    }
    let mut places: Vec<u64> = points.iter().map(|point| point.at.to_bits()).collect();
    places.sort_unstable();
    !places.is_sorted_by(|left, right| left < right)
}
