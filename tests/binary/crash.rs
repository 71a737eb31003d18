//! The program is killed again and again while it is written to. What it acknowledged is there afterwards, and nothing is
//! there by halves.
//!
//! `CRASHES=300` sets how many times, `CRASH_SEED=7` repeats a run as far as chance allows; the scheduling of processes is
//! not in our hands.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a run that fails says how, and one that holds says how much it was"
)]

mod model;
mod worker;

use self::model::shown;
use self::worker::Acknowledged;
use self::worker::Dice;
use self::worker::Worker;
use crate::client::connect;
use crate::client::exchange;
use crate::program::Program;
use crate::program::run;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::thread;
use tempfile::TempDir;

/// The last one has its tenant for itself.
const TENANTS: [&str; 3] = ["red", "blue", "alone"];
const WORKERS: u64 = 7;
/// A round ends after so many answers at most.
const ROUND: u64 = 400;

struct Site {
    dir: TempDir,
    tokens: BTreeMap<&'static str, String>,
}

impl Site {
    fn new() -> Self {
        let mut config = "listener: { address: \"127.0.0.1:0\" }\nops: { address: \"127.0.0.1:0\" }\n\
            storage: { path: data, durability: fsync }\n\
            limits: { requests_per_second: 1000000, requests_burst: 1000000 }\ntenants:\n"
            .to_owned();
        let mut tokens = BTreeMap::new();
        for tenant in TENANTS {
            let scopes = ["push", "delete", "read", "admin"].map(|scope| ["--scope", scope]);
            let made = run(&[&["token", "new", "--tenant", tenant][..], scopes.as_flattened()].concat());
            let text = String::from_utf8(made.stdout).unwrap();
            let (token, entry) = text.split_once("\n\n").unwrap();
            tokens.insert(tenant, format!("Bearer {token}"));
            config += &format!("  {tenant}:\n    tokens:\n{entry}");
        }
        let site = Self { dir: TempDir::new().unwrap(), tokens };
        fs::write(site.file(), config).unwrap();
        site
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("pushward.yml")
    }

    fn serve(&self) -> Program {
        Program::start(&["serve", "--config", self.file().to_str().unwrap()])
    }

    fn workers(&self, seed: u64) -> Vec<Worker> {
        let worker = |number: u64| {
            let alone = number == WORKERS - 1;
            let tenant = if alone { TENANTS[2] } else { TENANTS[number as usize % 2] };
            Worker::new(number, seed, (tenant, self.tokens[tenant].clone()), alone)
        };
        (0..WORKERS).map(worker).collect()
    }

    fn compare(&self, port: u16, workers: &mut [Worker], round: &str) {
        for tenant in TENANTS {
            let (status, scrape) = exchange(connect(port), "GET", "/metrics", &self.tokens[tenant], "");
            assert_eq!(status, 200, "{round}: {scrape}");
            let (_, text) = scrape.split_once("\r\n\r\n").unwrap();
            let shown = shown(&without_chunks(text));
            workers
                .iter_mut()
                .filter(|worker| worker.tenant == tenant)
                .for_each(|worker| worker.compare(&shown, round));
        }
    }
}

/// The body as it was before it was sent in chunks.
fn without_chunks(text: &str) -> String {
    let (mut whole, mut rest) = (String::new(), text);
    while let Some((length, behind)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole += &behind[..length];
        rest = behind[length..].trim_start_matches("\r\n");
    }
    whole
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Runs rounds of writing that `end` ends; between two of them, what is there is compared with what was told.
fn rounds(count: u64, seed: u64, mut end: impl FnMut(&mut Program)) {
    let site = Site::new();
    let mut dice = Dice::new(seed);
    let mut workers = site.workers(seed);
    let acknowledged = Acknowledged::default();
    for round in 0..count {
        let mut program = site.serve();
        let port = program.port();
        let round = format!("seed {seed}, round {round}");
        site.compare(port, &mut workers, &round);
        let enough = acknowledged.sum() + dice.below(ROUND);
        thread::scope(|scope| {
            for worker in &mut workers {
                scope.spawn(|| worker.work(port, &acknowledged));
            }
            while acknowledged.sum() < enough && !program.is_over() {
                thread::yield_now();
            }
            end(&mut program);
        });
        assert!(!program.said().contains("panic"), "{}", program.said());
    }
    let program = site.serve();
    site.compare(program.port(), &mut workers, "the end");
    assert!(acknowledged.sum() > count, "hardly anything was written");
    println!("seed {seed}, {count} rounds, {acknowledged:?}, {} bytes stored", size_of(&site.dir.path().join("data")));
}

fn size_of(path: &Path) -> u64 {
    let meta = fs::metadata(path).unwrap();
    match meta.is_dir() {
        true => fs::read_dir(path).unwrap().map(|entry| size_of(&entry.unwrap().path())).sum(),
        false => meta.len(),
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill_and_nothing_is_torn() {
    rounds(number("CRASHES", 30), number("CRASH_SEED", 1), Program::kill);
}

#[test]
fn what_was_acknowledged_survives_a_graceful_restart_under_load() {
    rounds(number("RESTARTS", 10), number("CRASH_SEED", 2), |program| {
        program.signal("TERM");
        assert_eq!(program.exit_code(), Some(0), "{}", program.said());
    });
}
