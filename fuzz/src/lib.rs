//! Fuzz targets: each takes any bytes for what a stranger could have sent, and holds what is made of them against what was
//! promised of it. A broken promise is a panic.
//!
//! One module for each target, named in [`TARGETS`]; `README.md` beside this package says what each promises.

pub mod accept;
pub mod allocation;
pub mod authorization;
pub mod certificate;
pub mod config;
mod decompressors;
mod exposition;
pub mod gzip;
pub mod jwt;
pub mod protobuf;
pub mod proxy;
mod seen;
pub mod snappy;
pub mod text;
pub mod token;
pub mod url_path;
pub mod zstd;

pub use seen::Seen;

use std::time::Duration;

/// One input of the gateway's.
pub struct Target {
    /// The name of its module, its corpus, and its libFuzzer binary.
    pub name: &'static str,
    /// Takes an input, and panics if a promise is broken.
    pub run: fn(&[u8]) -> Seen,
    /// Longer inputs are cut: what is longer costs time and finds little.
    pub bytes_max: usize,
    /// What one input may take, its checks here included, besides 20 µs for each of its bytes. Steps are not counted on stable;
    /// what grows with the square of an input is far beyond this at some kilobytes.
    pub time_max: Duration,
    /// What mutations put in besides single bytes.
    pub dictionary: &'static [&'static [u8]],
}

/// Every target there is.
pub const TARGETS: &[&Target] = &[
    &url_path::TARGET,
    &text::TARGET,
    &protobuf::TARGET,
    &gzip::TARGET,
    &snappy::TARGET,
    &zstd::TARGET,
    &authorization::TARGET,
    &token::TARGET,
    &jwt::TARGET,
    &proxy::TARGET,
    &config::TARGET,
    &accept::TARGET,
    &certificate::TARGET,
];

/// One input, cut to what the target takes. A second run must see the same as the first.
pub fn run(target: &Target, data: &[u8]) {
    let data = data.get(..target.bytes_max).unwrap_or(data);
    let first = (target.run)(data);
    // A hash's low bits pick one input in eight, the same one each time.
    if first.digest.is_multiple_of(8) {
        assert_eq!((target.run)(data), first, "{} saw another thing the second time", target.name);
    }
}
