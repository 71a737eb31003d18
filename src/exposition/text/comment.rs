//! Comments: what a family's help is and which type it has.

use super::error::Fault;
use super::line::Line;
use super::line::NameOf;
use super::line::as_text;
use super::parser::Parser;
use crate::exposition::escape::Quoted;
use crate::model::MetricKind;
use std::borrow::Cow;

impl<'a> Parser<'a> {
    /// A comment, whose `#` has been read: a help text, a type, or nothing that matters.
    pub(super) fn comment(&mut self, mut line: Line<'a>) -> Result<(), Fault> {
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
        let plain = name.plain();
        let name = self.checked(name, NameOf::Metric, at)?;
        let named = self.named(name, at)?;
        self.repeats.name = plain.map(|plain| (plain, named));
        let family = named.family;
        line.skip_blanks();
        if line.peek()? == b'\n' {
            return Ok(());
        }
        if keyword == b"HELP" { self.help(family, line) } else { self.kind(family, line) }
    }

    /// Reads the help or the type that `text` begins with, if it is written as nearly all are, without a blank or an escape too
    /// many. How long its line is, the line feed included. None: it is not, and nothing but the family has been taken from it.
    pub(super) fn comment_again(&mut self, text: &'a str, lenient: bool) -> Option<usize> {
        /// What both keywords have as many bytes as, with what surrounds them.
        const KEYWORD: usize = "# HELP ".len();
        let (keyword, behind) = text.split_at_checked(KEYWORD)?;
        let is_help = match keyword {
            "# HELP " => true,
            "# TYPE " => false,
            _ => return None,
        };
        let (named, length) = self.name_again(behind)?;
        let said = behind.get(length..)?.strip_prefix(' ')?;
        let said_at = KEYWORD + length + 1;
        // What is wrong with it is found once more where it can be said.
        if is_help {
            let help = self.line_of(text, lenient)?.get(said_at..)?;
            if help.is_empty() || help.starts_with([' ', '\t']) {
                return None;
            }
            let as_it_is = !self.escapes || memchr::memchr(b'\\', help.as_bytes()).is_none();
            let family = self.pushed.families.get_mut(named.family as usize)?;
            (as_it_is && self.names.first_help(named.family)).then(|| family.help = Cow::Borrowed(help))?;
            Some(said_at + help.len() + 1)
        } else {
            let begins = |word: &str| said.strip_prefix(word).is_some_and(|behind| behind.starts_with('\n'));
            let (word, kind) = KINDS.iter().find(|(word, _)| begins(word))?;
            let end = said_at + word.len();
            if end as u64 > self.bounds.push().line_bytes_max {
                return None;
            }
            let family = self.pushed.families.get_mut(named.family as usize)?;
            self.names.first_type(named.family).then(|| family.kind = *kind)?;
            Some(end + 1)
        }
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
}

const KINDS: [(&str, MetricKind); 7] = [
    ("counter", MetricKind::Counter),
    ("gauge", MetricKind::Gauge),
    ("summary", MetricKind::Summary),
    ("untyped", MetricKind::Untyped),
    ("histogram", MetricKind::Histogram),
    ("gaugehistogram", MetricKind::GaugeHistogram),
    ("gauge_histogram", MetricKind::GaugeHistogram),
];

fn kind_of(word: &[u8]) -> Option<MetricKind> {
    let known = KINDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    known.map(|(_, kind)| *kind)
}
