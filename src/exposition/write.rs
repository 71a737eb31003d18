//! A view in the text format.

use crate::exposition::escape;
use crate::exposition::escaping::Escaping;
use crate::exposition::fleet::FleetLabels;
use crate::exposition::shown::Shown;
use crate::exposition::stored;
use crate::exposition::stored::StoredLine;
use crate::model::FamilyView;
use crate::model::MetricKind;
use crate::model::is_metric_name;
use crate::model::underscored_metric;

/// Writes what stands before the lines of a family: its help, if it has one, and its type.
pub fn write_header(out: &mut Vec<u8>, name: &str, kind: MetricKind, help: &str, escaping: Escaping) {
    let name = escaping.metric(name);
    if !help.is_empty() {
        begin_comment(out, b"# HELP ", &name);
        escape::help(out, help);
        out.push(b'\n');
    }
    begin_comment(out, b"# TYPE ", &name);
    out.extend_from_slice(kind.text_name().as_bytes());
    out.push(b'\n');
}

fn begin_comment(out: &mut Vec<u8>, keyword: &[u8], name: &str) {
    out.extend_from_slice(keyword);
    if is_metric_name(name) {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.push(b'"');
        escape::label_value(out, name);
        out.push(b'"');
    }
    out.push(b' ');
}

/// Writes `lines`, some whole ones of a family's. With `only`, those of that line name (underscored) alone, and under that
/// name.
pub fn write_lines<'f>(
    out: &mut Vec<u8>,
    family: impl Into<FamilyView<'f>>,
    lines: &[u8],
    shown: &Shown<'_>,
    only: Option<&str>,
) {
    write_measured_lines(out, family.into(), (lines, &[]), shown, only);
}

/// The same of lines of known lengths, each with its line feed, 0 of one that is to be looked at. Where no lengths are left, all
/// are.
pub fn write_measured_lines(
    out: &mut Vec<u8>,
    family: FamilyView<'_>,
    (lines, lengths): (&[u8], &[u8]),
    shown: &Shown<'_>,
    only: Option<&str>,
) {
    match shown.fleet {
        None if only.is_none() && shown.keeps_names(family) => out.extend_from_slice(lines),
        Some(fleet)
            if !family.utf8
                && fleet.job_prefix().is_none()
                && shown.keeps_names(family)
                && !(family.renamed && fleet.may_be_label_of(lines)) =>
        {
            match only {
                None => write_behind_tenant(out, family, (lines, lengths), fleet),
                Some(only) => write_only_behind_tenant(out, lines, fleet, only),
            }
        }
        _ => {
            for line in stored::lines(lines) {
                write_with_care(out, line, family, shown, only);
            }
        }
    }
}

/// Whole lines from `start` on, up to the one with which they are `enough` bytes, or all that are left.
pub fn lines_from(lines: &[u8], start: usize, enough: usize) -> &[u8] {
    let rest = lines.get(start..).unwrap_or_default();
    let end = rest.get(enough..).and_then(|tail| memchr::memchr(b'\n', tail)).map(|end| enough + end + 1);
    end.and_then(|end| rest.get(..end)).unwrap_or(rest)
}

/// Writes lines of classic names, the tenant's label put in front of the others. Two copies a line: from behind one line's
/// brace to the next one's, and the label. The brace is looked for where the family's name ends, which is where it stands but
/// for the lines of distributions.
fn write_behind_tenant(
    out: &mut Vec<u8>,
    family: FamilyView<'_>,
    (lines, lengths): (&[u8], &[u8]),
    fleet: &FleetLabels,
) {
    let (insertion, name, mut lengths) = (fleet.insertion(), family.name.len(), lengths.iter());
    out.reserve(lines.len() + lines.len() / 4);
    let (mut written, mut line) = (0, 0);
    while line < lines.len() {
        let brace = match lines.get(line + name) {
            Some(b'{') => line + name,
            _ => line + memchr::memchr(b'{', lines.get(line..).unwrap_or_default()).unwrap_or(0),
        };
        // Behind the name stands the brace, and behind it always a label.
        let behind = brace + 1;
        out.extend_from_slice(lines.get(written..behind).unwrap_or_default());
        out.extend_from_slice(insertion);
        written = behind;
        line = match lengths.next() {
            Some(length) if *length > 0 => line + usize::from(*length),
            _ => {
                let rest = lines.get(behind..).unwrap_or_default();
                behind + memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1)
            }
        };
    }
    out.extend_from_slice(lines.get(written..).unwrap_or_default());
}

/// The same of those lines alone whose name is `only`.
fn write_only_behind_tenant(out: &mut Vec<u8>, lines: &[u8], fleet: &FleetLabels, only: &str) {
    for line in stored::lines(lines) {
        let name = memchr::memchr(b'{', line).unwrap_or(line.len());
        let (head, body) = line.split_at_checked(name + 1).unwrap_or_default();
        if head.strip_suffix(b"{") == Some(only.as_bytes()) {
            out.extend_from_slice(head);
            out.extend_from_slice(fleet.insertion());
            out.extend_from_slice(body);
        }
    }
}

/// Writes a line label by label: a value may hold anything, `,tenant="` too.
fn write_with_care(out: &mut Vec<u8>, line: &[u8], family: FamilyView<'_>, shown: &Shown<'_>, only: Option<&str>) {
    let mut line = StoredLine::of(line);
    if only.is_some_and(|only| underscored_metric(&line.name) != only) {
        return;
    }
    // What stands behind a family's name is no part of it, and stays.
    let (name, suffix) = match only {
        Some(only) => (only, ""),
        None => (family.name, line.name.strip_prefix(family.name).unwrap_or_default()),
    };
    stored::write_name(out, &shown.escaping.metric(name), suffix);
    let mut between = false;
    if let Some(fleet) = shown.fleet {
        write_label(out, &shown.escaping.label(fleet.label()), b"", fleet.tenant().as_bytes(), &mut between);
    }
    while let Some((name, value)) = line.label() {
        write_label(out, &shown.label(&name), shown.value_prefix(&name), value, &mut between);
    }
    out.extend_from_slice(line.tail());
}

/// `value` is escaped already.
fn write_label(out: &mut Vec<u8>, name: &str, prefix: &[u8], value: &[u8], between: &mut bool) {
    if std::mem::replace(between, true) {
        out.push(b',');
    }
    stored::write_label_name(out, name);
    out.extend_from_slice(b"=\"");
    out.extend_from_slice(prefix);
    out.extend_from_slice(value);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::write_header;
    use crate::exposition::Escaping;
    use crate::model::MetricKind;

    #[test]
    fn a_header_has_a_help_only_where_one_was_pushed() {
        let mut out = Vec::new();
        write_header(&mut out, "a", MetricKind::GaugeHistogram, "", Escaping::Underscores);
        write_header(&mut out, "b", MetricKind::Counter, "x \\ y\n\"z\"", Escaping::Underscores);
        write_header(&mut out, "c.\"", MetricKind::Counter, "x", Escaping::AllowUtf8);
        write_header(&mut out, "c.\"", MetricKind::Untyped, "", Escaping::Underscores);
        let expected = "# TYPE a histogram\n# HELP b x \\\\ y\\n\"z\"\n# TYPE b counter\n\
            # HELP \"c.\\\"\" x\n# TYPE \"c.\\\"\" counter\n# TYPE c__ untyped\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
