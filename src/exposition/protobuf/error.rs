//! Why bytes are no push.

use crate::model::OverBound;
use std::fmt;

/// Why a body is no stream of `MetricFamily` messages or over a bound. One line; of the client's input at most 64 bytes,
/// escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Box<Fault>);

/// Boxed, so that a number that was read is handed on in registers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    text: Box<str>,
    over: Option<OverBound>,
    /// The message it is in, counted from 1; 0 where that is not said.
    message: usize,
}

impl DecodeError {
    pub(super) fn new(text: impl Into<Box<str>>) -> Self {
        Self(Box::new(Fault { text: text.into(), over: None, message: 0 }))
    }

    /// The push is over a bound in `field`, however well it is written.
    #[cold]
    pub(super) fn over(field: &str, over: OverBound) -> Self {
        let text = format!("the push is too large: {over} in {field}").into();
        Self(Box::new(Fault { text, over: Some(over), message: 0 }))
    }

    /// The same, which of a body's messages it is in told besides.
    pub(super) fn in_message(mut self, number: usize) -> Self {
        self.0.message = number;
        self
    }

    /// The bytes end within a message: the words of every Go program.
    pub(super) fn unexpected_eof() -> Self {
        Self::new("unexpected EOF")
    }

    /// The bytes are no protobuf, or not of these messages.
    pub(super) fn malformed(what: &str) -> Self {
        Self::new(format!("proto: cannot parse the message: {what}"))
    }

    /// The bound, if it is over one.
    pub fn bound(&self) -> Option<OverBound> {
        self.0.over
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)?;
        // Malformed bodies keep upstream's words.
        if self.0.over.is_some() { write!(f, " of message {}", self.0.message) } else { Ok(()) }
    }
}

impl std::error::Error for DecodeError {}
