//! Metrics that have the labels of the one before them, with other values: nearly all of a push.
//!
//! The names have been read and judged then, so here they are only compared. Whatever is not laid out exactly so is left to
//! be read field by field.

use super::decode::value_field;
use crate::exposition::pushed::Form;
use crate::exposition::pushed::Labels;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::Text;
use crate::exposition::pushed::index;
use crate::model::MetricKind;
use crate::model::PushBounds;

/// Keys of the fields as they are on the wire: a metric's label, and a label's name and value.
const LABEL: u8 = 1 << 3 | 2;
const NAME: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;
/// That of the number within a counter, a gauge or an untyped value.
const NUMBER: u8 = 1 << 3 | 1;

/// What is remembered of the metric before.
#[derive(Default)]
pub(super) struct Repeats<'a> {
    /// What stands in each label before the length of its value: its name.
    pieces: Vec<&'a [u8]>,
    /// Whether all its labels were laid out so.
    plain: bool,
    /// The shape these labels have, once it is known.
    shape: Option<u32>,
}

impl<'a> Repeats<'a> {
    /// Looks at a label that is read field by field; `first` of its metric or not.
    pub(super) fn learn(&mut self, first: bool, label: &'a [u8], name: &str) {
        if first {
            self.pieces.clear();
            (self.plain, self.shape) = (true, None);
        }
        let piece = label.get(..name.len() + 3).unwrap_or_default();
        let laid_out = match piece {
            [NAME, length, named @ .., VALUE] => usize::from(*length) == name.len() && named == name.as_bytes(),
            _ => false,
        };
        self.plain &= laid_out && name.len() < 0x80;
        self.pieces.push(piece);
    }

    /// The shape of the labels that were looked at.
    pub(super) fn learnt(&mut self, pushed: &PushedFamilies<'_>, shape: u32) {
        let names = pushed.names_of(shape);
        let in_order = || {
            names.iter().zip(&self.pieces).all(|(name, piece)| piece.get(2..name.len() + 2) == Some(name.as_bytes()))
        };
        self.shape = (self.plain && names.len() == self.pieces.len() && in_order()).then_some(shape);
    }

    /// Reads the labels that `metric` begins with, if they are those of the metric before; and what stands behind them. Of
    /// anything else nothing is read.
    pub(super) fn labels(
        &self,
        pushed: &mut PushedFamilies<'a>,
        metric: &'a [u8],
        bounds: &PushBounds,
    ) -> Option<(Labels, &'a [u8])> {
        let labels = Labels { shape: self.shape?, values: index(pushed.values.len()) };
        let rest = self.values(pushed, metric, bounds.label_value_bytes_max);
        if rest.is_none() {
            pushed.values.truncate(labels.values as usize);
        }
        Some((labels, rest?))
    }

    fn values(&self, pushed: &mut PushedFamilies<'a>, metric: &'a [u8], value_max: u64) -> Option<&'a [u8]> {
        let mut rest = metric;
        for piece in &self.pieces {
            let [LABEL, length @ ..0x80, behind @ ..] = rest else { return None };
            let (label, others) = behind.split_at_checked(usize::from(*length))?;
            let (length, value) = label.strip_prefix(*piece)?.split_first()?;
            // The length of a label is one byte, so that of its value is.
            if usize::from(*length) != value.len() || value.len() as u64 > value_max {
                return None;
            }
            let start = pushed.place_of(value);
            pushed.values.push(Text { start, end: start + index(value.len()), form: form_of(value)? });
            rest = others;
        }
        Some(rest)
    }
}

/// The number of a counter, a gauge or an untyped value, where `fields` is that and nothing else.
pub(super) fn alone(fields: &[u8], kind: MetricKind) -> Option<f64> {
    if !matches!(kind, MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped) {
        return None;
    }
    let (key, value) = fields.split_first()?;
    match value {
        [9, NUMBER, number @ ..] if u32::from(*key) == value_field(kind) << 3 | 2 => {
            Some(f64::from_le_bytes(number.try_into().ok()?))
        }
        _ => None,
    }
}

/// How a value lies in a body, if it is UTF-8 without NUL.
pub(super) fn form_of(value: &[u8]) -> Option<Form> {
    let classes = value.iter().fold(0, |classes, byte| classes | class_of(*byte));
    if classes & NUL != 0 || (classes & NOT_ASCII != 0 && std::str::from_utf8(value).is_err()) {
        return None;
    }
    Some(if classes & ESCAPED == 0 { Form::Plain } else { Form::Meant })
}

const NUL: u8 = 1;
const ESCAPED: u8 = 2;
const NOT_ASCII: u8 = 4;

/// What a byte means to the value it stands in: one look in a table for each.
#[expect(clippy::indexing_slicing, reason = "a byte is an index into 256; it is evaluated by the compiler")]
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    classes[0] = NUL;
    classes[b'\n' as usize] = ESCAPED;
    classes[b'"' as usize] = ESCAPED;
    classes[b'\\' as usize] = ESCAPED;
    let mut byte = 0x80;
    while byte < classes.len() {
        classes[byte] = NOT_ASCII;
        byte += 1;
    }
    classes
};

#[expect(clippy::indexing_slicing, reason = "a byte is an index into 256")]
fn class_of(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

#[cfg(test)]
mod tests {
    use super::Form;
    use super::form_of;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_is_judged_as_by_looking_for_each_thing(value in "[ab\0\n\"\\\\\u{7f}é\u{10ffff}]{0,6}", cut: bool) {
            let bytes = &value.as_bytes()[..value.len() - usize::from(cut && !value.is_empty())];
            let expected = match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => {
                    Some(if text.contains(['\n', '"', '\\']) { Form::Meant } else { Form::Plain })
                }
                _ => None,
            };
            prop_assert_eq!(form_of(bytes), expected);
        }
    }
}
