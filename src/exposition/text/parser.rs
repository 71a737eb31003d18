//! The parser: lines in, families out, in one pass.

use super::error::Fault;
use super::error::ParseError;
use super::line::Line;
use super::line::Name;
use super::line::NameOf;
use super::line::as_text;
use super::named::Named;
use super::named::Names;
use super::repeats::Repeats;
use crate::exposition::escape::Quoted;
use crate::exposition::float;
use crate::exposition::pushed::Form;
use crate::exposition::pushed::Labels;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::Metric;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::Text;
use crate::exposition::pushed::index;
use crate::exposition::pushed::lines_always;
use crate::exposition::stored;
use crate::model::FamilyView;
use crate::model::GroupBounds;
use crate::model::MetricKind;
use crate::model::NameScheme;
use crate::model::PushBound;
use crate::model::TextDialect;
use crate::model::underscored_metric;
use std::borrow::Cow;

/// Metrics a body is expected to hold before it has been read. More cost a few moves, fewer some kilobytes.
const METRICS_EXPECTED_MAX: usize = 2048;
/// Labels that a metric is expected to have.
const LABELS_EXPECTED: usize = 3;
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
    let mut parser = Parser::new(body, names, bounds);
    let expected = (body.len() / 64).min(METRICS_EXPECTED_MAX);
    parser.pushed.metrics.reserve(expected);
    parser.pushed.values.reserve(expected * LABELS_EXPECTED);
    // With its help and its type, a family of one metric has some three lines.
    let families = (expected / 3 + 2).min(FAMILIES_EXPECTED_MAX);
    parser.pushed.families.reserve(families);
    parser.names.expect(families);
    let lenient = dialect == TextDialect::Lenient;
    let line_bytes_max = bounds.push().line_bytes_max;
    // A carriage return and a line feed may stand behind a line that is as long as it may be.
    let reach = usize::try_from(line_bytes_max).unwrap_or(usize::MAX).saturating_add(2);
    // Nearly always all of it is text, which is looked at once then and not line by line.
    let text = std::str::from_utf8(body).ok();
    let plain = text.filter(|_| memchr::memchr(0, body).is_none());
    parser.escapes = memchr::memchr(b'\\', body).is_some();
    let mut rest = body;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let start = body.len() - rest.len();
        parser.start = index(start);
        if let Some(read) = plain.and_then(|text| parser.again(text.get(start..)?, lenient)) {
            let length = read.map_err(|fault| fault.in_line(number))?;
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
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
    family: FamilyView<'f>,
    only: Option<&str>,
) -> Result<PushedFamilies<'f>, ParseError> {
    let mut parser = Parser::new(family.lines, NameScheme::Utf8, &GroupBounds::NONE);
    let mut lines = stored::lines(family.lines);
    if let Some(only) = only {
        let mut wanted = lines.filter(|line| underscored_metric(&stored::line_name(line)) == only);
        wanted.try_for_each(|line| parser.stored(line))?;
    } else {
        let named = parser.names.find(Cow::Borrowed(family.name), &mut parser.pushed, u64::MAX);
        if let Some(entry) = named.and_then(|named| parser.pushed.families.get_mut(named.family as usize)) {
            entry.kind = family.kind;
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
    /// Where the line begins in the body.
    pub(super) start: u32,
    pub(super) repeats: Repeats<'a>,
    /// Whether the body has a backslash.
    pub(super) escapes: bool,
    /// The labels of the line, as far as it has been read.
    read: Vec<(Cow<'a, str>, Text)>,
}

impl<'a> Parser<'a> {
    fn new(body: &'a [u8], scheme: NameScheme, bounds: &GroupBounds) -> Self {
        Self {
            pushed: PushedFamilies { body, ..PushedFamilies::default() },
            names: Names::default(),
            scheme,
            bounds: *bounds,
            start: 0,
            repeats: Repeats::default(),
            escapes: true,
            read: Vec::new(),
        }
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

    pub(super) fn named(&mut self, name: Cow<'a, str>, at: usize) -> Result<Named, Fault> {
        let families_max = self.bounds.push().families_per_push_max;
        let named = self.names.find(name, &mut self.pushed, families_max);
        named.ok_or_else(|| self.over(at, PushBound::Families, families_max.saturating_add(1)))
    }

    /// A line that ends with its line feed.
    fn stored(&mut self, line: &'a [u8]) -> Result<(), ParseError> {
        self.start = self.pushed.place_of(line);
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

    /// A sample, blanks before it read.
    fn sample(&mut self, mut line: Line<'a>) -> Result<(), Fault> {
        let at = line.at();
        let (mut name, mut plain) = (None, None);
        self.read.clear();
        if line.peek()? != b'{' {
            let written = line.name(NameOf::Metric)?;
            plain = written.plain();
            name = Some(self.checked(written, NameOf::Metric, at)?);
            line.skip_blanks();
        }
        let mut learns = false;
        if line.peek()? == b'{' {
            let opened = self.start + index(line.at());
            line.advance();
            self.labels(&mut line, &mut name)?;
            let closed = self.start + index(line.at());
            learns = plain.is_some() && self.repeats.learn(self.pushed.body, &self.read, opened, closed);
            line.skip_blanks();
        }
        let name = name.ok_or_else(|| Fault::new(at, "invalid metric name"))?;
        let named = self.named(name, at)?;
        self.repeats.name = plain.map(|plain| (plain, named));
        let sealed = self.pushed.take_labels(&mut self.read);
        let twice = |_| Fault::new(at, format!("duplicate label names for metric {}", self.quoted_name(named)));
        let labels = sealed.map_err(twice)?;
        if learns {
            self.repeats.learnt(&self.pushed, labels.shape);
        }
        self.measured(named, labels, (0, 0), at, line)
    }

    /// What follows the labels of a sample: its value and perhaps a timestamp. It began at `at`.
    pub(super) fn measured(
        &mut self,
        named: Named,
        labels: Labels,
        verbatim: (u32, u32),
        at: usize,
        mut line: Line<'a>,
    ) -> Result<(), Fault> {
        let kind = self.names.settle(named.family, &self.pushed);
        if is_single(kind) {
            let measured = Measured::Value(value(&mut line)?);
            self.count_lines(lines_always(kind), at)?;
            self.pushed.metrics.push(Metric { family: named.family, labels, verbatim, measured });
        } else {
            self.distributed(named, kind, labels, at, &mut line)?;
        }
        self.timestamp(line)
    }

    /// The labels up to the closing brace, whose opening one has been read; and in braces the metric's name.
    fn labels(&mut self, line: &mut Line<'a>, name: &mut Option<Cow<'a, str>>) -> Result<(), Fault> {
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
                self.check_labels(self.read.len() + 1, at)?;
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
        let behind = line.at();
        if value.len() as u64 > self.bounds.push().label_value_bytes_max {
            return Err(self.over(at, PushBound::LabelValueBytes, value.len() as u64));
        }
        line.skip_blanks();
        if !matches!(line.peek()?, b',' | b'}') {
            let message = format!("unexpected end of label value {}", Quoted(value.as_bytes()));
            return Err(line.fault(message));
        }
        let form = if matches!(value, Cow::Borrowed(_)) { Form::Plain } else { Form::Escaped };
        self.read.push((name, Text { start: self.start + index(at + 1), end: self.start + index(behind - 1), form }));
        Ok(())
    }

    /// `name` as text, if it is a name of the scheme.
    pub(super) fn checked(&mut self, name: Name<'a>, of: NameOf, at: usize) -> Result<Cow<'a, str>, Fault> {
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

/// Whether a metric of this kind is one line.
pub(super) const fn is_single(kind: MetricKind) -> bool {
    matches!(kind, MetricKind::Counter | MetricKind::Gauge | MetricKind::Untyped)
}

/// The word that must be a float.
pub(super) fn value(line: &mut Line<'_>) -> Result<f64, Fault> {
    let at = line.at();
    let word = line.word()?;
    float::parse(word).ok_or_else(|| Fault::new(at, format!("expected float as value, got {}", Quoted(word))))
}
