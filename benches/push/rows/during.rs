//! Pushes at a steady rate while somebody scrapes without a pause.

use super::Bench;
use super::scrape;
use crate::body;
use crate::load;
use crate::reader::Reader;
use crate::report::Figures;
use crate::report::micros;
use crate::server::Door;
use crate::server::Server;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

/// Of the one connection that pushes: few enough that it waits for nothing but the answer.
const PUSHES_PER_SECOND: u32 = 200;
const AHEAD: Duration = Duration::from_millis(200);

/// The servers have their core, and this process and the scraper share the other.
pub(super) fn measure(bench: &mut Bench<'_>) {
    let (ours, limit, _) = scrape::servers(bench);
    let bodies: Vec<Vec<u8>> = (0..4).map(|round| body::text_of(10, 1, round).into_bytes()).collect();
    let states = [None, Some(false), Some(true)];
    let mut p99: [[Figures; 3]; 2] = Default::default();
    let mut p50 = p99.clone();
    let mut scrapes = [[0; 3]; 2];
    bench.in_turn(6, |side| {
        let (which, state) = (side / 3, side % 3);
        let server = [&ours, &limit][which];
        let scraper = states[state].map(|gzip| start(server, gzip, bench.round));
        let mut took = load::steady(&server.pushes(&bodies, 100), PUSHES_PER_SECOND, bench.round);
        took.sort();
        let at = |share: usize| took[took.len() * share / 100].as_secs_f64() * 1e6;
        p50[which][state].push(at(50));
        p99[which][state].push(at(99));
        if let Some(scraper) = scraper {
            let output = scraper.wait_with_output().unwrap();
            scrapes[which][state] += String::from_utf8_lossy(&output.stdout).trim().parse::<usize>().unwrap();
        }
    });
    for (which, name) in ["ours", "limit"].iter().enumerate() {
        for (state, what) in ["quiet", "identity", "gzip"].iter().enumerate() {
            println!(
                "  {name}, {what:<8}: p50 {}, p99 {}; {} scrapes",
                micros(p50[which][state].median()),
                micros(p99[which][state].median()),
                scrapes[which][state]
            );
        }
    }
    for (state, what) in [(1, "identity"), (2, "gzip")] {
        let [of_ours, of_limit] = [0, 1].map(|which| p99[which][state].to(&p99[which][0]).spread());
        let beside = format!(
            "p99 {} quiet, {} during {} scrapes; the limit's own ratio {of_limit} with {}",
            micros(p99[0][0].median()),
            micros(p99[0][state].median()),
            scrapes[0][state],
            scrapes[1][state]
        );
        bench.report.line(&format!("p99 of a push during scrapes, {what}"), "≤ 2 of quiet", of_ours, beside);
    }
}

/// A process of its own that gives way to this one, and is at work when this returns.
fn start(server: &Server, gzip: bool, round: Duration) -> std::process::Child {
    let time = (round + AHEAD).as_millis().to_string();
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(std::env::current_exe().unwrap());
    command.args(["scraper", &server.door.port.to_string(), &time, &gzip.to_string(), &server.operator]);
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(AHEAD);
    child
}

/// Scrapes over TLS for so many milliseconds, and says how often.
pub(crate) fn scrape_on(arguments: &[String]) {
    let [port, time, gzip, authorization] = arguments else { unreachable!("the bench starts itself") };
    let end = Instant::now() + Duration::from_millis(time.parse().unwrap());
    let mut reader = Reader::connect(Door { port: port.parse().unwrap(), secure: true });
    let mut scrapes = 0;
    while Instant::now() < end {
        reader.scrape(authorization, gzip == "true", |_| {});
        scrapes += 1;
    }
    println!("{scrapes}");
}
