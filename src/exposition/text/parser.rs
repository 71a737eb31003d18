//! The parser: lines in, families out, in one pass.

use super::error::Fault;
use super::error::ParseError;
use super::line::Line;
use super::line::Name;
use super::line::NameOf;
use super::line::as_text;
use super::named::Named;
use super::named::Names;
use crate::exposition::escape::Quoted;
use crate::exposition::float;
use crate::exposition::pushed::Label;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::Metric;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::lines_always;
use crate::exposition::stored;
use crate::model::GroupBounds;
use crate::model::MetricKind;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::PushBound;
use crate::model::TextDialect;
use crate::model::underscored_metric;
use std::borrow::Cow;

/// Metrics a body is expected to hold before it has been read. More cost a few moves, fewer some kilobytes.
const METRICS_EXPECTED_MAX: usize = 1024;
const FAMILIES_EXPECTED_MAX: usize = 28;

/// Reads a text of the format 0.0.4, however large. What a client sent is for [`parse_within`].
pub fn parse(body: &[u8], dialect: TextDialect, names: NameScheme) -> Result<PushedFamilies<'_>, ParseError> {
    parse_within(body, dialect, names, &GroupBounds::NONE)
}

/// Reads a body of the text format 0.0.4. Stops at the first fault, and at the first byte that is over a bound.
pub fn parse_within<'a>(
    body: &'a [u8],
    dialect: TextDialect,
    names: NameScheme,
    bounds: &GroupBounds,
) -> Result<PushedFamilies<'a>, ParseError> {
    if u32::try_from(body.len()).is_err() {
        return Err(Fault::new(0, "the body has 4 GiB or more").in_line(1));
    }
    let mut parser = Parser::new(names, bounds);
    let expected = (body.len() / 64).min(METRICS_EXPECTED_MAX);
    parser.pushed.metrics.reserve(expected);
    parser.pushed.labels.reserve(expected);
    parser.names.expect(expected.min(FAMILIES_EXPECTED_MAX));
    let lenient = dialect == TextDialect::Lenient;
    let line_bytes_max = bounds.push().line_bytes_max;
    // A carriage return and a line feed may stand behind a line that is as long as it may be.
    let reach = usize::try_from(line_bytes_max).unwrap_or(usize::MAX).saturating_add(2);
    // Nearly always all of it is text, which is looked at once then and not line by line.
    let text = std::str::from_utf8(body).ok();
    let mut rest = body;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let start = body.len() - rest.len();
        let ahead = rest.get(..reach).unwrap_or(rest);
        let end = memchr::memchr(b'\n', ahead);
        let (mut line, tail) = rest.split_at_checked(end.unwrap_or(ahead.len())).unwrap_or_default();
        rest = tail.get(1..).unwrap_or_default();
        if lenient {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        if line.len() as u64 > line_bytes_max {
            let at = line.len() - 1;
            return Err(parser.over(at, PushBound::LineBytes, line.len() as u64).in_line(number));
        }
        let closed = lenient || end.is_some();
        let line = match text.and_then(|text| text.get(start..start + line.len())) {
            Some(text) => Line::of_text(text, closed),
            None => Line::new(line, closed),
        };
        parser.line(line).map_err(|fault| fault.in_line(number))?;
    }
    Ok(parser.pushed)
}

/// Reads the lines of a prepared family back. With `only`, those of that line name (underscored) alone, as untyped ones.
pub(in crate::exposition) fn read_back<'f>(
    family: &'f PreparedFamily,
    only: Option<&str>,
) -> Result<PushedFamilies<'f>, ParseError> {
    let mut parser = Parser::new(NameScheme::Utf8, &GroupBounds::NONE);
    let mut lines = stored::lines(family.lines());
    if let Some(only) = only {
        let mut wanted = lines.filter(|line| underscored_metric(&stored::line_name(line)) == only);
        wanted.try_for_each(|line| parser.stored(line))?;
    } else {
        let named = parser.names.find(Cow::Borrowed(family.name()), &mut parser.pushed, u64::MAX);
        if let Some(entry) = named.and_then(|named| parser.pushed.families.get_mut(named.family as usize)) {
            entry.kind = family.kind();
        }
        lines.try_for_each(|line| parser.stored(line))?;
    }
    Ok(parser.pushed)
}

