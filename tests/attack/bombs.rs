//! Bodies that are small on the wire, or claim to be large, or mean more work than they look.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write as _;

/// Far more than any limit, once it is decompressed.
const DECOMPRESSED: usize = 32 << 20;
/// Of a body that is not compressed: a little less than `body_bytes_max`.
pub(crate) const WHOLE: usize = 9 << 20;
/// RFC 8878 §3.1.1.2.3: what a block may hold at most.
const ZSTD_BLOCK: usize = 128 << 10;

pub(crate) fn gzip() -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&vec![b'\n'; DECOMPRESSED]).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn snappy() -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(&vec![b'\n'; DECOMPRESSED]).unwrap();
    encoder.into_inner().unwrap()
}

/// A frame of blocks that say "so many of this byte", which is more than any encoder would dare: 1 to 32,000.
pub(crate) fn zstd() -> Vec<u8> {
    // Magic number; no checksum, no size; a window of 8 MiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3];
    let blocks = DECOMPRESSED / ZSTD_BLOCK;
    for block in 1..=blocks {
        let run_of_one_byte = u32::try_from(ZSTD_BLOCK).unwrap() << 3 | 1 << 1 | u32::from(block == blocks);
        frame.extend(&run_of_one_byte.to_le_bytes()[..3]);
        frame.push(b'\n');
    }
    frame
}

/// A name that does not end.
pub(crate) fn long_line() -> Vec<u8> {
    vec![b'a'; WHOLE]
}

/// One series with some hundred thousand labels.
pub(crate) fn many_labels() -> Vec<u8> {
    let mut body = "m{".to_owned();
    for n in 0.. {
        if body.len() >= WHOLE {
            break;
        }
        write!(body, "label_{n}=\"\",").unwrap();
    }
    (body + "} 1\n").into_bytes()
}

/// The same label again and again.
pub(crate) fn same_label() -> Vec<u8> {
    let label = "a=\"1\",";
    format!("m{{{}}} 1\n", label.repeat(WHOLE / label.len())).into_bytes()
}

/// Lines as short as they may be, each a family of its own.
pub(crate) fn many_families() -> Vec<u8> {
    lines(|n| format!("f{n} 1\n"))
}

/// One family of as many series.
pub(crate) fn many_series() -> Vec<u8> {
    lines(|n| format!("m{{l=\"{n}\"}} 1\n"))
}

fn lines(line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut body = String::new();
    for n in 0.. {
        if body.len() >= WHOLE {
            break;
        }
        body += &line(n);
    }
    body.into_bytes()
}

/// A message that says it has 2^62 bytes, and has none.
pub(crate) fn claimed_length() -> Vec<u8> {
    [&[0xff; 8][..], &[0x3f]].concat()
}

/// Groups within groups, a million deep.
pub(crate) fn deep_groups() -> Vec<u8> {
    const BEGIN_GROUP_1: u8 = 1 << 3 | 3;
    delimited(&[BEGIN_GROUP_1; 1 << 20])
}

/// A family of millions of metrics with nothing in them: two bytes on the wire each.
pub(crate) fn empty_metrics() -> Vec<u8> {
    delimited(&[field(1, b"m"), field(4, b"").repeat(WHOLE / 2)].concat())
}

/// A metric of millions of labels with nothing in them.
pub(crate) fn empty_labels() -> Vec<u8> {
    let metric = field(1, b"").repeat(WHOLE / 2);
    delimited(&[field(1, b"m"), field(4, &metric)].concat())
}

/// A field of length-delimited type.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], delimited(content)].concat()
}

fn delimited(content: &[u8]) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), content.len());
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes.extend_from_slice(content);
    bytes
}
