//! A family as its tenant sees it.

use crate::exposition::escape;
use crate::model::MetricKind;
use crate::model::PreparedFamily;

/// What a scrape in the text format 0.0.4 is sent as.
pub const TEXT_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// Writes what stands before the lines of a family: its help, if it has one, and its type.
pub fn write_header(out: &mut Vec<u8>, name: &str, kind: MetricKind, help: &str) {
    if !help.is_empty() {
        for part in ["# HELP ", name, " "] {
            out.extend_from_slice(part.as_bytes());
        }
        escape::help(out, help);
        out.push(b'\n');
    }
    for part in ["# TYPE ", name, " ", kind.text_name(), "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// The whole lines of a family from `start` on, up to the one with which they are `enough` bytes, or all that are left.
pub fn lines_from(family: &PreparedFamily, start: usize, enough: usize) -> &[u8] {
    let rest = family.lines().get(start..).unwrap_or_default();
    let end = rest.get(enough..).and_then(|tail| memchr::memchr(b'\n', tail)).map(|end| enough + end + 1);
    end.and_then(|end| rest.get(..end)).unwrap_or(rest)
}

/// The name a line begins with: everything before its labels.
pub(super) fn line_name(line: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'{', line).unwrap_or(line.len());
    line.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::write_header;
    use crate::model::MetricKind;

    #[test]
    fn a_header_has_a_help_only_where_one_was_pushed() {
        let mut out = Vec::new();
        write_header(&mut out, "a", MetricKind::GaugeHistogram, "");
        write_header(&mut out, "b", MetricKind::Counter, "x \\ y\n\"z\"");
        let expected = "# TYPE a histogram\n# HELP b x \\\\ y\\n\"z\"\n# TYPE b counter\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
