//! Protobuf's wire: keys, varints and lengths. Nothing is allocated for what a length claims; it is compared with what
//! is there.

use super::error::DecodeError;

/// The fields of one message, in the order in which they were sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
    /// Key and value as they were sent.
    pub(super) raw: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Bytes(&'a [u8]),
}

/// The largest number a field can have.
const NUMBER_MAX: u64 = (1 << 29) - 1;

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field, or the end of the message.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, DecodeError> {
        // Nearly all are bytes, and key and length of them one byte each.
        if let [key @ 0x0a..0x80, length @ ..0x80, behind @ ..] = self.rest
            && key & 7 == 2
            && let Some((bytes, rest)) = behind.split_at_checked(usize::from(*length))
        {
            let raw = self.rest.get(..usize::from(*length) + 2).unwrap_or_default();
            self.rest = rest;
            return Ok(Some(Field { number: u32::from(key >> 3), value: Value::Bytes(bytes), raw }));
        }
        self.any()
    }

    fn any(&mut self) -> Result<Option<Field<'a>>, DecodeError> {
        let start = self.rest;
        if start.is_empty() {
            return Ok(None);
        }
        let key = varint(&mut self.rest)?;
        let number = key >> 3;
        if number == 0 || number > NUMBER_MAX {
            return Err(DecodeError::malformed("a field has no valid number"));
        }
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = varint(&mut self.rest)?;
                Value::Bytes(take(&mut self.rest, length)?)
            }
            5 => self.array::<4>().map(|_| Value::Fixed32)?,
            _ => return Err(DecodeError::malformed("a field has no valid wire type")),
        };
        let raw = start.get(..start.len() - self.rest.len()).unwrap_or_default();
        Ok(Some(Field { number: u32::try_from(number).unwrap_or_default(), value, raw }))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or_else(cut_short)?;
        self.rest = tail;
        Ok(*head)
    }
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], DecodeError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(wrong_type()),
        }
    }

    pub(super) fn varint(self) -> Result<u64, DecodeError> {
        match self {
            Self::Varint(value) => Ok(value),
            _ => Err(wrong_type()),
        }
    }

    pub(super) fn double(self) -> Result<f64, DecodeError> {
        match self {
            Self::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(wrong_type()),
        }
    }

    /// UTF-8 without NUL, which Prometheus would take for the end of a text scrape.
    pub(super) fn text(self) -> Result<&'a str, DecodeError> {
        let text = std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::malformed("a text is not UTF-8"))?;
        if memchr::memchr(0, text.as_bytes()).is_some() {
            Err(DecodeError::malformed("a text has a NUL byte"))
        } else {
            Ok(text)
        }
    }

    /// Each value of a repeated field of varints, packed or not.
    pub(super) fn each_varint(self, mut each: impl FnMut(u64)) -> Result<(), DecodeError> {
        match self {
            Self::Varint(value) => each(value),
            Self::Bytes(mut packed) => {
                while !packed.is_empty() {
                    each(varint(&mut packed)?);
                }
            }
            _ => return Err(wrong_type()),
        }
        Ok(())
    }

    /// Each value of a repeated field of doubles, packed or not.
    pub(super) fn each_double(self, mut each: impl FnMut(f64)) -> Result<(), DecodeError> {
        match self {
            Self::Fixed64(bits) => each(f64::from_bits(bits)),
            Self::Bytes(packed) => {
                let (doubles, rest) = packed.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(cut_short());
                }
                doubles.iter().for_each(|bytes| each(f64::from_le_bytes(*bytes)));
            }
            _ => return Err(wrong_type()),
        }
        Ok(())
    }
}

fn cut_short() -> DecodeError {
    DecodeError::malformed("it ends within a field")
}

fn wrong_type() -> DecodeError {
    DecodeError::malformed("a field has the wire type of another")
}

/// Takes a varint off the front.
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut value = 0;
    for (at, byte) in rest.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            if at == 9 && *byte > 1 {
                break;
            }
            *rest = rest.get(at + 1..).unwrap_or_default();
            return Ok(value);
        }
    }
    Err(if rest.len() < 10 { cut_short() } else { DecodeError::malformed("a number has more than 64 bits") })
}

/// Takes so many bytes off the front.
pub(super) fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], DecodeError> {
    let taken = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let (head, tail) = taken.ok_or_else(cut_short)?;
    *rest = tail;
    Ok(head)
}

/// A signed integer as `sint32` and `sint64` write it.
#[expect(clippy::cast_possible_wrap, reason = "half of an unsigned number and its complement fit")]
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

pub(super) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

pub(super) fn write_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    write_varint(out, u64::from(number) << 3 | 2);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(super) fn write_double(out: &mut Vec<u8>, number: u32, value: f64) {
    write_varint(out, u64::from(number) << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn write_uint(out: &mut Vec<u8>, number: u32, value: u64) {
    write_varint(out, u64::from(number) << 3);
    write_varint(out, value);
}

/// Writes a message whose length is known once it is written. Nearly all are shorter than 128 bytes, so one byte is left
/// for the length, and what does not fit is moved.
pub(super) fn write_message(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    write_varint(out, u64::from(number) << 3 | 2);
    out.push(0);
    let start = out.len();
    write(out);
    let length = out.len() - start;
    if length < 0x80 {
        if let Some(slot) = out.get_mut(start - 1) {
            *slot = (length & 0x7f) as u8;
        }
        return;
    }
    let mut prefix = Vec::with_capacity(10);
    write_varint(&mut prefix, length as u64);
    out.splice(start - 1..start, prefix);
}

#[cfg(test)]
mod tests {
    use super::Fields;
    use super::unzigzag;
    use super::varint;
    use super::write_message;
    use super::write_varint;
    use proptest::prelude::*;

    #[test]
    fn a_number_of_more_than_64_bits_is_refused_and_a_long_zero_is_not() {
        assert!(varint(&mut &[0xff; 10][..]).is_err());
        let mut eleven = [0x80; 11];
        eleven[10] = 0;
        assert!(varint(&mut &eleven[..]).is_err());
        assert_eq!(varint(&mut &[0x80, 0x80, 0][..]).unwrap(), 0);
        assert_eq!([0, 1, 2, u64::MAX].map(unzigzag), [0, -1, 1, i64::MIN]);
    }

    #[test]
    fn groups_and_the_number_zero_are_no_fields() {
        for key in [0x0b, 0x0c, 0x0e, 0x0f, 0x00, 0x02] {
            assert!(Fields::of(&[key, 0]).next().is_err(), "{key}");
        }
    }

    proptest! {
        #[test]
        fn a_varint_reads_back(value in any::<u64>()) {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            prop_assert_eq!(varint(&mut &out[..]).unwrap(), value);
        }

        #[test]
        fn a_message_of_any_length_reads_back(length in 0..40_000_usize) {
            let mut out = vec![7];
            write_message(&mut out, 3, |out| out.extend(std::iter::repeat_n(9, length)));
            let field = Fields::of(&out[1..]).next().unwrap().unwrap();
            prop_assert_eq!((field.number, field.value.bytes().unwrap().len()), (3, length));
            prop_assert_eq!(field.raw.len() + 1, out.len());
        }
    }
}
