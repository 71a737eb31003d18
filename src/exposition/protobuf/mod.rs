//! Stage `exposition`, delimited protobuf: the messages of `metrics.proto`, pushed and scraped.
//!
//! A push is read straight off its bytes into the columns that the text parser fills; a family that text cannot say in
//! full keeps its metrics as protobuf besides. The reader is ours and not generated: a generated one makes a value of
//! some hundred bytes for every message of two, and copies every label. Tests hold it against the generated `messages`.

mod bounds;
mod decode;
mod error;
mod head;
mod histogram;
mod keep;
#[cfg(any(test, feature = "testkit"))]
pub mod messages;
mod native;
mod repeats;
mod schema;
mod scrape;
mod values;
mod wire;

pub use decode::parse;
pub use decode::parse_within;
pub use error::DecodeError;
pub(super) use keep::keep;
pub(super) use native::Buckets;
pub(super) use native::Count;
pub(super) use native::KeptHistogram;
pub(super) use native::NativeBucket;
pub(super) use native::next_histogram;
pub use scrape::FamilyMessage;
pub(super) use values::places_of_values;

#[cfg(test)]
mod messages_tests;
#[cfg(test)]
mod over_tests;
#[cfg(test)]
mod tests;
