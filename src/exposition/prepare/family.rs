//! One family after the other, written.

use super::Forced;
use super::Inconsistent;
use super::Unfit;
use super::labels::InOrder;
use super::labels::Plan;
use crate::exposition::escape::Quoted;
use crate::exposition::fleet;
use crate::exposition::float;
use crate::exposition::protobuf;
use crate::exposition::pushed::Family;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::Metric;
use crate::exposition::pushed::Point;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::Text;
use crate::exposition::pushed::index;
use crate::exposition::revive;
use crate::exposition::stored;
use crate::model::Gathering;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use crate::model::PreparedTraits;
use crate::model::Series;
use crate::model::SeriesHasher;
use crate::model::SeriesId;
use crate::model::is_label_name;
use crate::model::is_metric_name;
use crate::model::underscored_label;
use crate::model::underscored_metric;
use std::borrow::Cow;

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
    /// For the shape of the metric that is being written, and what its names are.
    plan: Plan,
    planned: Option<Planned<'p>>,
    /// What a line of the family begins with that has the shape of the plan; empty where it has not been needed.
    head: Vec<u8>,
    labels: Vec<u8>,
    gathered: Gathering,
    line_count: usize,
    series: Vec<SeriesId>,
    sorted: Vec<SeriesId>,
    identity: Vec<u8>,
    proto: Vec<u8>,
}

