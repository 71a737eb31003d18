//! The long form: every attack on a gateway as it comes, with what it costs as a row of a table.

use crate::attack::Attack;
use crate::attack::observe;
use crate::bodies;
use crate::floods;
use crate::force::Force;
use crate::good::Figures;
use crate::heads;
use crate::http2;
use crate::programs;
use crate::slow;
use crate::target::Setup;
use crate::target::Target;
use crate::tenants;
use std::env;
use std::time::Duration;

/// From here on its core is what the gateway had too little of.
const BUSY: f64 = 0.85;
/// So much longer than when nobody attacks may the good tenant wait.
const BEARABLE: f64 = 2.0;

#[test]
#[ignore = "takes minutes, and prints what docs/ATTACKS.md has"]
fn drill() {
    let seconds = env::var("ATTACK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let only = env::var("ATTACK_ONLY").unwrap_or_default();
    println!(
        "| Attack | By | Tries/s | Seen | Our CPU | Each | Memory | Push p99 | × | Scrape p99 | × | Failed | Kept | Short of |"
    );
    println!("|---|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|");
    let all = [slow::ALL, floods::ALL, heads::ALL, http2::ALL, bodies::ALL, tenants::ALL, programs::ALL];
    let wanted = all.into_iter().flatten().filter(|attack| attack.name.contains(&only));
    let rows: Vec<(&Attack, f64)> = wanted.map(|attack| (attack, row(attack, Duration::from_secs(seconds)))).collect();
    let over: Vec<_> = rows.iter().filter(|(_, ratio)| *ratio > BEARABLE).collect();
    println!("\n{} attacks, {} over {BEARABLE} × quiet.", rows.len(), over.len());
    for (Attack { name, by, .. }, ratio) in over {
        println!("* {name} (by a {by}): {ratio:.1} ×");
    }
}

/// Prints what came of an attack, and returns how much longer than before the good tenant waited.
fn row(attack: &Attack, time: Duration) -> f64 {
    let target = Target::start(if attack.few_slots { &Setup::FEW } else { &Setup::DEFAULT });
    (attack.prepare)(&target);
    observe(&target, None, Duration::from_millis(300));
    let before = observe(&target, None, time / 2);
    let force = Force::new(time, attack.most * time.as_secs(), attack.lines[1]);
    let during = observe(&target, Some((attack, force)), time);
    let after = observe(&target, None, time / 4);

    let share = |time: Duration| time.as_secs_f64() / during.wall.as_secs_f64();
    let quiet = before.cpu.as_secs_f64() / before.wall.as_secs_f64();
    let ours = (share(during.cpu) - quiet).max(0.0);
    let tries = during.tally.tries as f64;
    let p99 = |of: fn(&Figures) -> &Vec<Duration>| {
        let each = [&before, &during, &after].map(|phase| Figures::p99(of(&phase.good)).as_secs_f64() * 1e3);
        (each.map(|millis| format!("{millis:.1}")).join(" → ") + " ms", each[1] / each[0])
    };
    let (pushes, push_ratio) = p99(|figures| &figures.pushes);
    let (scrapes, scrape_ratio) = p99(|figures| &figures.scrapes);
    let (busy, kept) = (share(during.cpu), share(during.kept_waiting));
    let resource = match push_ratio.max(scrape_ratio) {
        ..=BEARABLE => "–",
        _ if busy > BUSY => "its core, which the attack fills",
        _ if busy + kept > BUSY => "its core, which other programs fill",
        _ => "time within the gateway",
    };
    let answers: Vec<String> =
        during.tally.answers.iter().map(|(status, count)| format!("{status}: {count}")).collect();
    println!(
        "| {} | {} | {:.0} | {} | {:.0} % | {:.0} µs | {:.1} MiB | {pushes} | {push_ratio:.1} | {scrapes} | {scrape_ratio:.1} | {} | {:.0} % | {resource} |",
        attack.name,
        attack.by,
        tries / during.wall.as_secs_f64(),
        if answers.is_empty() { format!("closed: {}", during.tally.closed) } else { answers.join(", ") },
        ours * 100.0,
        ours * during.wall.as_secs_f64() * 1e6 / tries,
        during.grown_kib as f64 / 1024.0,
        during.good.failures.len() + after.good.failures.len(),
        kept * 100.0,
    );
    for failure in during.good.failures.iter().chain(&after.good.failures).take(3) {
        println!("<!-- {failure} -->");
    }
    push_ratio.max(scrape_ratio)
}
