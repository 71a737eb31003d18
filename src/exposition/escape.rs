//! How texts are written: escaped in a scrape, quoted and cut in an answer.

use std::fmt;
use std::fmt::Write;

/// The most of a client's own input that one message repeats, in bytes.
const QUOTED_MAX: usize = 64;

/// Writes a label's value as it stands between its quotes.
pub(super) fn label_value(out: &mut Vec<u8>, value: &str) {
    escaped(out, value, |byte| matches!(byte, b'\\' | b'\n' | b'"' | 0));
}

/// Writes a help text as it stands in its line.
pub(super) fn help(out: &mut Vec<u8>, help: &str) {
    escaped(out, help, |byte| matches!(byte, b'\\' | b'\n' | 0));
}

fn escaped(out: &mut Vec<u8>, text: &str, special: impl Fn(u8) -> bool) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| special(*byte)) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or_default();
        out.extend_from_slice(plain);
        let (byte, tail) = tail.split_first().unwrap_or((&b' ', &[]));
        out.extend_from_slice(match byte {
            b'\n' => b"\\n",
            b'"' => b"\\\"",
            // The format has no way to say NUL, and Prometheus drops a whole scrape for one. Pushed ones are refused;
            // should one come in by a grouping label, the scrape still stands.
            0 => "\u{fffd}".as_bytes(),
            _ => b"\\\\",
        });
        rest = tail;
    }
    out.extend_from_slice(rest);
}

/// A piece of a client's input in a message: in double quotes, of one line, and cut.
pub(super) struct Quoted<'a>(pub(super) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        let mut shown = 0;
        let mut cut = false;
        'all: for chunk in self.0.utf8_chunks() {
            for char in chunk.valid().chars() {
                if shown + char.len_utf8() > QUOTED_MAX {
                    cut = true;
                    break 'all;
                }
                shown += char.len_utf8();
                write_char(f, char, '"')?;
            }
            if shown + chunk.invalid().len() > QUOTED_MAX {
                cut = true;
                break;
            }
            shown += chunk.invalid().len();
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_str(if cut { "…\"" } else { "\"" })
    }
}

/// The character at the start of a piece of a client's input.
pub(super) struct First<'a>(pub(super) &'a [u8]);

impl fmt::Display for First<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(chunk) = self.0.utf8_chunks().next() else {
            // Behind the last byte of a line stands its line feed.
            return f.write_str("\\n");
        };
        match (chunk.valid().chars().next(), chunk.invalid().first()) {
            (Some(char), _) => write_char(f, char, '\''),
            (None, Some(byte)) => write!(f, "\\x{byte:02x}"),
            (None, None) => Ok(()),
        }
    }
}

fn write_char(f: &mut fmt::Formatter<'_>, char: char, quote: char) -> fmt::Result {
    if matches!(char, '"' | '\'') && char != quote { f.write_char(char) } else { write!(f, "{}", char.escape_debug()) }
}

#[cfg(test)]
mod tests {
    use super::First;
    use super::Quoted;

    #[test]
    fn a_quoted_input_is_one_line_and_cut_at_a_character() {
        assert_eq!(Quoted(b"a\"b\\c'\n\r\0").to_string(), r#""a\"b\\c'\n\r\0""#);
        assert_eq!(Quoted(b"a\xff\x80z").to_string(), r#""a\xff\x80z""#);
        assert_eq!(Quoted("\u{202e}".as_bytes()).to_string(), r#""\u{202e}""#);
        assert_eq!(Quoted("ö".as_bytes()).to_string(), "\"ö\"");
        let long = "ö".repeat(40);
        assert_eq!(Quoted(long.as_bytes()).to_string(), format!("\"{}…\"", "ö".repeat(32)));
        assert_eq!(Quoted(&[0xff; 100]).to_string().len(), 4 * 64 + "\"…\"".len());
        assert_eq!(Quoted("x".repeat(64).as_bytes()).to_string().len(), 66);
    }

    #[test]
    fn the_first_character_is_shown_whole() {
        for (input, shown) in [("a", "a"), ("", "\\n"), ("öx", "ö"), ("\"", "\""), ("'", "\\'"), ("\t", "\\t")] {
            assert_eq!(First(input.as_bytes()).to_string(), shown);
        }
        assert_eq!(First(b"\xff").to_string(), "\\xff");
    }

    #[test]
    fn what_would_end_a_value_or_a_line_is_escaped() {
        let mut out = Vec::new();
        super::label_value(&mut out, "a\\b\nc\"d\0e\r");
        assert_eq!(out, "a\\\\b\\nc\\\"d\u{fffd}e\r".as_bytes());
        out.clear();
        super::help(&mut out, "a\\b\nc\"d");
        assert_eq!(out, b"a\\\\b\\nc\"d");
    }
}
