//! The listener with real sockets, under deadlines that are short.

mod caps;
mod deadlines;
mod doors;
mod endings;
mod harness;
mod http2;
mod proxy;
