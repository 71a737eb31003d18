//! What a refusal says, without anything in it that could end a line or move a terminal's cursor.

/// A body is one line of at most this many bytes, its line feed included.
const LINE_MAX: usize = 512;

/// `text [code] request id`, cut in the text.
pub(super) fn one_line(text: &str, code: &str, request_id: &str) -> String {
    let tail = format!(" [{code}] request {request_id}\n");
    shown(text, LINE_MAX.saturating_sub(tail.len())) + &tail
}

/// The text alone, where the rest has places of its own.
pub(super) fn detail(text: &str) -> String {
    shown(text, LINE_MAX)
}

/// As much of the text as fits into `max` bytes.
fn shown(text: &str, max: usize) -> String {
    let mut line: String = text.chars().map(|c| if is_printable(c) { c } else { '\u{fffd}' }).collect();
    let mut room = max.min(line.len());
    while !line.is_char_boundary(room) {
        room -= 1;
    }
    line.truncate(room);
    line
}

fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}')
}

#[cfg(test)]
mod tests {
    use super::detail;
    use super::one_line;

    #[test]
    fn a_refusal_is_one_short_line_that_ends_with_the_request_id() {
        let long = "ä".repeat(1000);
        for text in ["fine", "two\nlines\r\n", "\u{1b}[31mred\0", "a\u{2028}b", &long] {
            let line = one_line(text, "some_code", "0123");
            assert!(line.len() <= 512 && line.ends_with(" [some_code] request 0123\n"), "{line:?}");
            assert_eq!(line.matches(|c: char| c.is_control()).count(), 1, "{line:?}");
            let detail = detail(text);
            assert!(detail.len() <= 512 && !detail.contains(|c: char| c.is_control()), "{detail:?}");
        }
    }
}
