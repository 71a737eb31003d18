//! The whole gateway in process: no sockets, a clock that stands still.
#![expect(clippy::indexing_slicing, clippy::disallowed_methods, reason = "a test that fails may panic")]

mod doors;
mod identity;
mod isolation;
mod limits;
mod names;
mod ops;
mod protobuf;
mod push;
mod refusals;
mod secrets;
mod views;
