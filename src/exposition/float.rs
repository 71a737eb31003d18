//! Numbers as Go reads and writes them, which is what Prometheus' text format means by a float.

mod plain;

pub(super) use plain::plain;

/// Reads a float: decimal with an optional exponent, or `inf`, `infinity` and `nan` in any case. Hexadecimal, `_`, a
/// signed `nan` and what no float can hold are none.
pub(super) fn parse(text: &[u8]) -> Option<f64> {
    if let Some(plain) = plain(text).filter(|plain| plain.length == text.len()) {
        return Some(plain.value);
    }
    if text.iter().all(may_be_decimal) {
        let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        return value.is_finite().then_some(value);
    }
    if text.eq_ignore_ascii_case(b"nan") {
        return Some(f64::NAN);
    }
    let (infinity, word) = match text.split_first()? {
        (b'-', word) => (f64::NEG_INFINITY, word),
        (b'+', word) => (f64::INFINITY, word),
        _ => (f64::INFINITY, text),
    };
    (word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity")).then_some(infinity)
}

/// Whether a byte may stand in a decimal, with an exponent or without.
pub(super) fn may_be_decimal(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E')
}

/// Writes the fewest digits that read back to `value`; with an exponent of at least two digits where the decimal
/// exponent is below -4 or above 5.
pub(super) fn write(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if let Some(integer) = small_integer(value) {
        write_integer(out, integer);
    } else if value == 0.0 {
        out.extend_from_slice(b"-0");
    } else {
        write_digits(out, value);
    }
}

/// Most values that are pushed: those that need neither a point nor an exponent. Not -0, whose sign would be lost.
#[expect(clippy::cast_possible_truncation, reason = "a value that changes in the cast is sorted out right after it")]
fn small_integer(value: f64) -> Option<i32> {
    let integer = value as i32;
    (f64::from(integer).to_bits() == value.to_bits() && integer.unsigned_abs() < 1_000_000).then_some(integer)
}

fn write_integer(out: &mut Vec<u8>, integer: i32) {
    if integer < 0 {
        out.push(b'-');
    }
    let mut rest = integer.unsigned_abs();
    let start = out.len();
    loop {
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Writes what is neither zero nor one of the easy ones.
fn write_digits(out: &mut Vec<u8>, value: f64) {
    let (mut buffer, absolute) = (zmij::Buffer::new(), value.abs());
    let written = buffer.format_finite(absolute).as_bytes();
    // Nor an exponent here, so that it is written there as here; and no integer, which alone is written otherwise there.
    if (1e-4..1e6).contains(&absolute) {
        if value.is_sign_negative() {
            out.push(b'-');
        }
        return out.extend_from_slice(written);
    }
    let shortest = Decimal::read(written);
    if value.is_sign_negative() {
        out.push(b'-');
    }
    shortest.write(out);
}

/// The digits of a number without sign, and where its point stands.
struct Decimal {
    /// A float is told from every other by 17 digits at most; before them and behind them stand zeros.
    digits: [u8; 24],
    length: usize,
    /// Of the first digit: `d.ddd` times ten to the power of this.
    exponent: i32,
}

impl Decimal {
    /// Reads a number above zero, with or without a point and an exponent: `12.5`, `1e-7`, `0.001`.
    fn read(text: &[u8]) -> Self {
        let mut decimal = Self { digits: [b'0'; 24], length: 0, exponent: -1 };
        let (mantissa, exponent) = match text.iter().position(|byte| *byte == b'e') {
            Some(e) => (text.get(..e), text.get(e + 1..)),
            None => (Some(text), None),
        };
        let (mut point_seen, mut length) = (false, 0);
        for byte in mantissa.unwrap_or_default() {
            if *byte == b'.' {
                point_seen = true;
                continue;
            }
            let leading = length == 0 && *byte == b'0';
            if !leading && let Some(slot) = decimal.digits.get_mut(length) {
                *slot = *byte;
                length += 1;
            }
            // Digits before the point raise the first one's place, zeros behind it and before any other lower it.
            match (point_seen, leading) {
                (false, false) => decimal.exponent += 1,
                (true, true) => decimal.exponent -= 1,
                _ => {}
            }
            if *byte != b'0' {
                decimal.length = length;
            }
        }
        let exponent = exponent.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<i32>().ok());
        decimal.exponent += exponent.unwrap_or_default();
        decimal
    }

    fn write(&self, out: &mut Vec<u8>) {
        let digits = self.digits.get(..self.length).unwrap_or_default();
        match self.exponent {
            -4..0 => {
                out.extend_from_slice(b"0.");
                out.extend((self.exponent..-1).map(|_| b'0'));
                out.extend_from_slice(digits);
            }
            0..6 => {
                let whole = self.exponent.unsigned_abs() as usize + 1;
                write_with_point(out, digits, whole);
                out.extend((digits.len()..whole).map(|_| b'0'));
            }
            exponent => {
                write_with_point(out, digits, 1);
                out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
                if exponent.unsigned_abs() < 10 {
                    out.push(b'0');
                }
                write_integer(out, exponent.abs());
            }
        }
    }
}

/// The digits with a point behind the first `whole` of them, if there are more.
fn write_with_point(out: &mut Vec<u8>, digits: &[u8], whole: usize) {
    let (whole, fraction) = digits.split_at_checked(whole).unwrap_or((digits, &[]));
    out.extend_from_slice(whole);
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use proptest::prelude::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        super::write(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, text) in [
            (524_288.0, "524288"),
            (1_048_576.0, "1.048576e+06"),
            (1e6, "1e+06"),
            (999_999.0, "999999"),
            (-1e6, "-1e+06"),
            (1_583_872_347.716_605_7, "1.5838723477166057e+09"),
            (0.000_116_755, "0.000116755"),
            (1e-5, "1e-05"),
            (1e-4, "0.0001"),
            (0.5, "0.5"),
            (-0.25, "-0.25"),
            (100_000.5, "100000.5"),
            (999_999.9, "999999.9"),
            (3.25, "3.25"),
            (123.0, "123"),
            (0.0, "0"),
            (-0.0, "-0"),
            (-1.0, "-1"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
            (2_f64.powi(-44), "5.684341886080802e-14"),
            (1e100, "1e+100"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(written(value), text);
        }
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, value) in [
            ("0", 0.0),
            ("+1", 1.0),
            ("-1.5e3", -1500.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("5.e1", 50.0),
            ("1E+2", 100.0),
            ("1e-400", 0.0),
            ("inf", f64::INFINITY),
            ("+Inf", f64::INFINITY),
            ("-INF", f64::NEG_INFINITY),
            ("Infinity", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["NaN", "nan", "NAN"] {
            assert!(parse(text.as_bytes()).unwrap().is_nan());
        }
        for text in [
            "", ".", "+", "-", "e", "1e", "1e+", ".e1", "--1", "1-", "+nan", "-nan", "1_000", "0x1", "0x1p4", "1p4",
            "1e309", "-1e309", "infin", "++inf", "1 ", "ä", "1,5", "1f",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_have_as_few_digits_as_any_writer_needs(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                // Which of two as close last digits is taken, Rust decides otherwise than Go; how many there are, not.
                let digits = |text: &str| {
                    let mantissa = text.split('e').next().unwrap_or_default();
                    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
                    digits.trim_matches('0').len()
                };
                prop_assert_eq!(digits(&written(value)), digits(&format!("{value:e}")));
            }
        }

        #[test]
        fn every_number_reads_back_to_the_same_bits(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            let again = parse(written(value).as_bytes()).unwrap();
            prop_assert!(again.to_bits() == value.to_bits() || (again.is_nan() && value.is_nan()));
        }

        #[test]
        fn everyday_numbers_read_back_to_the_same_bits(whole in -10_000_000_i32..10_000_000, scale in -12_i32..12) {
            let value = f64::from(whole) * 10_f64.powi(scale);
            prop_assert_eq!(parse(written(value).as_bytes()).unwrap().to_bits(), value.to_bits());
        }

        #[test]
        fn what_needs_no_exponent_is_written_as_all_else(whole in 1_u64..1_000_000_000_000_000_000, scale in 0..24_i32) {
            #[expect(clippy::cast_precision_loss, reason = "any float will do")]
            let value = whole as f64 / 10_f64.powi(scale);
            let mut out = Vec::new();
            super::Decimal::read(zmij::Buffer::new().format_finite(value).as_bytes()).write(&mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), written(value));
        }

        #[test]
        fn reading_any_bytes_never_panics(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
        }
    }
}
