//! The whole gateway in process: no sockets, a clock that stands still; but for `sockets`, where it has both.
#![expect(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that fails may panic"
)]

mod answers;
mod audit;
mod bounds;
mod catalogue;
mod caught;
mod ceilings;
mod certificates;
mod closed;
mod doors;
mod expiry;
mod follows;
mod fullness;
mod identity;
mod isolation;
mod issuer_server;
mod jwks;
mod jwt;
mod limits;
mod mtls;
mod names;
mod ops;
mod pace;
mod passwords;
mod paths;
mod protobuf;
mod push;
mod refusals;
mod reload;
mod secrets;
mod serves;
mod shares;
mod sockets;
mod strangers;
mod views;
mod wipe;
