//! What reading a push and making it ready cost by themselves, beside a bare scan of the same bytes for line feeds:
//!
//!     cargo bench --bench exposition [-- small|large …]
//!
//! It prints nanoseconds, the quickest of many rounds and the mean, and bytes a second. In instructions, which no other work
//! on the machine disturbs, one of the three at a time:
//!
//!     valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*::parsed' BENCH large text
//!
//! with `parsed`, `prepared` or `scanned`; callgrind's total divided by the rounds that it prints is the figure.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench that cannot be set up has failed; it measures real time and prints it"
)]

#[expect(dead_code, reason = "nothing is sent")]
#[path = "../push/body.rs"]
mod body;

use pushward::exposition;
use pushward::exposition::PushedFamilies;
use pushward::exposition::protobuf;
use pushward::exposition::text;
use pushward::model::GroupBounds;
use pushward::model::GroupingKey;
use pushward::model::NameScheme;
use pushward::model::PreparedFamily;
use pushward::model::PushBounds;
use pushward::model::SeriesHasher;
use pushward::model::TextDialect;
use std::hint::black_box;
use std::time::Duration;
use std::time::Instant;

/// Bytes that are read of each body, in as many rounds as that takes.
const BYTES: usize = 20 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Protobuf,
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let is_asked = |names: &[&str], what: &str| {
        let mut among = asked.iter().filter(|argument| names.contains(&argument.as_str())).peekable();
        among.peek().is_none() || among.any(|argument| argument == what)
    };
    for (size, families, series) in [("small", 10, 1), ("large", 50, 20)] {
        for (name, format) in [("text", Format::Text), ("protobuf", Format::Protobuf)] {
            if is_asked(&["small", "large"], size) && is_asked(&["text", "protobuf"], name) {
                let body = match format {
                    Format::Text => body::text(families, series).into_bytes(),
                    Format::Protobuf => body::protobuf_of(families, series, 0),
                };
                measure(&format!("{size} {name}"), format, &body);
            }
        }
    }
}

fn measure(what: &str, format: Format, body: &[u8]) {
    let key = GroupingKey::new("bench", [("instance", "7")]).unwrap();
    let bounds = PushBounds::default().of_group(&key).unwrap();
    let hasher = SeriesHasher::with_key([7; 16]);
    let rounds = BYTES / body.len();
    let (mut parse, mut prepare, mut scan) = (Times::default(), Times::default(), Times::default());
    // What was there before goes as the next one comes, as in the store.
    let mut held = Vec::new();
    for _ in 0..rounds {
        let pushed = parse.take(|| parsed(format, black_box(body), &bounds));
        held = prepare.take(|| prepared(pushed, &key, &hasher));
        scan.take(|| black_box(scanned(black_box(body))));
    }
    let families = held.len();
    println!("{what}: {} bytes, {families} families, {rounds} rounds", body.len());
    for (stage, times) in [("parse", &parse), ("prepare", &prepare), ("scan for line feeds", &scan)] {
        let (least, mean) = (times.least.unwrap_or_default(), times.sum / u32::try_from(rounds).unwrap());
        let rate = body.len() as f64 / 1e6 / least.as_secs_f64();
        println!("  {stage}: {} ns, in the mean {} ns; {rate:.0} MB/s", least.as_nanos(), mean.as_nanos());
    }
    let both = parse.least.unwrap_or_default() + prepare.least.unwrap_or_default();
    let times = both.as_secs_f64() / scan.least.unwrap_or_default().as_secs_f64();
    println!("  parse and prepare: {times:.1} times the scan");
}

#[derive(Default)]
struct Times {
    least: Option<Duration>,
    sum: Duration,
}

impl Times {
    fn take<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        let took = began.elapsed();
        self.sum += took;
        self.least = Some(self.least.map_or(took, |least| least.min(took)));
        result
    }
}

/// What callgrind is to count, by these names.
#[inline(never)]
fn parsed<'b>(format: Format, body: &'b [u8], bounds: &GroupBounds) -> PushedFamilies<'b> {
    match format {
        Format::Text => text::parse_within(body, TextDialect::Strict, NameScheme::Classic, bounds).unwrap(),
        Format::Protobuf => protobuf::parse_within(body, NameScheme::Classic, bounds).unwrap(),
    }
}

#[inline(never)]
fn prepared(pushed: PushedFamilies<'_>, key: &GroupingKey, hasher: &SeriesHasher) -> Vec<PreparedFamily> {
    exposition::prepare(pushed, key, hasher, "tenant", u64::MAX).unwrap()
}

#[inline(never)]
fn scanned(body: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', body).count()
}
