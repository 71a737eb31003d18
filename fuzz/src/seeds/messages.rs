//! Delimited protobuf, field by field.

use crate::Seed;

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn uint(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn bytes(number: u64, value: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn double(number: u64, value: f64) -> Vec<u8> {
    [varint(number << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

fn label(name: &str, value: &str) -> Vec<u8> {
    bytes(1, &[bytes(1, name.as_bytes()), bytes(2, value.as_bytes())].concat())
}

/// A family of so many metrics, its length in front.
fn family(name: &str, kind: u64, metrics: &[Vec<u8>]) -> Vec<u8> {
    let metrics: Vec<u8> = metrics.iter().flat_map(|metric| bytes(4, metric)).collect();
    let message = [bytes(1, name.as_bytes()), bytes(2, b"a help"), uint(3, kind), metrics].concat();
    [varint(message.len() as u64), message].concat()
}

fn histogram(fields: &[Vec<u8>]) -> Vec<u8> {
    [label("l", "v"), bytes(7, &fields.concat())].concat()
}

pub(crate) fn protobuf() -> Vec<Seed> {
    let span = |offset: u64, length: u64| [uint(1, offset), uint(2, length)].concat();
    let bucket = |count: u64, bound: f64| bytes(3, &[uint(1, count), double(2, bound)].concat());
    let exemplar = [label("trace", "1"), double(2, 0.5), bytes(3, &uint(1, 1_700_000_000))].concat();
    let gauge = [label("b", "1"), label("a", "\u{fc}"), bytes(2, &double(1, 1.5))].concat();
    let counter = bytes(3, &double(1, 2.0));
    let counter_with = bytes(3, &[double(1, 2.0), bytes(2, &exemplar), bytes(3, &uint(1, 7))].concat());
    let quantile = bytes(3, &[double(1, 0.5), double(2, f64::NAN)].concat());
    let summary = bytes(4, &[uint(1, 3), double(2, -1.0), quantile].concat());
    let classic = histogram(&[uint(1, 4), double(2, 5.5), bucket(1, 0.0), bucket(3, 2.5), bucket(4, f64::INFINITY)]);
    // Three buckets from the second on, of 1, 3 and 2, and one of zeros.
    let native = histogram(&[
        uint(1, 7),
        double(2, 5.0),
        uint(5, 6),
        double(6, 0.001),
        uint(7, 1),
        bytes(12, &span(2, 3)),
        uint(13, 2),
        uint(13, 4),
        uint(13, 1),
    ]);
    let packed =
        histogram(&[uint(1, 6), uint(5, 3), bytes(9, &span(1, 3)), bytes(10, &[2, 4, 1]), bytes(16, &exemplar)]);
    let float = histogram(&[
        double(4, 1.5),
        double(8, 0.5),
        uint(5, 0),
        bytes(12, &span(0, 1)),
        bytes(14, &1_f64.to_le_bytes()),
    ]);
    let small = family("g", 1, std::slice::from_ref(&gauge));
    vec![
        ("gauge", small.clone()),
        ("counter", family("c", 0, &[counter])),
        ("exemplar", family("c", 0, &[counter_with])),
        ("summary", family("s", 2, &[summary])),
        ("untyped", family("u", 3, &[bytes(5, &double(1, 0.0))])),
        ("histogram", family("h", 4, std::slice::from_ref(&classic))),
        ("native", family("n", 4, &[native])),
        ("packed", family("n", 4, &[packed])),
        ("float", family("n", 4, &[float])),
        ("gauge-histogram", family("gh", 5, &[classic])),
        ("several", [small.clone(), family("x", 3, &[bytes(5, b"")]), family("g", 1, &[])].concat()),
        ("empty-family", family("e", 1, &[])),
        ("utf8-name", family("a.b", 1, &[[label("u.v", "x"), bytes(2, &double(1, 1.0))].concat()])),
        ("timestamp", family("t", 1, &[[gauge, uint(6, 1)].concat()])),
        ("wrong-type", family("w", 0, &[bytes(2, &double(1, 1.0))])),
        ("no-name", family("", 0, &[])),
        ("unknown-field", family("k", 1, &[[bytes(2, &double(1, 1.0)), bytes(99, b"x")].concat()])),
        ("cut", small[..small.len() - 1].to_vec()),
    ]
}
