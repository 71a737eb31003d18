//! A body in zstd.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::decompressors;
use ruzstd::encoding::CompressionLevel;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "zstd",
    run: zstd,
    bytes_max: 16 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"\x28\xb5\x2f\xfd",
        b"\x28\xb5\x2f\xfd\x20\0\x01\0\0",
        b"\x50\x2a\x4d\x18\x02\0\0\0",
        b"\x01\0\0",
        b"\x03\0\0",
        b"\xff\xff\xff\xff",
        b"\x28\xb5\x2f\xfd\0\x58",
    ],
};

/// The largest window that a frame may ask for is 8 MiB, which is held as blocks come, and decoded blocks beside it.
const BOUND: Bound = Bound { per_byte: 32, constant: 10 << 20 };

pub fn zstd(data: &[u8]) -> Seen {
    decompressors::hold("zstd", compress, BOUND, data)
}

pub fn compress(data: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(data, CompressionLevel::Fastest)
}
