//! The real program, as an operator runs it: processes, sockets, signals, files.
//!
//! Nothing here sleeps for a fixed time: what is waited for is polled for, up to a deadline that no good run comes near.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails may panic")]

mod audit;
mod certificates;
mod client;
mod commands;
mod crash;
mod disks;
mod keeping;
mod logging;
mod memory;
mod midnight;
mod program;
mod quickstart;
mod reloading;
mod serving;
mod sockets;
mod stopping;
