//! How strictly a tenant's text is read.

/// How the end of a line is read in a pushed text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TextDialect {
    /// A body that arrived whole may lack its last line feed, and lines may end with CRLF.
    #[default]
    Lenient,
    /// As Pushgateway: every line ends with a line feed, and a carriage return before it is part of the line.
    Strict,
}