pub(super) struct Parser<'a> {
    pub(super) pushed: PushedFamilies<'a>,
    pub(super) names: Names<'a>,
    scheme: NameScheme,
    pub(super) bounds: GroupBounds,
}

impl<'a> Parser<'a> {
    fn new(scheme: NameScheme, bounds: &GroupBounds) -> Self {
        Self { pushed: PushedFamilies::default(), names: Names::default(), scheme, bounds: *bounds }
    }

    #[cold]
    pub(super) fn over(&self, at: usize, bound: PushBound, found: u64) -> Fault {
        Fault::over(at, self.bounds.push().over(bound, found))
    }

    /// Counts lines of a scrape; `at` is where the line of the push began that makes them.
    pub(super) fn count_lines(&mut self, more: u64, at: usize) -> Result<(), Fault> {
        self.pushed.lines += more;
        match self.pushed.lines > self.bounds.push().series_per_push_max {
            true => Err(self.over(at, PushBound::Series, self.pushed.lines)),
            false => Ok(()),
        }
    }

    fn named(&mut self, name: Cow<'a, str>, at: usize) -> Result<Named, Fault> {
        let families_max = self.bounds.push().families_per_push_max;
        let named = self.names.find(name, &mut self.pushed, families_max);
        named.ok_or_else(|| self.over(at, PushBound::Families, families_max.saturating_add(1)))
    }

    /// A line that ends with its line feed.
    fn stored(&mut self, line: &'a [u8]) -> Result<(), ParseError> {
        let line = Line::new(line.strip_suffix(b"\n").unwrap_or(line), true);
        self.line(line).map_err(|fault| fault.in_line(1))
    }

    fn line(&mut self, mut line: Line<'a>) -> Result<(), Fault> {
        line.skip_blanks();
        if line.is_over() {
            return Ok(());
        }
        if line.peek()? == b'#' {
            line.advance();
            self.comment(line)
        } else {
            self.sample(line)
        }
    }

    /// A comment, whose `#` has been read: a help text, a type, or nothing that matters.
    fn comment(&mut self, mut line: Line<'a>) -> Result<(), Fault> {
        line.skip_blanks();
        let keyword = line.word()?;
        if !matches!(keyword, b"HELP" | b"TYPE") {
            return line.rest().map(|_| ());
        }
        line.skip_blanks();
        let at = line.at();
        let name = line.name(NameOf::Metric)?;
        if line.peek()? == b'\n' {
            return Ok(());
        }
        if name.is_empty() || !matches!(line.peek()?, b' ' | b'\t') {
            return Err(line.fault("invalid metric name in comment"));
        }
        let name = self.checked(name, NameOf::Metric, at)?;
        let family = self.named(name, at)?.family;
        line.skip_blanks();
        if line.peek()? == b'\n' {
            return Ok(());
        }
        if keyword == b"HELP" { self.help(family, line) } else { self.kind(family, line) }
    }

    fn help(&mut self, family: u32, mut line: Line<'a>) -> Result<(), Fault> {
        let at = line.at();
        let Some(entry) = self.pushed.families.get_mut(family as usize) else {
            return Ok(());
        };
        let name = Quoted(entry.name.as_bytes());
        if !self.names.first_help(family) {
            return Err(line.fault(format!("second HELP line for metric name {name}")));
        }
        let invalid = |_| Fault::new(at, format!("invalid help text for metric {name}"));
        entry.help = as_text(line.rest_unescaped()?).map_err(invalid)?;
        Ok(())
    }

