//! One line of the text format, read from its start to its end.

use super::error::Fault;
use crate::exposition::escape::First;
use crate::exposition::escape::Quoted;
use crate::model::in_label_name;
use crate::model::in_metric_name;
use std::borrow::Cow;

/// A line without its line feed. Nothing in the format reaches over the end of a line, so this is all a state there is.
pub(super) struct Line<'a> {
    bytes: &'a [u8],
    /// The same as text, if all of it is UTF-8: then no part need be checked by itself.
    text: Option<&'a str>,
    at: usize,
    /// Whether a line feed stood behind it, or may be thought there.
    closed: bool,
}

/// What [`Line::name`] reads: a metric's name may hold colons, a label's may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameOf {
    Metric,
    Label,
}

/// A name as it was written.
pub(super) enum Name<'a> {
    /// Without quotes, and so of the classic kind; or empty, where none began.
    Plain(&'a str),
    /// Anything at all.
    Quoted(Cow<'a, [u8]>),
}

impl<'a> Name<'a> {
    /// The name, if it stood there without quotes.
    pub(super) fn plain(&self) -> Option<&'a str> {
        match self {
            Self::Plain(name) if !name.is_empty() => Some(name),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In bytes, escapes resolved.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(name) => name.len(),
            Self::Quoted(name) => name.len(),
        }
    }
}

impl NameOf {
    pub(super) fn begins(self, byte: u8) -> bool {
        !byte.is_ascii_digit() && self.length(&[byte]) == 1
    }

    /// How many of the first of `bytes` may be part of a name of the classic kind.
    pub(super) fn length(self, bytes: &[u8]) -> usize {
        let end = match self {
            Self::Metric => bytes.iter().position(|byte| !in_metric_name(*byte)),
            Self::Label => bytes.iter().position(|byte| !in_label_name(*byte)),
        };
        end.unwrap_or(bytes.len())
    }

    /// Whether `name` is a whole one of the classic kind.
    pub(super) fn is_classic(self, name: &[u8]) -> bool {
        name.first().is_some_and(|byte| self.begins(*byte)) && self.length(name) == name.len()
    }

    fn called(self) -> &'static str {
        match self {
            Self::Metric => "metric name",
            Self::Label => "label name",
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn new(bytes: &'a [u8], closed: bool) -> Self {
        Self { bytes, text: std::str::from_utf8(bytes).ok(), at: 0, closed }
    }

    /// The same of a line that is known to be text.
    pub(super) fn of_text(text: &'a str, closed: bool) -> Self {
        Self { bytes: text.as_bytes(), text: Some(text), at: 0, closed }
    }

    /// The same of which all before `at` has been read.
    pub(super) fn from(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// Where the next byte stands.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn ahead(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Whether nothing but the end of the line is left.
    pub(super) fn is_over(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next byte: a line feed at the end of the line. `Err` when the body ends there instead.
    pub(super) fn peek(&self) -> Result<u8, Fault> {
        match self.bytes.get(self.at) {
            Some(byte) => Ok(*byte),
            None => self.end().map(|()| b'\n'),
        }
    }

    fn end(&self) -> Result<(), Fault> {
        if self.closed { Ok(()) } else { Err(Fault::new(self.bytes.len(), "unexpected end of input stream")) }
    }

    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    pub(super) fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Everything up to the next blank.
    pub(super) fn word(&mut self) -> Result<&'a [u8], Fault> {
        let ahead = self.ahead();
        let length = ahead.iter().position(|byte| matches!(byte, b' ' | b'\t'));
        if length.is_none() {
            self.end()?;
        }
        self.take(length.unwrap_or(ahead.len()))
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> Result<&'a [u8], Fault> {
        self.end()?;
        self.take(self.ahead().len())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let taken = self.ahead().get(..length).unwrap_or_default();
        self.at += taken.len();
        Ok(taken)
    }

    /// A name, quoted or not.
    pub(super) fn name(&mut self, of: NameOf) -> Result<Name<'a>, Fault> {
        let ahead = self.ahead();
        match ahead.first() {
            Some(b'"') => self.quoted(of.called()).map(Name::Quoted),
            Some(byte) if of.begins(*byte) => {
                let length = of.length(ahead);
                if length == ahead.len() {
                    self.end()?;
                }
                let start = self.at;
                self.at += length;
                // All its characters are ASCII, so this takes the way of the default never.
                let name = self.text_between(start, self.at).unwrap_or_default();
                Ok(Name::Plain(name))
            }
            _ => Ok(Name::Plain("")),
        }
    }

    fn text_between(&self, start: usize, end: usize) -> Option<&'a str> {
        match self.text {
            Some(text) => text.get(start..end),
            None => std::str::from_utf8(self.bytes.get(start..end)?).ok(),
        }
    }

