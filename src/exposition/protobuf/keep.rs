//! What is kept of a metric that text does not say in full.

use super::decode::value_field;
use super::error::DecodeError;
use super::schema;
use super::schema::copy_known;
use super::wire::Fields;
use super::wire::write_bytes;
use super::wire::write_message;
use crate::model::MetricKind;

/// Number of the field `metric` of a family, and of the fields of a metric's label.
pub(super) const METRIC: u32 = 4;
pub(super) const LABEL: u32 = 1;
const LABEL_NAME: u32 = 1;
const LABEL_VALUE: u32 = 2;

/// Writes a metric with `labels`, and with the value that `sent`, its message as pushed, has for a family of this type.
/// Fields that are not of `metrics.proto` are left out.
pub(in crate::exposition) fn keep(
    out: &mut Vec<u8>,
    labels: &[(&str, &str)],
    sent: &[u8],
    kind: MetricKind,
) -> Result<(), DecodeError> {
    let mut written = Ok(());
    write_message(out, METRIC, |out| {
        for (name, value) in labels {
            write_label(out, name, value.as_bytes());
        }
        written = copy_value(out, sent, kind);
    });
    written
}

pub(super) fn write_label(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    write_message(out, LABEL, |out| {
        write_bytes(out, LABEL_NAME, name.as_bytes());
        write_bytes(out, LABEL_VALUE, value);
    });
}

/// Writes the value alone.
pub(super) fn copy_value(out: &mut Vec<u8>, sent: &[u8], kind: MetricKind) -> Result<(), DecodeError> {
    let message = match kind {
        MetricKind::Gauge | MetricKind::Untyped => schema::VALUE,
        MetricKind::Counter => schema::COUNTER,
        MetricKind::Summary => schema::SUMMARY,
        MetricKind::Histogram | MetricKind::GaugeHistogram => schema::HISTOGRAM,
    };
    let number = value_field(kind);
    let mut fields = Fields::of(sent);
    while let Some(field) = fields.next()? {
        if field.number == number {
            let mut known = Vec::new();
            copy_known(&mut known, field.value.bytes()?, message)?;
            write_bytes(out, number, &known);
        }
    }
    Ok(())
}
