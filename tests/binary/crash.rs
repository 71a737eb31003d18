//! The program is ended again and again while it is written to. What it acknowledged is there afterwards, and nothing is
//! there by halves.
//!
//! `CRASHES=300` and `RESTARTS=100` set how many times, `CRASH_SEED=7` repeats a run as far as chance allows; the scheduling
//! of processes is not in our hands.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a run that fails says how, and one that holds says how much it was"
)]

mod bulk;
mod dice;
mod model;
mod rivals;
mod site;
mod worker;

use self::dice::Dice;
use self::site::Acknowledged;
use self::site::Site;
use self::site::scrape;
use crate::client::Open;
use crate::client::body_of;
use crate::client::connect_as;
use crate::client::exchange;
use crate::client::tls_client;
use crate::program::Program;
use pushward::testkit::TestCa;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// A round ends after so many answers at most.
const ROUND: u64 = 400;
/// Chosen: a start is over by then, mostly.
const START: Duration = Duration::from_millis(150);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// How often the program was ended at a moment that was waited for.
#[derive(Debug, Default)]
struct Moments {
    while_it_started: u64,
    while_a_checkpoint_was_written: u64,
}

#[test]
fn what_was_acknowledged_survives_a_kill_and_nothing_is_torn() {
    let (crashes, seed) = (number("CRASHES", 20), number("CRASH_SEED", 1));
    for (durability, count) in [("fsync", crashes - crashes / 4), ("os", crashes / 4)] {
        kills(&Site::new("127.0.0.1:0", durability, ""), count, seed);
    }
}

fn kills(site: &Site, count: u64, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut clients = site.clients(seed);
    let (acknowledged, mut moments) = (Acknowledged::default(), Moments::default());
    let mut killed = 0;
    while killed < count {
        if dice.below(4) == 0 {
            let mut program = site.serve();
            dice.pause(START);
            program.kill();
            killed += 1;
            moments.while_it_started += 1;
        }
        let mut program = site.serve();
        let port = program.port();
        // A busy disk may take longer for it than a request waits.
        program.line_with("loaded what was pushed before");
        site.compare(scrape(port), &mut clients, &format!("{}, seed {seed}, after {killed}", site.durability));
        let enough = acknowledged.sum() + dice.below(ROUND);
        let waits_for_a_checkpoint = dice.below(3) == 0;
        thread::scope(|scope| {
            for client in &mut clients {
                let acknowledged = &acknowledged;
                scope.spawn(move || {
                    let mut open = Open::<TcpStream>::try_plain(port);
                    let mut line = |method: &str, path: &str, bearer: &str, body: &str| match &mut open {
                        Ok(open) => open.send(method, path, bearer, body),
                        Err(_) => Err(io::ErrorKind::NotConnected.into()),
                    };
                    client.work(&mut line, acknowledged);
                });
            }
            let patience = enough + 10 * ROUND;
            while acknowledged.sum() < enough && !program.is_over() {
                thread::yield_now();
            }
            while waits_for_a_checkpoint && acknowledged.sum() < patience && !program.is_over() {
                if site.writes_a_checkpoint() {
                    dice.pause(Duration::from_millis(20));
                    moments.while_a_checkpoint_was_written += 1;
                    break;
                }
            }
            assert!(!program.is_over(), "{}", program.said());
            program.kill();
        });
        killed += 1;
        assert!(!program.said().contains("panic"), "{}", program.said());
    }
    let program = site.serve();
    program.line_with("loaded what was pushed before");
    site.compare(scrape(program.port()), &mut clients, "the end");
    assert!(acknowledged.sum() > count, "hardly anything was written");
    let (durability, bytes) = (site.durability, site.bytes());
    println!("{durability}, seed {seed}, {killed} kills, {moments:?}, {acknowledged:?}, {bytes} bytes stored");
}

/// Every request comes on a connection of its own, by TLS, and each is answered as it is to be: also those that come while
/// the program ends, is not there, or loads.
#[test]
fn a_graceful_restart_loses_and_refuses_nothing() {
    let (restarts, seed) = (number("RESTARTS", 6), number("CRASH_SEED", 2));
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let site =
        Site::new(&address.to_string(), "fsync", ", tls: { certificate_file: server.pem, key_file: server-key.pem }");
    let ca = TestCa::new();
    let (certificate, key) = ca.server(&["127.0.0.1"]);
    for (name, content) in [("server.pem", certificate), ("server-key.pem", key), ("ca.pem", ca.pem())] {
        fs::write(site.path(name), content).unwrap();
    }
    let tls = tls_client(&site.path("ca.pem"));
    let one = |method: &str, path: &str, bearer: &str, body: &str| {
        exchange(connect_as(address.port(), &tls), method, path, bearer, body)
    };
    let mut dice = Dice::new(seed);
    let mut clients = site.clients(seed);
    let acknowledged = Acknowledged::default();
    for round in 0..restarts {
        let mut program = site.serve_on(&socket);
        program.line_with("message=serving");
        site.compare(
            |account| body_of(one("GET", "/metrics", &account.bearer, "")),
            &mut clients,
            &format!("seed {seed}, restart {round}"),
        );
        let over = AtomicBool::new(false);
        let enough = acknowledged.sum() + 1 + dice.below(ROUND / 4);
        thread::scope(|scope| {
            for client in clients.iter_mut() {
                let (acknowledged, over) = (&acknowledged, &over);
                let one = &one;
                scope.spawn(move || {
                    let mut line = |method: &str, path: &str, bearer: &str, body: &str| {
                        if over.load(Ordering::Relaxed) {
                            return Err(io::ErrorKind::NotConnected.into());
                        }
                        Ok(one(method, path, bearer, body).0)
                    };
                    client.work(&mut line, acknowledged);
                });
            }
            restart_after(&mut program, &site, &socket, || acknowledged.sum() >= enough);
            let enough = acknowledged.sum() + 20;
            while acknowledged.sum() < enough && !program.is_over() {
                thread::yield_now();
            }
            over.store(true, Ordering::Relaxed);
        });
        program.signal("TERM");
        assert_eq!(program.exit_code(), Some(0), "{}", program.said());
    }
    println!("seed {seed}, {} restarts, {acknowledged:?}, {} bytes stored", 2 * restarts, site.bytes());
}

fn restart_after(program: &mut Program, site: &Site, socket: &TcpListener, is_enough: impl Fn() -> bool) {
    while !is_enough() && !program.is_over() {
        thread::yield_now();
    }
    program.signal("TERM");
    assert_eq!(program.exit_code(), Some(0), "{}", program.said());
    assert!(!program.said().contains("panic"), "{}", program.said());
    *program = site.serve_on(socket);
}