    /// A label's value from the quote that opens it to the one that closes it, if it is UTF-8 without NUL; else its
    /// bytes.
    pub(super) fn value(&mut self) -> Result<Result<Cow<'a, str>, Cow<'a, [u8]>>, Fault> {
        let start = self.at + 1;
        Ok(match self.quoted("label value")? {
            // Nothing but the quote stands between the value and where the line is read on.
            Cow::Borrowed(bytes) => match self.text_between(start, start + bytes.len()) {
                Some(text) if !text.as_bytes().contains(&0) => Ok(Cow::Borrowed(text)),
                _ => Err(Cow::Borrowed(bytes)),
            },
            Cow::Owned(bytes) => as_text(Cow::Owned(bytes)),
        })
    }

    /// What stands between the quote that is next and the one that closes it, escapes resolved.
    fn quoted(&mut self, called: &str) -> Result<Cow<'a, [u8]>, Fault> {
        let opened = self.at;
        self.advance();
        let mut resolved: Cow<'a, [u8]> = Cow::Borrowed(&[]);
        loop {
            let ahead = self.ahead();
            let Some(length) = memchr::memchr2(b'"', b'\\', ahead) else {
                self.end()?;
                append(&mut resolved, ahead);
                let message = format!("{called} {} contains unescaped new-line", Quoted(&resolved));
                return Err(Fault::new(opened, message));
            };
            append(&mut resolved, self.take(length)?);
            let closes = self.peek()? == b'"';
            self.advance();
            if closes {
                return Ok(resolved);
            }
            let byte = self.escaped()?;
            resolved.to_mut().push(byte);
        }
    }

    /// What stands behind a backslash, resolved.
    fn escaped(&mut self) -> Result<u8, Fault> {
        let byte = match self.peek()? {
            b'n' => b'\n',
            byte @ (b'\\' | b'"') => byte,
            _ => {
                let message = format!("invalid escape sequence '\\{}'", First(self.ahead()));
                return Err(Fault::new(self.at.saturating_sub(1), message));
            }
        };
        self.advance();
        Ok(byte)
    }

    /// Everything that is left, escapes resolved: a help text.
    pub(super) fn rest_unescaped(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        let mut resolved: Cow<'a, [u8]> = Cow::Borrowed(&[]);
        loop {
            let Some(length) = memchr::memchr(b'\\', self.ahead()) else {
                append(&mut resolved, self.rest()?);
                return Ok(resolved);
            };
            append(&mut resolved, self.take(length)?);
            self.advance();
            let byte = self.escaped()?;
            resolved.to_mut().push(byte);
        }
    }

    pub(super) fn fault(&self, message: impl Into<Box<str>>) -> Fault {
        Fault::new(self.at, message)
    }

    /// A fault that ends in what is found here.
    pub(super) fn found(&self, message: &str) -> Fault {
        self.fault(format!("{message} '{}'", First(self.ahead())))
    }
}

/// Appends without copying as long as nothing stood there before.
fn append<'a>(text: &mut Cow<'a, [u8]>, more: &'a [u8]) {
    if text.is_empty() {
        *text = Cow::Borrowed(more);
    } else {
        text.to_mut().extend_from_slice(more);
    }
}

/// As text, if it is UTF-8 without NUL, which Prometheus would take for the end of a scrape.
pub(super) fn as_text(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Cow<'_, [u8]>> {
    match bytes {
        bytes if memchr::memchr(0, &bytes).is_some() => Err(bytes),
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(_) => Err(Cow::Borrowed(bytes)),
        },
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).map_err(|error| Cow::Owned(error.into_bytes())),
    }
}
