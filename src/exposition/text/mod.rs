//! Stage `exposition`, the text format 0.0.4. Input: a body. Output: [`PushedFamilies`](crate::exposition::PushedFamilies).
//!
//! Accepts what Pushgateway accepts and says the same when it refuses, with the column besides. Where the two differ:
//! a metric is named on its own line, never taken from the line before; what would be dropped in silence (a bucket
//! without `le`, a quantile without `quantile`, a bound or quantile that is no number, a summary's count below zero) is
//! refused; and so is what Prometheus could not load again (NUL in a value or a help text, a help text that is not
//! UTF-8).

mod comment;
mod distribution;
mod error;
mod line;
mod named;
mod parser;
mod repeats;
mod values;

pub use error::ParseError;
pub use parser::parse;
pub use parser::parse_within;
pub(super) use parser::read_back;
pub(super) use values::places_of_values;

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod distribution_tests;
#[cfg(test)]
mod repeats_tests;
#[cfg(test)]
mod tests;
