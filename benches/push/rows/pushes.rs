//! Pushes of ten series and of a thousand, on connections that are kept and on new ones.

use super::Bench;
use super::CONNECTIONS;
use crate::body;
use crate::load::Manner;
use crate::load::Target;
use crate::peers::Hash;
use crate::report::Figures;
use crate::report::Rounds;
use crate::report::micros;
use crate::server::Server;
use crate::tls::Exchange;
use std::hint::black_box;
use std::time::Instant;

/// Bodies that differ in their values and have their turns.
const VARIANTS: usize = 4;
const GROUPS: usize = 100;

fn bodies(families: usize, series: usize) -> Vec<Vec<u8>> {
    (0..VARIANTS).map(|round| body::text_of(families, series, round).into_bytes()).collect()
}

/// The first of them ours, the second the limit.
fn sides(bench: &Bench<'_>) -> Vec<Server> {
    let mut sides = vec![Server::ours(bench.folder), Server::limit(bench.folder)];
    sides.extend(bench.peers.start(bench.folder));
    sides
}

/// Prints the rounds of all sides, and returns ours to the limit's.
fn compare(sides: &[&Server], rounds: &[Rounds]) -> Figures {
    let limit = rounds[1].cpu();
    for (server, rounds) in sides.iter().zip(rounds) {
        rounds.print(server.name, Some(&rounds.cpu().to(&limit)));
    }
    rounds[0].cpu().to(&limit)
}

fn briefly(sides: &[&Server], rounds: &[Rounds]) -> String {
    let all: Vec<String> = sides.iter().zip(rounds).map(|(server, rounds)| rounds.brief(server.name)).collect();
    all.join("; ")
}

fn ten(bench: &mut Bench<'_>, sides: &[&Server], manner: Manner, exchange: Exchange, what: &str, target: &str) {
    let bodies = bodies(10, 1);
    println!("10 series in {} bytes, text, {GROUPS} groups, {CONNECTIONS} connections; {what}", bodies[0].len());
    let targets: Vec<(&Server, Target<'_>)> =
        sides.iter().map(|&side| (side, Target { exchange, ..side.pushes(&bodies, GROUPS) })).collect();
    let rounds = bench.beside(&targets, manner, CONNECTIONS);
    let reached = compare(sides, &rounds);
    bench.report.line(what, target, reached.spread(), briefly(sides, &rounds));
}

pub(super) fn keep_alive(bench: &mut Bench<'_>) {
    let mut servers = sides(bench);
    // A hash of a tenth of a second for each push: what the usual advice costs behind nginx.
    servers.extend(bench.peers.behind_nginx(bench.folder, "nginx, bcrypt + Pushgateway", false, Hash::Bcrypt));
    let sides: Vec<&Server> = servers.iter().collect();
    ten(bench, &sides, Manner::KeepAlive, Exchange::X25519, "a push of 10 series, keep-alive", "≤ 1.8 of the limit");
}

pub(super) fn fresh(bench: &mut Bench<'_>) {
    let servers = sides(bench);
    let sides: Vec<&Server> = servers.iter().collect();
    let what = "a new TLS connection for each push";
    ten(bench, &sides, Manner::Fresh, Exchange::X25519, what, "≤ 1.1 of the limit");
    let what = "the same, X25519MLKEM768";
    ten(bench, &sides[..2], Manner::Fresh, Exchange::X25519MlKem768, what, "");
}

pub(super) fn resumed(bench: &mut Bench<'_>) {
    let servers = sides(bench);
    let sides: Vec<&Server> = servers.iter().filter(|server| server.door.secure).collect();
    let what = "a resumed TLS session for each push";
    ten(bench, &sides, Manner::Resumed, Exchange::X25519, what, "");
}

pub(super) fn thousand(bench: &mut Bench<'_>) {
    let servers = sides(bench);
    let sides: Vec<&Server> = servers.iter().collect();
    for protobuf in [false, true] {
        let format = if protobuf { "protobuf" } else { "text" };
        let bodies: Vec<Vec<u8>> = match protobuf {
            false => bodies(50, 20),
            true => (0..VARIANTS).map(|round| body::protobuf_of(50, 20, round)).collect(),
        };
        println!("1,000 series (50 × 20) in {} bytes, {format}, 10 groups, {CONNECTIONS} connections", bodies[0].len());
        let targets: Vec<(&Server, Target<'_>)> =
            sides.iter().map(|&side| (side, Target { protobuf, ..side.pushes(&bodies, 10) })).collect();
        let rounds = bench.beside(&targets, Manner::KeepAlive, CONNECTIONS);
        let to_limit = compare(&sides, &rounds);
        let scan = scan(&bodies);
        let to_scan = rounds[0].cpu().median() / scan;
        println!("  a memchr scan of the body takes {}; ours is {to_scan:.0} of them", micros(scan));
        let unchecked = sides.iter().position(|side| side.name == "Pushgateway, unchecked");
        let reached = unchecked.map_or("not measured".to_owned(), |n| rounds[0].cpu().to(&rounds[n].cpu()).spread());
        let what = format!("a push of 1,000 series, {format}");
        let beside = format!(
            "{to_scan:.0} memchr scans of {}; {} of the limit; {}",
            micros(scan),
            to_limit.spread(),
            briefly(&sides, &rounds)
        );
        bench.report.line(&what, "≤ 1/15 of Pushgateway, unchecked (stretch 1/25)", reached, beside);
    }
}

/// What it takes to find the line feeds of a body, in microseconds.
fn scan(bodies: &[Vec<u8>]) -> f64 {
    const SCANS: usize = 1000;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let began = Instant::now();
        for body in bodies.iter().cycle().take(SCANS) {
            black_box(memchr::memchr_iter(b'\n', black_box(body)).count());
        }
        best = best.min(began.elapsed().as_secs_f64() * 1e6 / SCANS as f64);
    }
    best
}
