//! A good tenant: jobs that push on a connection of their own each, and a Prometheus that keeps its connection.

use crate::target::Target;
use crate::wire;
use crate::wire::Line;
use std::fmt::Write;
use std::io;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// Not the attackers': caps are for each address.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// A push every so often, and a scrape: so many in a phase of two seconds that its p99 is not the worst of them. A program
/// that is not optimised has enough to do with fewer.
const PUSHES_EVERY: Duration = Duration::from_millis(if cfg!(debug_assertions) { 25 } else { 10 });
const SCRAPES_EVERY: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 20 });
/// Groups in turn, of so many series each: a scrape of some 100 KiB.
const GROUPS: usize = 20;
const SERIES: usize = 50;

/// How long the good tenant waited, each time, from when he was to begin; sorted. And what went wrong.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) pushes: Vec<Duration>,
    pub(crate) scrapes: Vec<Duration>,
    pub(crate) failures: Vec<String>,
}

impl Figures {
    pub(crate) fn p99(sorted: &[Duration]) -> Duration {
        sorted.get((sorted.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// Pushes and scrapes for so long.
pub(crate) fn goes_on(target: &Target, time: Duration) -> Figures {
    let request = wire::request("GET", "/metrics", &target.good, &[], b"");
    let (mut pushes, mut scrapes) = thread::scope(|scope| {
        let pushes = scope.spawn(|| every(PUSHES_EVERY, time, |n| push(target, n)));
        let mut line = None;
        let scrapes = every(SCRAPES_EVERY, time, |_| scrape(target, &mut line, &request));
        (pushes.join().unwrap(), scrapes)
    });
    pushes.0.sort();
    scrapes.0.sort();
    pushes.1.append(&mut scrapes.1);
    Figures { pushes: pushes.0, scrapes: scrapes.0, failures: pushes.1 }
}

/// Each is to begin at its time; one that is late because of those before it has waited since then.
fn every(
    pause: Duration,
    time: Duration,
    mut act: impl FnMut(usize) -> Result<(), String>,
) -> (Vec<Duration>, Vec<String>) {
    let (mut took, mut failures) = (Vec::new(), Vec::new());
    let mut due = Instant::now();
    let end = due + time;
    for n in 0.. {
        if due >= end {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        match act(n) {
            Ok(()) => took.push(due.elapsed()),
            Err(what) => failures.push(what),
        }
        due += pause;
    }
    (took, failures)
}

fn connect(target: &Target) -> io::Result<Line> {
    target.tls.connect(ADDRESS, target.port, wire::HTTP1)
}

/// On a connection of its own, as a job that ends after it.
fn push(target: &Target, n: usize) -> Result<(), String> {
    let path = format!("/metrics/job/good/instance/{}", n % GROUPS);
    let mut body = String::new();
    for series in 0..SERIES {
        writeln!(body, "good_metric_{series}{{label=\"a value of some length\"}} {n}").unwrap();
    }
    let request = wire::request("PUT", &path, &target.good, &["Connection: close"], body.as_bytes());
    let status = connect(target).and_then(|mut line| wire::exchange(&mut line, &request));
    accepted("push", status)
}

fn scrape(target: &Target, line: &mut Option<Line>, request: &[u8]) -> Result<(), String> {
    let reused = line.is_some();
    let mut open = match line.take() {
        Some(open) => open,
        None => connect(target).map_err(|error| format!("scrape: {error}"))?,
    };
    match wire::exchange(&mut open, request) {
        // A connection that was left idle may be gone: Prometheus tries again, too.
        Err(_) if reused => scrape(target, line, request),
        answer => {
            *line = matches!(answer, Ok((_, true))).then_some(open);
            accepted("scrape", answer)
        }
    }
}

fn accepted(what: &str, answer: io::Result<(u16, bool)>) -> Result<(), String> {
    match answer {
        Ok((200, _)) => Ok(()),
        Ok((status, _)) => Err(format!("{what}: {status}")),
        Err(error) => Err(format!("{what}: {error}")),
    }
}