/// What is to be known of the names of a shape.
#[derive(Clone, Copy)]
struct Planned<'p> {
    shape: u32,
    /// One that no label may have.
    invalid: Option<&'p str>,
    /// Whether one is renamed in the operator's view.
    renamed: bool,
    /// Whether one is not classic.
    utf8: bool,
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
        // The body is nearly all lines, and to each come the labels of the group; and its name, where protobuf says it once.
        let name = pushed.families.first().filter(|_| !pushed.raw.is_empty()).map_or(0, |first| first.name.len());
        let lines = usize::try_from(pushed.lines).unwrap_or(usize::MAX);
        let line_bytes = pushed.body.len().saturating_add(lines.saturating_mul(forced.bytes() + name));
        Self {
            pushed,
            forced,
            hasher,
            namespace_label,
            forced_renamed: forced.names().any(|name| fleet::renames(namespace_label, &underscored_label(name))),
            bytes_left: bytes_max,
            utf8,
            plan: Plan::with_room(),
            planned: None,
            head: Vec::new(),
            labels: Vec::new(),
            gathered: Gathering::with_room(pushed.families.len(), line_bytes),
            line_count: 0,
            series: Vec::new(),
            sorted: Vec::new(),
            identity: Vec::new(),
            proto: Vec::new(),
        }
    }

    /// The family with `metrics`, which are places in the column of all metrics.
    pub(super) fn write(&mut self, family: &'p Family<'p>, metrics: &[u32]) -> Result<(), Unfit> {
        let name = &*family.name;
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
        let (mut judged, mut in_order) = (None, InOrder::new());
        for metric_at in metrics {
            let Some(metric) = self.pushed.metrics.get(*metric_at as usize) else {
                continue;
            };
            let shape = metric.labels.shape;
            if judged != Some(shape) {
                if judged.is_some() {
                    in_order.breaks();
                }
                let planned = self.planned_for(family, shape)?;
                renamed |= planned.renamed;
                utf8 |= planned.utf8;
                judged = Some(shape);
                self.head.clear();
            }
            let values = self.pushed.values_of(metric.labels);
            if self.utf8 {
                let id = self.compared_id(name, metric)?;
                self.series.push(id);
            } else {
                in_order.add(self.pushed, &self.plan, values);
            }
            match metric.measured {
                Measured::Value(value) => self.single(name, metric, values, value)?,
                Measured::Distribution { sum, count } => {
                    self.labels.clear();
                    self.labels.extend_from_slice(self.plan.head());
                    self.plan.write_behind_head(&mut self.labels, self.pushed, metric.labels);
                    self.labels.truncate(self.labels.len().saturating_sub(Plan::END.len()));
                    self.distribution(family, *metric_at, sum, count)?;
                }
            }
            if family.keeps {
                self.keep(family, *metric_at, metric)?;
            }
        }
        let series = self.apart(family, metrics, in_order.holds())?;
        let (line_count, proto) = (index(self.line_count), self.proto.as_slice().into());
        let traits = PreparedTraits { kind: family.kind, line_count, series, renamed, proto, utf8 };
        let escaped = if self.utf8 { underscored_metric(name) } else { Cow::Borrowed(name) };
        let escaped = if *escaped == *name { "" } else { &escaped };
        let stored_bytes = self.gathered.add(name, escaped, &family.help, traits);
        self.bytes_left = self.bytes_left.checked_sub(stored_bytes).ok_or(Unfit::TooLarge)?;
        Ok(())
    }

    /// All that were written.
    pub(super) fn done(self) -> Vec<PreparedFamily> {
        self.gathered.done()
    }

    /// Makes the plan for a shape unless it is there, and judges the names of the shape for this family.
    fn planned_for(&mut self, family: &Family<'_>, shape: u32) -> Result<Planned<'p>, Inconsistent> {
        let pushed = self.pushed;
        let names = pushed.names_of(shape);
        let planned = match self.planned.filter(|planned| planned.shape == shape) {
            Some(planned) => planned,
            None => {
                self.plan.make(names, self.forced);
                let renames = |name: &str| match self.utf8 {
                    true => fleet::renames(self.namespace_label, &underscored_label(name)),
                    false => fleet::renames(self.namespace_label, name),
                };
                let merged_utf8 =
                    || names.iter().map(|name| &**name).chain(self.forced.names()).any(|name| !is_label_name(name));
                Planned {
                    shape,
                    invalid: names.iter().find(|name| name.starts_with("__")).map(|name| &**name),
                    renamed: names.iter().any(|name| renames(name)),
                    utf8: self.utf8 && merged_utf8(),
                }
            }
        };
        self.planned = Some(planned);
        if let Some(invalid) = planned.invalid {
            let what = format!("has a label with an invalid name: {}", Quoted(invalid.as_bytes()));
            return Err(Inconsistent::metric(&family.name, &what));
        }
        match place_label(family.kind) {
            Some(taken) if names.iter().any(|name| name == taken) => Err(explicit(&family.name, taken)),
            _ => Ok(planned),
        }
    }

    /// The series of a family, if no two of them are one.
    ///
    /// Most families' metrics have labels of the same names, and come in the order of their values: then no two are one, and
    /// their identities may be found when they are asked for.
    fn apart(&mut self, family: &Family<'_>, metrics: &[u32], in_order: bool) -> Result<Series, Inconsistent> {
        if !self.utf8 {
            if in_order {
                return Ok(Series::to_be_found(index(metrics.len()), self.hasher, revive::identify));
            }
            for metric in metrics {
                let Some(metric) = self.pushed.metrics.get(*metric as usize) else { continue };
                self.planned_for(family, metric.labels.shape)?;
                self.identity.clear();
                self.identity.extend_from_slice(family.name.as_bytes());
                self.plan.identify(&mut self.identity, self.pushed, metric.labels, self.forced);
                self.series.push(self.hasher.id_of(&self.identity));
            }
        }
        self.refuse_twins(&family.name)?;
        Ok(self.series.as_slice().into())
    }

    /// The identity of a metric's series by its names as they are compared.
    fn compared_id(&self, name: &str, metric: &Metric) -> Result<SeriesId, Inconsistent> {
        let merged: Vec<_> = self.plan.each(self.pushed, metric.labels, self.forced).collect();
        let mut labels: Vec<_> =
            merged.iter().map(|label| (underscored_label(label.name), label.name, &*label.value)).collect();
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

    /// Keeps a metric as protobuf besides.
    fn keep(&mut self, family: &Family<'_>, metric_at: u32, metric: &Metric) -> Result<(), Inconsistent> {
        let sent = self.pushed.raw.get(metric_at as usize).copied().unwrap_or_default();
        let merged: Vec<_> = self.plan.each(self.pushed, metric.labels, self.forced).collect();
        let merged: Vec<_> = merged.iter().map(|label| (label.name, &*label.value)).collect();
        let kept = protobuf::keep(&mut self.proto, &merged, sent, family.kind);
        kept.map_err(|error| Inconsistent::new(error.to_string()))
    }

    /// The line of a metric that has one.
    fn single(&mut self, name: &str, metric: &Metric, values: &[Text], value: f64) -> Result<(), Unfit> {
        let lines = self.gathered.lines();
        let (start, end) = metric.verbatim;
        if start < end {
            self.plan.copy(lines, self.pushed.body, (start, end), values, name.len());
            if lines.last() == Some(&b'\n') {
                return self.line_ended();
            }
        } else {
            if self.head.is_empty() {
                begin_line(&mut self.head, name, "", self.utf8);
                self.head.extend_from_slice(self.plan.head());
            }
            lines.extend_from_slice(&self.head);
            self.plan.write_behind_head(lines, self.pushed, metric.labels);
        }
        self.end_line(value)
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
        let lines = self.gathered.lines();
        begin_line(lines, name, suffix, self.utf8);
        lines.extend_from_slice(&self.labels);
        if let Some((label, place)) = place {
            lines.push(b',');
            lines.extend_from_slice(label.as_bytes());
            lines.extend_from_slice(b"=\"");
            float::write(lines, place);
            lines.push(b'"');
        }
        lines.extend_from_slice(Plan::END);
        self.end_line(value)
    }

    fn end_line(&mut self, value: f64) -> Result<(), Unfit> {
        let lines = self.gathered.lines();
        float::write(lines, value);
        lines.push(b'\n');
        self.line_ended()
    }

    fn line_ended(&mut self) -> Result<(), Unfit> {
        self.line_count += 1;
        if self.gathered.line_bytes() as u64 > self.bytes_left { Err(Unfit::TooLarge) } else { Ok(()) }
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

/// Everything before the labels.
fn begin_line(lines: &mut Vec<u8>, name: &str, suffix: &str, utf8: bool) {
    if utf8 {
        stored::write_name(lines, name, suffix);
    } else {
        lines.extend_from_slice(name.as_bytes());
        lines.extend_from_slice(suffix.as_bytes());
        lines.push(b'{');
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
