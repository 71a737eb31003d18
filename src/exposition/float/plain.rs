//! Decimals of few digits, which nearly all numbers are that are pushed.

/// A decimal that [`plain()`] read.
#[derive(Clone, Copy, Debug)]
pub(in crate::exposition) struct Plain {
    pub(in crate::exposition) value: f64,
    /// Whether [`write()`](super::write()) would write the number just so.
    pub(in crate::exposition) written_so: bool,
    /// How many bytes it has.
    pub(in crate::exposition) length: usize,
}

/// Reads the decimal of at most 15 digits that `text` begins with, without much ado: up to the first byte that is neither a
/// digit nor its point. None: it is for [`parse`](super::parse) to read, or to refuse.
///
/// So many digits are told apart by floats, whatever they are: no shorter ones lead to the same number, so a text without
/// a needless zero is the one that is written. And their quotient by a power of ten is of two numbers that are exact, so
/// it is the nearest to theirs.
pub(in crate::exposition) fn plain(text: &[u8]) -> Option<Plain> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let Digits { number, whole, fraction } = short(unsigned).or_else(|| long(unsigned))?;
    let behind = fraction.unwrap_or_default();
    let divisor = *POWERS.get(behind)?;
    let leading = unsigned.first() == Some(&b'0');
    let written_so = (if leading { whole == 1 } else { whole <= 6 })
        && match fraction {
            None => true,
            Some(0) => false,
            // What is below 10^-4 is written with an exponent.
            Some(_) => unsigned.get(whole + behind) != Some(&b'0') && (!leading || number * 10_000 >= divisor),
        };
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, reason = "both have at most 15 digits")]
    let (number, divisor) = (number as i64 as f64, divisor as i64 as f64);
    let value = if behind == 0 { number } else { number / divisor };
    let signed = unsigned.len() < text.len();
    let length = whole + fraction.map_or(0, |fraction| fraction + 1) + usize::from(signed);
    Some(Plain { value: if signed { -value } else { value }, written_so, length })
}

/// The digits before a point and behind it.
#[derive(Debug, PartialEq, Eq)]
struct Digits {
    /// All of them as one number.
    number: u64,
    /// How many stand before the point, at least one.
    whole: usize,
    /// How many stand behind it, if there is one.
    fraction: Option<usize>,
}

/// Reads those of which the end is among the first eight bytes, all at once: a third of what [`long`] takes.
#[inline]
fn short(text: &[u8]) -> Option<Digits> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let bytes = u64::from_le_bytes(*text.first_chunk()?);
    // What each byte is above the digit 0, and the high bit of each that is no digit, as from 10 on 0x76 raises it; above the first byte that is not ASCII
    // neither need be right, and that ends it.
    let values = bytes ^ (EACH * u64::from(b'0'));
    let others = (values.wrapping_add(EACH * 0x76) | values) & (EACH << 7);
    let first = others.trailing_zeros();
    let whole = (first / 8) as usize;
    if whole == 0 || whole == size_of::<u64>() {
        return None;
    }
    let below_point = (1 << (first & !7)) - 1;
    let (digits, fraction) = if text.get(whole) == Some(&b'.') {
        // The next one ends it. The digits behind the point move up to those before it.
        let end = (others & others.wrapping_sub(1)).trailing_zeros();
        let fraction = ((end / 8) as usize).checked_sub(whole + 1)?;
        if end == u64::BITS {
            return None;
        }
        ((values & below_point) | ((values >> 8) & !below_point), Some(fraction))
    } else {
        (values, None)
    };
    // The last one at the top, zeros before the first.
    let count = whole + fraction.unwrap_or_default();
    let digits = digits << (u64::BITS as usize - 8 * count);
    Some(Digits { number: number_of(digits), whole, fraction })
}

