//! Attacks on the real program over loopback, and what they cost: us in CPU and memory, a good tenant in time.
//!
//! Every attack is bounded in time and count. Every test here is ignored in a plain `cargo test`, since it is to have the
//! machine to itself: `./tests/run` runs the quick ones, suite by suite and one after the other. Two are for a machine at
//! rest, and print what `docs/ATTACKS.md` has:
//!
//!     cargo test --release --test attack -- --ignored --nocapture drill
//!     cargo test --test attack -- --ignored --nocapture testssl
//!
//! `ATTACK_SECONDS` is how long each attack of the drill lasts (8), `ATTACK_ONLY` a part of the names of those wanted.
//!
//! The gateway has the first core to itself where there are two. The attackers share the second one with the good tenant
//! (in the drill at the lowest priority there is, so that they take of it what he leaves and no more). He comes from an
//! address of his own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test's way to fail is a panic, and what is measured here is real time"
)]

mod attack;
mod bodies;
mod bombs;
mod drill;
mod floods;
mod force;
mod frames;
mod good;
mod heads;
mod http2;
#[expect(dead_code, reason = "the tests beside it use the rest")]
#[path = "../binary/program.rs"]
mod program;
mod programs;
mod slow;
mod target;
mod tenants;
mod testssl;
mod wire;
