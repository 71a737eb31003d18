//! A body split into its messages, and what each says of its family before its metrics.

use super::error::DecodeError;
use super::wire::Fields;
use super::wire::take;
use super::wire::varint;
use crate::exposition::by_name::ByName;
use crate::exposition::escape::Quoted;
use crate::exposition::pushed::index;
use crate::model::GroupBounds;
use crate::model::MetricKind;
use crate::model::NameScheme;
use crate::model::PushBound;

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

/// A message of a body, and what it says before its metrics.
pub(super) struct Message<'a> {
    pub(super) head: Head<'a>,
    pub(super) bytes: &'a [u8],
    /// Whether it is the last of its family's name.
    pub(super) counts: bool,
}

/// Splits a body. A message without a name ends it at once, and so does one more than there may be families: four bytes
/// are enough to say one, and ten million of them would be noted in some hundred megabytes.
pub(super) fn messages<'a>(mut body: &'a [u8], terms: &Terms) -> Result<Vec<Message<'a>>, DecodeError> {
    let families_max = terms.bounds.push().families_per_push_max;
    let (mut messages, mut names) = (Vec::<Message<'_>>::new(), ByName::default());
    while !body.is_empty() {
        let number = messages.len() + 1;
        let counted = terms.check(PushBound::Families, families_max, number as u64, "the body");
        counted.map_err(|error| error.in_message(number))?;
        let cut = body.len() < 10 && body.iter().all(|byte| byte & 0x80 != 0);
        let length = if cut { Err(DecodeError::unexpected_eof()) } else { varint(&mut body) }?;
        let bytes = take(&mut body, length).map_err(|_| DecodeError::unexpected_eof())?;
        let head = Head::read(bytes, terms).map_err(|error| error.in_message(number))?;
        let hash = names.hash_of(head.name);
        let called = |at: u32| messages.get(at as usize).is_some_and(|message| message.head.name == head.name);
        let before = names.find(hash, called);
        names.put(hash, index(messages.len()), called);
        if let Some(before) = before.and_then(|before| messages.get_mut(before as usize)) {
            before.counts = false;
        }
        messages.push(Message { head, bytes, counts: true });
    }
    Ok(messages)
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

pub(super) fn kind_of(number: u64) -> Result<MetricKind, DecodeError> {
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
