//! Why bytes are no push.

use std::fmt;

/// Why a body is no stream of `MetricFamily` messages. One line; of the client's input at most 64 bytes, escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(Box<str>);

impl DecodeError {
    pub(super) fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The bytes end within a message: the words of every Go program.
    pub(super) fn unexpected_eof() -> Self {
        Self::new("unexpected EOF")
    }

    /// The bytes are no protobuf, or not of these messages.
    pub(super) fn malformed(what: &str) -> Self {
        Self::new(format!("proto: cannot parse the message: {what}"))
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}
