//! The listener with real sockets, under deadlines that are short.

mod askable;
mod caps;
mod client_auth;
mod client_cas;
mod client_sessions;
mod clients;
mod deadlines;
mod doors;
mod endings;
mod harness;
mod http2;
mod proxy;
mod room;
