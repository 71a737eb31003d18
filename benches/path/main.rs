//! What one push costs from the request stack inwards, in instructions, which no other work on the machine disturbs:
//!
//!     cargo bench --bench path --no-run       (it says where the bench is)
//!     valgrind --tool=callgrind --collect-atstart=no --toggle-collect='path::measured*' BENCH small
//!
//! `growth` is `small` among 100,000 groups, which are pushed to in an order that no cache foresees; with `--cache-sim=yes
//! --LL=1048576,16,64` callgrind says which looks into memory find nothing nearby.
//!
//! `tenants` pushes and scrapes as one tenant, alone and among 5,000: it prints what each costs and the ratios.
//!
//! No socket, no TLS, a clock that stands still: what is counted is ours alone. callgrind's total divided by [`PUSHES`] is the
//! figure; `callgrind_annotate` says where it goes. Without valgrind it prints the thread's CPU time instead.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot be set up has failed; it prints what it measures"
)]

#[path = "../push/body.rs"]
mod body;

use bytes::Bytes;
use pushward::config::Limits;
use pushward::model::Quota;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::runtime::Runtime;

const TEXT: &str = "text/plain; version=0.0.4";
const PUSHES: u32 = 2_000;
/// Each push is the next one of another group, as in `benches/push`.
const GROUPS: u32 = 100;
/// Far more than any cache holds.
const MANY_GROUPS: u32 = 100_000;
/// From one group to the next that is pushed to. It has no divisor in common with how many there are: each has its turn.
const STRIDE: usize = 61_803;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let is_asked = |what: &str| asked.is_empty() || asked.iter().any(|argument| argument == what);
    if is_asked("tenants") {
        among_tenants();
    }
    for (what, media, body) in [
        ("small", TEXT, vec![body::text(10, 1).into()]),
        ("large", TEXT, vec![body::text(50, 20).into()]),
        ("small_varied", TEXT, varied(body::text(10, 1))),
        ("large_varied", TEXT, varied(body::text(50, 20))),
        ("small_protobuf", body::DELIMITED, vec![body::protobuf_of(10, 1, 0)]),
        ("large_protobuf", body::DELIMITED, vec![body::protobuf_of(50, 20, 0)]),
    ] {
        if is_asked(what) {
            measure(what, media, &body.into_iter().map(Bytes::from).collect::<Vec<_>>(), GROUPS);
        }
    }
    if is_asked("growth") {
        measure("growth", TEXT, &[body::text(10, 1).into()], MANY_GROUPS);
    }
}

/// The same with values of other lengths: what a group pushes next is never as long as what it holds.
fn varied(body: String) -> Vec<Vec<u8>> {
    ["", "5", "25"].iter().map(|more| body.replace(".25\n", &format!(".25{more}\n")).into()).collect()
}

fn measure(what: &str, media: &str, bodies: &[Bytes], groups: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let gateway = GatewayBuilder::new().tenant("bench");
    let gateway = unlimited(gateway).start();
    let client = gateway.client("bench").with("host", "localhost").with("content-type", media);
    let paths: Vec<String> = (0..groups).map(|group| format!("/metrics/job/bench/instance/{group}")).collect();
    // Every group is there already, as nearly always.
    push(&runtime, &client, &paths, bodies, groups);
    // No push here ever waits for anything, so what is made beside the runtime of those has its turn now.
    runtime.block_on(tokio::time::sleep(Duration::from_millis(50)));
    let order = (0..paths.len()).map(|nth| nth * STRIDE % paths.len());
    let mut paths: Vec<String> = order.filter_map(|group| paths.get(group).cloned()).collect();
    push(&runtime, &client, &paths, bodies, GROUPS);
    // These are not cold any more.
    paths.rotate_left(GROUPS as usize);
    let began = cpu();
    measured(&runtime, &client, &paths, bodies);
    let each = (cpu() - began) / PUSHES;
    let bytes = bodies.iter().map(Bytes::len).max().unwrap();
    println!("{what}: {bytes} bytes, {PUSHES} pushes, {:.1} µs each", each.as_secs_f64() * 1e6);
}

