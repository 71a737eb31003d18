//! What pushes, scrapes and stored series cost, beside the least that any server over the same TLS could spend, and beside
//! the programs that others use.
//!
//!     cargo bench --bench push [-- SECONDS] [--quick] [--alone] [ROW…]
//!     cargo bench --bench push -- users [SECONDS]         many users with passwords, beside a token
//!     cargo bench --bench push -- certificate [SECONDS]   client certificates, beside a token and beside the limit
//!     cargo bench --bench push -- jwts                    a JWT new, proved before, and forged
//!     cargo bench --bench push -- durable [SECONDS]       pushes that are kept, beside memory and beside the disk
//!     cargo bench --bench push -- flood [SECONDS]         good clients beside a guesser at their own address
//!
//! Without a name all rows are run: `keep-alive`, `fresh`, `resumed`, `thousand`, `growth`, `scrape`, `gzip`, `during`,
//! `memory`, `tenants`, `peers`. `--quick` stores a tenth and takes three rounds, for a look; `--alone` leaves the
//! peers out.
//!
//! Every server is a process of its own on one core, the load is on another, and they take turns, round by round: ours, a
//! *limit* that reads the body and answers 202, or answers bytes that are ready, and where they are installed Debian's
//! Pushgateway with its consistency check and without, by themselves and behind nginx with TLS and passwords. The figure to
//! trust is CPU per push or scrape, from the kernel's own accounting of the server's processes, and its ratio within one
//! round; wall time on a shared machine is noise. The quotas and rates of the bench's configuration are raised far above
//! their defaults, so that nothing is refused.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench that cannot be set up has failed; it measures real time and prints it"
)]

mod body;
mod certificate;
mod durable;
mod flood;
mod jwts;
mod limit;
mod load;
mod peers;
mod process;
mod reader;
mod report;
mod rows;
mod server;
mod tls;
mod users;

use peers::Peers;
use report::Report;
use rows::Bench;
use std::time::Duration;

const ROUNDS: usize = 5;
const ROUNDS_OF_A_LOOK: usize = 3;

/// What is measured apart from the rows.
const MODES: [&str; 5] = ["users", "certificate", "jwts", "durable", "flood"];

/// Of `durable`.
const PARTS: [&str; 3] = ["rates", "day", "million"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["limit", secure, plain, folder] => limit::serve(secure.parse().unwrap(), plain.parse().unwrap(), folder),
        ["serve-users", file, users] => users::serve(file, users.parse().unwrap()),
        ["scraper", ..] => rows::scrape_on(&arguments[1..]),
        _ => measure(&arguments),
    }
}

fn measure(arguments: &[String]) {
    let asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let quick = asked("--quick");
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok());
    let known = |name: &str| MODES.contains(&name) || rows::ALL.iter().any(|(row, _)| *row == name);
    for argument in arguments {
        assert!(
            known(argument)
                || PARTS.contains(&argument.as_str())
                || ["--quick", "--alone"].contains(&argument.as_str())
                || argument.parse::<u64>().is_ok(),
            "no row {argument}"
        );
    }
    let round = Duration::from_secs(seconds.unwrap_or(if quick { 1 } else { 2 }));
    let folder = tempfile::tempdir().unwrap();
    for mode in MODES {
        if asked(mode) {
            return apart(mode, folder.path(), round);
        }
    }
    let rounds = if quick { ROUNDS_OF_A_LOOK } else { ROUNDS };
    println!("{rounds} rounds of {} s. Limits, rates and quotas are far above their defaults.", round.as_secs());
    match process::pin_load() {
        true => println!("The servers have core 1, the load has core 0."),
        false => println!("!!! one core, or no taskset: the load and the servers share what there is"),
    }
    println!(
        "TLS 1.3, X25519, TLS_AES_128_GCM_SHA256, ECDSA P-256; no client verifies, and none resumes but in `resumed`."
    );
    if quick {
        println!("--quick: of what is stored there is a tenth of what the rows say.");
    }
    let peers = if asked("--alone") { Peers::default() } else { Peers::find() };
    let mut bench = Bench { folder: folder.path(), round, rounds, quick, peers, report: Report::default() };
    let all = !rows::ALL.iter().any(|(row, _)| asked(row));
    bench.run(|row| all || asked(row));
}

fn apart(mode: &str, folder: &std::path::Path, round: Duration) {
    match mode {
        "users" => users::measure(folder, round),
        "certificate" => certificate::measure(folder, round),
        "jwts" => jwts::measure(),
        "durable" => durable::measure(folder, round),
        _ => flood::measure(folder, round.max(Duration::from_secs(30))),
    }
}

/// Sorts, and returns the middle.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
