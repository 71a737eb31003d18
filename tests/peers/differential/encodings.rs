//! Compressed bodies, protobuf, and the lenient dialect, which is a tenant's default.

use super::cases;
use crate::step::Step;
use crate::step::body;
use crate::step::post;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn zipped(bytes: impl AsRef<[u8]>) -> Step {
    body(bytes).header("Content-Encoding", "gzip")
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
