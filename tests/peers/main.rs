//! The gateway beside real programs: Prometheus' own Pushgateway, a real Prometheus, and the clients people use.
//!
//! Every test here is ignored in a plain `cargo test`, because it needs programs that are not ours. `./tests/run` gets
//! them and runs each suite (`backup`, `certificates`, `clients`, `differential`, `outages`, `prometheus`, `random`, `recipes`,
//! `refusals`, `typed`, `wire`) with `--ignored`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test's way to fail is a panic, and it waits for other processes in real time"
)]

mod backup;
mod certificates;
mod clients;
mod compare;
mod differential;
mod http;
mod outages;
mod process;
mod prometheus;
mod proto;
mod quickstart;
mod random;
mod readme;
mod recipes;
mod refusals;
mod scrape;
mod step;
mod typed;
mod wire;
