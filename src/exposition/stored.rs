//! The lines of a prepared family, read back: `name{label="value",…} value`, or with a quoted name
//! `{"name",label="value",…} value`. Label names are quoted where they are not classic; values stay as they are written.

use super::escape;
use crate::model::FamilyView;
use crate::model::MetricKind;
use crate::model::is_label_name;
use crate::model::is_metric_name;
use std::borrow::Cow;

/// A line, and how far it has been read.
#[derive(Debug)]
pub(super) struct StoredLine<'a> {
    pub(super) name: Cow<'a, str>,
    rest: &'a [u8],
}

impl<'a> StoredLine<'a> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        if line.first() == Some(&b'{') {
            let (name, rest) = line.get(1..).and_then(quoted).unwrap_or_default();
            // Behind the name stands a comma, and behind it always a label.
            return Self { name: unescaped(name), rest: rest.get(1..).unwrap_or_default() };
        }
        let end = memchr::memchr(b'{', line).unwrap_or(line.len());
        let (name, rest) = line.split_at_checked(end).unwrap_or_default();
        Self { name: text(name), rest: rest.get(1..).unwrap_or_default() }
    }

    /// The next label: its name, and its value as it stands between its quotes.
    pub(super) fn label(&mut self) -> Option<(Cow<'a, str>, &'a [u8])> {
        let (name, behind) = match self.rest.first()? {
            b'}' => return None,
            b'"' => quoted(self.rest).map(|(name, behind)| (unescaped(name), behind))?,
            _ => {
                let (name, behind) = self.rest.split_at_checked(memchr::memchr(b'=', self.rest)?)?;
                (text(name), behind)
            }
        };
        let (value, behind) = quoted(behind.get(1..)?)?;
        self.rest = behind.strip_prefix(b",").unwrap_or(behind);
        Some((name, value))
    }

    /// What stands behind the labels: the closing brace, the value, and the end of the line.
    pub(super) fn tail(&self) -> &'a [u8] {
        self.rest
    }
}

/// The lines of a family, each with its line feed.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest).map(|end| end + 1)?;
        let (line, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some(line)
    })
}

/// The name a line begins with: everything before its labels.
pub(super) fn line_name(line: &[u8]) -> Cow<'_, str> {
    StoredLine::of(line).name
}

/// The length of the first of these lines, up to the metric with which they are `enough` bytes. The lines of a distribution
/// belong together, and its count is last.
pub(super) fn metrics_in(family: FamilyView<'_>, lines: &[u8], enough: usize) -> usize {
    let last_of = match family.kind {
        MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped => family.name.to_string(),
        MetricKind::Summary | MetricKind::Histogram | MetricKind::GaugeHistogram => format!("{}_count", family.name),
    };
    if lines.len() <= enough {
        return lines.len();
    }
    let mut end = 0;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if end >= enough && line_name(line) == last_of {
            return end;
        }
    }
    end
}

/// What stands between the quote that is next and the one that closes it, and what stands behind.
fn quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = bytes.get(1..)?;
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', inner.get(end..)?)?;
        if inner.get(end) == Some(&b'"') {
            return Some((inner.get(..end)?, inner.get(end + 1..)?));
        }
        end += 2;
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    // We wrote it, and wrote text.
    Cow::Borrowed(std::str::from_utf8(bytes).unwrap_or_default())
}

/// A value or a quoted name as it was before it was written.
pub(super) fn unescaped(bytes: &[u8]) -> Cow<'_, str> {
    let plain = text(bytes);
    if !plain.contains('\\') {
        return plain;
    }
    let mut out = String::with_capacity(plain.len());
    let mut chars = plain.chars();
    while let Some(char) = chars.next() {
        out.extend(match char {
            '\\' => chars.next().map(|char| if char == 'n' { '\n' } else { char }),
            char => Some(char),
        });
    }
    Cow::Owned(out)
}

/// Writes a metric's name and the brace before its labels. `suffix` belongs to the name.
pub(super) fn write_name(out: &mut Vec<u8>, name: &str, suffix: &str) {
    if is_metric_name(name) {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
        out.push(b'{');
    } else {
        out.extend_from_slice(b"{\"");
        escape::label_value(out, name);
        out.extend_from_slice(suffix.as_bytes());
        out.extend_from_slice(b"\",");
    }
}

/// Writes a label's name.
pub(super) fn write_label_name(out: &mut Vec<u8>, name: &str) {
    if is_label_name(name) {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.push(b'"');
        escape::label_value(out, name);
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::StoredLine;
    use super::unescaped;
    use super::write_label_name;
    use super::write_name;
    use crate::exposition::escape;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_line_reads_back(
            name in "[a-z]{1,3}|[a\"\\\\\n.{},=é]{1,4}",
            labels in proptest::collection::vec(("[a-z]{1,3}|[a\"\\\\\n.{},=é]{1,4}", "[a\"\\\\\n{},=é]{0,4}"), 1..4),
        ) {
            let mut line = Vec::new();
            write_name(&mut line, &name, "_sum");
            for (at, (name, value)) in labels.iter().enumerate() {
                if at > 0 {
                    line.push(b',');
                }
                write_label_name(&mut line, name);
                line.extend_from_slice(b"=\"");
                escape::label_value(&mut line, value);
                line.push(b'"');
            }
            line.extend_from_slice(b"} 1\n");
            let mut read = StoredLine::of(&line);
            prop_assert_eq!(&*read.name, format!("{name}_sum"));
            for (name, value) in &labels {
                let (read_name, read_value) = read.label().unwrap();
                prop_assert_eq!((&*read_name, &*unescaped(read_value)), (&**name, &**value));
            }
            prop_assert!(read.label().is_none());
            prop_assert_eq!(read.tail(), b"} 1\n");
        }
    }
}
