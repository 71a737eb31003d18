//! Why a text is not in the format.

use crate::model::OverBound;
use std::fmt;

/// Why a body is no text of the format 0.0.4 or over a bound, and where. One line; of the client's input at most 64 bytes, escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    line: usize,
    fault: Fault,
}

/// A [`ParseError`] as seen from within its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    column: usize,
    message: Box<str>,
    over: Option<Box<OverBound>>,
}

impl Fault {
    /// `at` counts bytes from the start of the line.
    pub(super) fn new(at: usize, message: impl Into<Box<str>>) -> Self {
        Self { column: at + 1, message: message.into(), over: None }
    }

    /// The push is over a bound there, however well it is written.
    pub(super) fn over(at: usize, over: OverBound) -> Self {
        Self { column: at + 1, message: format!("the push is too large: {over}").into(), over: Some(Box::new(over)) }
    }

    pub(super) fn in_line(self, line: usize) -> ParseError {
        ParseError { line, fault: self }
    }
}

impl ParseError {
    /// Counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Counted from 1, in bytes.
    pub fn column(&self) -> usize {
        self.fault.column
    }

    /// The bound, if it is over one.
    pub fn bound(&self) -> Option<OverBound> {
        self.fault.over.as_deref().copied()
    }

    /// What is wrong there, in Pushgateway's words.
    pub fn message(&self) -> &str {
        &self.fault.message
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = (self.line, self.column());
        if self.fault.over.is_some() {
            return write!(f, "{} in line {line} (column {column})", self.message());
        }
        write!(f, "text format parsing error in line {line}: {} (column {column})", self.message())
    }
}

impl std::error::Error for ParseError {}
