//! An event as one line of JSON, whatever clients put into it.

use super::AuditEvent;
use crate::model::Timestamp;
use crate::model::rfc3339_nanos;
use std::borrow::Cow;
use std::fmt::Write;

/// Bytes of a detail's text before escaping, the mark of a cut included.
pub(super) const TEXT_MAX: usize = 256;

/// Stands at the end of a text that was cut.
const CUT: char = '…';

/// Appends `event` to `out` as one line, its line feed included.
pub(super) fn write(out: &mut String, at: Timestamp, event: &AuditEvent) {
    out.push_str(r#"{"time":"#);
    push_text(out, &rfc3339_nanos(at));
    field(out, "event", event.event);
    if let Some(request) = event.request {
        field(out, "request", &request.to_string());
    }
    if let Some(peer) = event.peer {
        field(out, "peer", &peer.to_string());
    }
    if let Some(who) = &event.who {
        if let Some(tenant) = &who.tenant {
            field(out, "tenant", tenant.as_str());
        }
        if let Some(operator) = &who.operator {
            field(out, "operator", operator);
        }
        field(out, "credential", &who.credential);
    }
    if let Some(code) = event.code {
        field(out, "code", code);
    }
    for (name, text) in &event.details {
        field(out, name, text);
    }
    out.push_str("}\n");
}

/// The details alone, as a JSON object; `None` where there are none.
pub(super) fn details(event: &AuditEvent) -> Option<String> {
    let mut out = String::new();
    for (name, text) in &event.details {
        field(&mut out, name, text);
    }
    out.strip_prefix(',').map(|fields| format!("{{{fields}}}"))
}

fn field(out: &mut String, name: &str, text: &str) {
    out.push(',');
    push_text(out, name);
    out.push(':');
    push_text(out, text);
}

/// A JSON string. Beyond what JSON asks for, everything is escaped that a terminal, an editor or a log shipper could take for
/// the end of a line, for a command, or for an order of the text.
fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unseen(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// C0, DEL, C1, line and paragraph separators, and what directs or hides text: bidi controls, joiners, tags.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What of a client's text comes into a line: secrets of a known shape masked, the rest cut at a character's boundary.
pub(super) fn safe(text: &str) -> String {
    let masked = masked(text);
    if masked.len() <= TEXT_MAX {
        return masked.into_owned();
    }
    let mut room = TEXT_MAX - CUT.len_utf8();
    while !masked.is_char_boundary(room) {
        room -= 1;
    }
    let mut cut = masked.get(..room).unwrap_or_default().to_owned();
    cut.push(CUT);
    cut
}

/// What a token and a JWT begin with, and from how many characters on what follows is taken for one: `monkeyJobs` is a name.
/// A job that is named by a secret is a mistake that the audit is not to keep.
const SECRETS_BEGIN: [(&str, usize); 2] = [("pward_", 1), ("eyJ", 16)];
const MASK: &str = "***";

/// `text` with `***` for all that follows the beginning of a token or a JWT: any shape that is near enough, since a mistyped
/// secret is a secret too.
fn masked(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    let first = |rest: &str| {
        let found = |&(begin, least): &(&str, usize)| Some((rest.find(begin)? + begin.len(), least));
        SECRETS_BEGIN.iter().filter_map(found).min()
    };
    while let Some((at, least)) = first(rest) {
        let (before, after) = rest.split_at(at);
        let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let end = after.find(|c: char| !is_inside(c)).unwrap_or(after.len());
        out.push_str(before);
        // What is no secret is kept up to here: within it another may begin.
        let is_secret = end >= least;
        out.push_str(if is_secret { MASK } else { "" });
        rest = if is_secret { after.get(end..).unwrap_or_default() } else { after };
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::safe;
    use super::write;
    use crate::model::Timestamp;
    use crate::telemetry::AuditEvent;
    use proptest::prelude::any;
    use proptest::proptest;

    fn line(text: &str) -> String {
        let mut out = String::new();
        let event = AuditEvent::new("delete").with("job", safe(text));
        write(&mut out, Timestamp::from_unix_nanos(1_893_456_000_000_000_001), &event);
        out
    }

    #[test]
    fn a_line_is_the_time_the_event_and_what_is_known() {
        assert_eq!(line("a"), "{\"time\":\"2030-01-01T00:00:00.000000001Z\",\"event\":\"delete\",\"job\":\"a\"}\n");
    }

    #[test]
    fn what_could_end_a_line_or_move_a_cursor_is_escaped() {
        for (text, escaped) in [
            ("a\nb", r"a\nb"),
            ("a\r\nb", r"a\r\nb"),
            ("\u{1b}[31mred", r"\u001b[31mred"),
            ("\0", r"\u0000"),
            ("a\u{2028}b\u{2029}", r"a\u2028b\u2029"),
            ("\u{7f}\u{85}\u{9b}", r"\u007f\u0085\u009b"),
            ("\u{202e}gnp\u{2066}", r"\u202egnp\u2066"),
            ("\u{200b}\u{feff}", r"\u200b\ufeff"),
            ("\u{e0041}", r"\udb40\udc41"),
            ("\"}\\", r#"\"}\\"#),
            ("café 🦀", "café 🦀"),
        ] {
            let line = line(text);
            assert!(line.ends_with(&format!("\"job\":\"{escaped}\"}}\n")), "{line}");
        }
    }

    #[test]
    fn a_long_text_is_cut_to_256_bytes_at_a_character_and_says_so() {
        assert_eq!(safe(&"a".repeat(256)), "a".repeat(256));
        assert_eq!(safe(&"a".repeat(257)), format!("{}…", "a".repeat(253)));
        let cut = safe(&"ä".repeat(200));
        assert_eq!(cut, format!("{}…", "ä".repeat(126)));
    }

    #[test]
    fn what_looks_like_a_token_or_a_jwt_is_masked_even_where_it_is_cut_or_mistyped() {
        let token = format!("pward_{}_{}", "a".repeat(10), "B".repeat(36));
        assert_eq!(safe(&format!("x {token} y")), "x pward_*** y");
        assert_eq!(safe(&token[..30]), "pward_***");
        assert_eq!(safe(&format!("{}{token}", "x".repeat(240))), format!("{}pward_***", "x".repeat(240)));
        assert_eq!(safe("eyJhbGciOi.eyJpc3Mi.c2ln-_/b"), "eyJ***/b");
        assert_eq!(safe("monkeyJobs-pward_x.y"), "monkeyJobs-pward_***");
        assert_eq!(safe(&format!("{token},{token}")), "pward_***,pward_***");
    }

    proptest! {
        #[test]
        fn any_text_makes_exactly_one_line_that_reads_back(text in any::<String>()) {
            let line = line(&text);
            assert_eq!(line.matches(|c: char| c.is_control() || ('\u{2028}'..='\u{2029}').contains(&c)).count(), 1);
            assert!(line.ends_with('\n'));
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(read["job"].as_str().unwrap(), safe(&text));
        }
    }
}
