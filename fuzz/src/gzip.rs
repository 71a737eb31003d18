//! A body in gzip.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::decompressors;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "gzip",
    run: gzip,
    bytes_max: 16 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
        b"\x1f\x8b\x08\x1f",
        b"\x03\0\0\0\0\0\0\0\0\0",
        b"\x01\0\0\xff\xff",
        b"\0\0\0\xff\xff",
    ],
};

/// The window of 32 KiB with zlib's own tables, and what comes out in a vector that doubles.
const BOUND: Bound = Bound { per_byte: 32, constant: 512 << 10 };

pub fn gzip(data: &[u8]) -> Seen {
    decompressors::hold("gzip", compress, BOUND, data)
}

pub fn compress(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("a Vec takes all");
    encoder.finish().expect("a Vec takes all")
}
