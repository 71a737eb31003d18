//! A body in framed snappy.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::decompressors;
use std::io::Write;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "snappy",
    run: snappy,
    bytes_max: 16 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"\xff\x06\0\0sNaPpY",
        b"\x01\x08\0\0",
        b"\0\x08\0\0",
        b"\xfe\x04\0\0",
        b"\x80\x04\0\0",
        b"\x02\x04\0\0",
    ],
};

/// A block of 64 KiB before and after it is decompressed, and what comes out in a vector that doubles.
const BOUND: Bound = Bound { per_byte: 32, constant: 512 << 10 };

pub fn snappy(data: &[u8]) -> Seen {
    decompressors::hold("snappy", compress, BOUND, data)
}

pub fn compress(data: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(data).expect("a Vec takes all");
    encoder.into_inner().expect("a Vec takes all")
}
