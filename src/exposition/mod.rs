//! Stage `exposition`. Input: the bytes of a push. Output: [`model::PreparedFamily`](crate::model::PreparedFamily), and
//! its lines as a tenant or an operator sees them.
//!
//! A push is read once ([`text::parse()`]), made ready once ([`prepare()`]) and from then on only copied
//! ([`lines_from`], [`write_fleet_lines`]).

mod escape;
mod fleet;
mod float;
mod json;
mod own;
mod prepare;
mod pushed;
pub mod text;
mod write;

#[cfg(test)]
mod cycle_tests;

pub use fleet::FleetLabels;
pub use fleet::write_fleet_lines;
pub use json::write_json_header;
pub use json::write_json_labels;
pub use json::write_json_metrics;
pub use json::write_json_string;
pub use own::own_gauge;
pub use prepare::Inconsistent;
pub use prepare::Unfit;
pub use prepare::prepare;
pub use pushed::PushedFamilies;
pub use write::TEXT_CONTENT_TYPE;
pub use write::lines_from;
pub use write::write_header;
