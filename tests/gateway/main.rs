//! The whole gateway in process: no sockets, a clock that stands still; but for `sockets`, where it has both.
#![expect(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod catalogue;
mod certificates;
mod doors;
mod identity;
mod isolation;
mod limits;
mod names;
mod ops;
mod paths;
mod protobuf;
mod push;
mod refusals;
mod secrets;
mod serves;
mod sockets;
mod strangers;
mod views;
mod wipe;
