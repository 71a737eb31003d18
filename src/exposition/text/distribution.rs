//! The lines of histograms and summaries, each of which is but a part of its metric.

use super::error::Fault;
use super::line::Line;
use super::named::Named;
use super::named::Role;
use super::parser::Parser;
use super::parser::value;
use crate::exposition::escape::Quoted;
use crate::exposition::float;
use crate::exposition::pushed::Labels;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::Point;
use crate::exposition::pushed::lines_always;
use crate::exposition::pushed::lines_of_point;
use crate::model::MetricKind;

impl<'a> Parser<'a> {
    /// The value of a histogram's or summary's line, and the metric it belongs to.
    pub(super) fn distributed(
        &mut self,
        named: Named,
        kind: MetricKind,
        mut labels: Labels,
        at: usize,
        line: &mut Line<'a>,
    ) -> Result<(), Fault> {
        let is_summary = kind == MetricKind::Summary;
        let label = if is_summary { "quantile" } else { "le" };
        let place = self.take_place(label, &mut labels, at)?;
        if !is_summary {
            // Each histogram has a bucket, and so a line with `le` besides.
            self.check_labels(self.pushed.names_of(labels.shape).len() + 1, at)?;
        }
        let known = self.pushed.metrics.len();
        let metric = self.names.metric_of(named.family, labels, &mut self.pushed);
        if self.pushed.metrics.len() > known {
            self.count_lines(lines_always(kind), at)?;
        }
        let value_at = line.at();
        let value = value(line)?;
        let refused = |text: &str, parser: &Self| {
            let name = parser.quoted_name(named);
            Err(Fault::new(value_at, format!("{text} {} {name}", kind_word(is_summary))))
        };
        match (named.role, place) {
            (Role::Sum, _) => self.set(metric, |sum, _| *sum = value),
            (Role::Count, _) if value < 0.0 || (is_summary && value.is_nan()) => {
                return refused("negative count for", self);
            }
            // A summary's count is an integer of 64 bits, whatever was pushed.
            (Role::Count, _) if is_summary => self.set(metric, |_, count| *count = as_u64(value)),
            (Role::Count, _) => self.set(metric, |_, count| *count = value + 0.0),
            (Role::Whole | Role::Bucket, None) => {
                let message = format!("no '{label}' label for {} {}", kind_word(is_summary), self.quoted_name(named));
                return Err(Fault::new(at, message));
            }
            (Role::Whole | Role::Bucket, Some(_)) if !is_summary && value < 0.0 => {
                return refused("negative bucket population for", self);
            }
            (Role::Whole | Role::Bucket, Some(place)) => {
                self.count_lines(lines_of_point(kind, place), at)?;
                let value = if is_summary { value } else { value + 0.0 };
                self.pushed.points.push(Point { metric, at: place, value });
            }
        }
        Ok(())
    }

    /// Takes `le` or `quantile` out of the labels of the line, whose values are the last ones.
    fn take_place(&mut self, label: &str, labels: &mut Labels, at: usize) -> Result<Option<f64>, Fault> {
        let names = self.pushed.names_of(labels.shape);
        let Some(found) = names.iter().position(|name| name == label) else {
            return Ok(None);
        };
        let place = self.pushed.values.remove(labels.values as usize + found);
        labels.shape = self.without(labels.shape, found);
        let place = self.pushed.meant(place);
        let read = float::parse(place.as_bytes()).filter(|place| !place.is_nan());
        let unread = || {
            let message = format!("expected float as value for '{label}' label, got {}", Quoted(place.as_bytes()));
            Fault::new(at, message)
        };
        // Twins of -0 and 0 would be one bound under two names.
        read.map(|place| Some(place + 0.0)).ok_or_else(unread)
    }

    /// The shape that lacks one name of `shape`.
    fn without(&mut self, shape: u32, name: usize) -> u32 {
        if let Some((of, without)) = self.repeats.without
            && of == (shape, name)
        {
            return without;
        }
        let mut names = self.pushed.names_of(shape).to_vec();
        names.remove(name);
        let known = self.pushed.shape_of(|| names.iter().map(|name| &**name));
        let without = known.unwrap_or_else(|| self.pushed.add_shape(names.into_iter()));
        self.repeats.without = Some(((shape, name), without));
        without
    }

    fn set(&mut self, metric: u32, change: impl FnOnce(&mut f64, &mut f64)) {
        let metric = self.pushed.metrics.get_mut(metric as usize);
        if let Some(Measured::Distribution { sum, count }) = metric.map(|metric| &mut metric.measured) {
            change(sum, count);
        }
    }
}

fn kind_word(is_summary: bool) -> &'static str {
    if is_summary { "summary" } else { "histogram" }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "what a 64-bit count would make of it is the point"
)]
fn as_u64(value: f64) -> f64 {
    value as u64 as f64
}
