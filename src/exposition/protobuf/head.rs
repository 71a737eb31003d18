//! A body split into its messages, and what each says of its family before its metrics.

use super::error::DecodeError;
use super::wire::Fields;
use super::wire::take;
use super::wire::varint;
use crate::exposition::escape::Quoted;
use crate::model::GroupBounds;
use crate::model::MetricKind;
use crate::model::NameScheme;
use crate::model::PushBound;
use std::collections::HashMap;

/// What a push may hold: which names, and how much of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) names: NameScheme,
    pub(super) bounds: GroupBounds,
}

impl Terms {
    /// Refuses what is longer or more than `limit`, which is that of `bound`.
    #[inline]
    pub(super) fn check(&self, bound: PushBound, limit: u64, found: u64, field: &str) -> Result<(), DecodeError> {
        if found > limit { Err(DecodeError::over(field, self.bounds.push().over(bound, found))) } else { Ok(()) }
    }
}

/// The messages of a body and what each says before its metrics, and which of them is the last of its family's name.
pub(super) type Messages<'a> = (Vec<(Head<'a>, &'a [u8])>, HashMap<&'a str, usize>);

/// Splits a body. A message without a name ends it at once, and so does one more than there may be families: four bytes
/// are enough to say one, and ten million of them would be noted in some hundred megabytes.
pub(super) fn messages<'a>(mut body: &'a [u8], terms: &Terms) -> Result<Messages<'a>, DecodeError> {
    let families_max = terms.bounds.push().families_per_push_max;
    let (mut messages, mut last) = (Vec::new(), HashMap::new());
    while !body.is_empty() {
        let number = messages.len() + 1;
        let counted = terms.check(PushBound::Families, families_max, number as u64, "the body");
        counted.map_err(|error| error.in_message(number))?;
        let cut = body.len() < 10 && body.iter().all(|byte| byte & 0x80 != 0);
        let length = if cut { Err(DecodeError::unexpected_eof()) } else { varint(&mut body) }?;
        let message = take(&mut body, length).map_err(|_| DecodeError::unexpected_eof())?;
        let head = Head::read(message, terms).map_err(|error| error.in_message(number))?;
        last.insert(head.name, messages.len());
        messages.push((head, message));
    }
    Ok((messages, last))
}

/// A family but for its metrics.
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) help: &'a str,
    pub(super) kind: MetricKind,
}

impl<'a> Head<'a> {
    pub(super) fn read(message: &'a [u8], terms: &Terms) -> Result<Self, DecodeError> {
        let bounds = terms.bounds.push();
        let mut head = Self { name: "", help: "", kind: MetricKind::Counter };
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => {
                    let (bound, name) = (PushBound::MetricNameBytes, field.value.bytes()?);
                    terms.check(bound, bounds.metric_name_bytes_max, name.len() as u64, "the name")?;
                    head.name = field.value.text()?;
                }
                2 => {
                    let help = field.value.bytes()?;
                    terms.check(PushBound::LineBytes, bounds.line_bytes_max, help.len() as u64, "the help")?;
                    head.help = field.value.text()?;
                }
                3 => head.kind = kind_of(field.value.varint()?)?,
                // The unit is read and, as upstream's scrape loses it, not kept.
                5 => field.value.text().map(|_| ())?,
                _ => {}
            }
        }
        if !terms.names.is_metric_name(head.name) {
            return Err(DecodeError::new(format!("invalid metric name {}", Quoted(head.name.as_bytes()))));
        }
        Ok(head)
    }
}

fn kind_of(number: u64) -> Result<MetricKind, DecodeError> {
    Ok(match number {
        0 => MetricKind::Counter,
        1 => MetricKind::Gauge,
        2 => MetricKind::Summary,
        3 => MetricKind::Untyped,
        4 => MetricKind::Histogram,
        5 => MetricKind::GaugeHistogram,
        _ => return Err(DecodeError::new(format!("unknown metric type {number}"))),
    })
}
