//! What one push costs from the request stack inwards, in instructions, which no other work on the machine disturbs:
//!
//!     cargo bench --bench path --no-run       (it says where the bench is)
//!     valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*::measured' BENCH small
//!
//! No socket, no TLS, a clock that stands still: what is counted is ours alone. callgrind's total divided by [`PUSHES`] is
//! the figure; `callgrind_annotate` says where it goes. Without valgrind it prints the thread's CPU time instead.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot be set up has failed; it prints what it measures"
)]

#[path = "../push/body.rs"]
mod body;

use bytes::Bytes;
use pushward::config::Limits;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::runtime::Runtime;

const TEXT: &str = "text/plain; version=0.0.4";
const PUSHES: u32 = 2_000;
/// Each push is the next one of another group, as in `benches/push`.
const GROUPS: u32 = 100;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let is_asked = |what: &str| asked.is_empty() || asked.iter().any(|argument| argument == what);
    for (what, media, body) in [
        ("small", TEXT, body::text(10, 1).into()),
        ("large", TEXT, body::text(50, 20).into()),
        ("small_protobuf", body::DELIMITED, body::protobuf_of(10, 1, 0)),
        ("large_protobuf", body::DELIMITED, body::protobuf_of(50, 20, 0)),
    ] {
        if is_asked(what) {
            measure(what, media, body.into());
        }
    }
}

fn measure(what: &str, media: &str, body: Bytes) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let gateway = GatewayBuilder::new().tenant("bench");
    let gateway = unlimited(gateway).start();
    let client = gateway.client("bench").with("host", "localhost").with("content-type", media);
    let paths: Vec<String> = (0..GROUPS).map(|group| format!("/metrics/job/bench/instance/{group}")).collect();
    // Every group is there already, as nearly always.
    push(&runtime, &client, &paths, &body, GROUPS * 2);
    let began = cpu();
    measured(&runtime, &client, &paths, &body);
    let each = (cpu() - began) / PUSHES;
    println!("{what}: {} bytes, {PUSHES} pushes, {:.1} µs each", body.len(), each.as_secs_f64() * 1e6);
}

/// What this thread has run for.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// What callgrind is to count, by this name.
#[inline(never)]
fn measured(runtime: &Runtime, client: &Client, paths: &[String], body: &Bytes) {
    push(runtime, client, paths, body, PUSHES);
}

fn push(runtime: &Runtime, client: &Client, paths: &[String], body: &Bytes, pushes: u32) {
    runtime.block_on(async {
        for path in paths.iter().cycle().take(pushes as usize) {
            let answer = client.begin("PUT", path, body.clone()).await;
            assert!(answer.status().is_success(), "{}", answer.status());
        }
    });
}

/// The clock stands still, so no rate may ever be reached.
fn unlimited(mut gateway: GatewayBuilder) -> GatewayBuilder {
    for tenant in gateway.config.tenants.values_mut() {
        let Limits { pace, .. } = &mut tenant.limits;
        for rate in [&mut pace.requests, &mut pace.kib, &mut pace.samples] {
            (rate.per_second, rate.burst) = (NonZeroU32::MAX, NonZeroU32::MAX);
        }
    }
    gateway
}