    fn kind(&mut self, family: u32, mut line: Line<'a>) -> Result<(), Fault> {
        let Some(entry) = self.pushed.families.get_mut(family as usize) else {
            return Ok(());
        };
        if !self.names.first_type(family) {
            let name = Quoted(entry.name.as_bytes());
            let message = format!("second TYPE line for metric name {name}, or TYPE reported after samples");
            return Err(line.fault(message));
        }
        let at = line.at();
        let word = line.rest()?;
        let unknown = || Fault::new(at, format!("unknown metric type {}", Quoted(word)));
        entry.kind = kind_of(word).ok_or_else(unknown)?;
        Ok(())
    }

    /// A sample, blanks before it read.
    fn sample(&mut self, mut line: Line<'a>) -> Result<(), Fault> {
        let (at, start) = (line.at(), self.pushed.labels.len());
        let mut name = None;
        if line.peek()? != b'{' {
            name = Some(self.checked(line.name(NameOf::Metric)?, NameOf::Metric, at)?);
            line.skip_blanks();
        }
        if line.peek()? == b'{' {
            line.advance();
            self.labels(&mut line, &mut name, start)?;
            line.skip_blanks();
        }
        let name = name.ok_or_else(|| Fault::new(at, "invalid metric name"))?;
        let named = self.named(name, at)?;
        let kind = self.names.settle(named.family, &self.pushed);
        if matches!(kind, MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped) {
            let labels = self.seal(named, start, at)?;
            let measured = Measured::Value(value(&mut line)?);
            self.count_lines(lines_always(kind), at)?;
            self.pushed.metrics.push(Metric { family: named.family, labels, measured });
        } else {
            self.distributed(named, kind, start, at, &mut line)?;
        }
        self.timestamp(line)
    }

    /// The labels up to the closing brace, whose opening one has been read; and in braces the metric's name. The line's
    /// labels lie from `start` on.
    fn labels(&mut self, line: &mut Line<'a>, name: &mut Option<Cow<'a, str>>, start: usize) -> Result<(), Fault> {
        let named_before = name.is_some();
        loop {
            line.skip_blanks();
            if line.peek()? == b'}' {
                line.advance();
                return Ok(());
            }
            let at = line.at();
            let label = line.name(NameOf::Label)?;
            if label.is_empty() {
                let metric = Quoted(name.as_deref().unwrap_or_default().as_bytes());
                return Err(Fault::new(at, format!("invalid label name for metric {metric}")));
            }
            line.skip_blanks();
            let next = line.peek()?;
            if next == b'=' {
                line.advance();
                self.check_labels(self.pushed.labels.len() + 1 - start, at)?;
                self.label(line, label, at)?;
            } else if named_before {
                return Err(line.found("expected '=' after label name, found"));
            } else if let Some(first) = name {
                let first = Quoted(first.as_bytes());
                return Err(Fault::new(at, format!("multiple metric names for metric {first}")));
            } else if matches!(next, b',' | b'}') {
                *name = Some(self.checked(label, NameOf::Metric, at)?);
            } else {
                return Err(line.found("unexpected end of metric name"));
            }
            if line.peek()? == b',' {
                line.advance();
            }
        }
    }

    /// Whether a line may have so many labels of its own.
    pub(super) fn check_labels(&self, pushed: usize, at: usize) -> Result<(), Fault> {
        let labels = self.bounds.labels(pushed);
        match labels > self.bounds.push().labels_per_series_max {
            true => Err(self.over(at, PushBound::Labels, labels)),
            false => Ok(()),
        }
    }

    /// A label's value, its name and the `=` behind it read, up to the comma or brace that follows.
    fn label(&mut self, line: &mut Line<'a>, name: Name<'a>, at: usize) -> Result<(), Fault> {
        let name = self.checked(name, NameOf::Label, at)?;
        if name == "__name__" {
            return Err(Fault::new(at, "label name \"__name__\" is reserved"));
        }
        line.skip_blanks();
        if line.peek()? != b'"' {
            return Err(line.found("expected '\"' at start of label value, found"));
        }
        let at = line.at();
        let invalid = |value: Cow<'_, [u8]>| Fault::new(at, format!("invalid label value {}", Quoted(&value)));
        let value = line.value()?.map_err(invalid)?;
        if value.len() as u64 > self.bounds.push().label_value_bytes_max {
            return Err(self.over(at, PushBound::LabelValueBytes, value.len() as u64));
        }
        line.skip_blanks();
        if !matches!(line.peek()?, b',' | b'}') {
            let message = format!("unexpected end of label value {}", Quoted(value.as_bytes()));
            return Err(line.fault(message));
        }
        self.pushed.labels.push(Label { name, value });
        Ok(())
    }

