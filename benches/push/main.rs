//! What a push costs, beside the least that any server over the same TLS could spend on it.
//!
//!     cargo bench --bench push [-- SECONDS]
//!     cargo bench --bench push -- users [SECONDS]         many users with passwords, beside a token
//!     cargo bench --bench push -- certificate [SECONDS]   client certificates, beside a token and beside the limit
//!     cargo bench --bench push -- jwts                    a JWT new, proved before, and forged
//!     cargo bench --bench push -- durable [SECONDS]       pushes that are kept, beside memory and beside the disk
//!     cargo bench --bench push -- flood [SECONDS]         good clients beside a guesser at their own address
//!
//! Two servers are started as processes of their own and take turns, round by round: ours, and a *limit* that reads the
//! body and answers 202. The figure to trust is CPU per push, from the kernel's own accounting of the server's process,
//! and its ratio within one round; wall time on a shared machine is noise. The quotas and rates of the bench's
//! configuration are raised far above their defaults, so that nothing is refused.

#![expect(
    clippy::unwrap_used,
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
mod server;
mod users;

use load::Manner;
use server::Server;
use std::time::Duration;

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "limit") {
        return limit::serve(&arguments[at + 1], &arguments[at + 2]);
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "serve-users") {
        return users::serve(&arguments[at + 1], arguments[at + 2].parse().unwrap());
    }
    let asked = |mode: &str| arguments.iter().any(|argument| argument == mode);
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(2);
    let round = Duration::from_secs(seconds);
    let folder = tempfile::tempdir().unwrap();
    if asked("users") {
        return users::measure(folder.path(), round);
    }
    if asked("certificate") {
        return certificate::measure(folder.path(), round);
    }
    if asked("jwts") {
        return jwts::measure();
    }
    if asked("durable") {
        return durable::measure(folder.path(), round);
    }
    if asked("flood") {
        return flood::measure(folder.path(), Duration::from_secs(seconds.max(30)));
    }
    let ours = Server::ours(folder.path());
    let limit = Server::limit(folder.path());
    println!("{ROUNDS} rounds of {seconds} s, servers on one core and the load on another where there are two");
    let small = body::text(10, 1);
    for (what, manner, connections) in
        [("keep-alive", Manner::KeepAlive, 16), ("a connection for each push", Manner::Fresh, 16)]
    {
        compare(&format!("10 series, text, TLS, token, {what}"), &ours, &limit, manner, connections, &small, round);
    }
    let large = body::text(50, 20);
    compare("1000 series, text, TLS, token, keep-alive", &ours, &limit, Manner::KeepAlive, 16, &large, round);

    println!("\nOne push of 10 series into what is stored already");
    let mut figures = Vec::new();
    for groups in [100, 100_000] {
        ours.fill(groups, &small);
        let mut costs: Vec<f64> =
            (0..ROUNDS).map(|_| ours.load(Manner::KeepAlive, 1, &small, groups, round).cpu_micros()).collect();
        let cost = median(&mut costs);
        println!("  {groups:>7} groups: {cost:6.1} µs of CPU");
        figures.push(cost);
    }
    println!("  ratio {:.2}", figures[1] / figures[0]);
}

fn compare(what: &str, ours: &Server, limit: &Server, manner: Manner, connections: usize, body: &str, round: Duration) {
    println!("\n{what}");
    let (mut our_cpu, mut limit_cpu, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut our_rate, mut limit_rate) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (a, b) =
            (ours.load(manner, connections, body, 100, round), limit.load(manner, connections, body, 100, round));
        our_cpu.push(a.cpu_micros());
        limit_cpu.push(b.cpu_micros());
        ratios.push(a.cpu_micros() / b.cpu_micros());
        our_rate.push(a.rate());
        limit_rate.push(b.rate());
    }
    println!("  ours : {:7.1} µs of CPU, {:8.0} pushes/s", median(&mut our_cpu), median(&mut our_rate));
    println!("  limit: {:7.1} µs of CPU, {:8.0} pushes/s", median(&mut limit_cpu), median(&mut limit_rate));
    let middle = median(&mut ratios);
    println!("  ratio of CPU: {middle:.2} ({:.2}–{:.2})", ratios[0], ratios[ratios.len() - 1]);
}

/// Sorts, and returns the middle.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
