//! Compressed bodies, protobuf, and the lenient dialect, which is a tenant's default.

use super::cases;
use crate::step::Step;
use crate::step::body;
use crate::step::post;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

pub(super) fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).expect("memory");
    encoder.finish().expect("memory")
}

fn zipped(bytes: impl AsRef<[u8]>) -> Step {
    body(bytes).header("Content-Encoding", "gzip")
}

/// Frames of Snappy, as its Go library writes them.
fn snappy(text: &str) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.into_inner().expect("memory")
}

/// One frame of one raw block: a single segment whose size stands in one byte.
fn zstd(text: &str) -> Vec<u8> {
    let size = u8::try_from(text.len()).expect("a short text");
    let block = (u32::from(size) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, size], &block[..3], text.as_bytes()].concat()
}

/// A delimited MetricFamily: name "p", type gauge, one metric with the value 1.
const PROTOBUF: &[u8] = b"\x12\x0a\x01p\x18\x01\x22\x0b\x12\x09\x09\x00\x00\x00\x00\x00\x00\xf0\x3f";

cases! {
    text: "lenient",
    a_gzip_body_is_read: [zipped(gzip("m 1\n"))];
    gzip_is_named_in_any_case: [body(gzip("m 1\n")).header("Content-Encoding", "GZIP")];
    gzip_of_two_members_is_read: [zipped([gzip("m 1\n"), gzip("n 2\n")].concat())];
    an_empty_gzip_stream_is_an_empty_push: [zipped(gzip(""))];
    a_body_that_is_no_gzip_is_refused: [zipped("m 1\n")];
    an_empty_body_is_no_gzip: [zipped("")];
    a_gzip_body_cut_short_is_refused: [zipped(&gzip("m 1\n")[..15])];
    a_gzip_body_with_a_wrong_checksum_is_refused: [zipped({
        let mut bytes = gzip("m 1\n");
        let end = bytes.len();
        bytes[end - 6] ^= 1;
        bytes
    })];
    a_delete_with_a_body_that_is_no_gzip: [
        post("/metrics/job/x", "m 1\n"),
        Step { method: "DELETE", ..zipped("no gzip") },
    ];
    a_snappy_body_is_read: [body(snappy("m 1\n")).header("Content-Encoding", "snappy")];
    snappy_is_named_in_any_case: [body(snappy("m 1\n")).header("Content-Encoding", "Snappy")];
    an_empty_snappy_stream_is_an_empty_push: [body("").header("Content-Encoding", "snappy")];
    a_body_that_is_no_snappy_is_refused: [body("m 1\n").header("Content-Encoding", "snappy")];
    a_raw_snappy_block_is_refused: [
        body(snap::raw::Encoder::new().compress_vec(b"m 1\n").expect("memory")).header("Content-Encoding", "snappy"),
    ];
    a_snappy_body_cut_short_is_refused: [body(&snappy("m 1\n")[..16]).header("Content-Encoding", "snappy")];
    a_snappy_body_with_a_wrong_checksum_is_refused: [
        body({
            let mut bytes = snappy("m 1\n");
            bytes[14] ^= 1;
            bytes
        })
        .header("Content-Encoding", "snappy"),
    ];
    a_zstd_body_is_read: [body(zstd("m 1\n")).header("Content-Encoding", "zstd")];
    a_zstd_body_cut_short_is_refused: [body(&zstd("m 1\n")[..10]).header("Content-Encoding", "zstd")];
    an_unknown_encoding: [body("m 1\n").header("Content-Encoding", "deflate")];
    an_encoding_called_identity: [body("m 1\n").header("Content-Encoding", "identity")];
    two_encodings_at_once: [body(gzip("m 1\n")).header("Content-Encoding", "gzip, gzip")];
    a_delimited_protobuf_push: [
        body(PROTOBUF).header(
            "Content-Type",
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
        ),
    ];
    leniently_a_last_line_may_lack_its_line_feed: [body("m 1")];
    leniently_lines_may_end_as_on_windows: [body("# TYPE m counter\r\nm{a=\"b\"} 1\r\n")];
}