    /// `name` as text, if it is a name of the scheme.
    fn checked(&mut self, name: Name<'a>, of: NameOf, at: usize) -> Result<Cow<'a, str>, Fault> {
        let invalid = |name: &[u8]| match of {
            NameOf::Metric if name.is_empty() => Fault::new(at, "invalid metric name"),
            NameOf::Metric => Fault::new(at, format!("invalid metric name {}", Quoted(name))),
            NameOf::Label => Fault::new(at, format!("invalid label name {}", Quoted(name))),
        };
        let (bound, bytes_max) = match of {
            NameOf::Metric => (PushBound::MetricNameBytes, self.bounds.push().metric_name_bytes_max),
            NameOf::Label => (PushBound::LabelNameBytes, self.bounds.push().label_name_bytes_max),
        };
        if name.len() as u64 > bytes_max {
            return Err(self.over(at, bound, name.len() as u64));
        }
        match name {
            Name::Plain(name) if !name.is_empty() => Ok(Cow::Borrowed(name)),
            Name::Quoted(name) if !name.is_empty() => {
                let is_classic = of.is_classic(&name);
                if !is_classic && self.scheme == NameScheme::Classic {
                    return Err(invalid(&name));
                }
                self.pushed.utf8 |= !is_classic;
                as_text(name).map_err(|name| invalid(&name))
            }
            Name::Plain(_) | Name::Quoted(_) => Err(invalid(b"")),
        }
    }

    pub(super) fn seal(&mut self, named: Named, start: usize, at: usize) -> Result<(u32, u32), Fault> {
        let sealed = self.pushed.seal_labels(start);
        sealed.map_err(|_| Fault::new(at, format!("duplicate label names for metric {}", self.quoted_name(named))))
    }

    pub(super) fn quoted_name(&self, named: Named) -> Quoted<'_> {
        let family = self.pushed.families.get(named.family as usize);
        Quoted(family.map_or(&[], |family| family.name.as_bytes()))
    }

    /// What follows a value: nothing, or a timestamp.
    fn timestamp(&mut self, mut line: Line<'a>) -> Result<(), Fault> {
        if line.peek()? == b'\n' {
            return Ok(());
        }
        line.skip_blanks();
        let at = line.at();
        let word = line.word()?;
        let read: Option<i64> = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
        if read.is_none() {
            let message = format!("expected integer as timestamp, got {}", Quoted(word));
            return Err(Fault::new(at, message));
        }
        let at = line.at();
        let rest = line.rest()?;
        if !rest.is_empty() {
            let message = format!("spurious string after timestamp: {}", Quoted(rest));
            return Err(Fault::new(at, message));
        }
        self.pushed.timestamped = true;
        Ok(())
    }
}

/// The word that must be a float.
pub(super) fn value(line: &mut Line<'_>) -> Result<f64, Fault> {
    let at = line.at();
    let word = line.word()?;
    float::parse(word).ok_or_else(|| Fault::new(at, format!("expected float as value, got {}", Quoted(word))))
}

fn kind_of(word: &[u8]) -> Option<MetricKind> {
    const KINDS: [(&str, MetricKind); 7] = [
        ("counter", MetricKind::Counter),
        ("gauge", MetricKind::Gauge),
        ("summary", MetricKind::Summary),
        ("untyped", MetricKind::Untyped),
        ("histogram", MetricKind::Histogram),
        ("gaugehistogram", MetricKind::GaugeHistogram),
        ("gauge_histogram", MetricKind::GaugeHistogram),
    ];
    let known = KINDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    known.map(|(_, kind)| *kind)
}
