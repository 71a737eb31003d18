//! Stage `exposition`. Input: the bytes of a push. Output: [`model::PreparedFamily`](crate::model::PreparedFamily), and
//! its lines as a tenant or an operator sees them.
//!
//! A push is read once ([`text::parse`]), made ready once ([`prepare`]) and from then on only copied
//! ([`write_lines`], [`write_fleet_lines`]).

mod escape;
mod fleet;
mod float;
mod media;
mod own;
mod prepare;
pub mod protobuf;
mod pushed;
pub mod text;
mod write;

#[cfg(test)]
mod cycle_tests;

pub use fleet::FleetLabels;
pub use fleet::write_fleet_lines;
pub use media::PushFormat;
pub use own::own_gauge;
pub use prepare::Inconsistent;
pub use prepare::prepare;
pub use pushed::PushedFamilies;
pub use write::TEXT_CONTENT_TYPE;
pub use write::line_names;
pub use write::write_header;
pub use write::write_lines;