/// The number that eight digits are, the first one in the lowest byte: of pairs, of pairs of pairs, of all.
#[inline]
const fn number_of(digits: u64) -> u64 {
    const PAIRS: u64 = 0x00ff_00ff_00ff_00ff;
    const FOURS: u64 = 0x0000_ffff_0000_ffff;
    let pairs = (digits & PAIRS).wrapping_mul(10).wrapping_add((digits >> 8) & PAIRS);
    let fours = (pairs & FOURS).wrapping_mul(100).wrapping_add((pairs >> 16) & FOURS);
    (fours & 0xffff_ffff) * 10_000 + (fours >> 32)
}

/// Reads them one by one.
fn long(text: &[u8]) -> Option<Digits> {
    let (mut number, whole) = leading(text, 0);
    let mut fraction = None;
    if let Some(behind) = text.get(whole..)?.strip_prefix(b".") {
        let read;
        (number, read) = leading(behind, number);
        fraction = Some(read);
    }
    let few = whole > 0 && whole + fraction.unwrap_or_default() <= DIGITS_MAX;
    few.then_some(Digits { number, whole, fraction })
}

/// Puts the digits that `text` begins with behind those of `number`, and says how many they are, or that they are more than
/// fit.
#[inline]
fn leading(text: &[u8], mut number: u64) -> (u64, usize) {
    let text = text.get(..=DIGITS_MAX).unwrap_or(text);
    let mut length = 0;
    while let Some(byte) = text.get(length) {
        let digit = byte.wrapping_sub(b'0');
        if digit >= 10 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        length += 1;
    }
    (number, length)
}

/// So many digits are told apart by floats, whatever they are.
const DIGITS_MAX: usize = 15;

/// Powers of ten.
const POWERS: [u64; 15] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
    10_000_000_000_000,
    100_000_000_000_000,
];

#[cfg(test)]
mod tests {
    use super::long;
    use super::plain;
    use super::short;
    use proptest::prelude::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        super::super::write(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn few_digits_at_once_are_what_they_are_one_by_one(
            text in prop_oneof!["[0-9]{0,8}(\\.[0-9]{0,8})?(\n|[0-9.]{0,4}|.)", "[0-9]{1,3}\\.[0-9]{0,4}\n[a-z_]{0,9}"],
            bytes in proptest::collection::vec(prop_oneof![6 => b'0'..=b'9', 1 => Just(b'.'), 1 => any::<u8>()], 8..12),
        ) {
            for text in [text.as_bytes(), &bytes] {
                if let Some(read) = short(text) {
                    prop_assert_eq!(Some(read), long(text));
                }
            }
        }

        #[test]
        fn what_is_read_without_much_ado_is_what_it_is_and_is_copied_only_where_it_is_written_so(
            text in "-?[0-9]{0,9}(\\.[0-9]{0,9})?|-?0?\\.?0{0,5}[0-9]{0,12}|-?[1-9][0-9]{0,5}(\\.[0-9]{0,8}[1-9])?|[-+0-9.eE]{0,8}",
        ) {
            if let Some(plain) = plain(text.as_bytes()) {
                let text = &text[..plain.length];
                prop_assert_eq!(text.parse().map(f64::to_bits), Ok(plain.value.to_bits()));
                prop_assert_eq!(written(plain.value) == text, plain.written_so);
            }
        }

        #[test]
        fn whatever_is_written_of_few_digits_is_read_without_much_ado(whole in -9_999_999_i32..10_000_000, scale in 0..8_i32) {
            let text = written(f64::from(whole) / 10_f64.powi(scale));
            if !text.contains('e') {
                prop_assert_eq!(plain(text.as_bytes()).map(|plain| (plain.written_so, plain.length)), Some((true, text.len())), "{}", text);
            }
        }

        #[test]
        fn a_line_of_few_digits_is_read_at_once(number in "[0-9]{1,3}(\\.[0-9]{1,3})?") {
            let line = format!("{number}\nbehind_it");
            prop_assert!(short(line.as_bytes()).is_some());
        }

        #[test]
        fn reading_any_bytes_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = plain(&bytes);
        }
    }
}
