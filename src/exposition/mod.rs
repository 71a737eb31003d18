//! Stage `exposition`. Input: the bytes of a push. Output: [`model::PreparedFamily`](crate::model::PreparedFamily), and
//! its lines as a tenant or an operator sees them.
//!
//! A push is read once ([`text::parse()`], [`protobuf::parse()`]), made ready once ([`prepare()`]) and from then on only
//! copied ([`write_lines`]), unless a scrape asks for protobuf or for names in another escaping. One that is like another but
//! for its numbers is [`Cast`] in the [`Mould`] of that.

mod by_name;
mod escape;
mod escaping;
mod fleet;
mod float;
mod gzip;
mod json;
mod media;
mod mould;
mod negotiate;
mod own;
mod prepare;
pub mod protobuf;
mod pushed;
mod revive;
mod shown;
mod stored;
pub mod text;
mod write;

#[cfg(test)]
mod cycle_tests;
#[cfg(test)]
mod views_tests;

pub use escaping::Escaping;
pub use fleet::FleetLabels;
pub use gzip::Deflater;
pub use gzip::Member;
pub use gzip::checksum;
pub use json::write_json_header;
pub use json::write_json_labels;
pub use json::write_json_metrics;
pub use json::write_json_string;
pub use media::PushFormat;
pub use mould::Cast;
pub use mould::Mould;
pub use mould::Original;
#[cfg(feature = "fuzzing")]
pub(crate) use mould::fuzzing;
pub use negotiate::Negotiated;
pub use negotiate::ScrapeFormat;
pub use own::OWN_GAUGES;
pub use prepare::Inconsistent;
pub use prepare::Unfit;
pub use prepare::prepare;
pub use pushed::PushedFamilies;
pub use revive::KeptFamily;
pub use revive::StoredSeries;
pub use revive::revive;
pub use shown::Shown;
pub use write::lines_from;
pub use write::write_header;
pub use write::write_lines;
pub use write::write_measured_lines;
