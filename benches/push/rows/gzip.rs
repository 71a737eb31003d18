//! Scrapes in gzip between which a hundredth of the groups is pushed: always the same, and each time others.

use super::Bench;
use super::scrape;
use super::scrape::Side;
use super::stored::SMALL_GROUPS;
use super::stored::TENANTS;
use crate::report::Figures;
use crate::report::micros;

/// Until then what changes is not known to change.
const BEFORE: usize = 2;

pub(super) fn measure(bench: &mut Bench<'_>) {
    let (ours, limit, everything) = scrape::servers(bench);
    let target = SMALL_GROUPS.target(bench, &ours);
    let all = SMALL_GROUPS.all(bench);
    let mut pushed = 0;
    for (what, promise, same) in [
        (
            "gzip, the same 1 % of groups pushed between scrapes",
            "≤ 4 of the limit, ≤ 1/10 of compressing everything",
            true,
        ),
        ("gzip, 1 % at random each time", "", false),
    ] {
        let (mut side, mut ready) = (Side::new(&ours, ours.door, true), Side::new(&limit, limit.door, true));
        let mut pushes = Figures::default();
        for round in 0..BEFORE + bench.rounds {
            pushed += 1;
            let groups = if same { the_same(all) } else { others(all, pushed) };
            let before = ours.account();
            SMALL_GROUPS.push(&target, &groups, pushed);
            let push = before.until(&ours.account()).cpu.as_secs_f64() * 1e6 / groups.len() as f64;
            let ((scrape, cpu), (of_ready, ready_cpu)) = (side.once(), ready.once());
            if round >= BEFORE {
                pushes.push(push);
                side.bytes = scrape.bytes;
                ready.bytes = of_ready.bytes;
                side.note(cpu, scrape.first.as_secs_f64() * 1e6, scrape.total.as_secs_f64() * 1e6);
                ready.note(ready_cpu, of_ready.first.as_secs_f64() * 1e6, of_ready.total.as_secs_f64() * 1e6);
            }
        }
        let part = Figures(side.cpu.0.iter().map(|cpu| cpu / everything).collect());
        let reached = format!("{} of the limit; {} of everything", side.cpu.to(&ready.cpu).spread(), part.spread());
        let each = micros(pushes.median());
        let beside = format!("{}; {}; a push between them {each} of CPU", side.brief(), ready.brief());
        bench.report.line(what, promise, reached, beside);
    }
}

/// Every hundredth, of all tenants.
fn the_same(all: usize) -> Vec<usize> {
    (0..all / 100).map(|n| n * 100 + n % TENANTS).collect()
}

fn others(all: usize, round: usize) -> Vec<usize> {
    let mut state = round as u64;
    let mut next = || {
        // Knuth's MMIX generator; its upper bits are good.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % all
    };
    (0..all / 100).map(|_| next()).collect()
}
