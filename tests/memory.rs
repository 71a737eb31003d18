//! What a hostile body costs in memory: each is parsed in a process of its own, and the kernel tells how much that took.
//!
//! The bound is of both parsers, and of whatever body: [`PER_BYTE`] bytes for each of the body's, and [`CONSTANT`] for what
//! is bounded by counts alone, the families and metrics of one push; that alone for a body that is refused.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot measure has failed")]

use pushward::exposition::protobuf;
use pushward::exposition::text;
use pushward::model::GroupingKey;
use pushward::model::NameScheme;
use pushward::model::PushBounds;
use pushward::model::TextDialect;
use std::fmt::Write;
use std::process::Command;

/// A label of five bytes is held in 48. Measured: up to 10.7 for each byte of a body of 10 MiB.
const PER_BYTE: u64 = 12;
/// 100 000 metrics of 40 bytes each and the message of each, 10 000 families of some 200 with their places in a map. And
/// what the kernel counts in batches. Measured: up to 5.6 MB.
const CONSTANT: u64 = 8 << 20;

const BODY_BYTES: usize = 4 << 20;

/// As much of `piece` as a body may have.
fn filled(head: &[u8], piece: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(BODY_BYTES);
    body.extend_from_slice(head);
    while body.len() + piece.len() <= BODY_BYTES {
        body.extend_from_slice(piece);
    }
    body
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

fn nested(key: u8, inner: &[u8]) -> Vec<u8> {
    [&[key][..], &varint(inner.len()), inner].concat()
}

fn delimited(message: &[u8]) -> Vec<u8> {
    [&varint(message.len())[..], message].concat()
}

/// A family of the type `kind` with as many of `metric` as a body has room for.
fn metrics(kind: u8, metric: &[u8]) -> Vec<u8> {
    delimited(&filled(&[0x0a, 1, b'a', 0x18, kind], &nested(0x22, metric)))
}

/// A histogram with as many of `part` as a body has room for.
fn histogram(part: &[u8]) -> Vec<u8> {
    delimited(&[&[0x0a, 1, b'a', 0x18, 4][..], &nested(0x22, &nested(0x3a, &filled(&[], part)))].concat())
}

/// Names of their own, one after the other, each followed by `tail`.
fn named(tail: &str) -> Vec<u8> {
    let mut body = String::new();
    let mut number = 0;
    while body.len() + tail.len() + 8 <= BODY_BYTES {
        writeln!(body, "{}{number:x}{tail}", char::from(b'g' + u8::try_from(number % 16).unwrap())).unwrap();
        number += 1;
    }
    body.into_bytes()
}

/// 62 labels of one or two letters, the most that a line has room for beside its group's.
fn labels(value: &str) -> String {
    let names = (b'a'..=b'z').map(|letter| char::from(letter).to_string());
    let names = names.chain((b'a'..=b'z').map(|letter| format!("z{}", char::from(letter))));
    let names = names.chain((b'A'..=b'J').map(|letter| char::from(letter).to_string()));
    names.map(|name| format!("{name}=\"{value}\",")).collect()
}

fn label(name: &str) -> Vec<u8> {
    nested(0x0a, &nested(0x0a, name.as_bytes()))
}

/// A label for each letter, and a value of a counter.
fn labelled() -> Vec<u8> {
    let letters = (b'a'..=b'z').chain(b'A'..=b'Z').flat_map(|name| label(&char::from(name).to_string()));
    letters.chain([0x1a, 0]).collect()
}

fn bucket(at: f64) -> Vec<u8> {
    nested(0x1a, &[&[0x11][..], &at.to_le_bytes()].concat())
}

fn one_metric(parts: &[u8]) -> Vec<u8> {
    delimited(&[&[0x0a, 1, b'a', 0x18, 0][..], &nested(0x22, parts)].concat())
}

type Body = fn() -> Vec<u8>;

const TEXTS: [(&str, Body); 9] = [
    ("samples", || filled(b"", b"a 1\n")),
    ("samples with labels", || filled(b"", format!("a{{{}}}1\n", labels("")).as_bytes())),
    ("samples with escapes", || filled(b"", format!("a{{{}}}1\n", labels("\\n")).as_bytes())),
    ("one label after the other", || filled(b"a{", b"b=\"\",")),
    ("one line without an end", || filled(b"a", b"a")),
    ("families", || named(" 1")),
    ("buckets", || filled(b"# TYPE h histogram\n", b"h{le=\"1\"}1\n")),
    ("buckets to infinity", || filled(b"# TYPE h histogram\n", b"h{le=\"inf\"}1\n")),
    ("empty lines", || filled(b"", b"\n")),
];

const PROTOBUFS: [(&str, Body); 11] = [
    ("messages", || filled(b"", &delimited(&[0x0a, 1, b'a']))),
    ("metrics", || metrics(0, &[0x1a, 0])),
    ("metrics without a value", || metrics(0, &[])),
    ("labels", || metrics(0, &labelled())),
    ("one label after the other", || one_metric(&filled(&[], &label("a")))),
    ("buckets of nothing", || histogram(&[0x1a, 0])),
    ("buckets that alternate", || histogram(&[bucket(1.0), bucket(f64::INFINITY)].concat())),
    ("spans", || histogram(&[0x62, 0])),
    ("exemplars", || histogram(&[0x82, 1, 0])),
    ("a claim of 4 GiB", || vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    ("helps", || delimited(&filled(&[0x0a, 1, b'a'], &[0x12, 1, b'x']))),
];

/// What the kernel says of this process, in bytes.
fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

const CASE: &str = "PUSHWARD_MEMORY_CASE";

/// Does nothing but where the other test starts it.
#[test]
fn one_body_in_a_process_of_its_own() {
    let Some(case) = std::env::var(CASE).ok().and_then(|case| case.parse::<usize>().ok()) else {
        return;
    };
    let (_, body) = TEXTS.into_iter().chain(PROTOBUFS).nth(case).unwrap();
    let (is_protobuf, body) = (case >= TEXTS.len(), body());
    let key = GroupingKey::new("j", [("k", "v")]).unwrap();
    let bounds = PushBounds::default().of_group(&key).unwrap();
    // The most from here on, wherever it was before.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    let accepted = match is_protobuf {
        true => protobuf::parse_within(&body, NameScheme::Classic, &bounds).is_ok(),
        false => text::parse_within(&body, TextDialect::Lenient, NameScheme::Classic, &bounds).is_ok(),
    };
    let grown = status("VmHWM:").saturating_sub(before);
    // What a bound stops was not held beyond it.
    let per_byte = if accepted { PER_BYTE } else { 0 };
    let allowed = per_byte * body.len() as u64 + CONSTANT;
    println!("{grown} of {allowed} bytes for a body of {} ({accepted})", body.len());
    assert!(grown <= allowed, "{grown} bytes for a body of {}", body.len());
}

#[test]
fn a_hostile_body_takes_no_more_memory_than_a_stated_multiple_of_its_length() {
    for (case, (name, _)) in TEXTS.into_iter().chain(PROTOBUFS).enumerate() {
        let done = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "one_body_in_a_process_of_its_own", "--nocapture"])
            .env(CASE, case.to_string())
            // What is given back is given back to the kernel, and what is taken then is seen.
            .env("MALLOC_MMAP_THRESHOLD_", "16384")
            .env("MALLOC_TRIM_THRESHOLD_", "16384")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&done.stdout);
        let told = told.lines().find(|line| line.contains(" bytes for a body of ")).unwrap_or_default();
        println!("{name}: {told}");
        assert!(done.status.success(), "{name}: {told} {}", String::from_utf8_lossy(&done.stderr));
    }
}