/// One tenant's pushes and scrapes, all in turn, where it is alone and where there are many: each of them has groups.
fn among_tenants() {
    const TENANTS: u32 = 5_000;
    let body = Bytes::from(body::text(10, 1));
    let mut costs = [(Duration::MAX, Duration::MAX); 2];
    for round in 0..5 {
        for (tenants, cost) in [1, TENANTS].into_iter().zip(&mut costs) {
            let (push, scrape) = among(tenants, std::slice::from_ref(&body));
            // The first round is that of the allocator.
            if round > 0 {
                *cost = (cost.0.min(push), cost.1.min(scrape));
            }
        }
    }
    let [alone, among] = costs.map(|(push, scrape)| (push.as_secs_f64() * 1e6, scrape.as_secs_f64() * 1e6));
    println!("one tenant: {:.1} µs a push, {:.1} µs a scrape", alone.0, alone.1);
    println!("{TENANTS} tenants: {:.1} µs a push, {:.1} µs a scrape", among.0, among.1);
    println!("ratios: {:.2} a push, {:.2} a scrape", among.0 / alone.0, among.1 / alone.1);
}

fn among(tenants: u32, body: &[Bytes]) -> (Duration, Duration) {
    const SCRAPES: u32 = 200;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let names: Vec<String> = (0..tenants).map(|tenant| format!("team-{tenant}")).collect();
    let gateway = names.iter().fold(GatewayBuilder::new(), |gateway, name| gateway.tenant(name));
    let gateway = unlimited(gateway).start();
    let paths: Vec<String> = (0..GROUPS).map(|group| format!("/metrics/job/bench/instance/{group}")).collect();
    for name in &names {
        push(&runtime, &gateway.client(name), &paths, body, if tenants > 1 { 2 } else { 1 });
    }
    let client = gateway.client(names.get(names.len() / 2).unwrap());
    push(&runtime, &client, &paths, body, GROUPS * 2);
    let began = cpu();
    push(&runtime, &client, &paths, body, PUSHES);
    let pushed = cpu();
    for _ in 0..SCRAPES {
        assert!(runtime.block_on(client.get("/metrics")).status.is_success());
    }
    ((pushed - began) / PUSHES, (cpu() - pushed) / SCRAPES)
}

/// What this thread has run for.
fn cpu() -> Duration {
    // Who gives way has all of it counted, and not what it was when the clock last ticked.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// What callgrind is to count, by this name.
#[inline(never)]
fn measured(runtime: &Runtime, client: &Client, paths: &[String], bodies: &[Bytes]) {
    push(runtime, client, paths, bodies, PUSHES);
}

fn push(runtime: &Runtime, client: &Client, paths: &[String], bodies: &[Bytes], pushes: u32) {
    runtime.block_on(async {
        for (path, body) in paths.iter().cycle().zip(bodies.iter().cycle()).take(pushes as usize) {
            let answer = client.begin("PUT", path, body.clone()).await;
            assert!(answer.status().is_success(), "{}", answer.status());
        }
    });
}

/// The clock stands still, so no rate may ever be reached; nor any quota.
fn unlimited(mut gateway: GatewayBuilder) -> GatewayBuilder {
    for tenant in gateway.config.tenants.values_mut() {
        let Limits { pace, quota, .. } = &mut tenant.limits;
        for rate in [&mut pace.requests, &mut pace.kib, &mut pace.samples] {
            (rate.per_second, rate.burst) = (NonZeroU32::MAX, NonZeroU32::MAX);
        }
        *quota = Quota { groups_max: 1 << 40, series_max: 1 << 40, stored_bytes_max: 1 << 40 };
    }
    gateway
}
