//! Bodies as text, and bodies that are compressed.

use crate::Seed;
use crate::texts;
use pushward_fuzz::gzip;
use pushward_fuzz::snappy;
use pushward_fuzz::zstd;

pub(crate) fn text() -> Vec<Seed> {
    texts(&[
        ("untyped", "a 1\n"),
        ("no-line-feed", "a 1"),
        ("crlf", "# TYPE a gauge\r\na 1\r\n"),
        ("gauge", "# HELP g a help \\\\ text \\n\n# TYPE g gauge\ng{b=\"x\\n\\\"\",a=\"\"} -1.5e3\n"),
        ("counter", "# TYPE c counter\nc{l=\"1\"} 2\nc{l=\"2\"} +Inf\nc NaN\n"),
        ("summary", "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"0.9\"} 2\ns_sum 3\ns_count 4\n"),
        (
            "histogram",
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 4\nh_sum 5.5\nh_count 4\nh_bucket{a=\"b\",le=\"1\"} 2\n",
        ),
        ("float-histogram", "# TYPE h histogram\nh_bucket{le=\"-0\"} 0.5\nh_count 1.5\n"),
        ("gauge-histogram", "# TYPE h gaugehistogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n"),
        ("only-count", "# TYPE h histogram\nh_count 1\n# TYPE s summary\ns_count 2.5\n"),
        ("mixed", "b 1\n# TYPE a gauge\na{x=\"1\"} 1\nb{x=\"1\"} 2\na{x=\"2\"} 2\n"),
        ("utf8", "{\"a.b\",\"u.v\"=\"x\"} 1\n# HELP \"a.b\" h\n\"c d\"{e=\"\u{fc}\"} 2\n"),
        ("utf8-histogram", "# TYPE \"h.h\" histogram\n{\"h.h_bucket\",le=\"1\"} 1\n{\"h.h_count\"} 1\n"),
        ("timestamp", "a 1 1700000000000\n"),
        ("grouping-labels", "a{job=\"x\",instance=\"y\",k=\"z\",tenant=\"t\",exported_tenant=\"u\"} 1\n"),
        ("reserved", "push_time_seconds 1\na{__name__=\"b\"} 1\n"),
        ("twins", "a 1\na 2\n"),
        ("comment", "# EOF\n#\n# HELP\n# HELP a\n# TYPE a\n\t # x\n"),
        ("suffixes", "# TYPE a histogram\na_bucket 1\n# TYPE a_count gauge\na_count 1\n"),
        ("blanks", " \t a  {  x  =  \"1\"  ,  }  1\t\n"),
        ("cut-escape", "a{b=\"\\"),
        ("number-edges", "a 5e-324\nb 1.7976931348623157e308\nc -0\nd 1e309\n"),
    ])
}

/// As [`text`] mostly, compressed; and what no compressor makes.
pub(crate) fn gzip() -> Vec<Seed> {
    let mut seeds = compressed(gzip::compress);
    let members = [gzip::compress(b"a 1\n"), gzip::compress(b"b 2\n")].concat();
    seeds.extend([
        ("members", members),
        ("empty-members", gzip::compress(b"").repeat(20)),
        ("bomb", gzip::compress(&vec![b'a'; 1 << 20])),
        ("stored", b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x02\0\xfd\xffa\n".to_vec()),
        ("named", b"\x1f\x8b\x08\x18\0\0\0\0\0\xffname\0comment\0\x03\0\0\0\0\0\0\0\0\0".to_vec()),
    ]);
    seeds
}

pub(crate) fn snappy() -> Vec<Seed> {
    let mut seeds = compressed(snappy::compress);
    seeds.extend([
        ("streams", [snappy::compress(b"a 1\n"), snappy::compress(b"b 2\n")].concat()),
        ("padding", [b"\xff\x06\0\0sNaPpY".as_slice(), b"\xfe\x04\0\0\0\0\0\0", b"\x80\x02\0\0xx"].concat()),
        ("bomb", snappy::compress(&vec![b'a'; 200 << 10])),
        ("raw", snap::raw::Encoder::new().compress_vec(b"a 1\n").expect("a short text")),
    ]);
    seeds
}

pub(crate) fn zstd() -> Vec<Seed> {
    let mut seeds = compressed(zstd::compress);
    seeds.extend([
        ("frames", [zstd::compress(b"a 1\n"), zstd::compress(b"b 2\n")].concat()),
        ("skipped", [b"\x50\x2a\x4d\x18\x02\0\0\0\x09\x09".as_slice(), &zstd::compress(b"a 1\n")].concat()),
        ("empty-frames", b"\x28\xb5\x2f\xfd\x20\0\x01\0\0".repeat(20)),
        ("bomb", zstd::compress(&vec![b'a'; 1 << 20])),
        ("run", b"\x28\xb5\x2f\xfd\0\x58\x03\0\x04a".to_vec()),
        ("wide", b"\x28\xb5\x2f\xfd\0\x70\x01\0\0".to_vec()),
    ]);
    seeds
}

fn compressed(compress: fn(&[u8]) -> Vec<u8>) -> Vec<Seed> {
    let lines: String =
        (0..40).map(|n| format!("requests_total{{code=\"{}\",path=\"/{n}\"}} {n}\n", 200 + n % 5)).collect();
    let noise: Vec<u8> = (0..600_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let mut broken = compress(lines.as_bytes());
    let middle = broken.len() / 2;
    broken[middle] ^= 0x10;
    let whole = compress(lines.as_bytes());
    vec![
        ("nothing", compress(b"")),
        ("line", compress(b"a 1\n")),
        ("noise", compress(&noise)),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("lines", whole),
        ("broken", broken),
        ("plain", lines.into_bytes()),
    ]
}
