//! Which fields the messages within a metric have: the table of `metrics.proto`, and the copy of a metric that holds no
//! others. What Prometheus will read has been read here first.

use super::error::DecodeError;
use super::wire::Field;
use super::wire::Fields;
use super::wire::write_bytes;

/// How a field's value is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    Double,
    Varint,
    Text,
    /// Repeated, packed or not.
    Doubles,
    Varints,
    Message(Message),
}

/// The fields of a message by their numbers.
pub(super) type Message = &'static [(u32, Type)];

const LABEL_PAIR: Message = &[(1, Type::Text), (2, Type::Text)];
const TIMESTAMP: Message = &[(1, Type::Varint), (2, Type::Varint)];
const EXEMPLAR: Message = &[(1, Type::Message(LABEL_PAIR)), (2, Type::Double), (3, Type::Message(TIMESTAMP))];
const QUANTILE: Message = &[(1, Type::Double), (2, Type::Double)];
const BUCKET: Message = &[(1, Type::Varint), (2, Type::Double), (3, Type::Message(EXEMPLAR)), (4, Type::Double)];
const SPAN: Message = &[(1, Type::Varint), (2, Type::Varint)];

pub(super) const VALUE: Message = &[(1, Type::Double)];
pub(super) const COUNTER: Message = &[(1, Type::Double), (2, Type::Message(EXEMPLAR)), (3, Type::Message(TIMESTAMP))];
pub(super) const SUMMARY: Message =
    &[(1, Type::Varint), (2, Type::Double), (3, Type::Message(QUANTILE)), (4, Type::Message(TIMESTAMP))];
pub(super) const HISTOGRAM: Message = &[
    (1, Type::Varint),
    (2, Type::Double),
    (3, Type::Message(BUCKET)),
    (4, Type::Double),
    (5, Type::Varint),
    (6, Type::Double),
    (7, Type::Varint),
    (8, Type::Double),
    (9, Type::Message(SPAN)),
    (10, Type::Varints),
    (11, Type::Doubles),
    (12, Type::Message(SPAN)),
    (13, Type::Varints),
    (14, Type::Doubles),
    (15, Type::Message(TIMESTAMP)),
    (16, Type::Message(EXEMPLAR)),
];

/// Writes `bytes`, a message, without the fields that `message` does not have.
pub(super) fn copy_known(out: &mut Vec<u8>, bytes: &[u8], message: Message) -> Result<(), DecodeError> {
    let mut fields = Fields::of(bytes);
    while let Some(Field { number, value, raw }) = fields.next()? {
        let Some((_, kind)) = message.iter().find(|(known, _)| *known == number) else {
            continue;
        };
        match kind {
            Type::Double => value.double().map(|_| ())?,
            Type::Varint => value.varint().map(|_| ())?,
            Type::Text => value.text().map(|_| ())?,
            Type::Doubles => value.each_double(|_| ())?,
            Type::Varints => value.each_varint(|_| ())?,
            Type::Message(inner) => {
                let mut known = Vec::new();
                copy_known(&mut known, value.bytes()?, inner)?;
                write_bytes(out, number, &known);
                continue;
            }
        }
        out.extend_from_slice(raw);
    }
    Ok(())
}
