//! Drives every fuzz target on stable Rust: what it found before, its seeds, then mutations of them until its time is over.
//!
//!     cargo run                        every target, ten seconds each
//!     cargo run -- text gzip           these
//!     cargo run -- text FILE...        these inputs, once each
//!
//! FUZZ_SECONDS is the time of one target, FUZZ_SEED what its mutations are picked by: a number, or `random`. A target runs in
//! a process of its own, two at one time; one that dies is run again from the same seed, so that its last input is known.

#![expect(clippy::disallowed_methods, reason = "a driver measures real time")]

mod corpus;
mod mutate;
mod random;
mod round;

use pushward_fuzz::TARGETS;
use pushward_fuzz::Target;
use random::Random;
use std::env;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;
use std::time::Duration;
use std::time::SystemTime;

/// Set for the process of one target.
const OWN_PROCESS: &str = "FUZZ_OWN_PROCESS";
/// Set where each input is written down before it runs.
const TRACED: &str = "FUZZ_TRACED";

/// How a target is driven.
struct Plan {
    seconds: Duration,
    seed: u64,
    traced: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (files, names): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| Path::new(argument).is_file());
    let mut chosen: Vec<&Target> = TARGETS.to_vec();
    if !names.is_empty() {
        if let Some(unknown) = names.iter().find(|name| !TARGETS.iter().any(|target| target.name == ***name)) {
            eprintln!("{unknown}: no such target or file");
            return ExitCode::from(2);
        }
        chosen.retain(|target| names.iter().any(|name| *name == target.name));
    }
    let Some(plan) = plan() else { return ExitCode::from(2) };
    let good = match (env::var_os(OWN_PROCESS), &chosen[..]) {
        (Some(_), [target]) => round::run(target, &plan),
        _ if !files.is_empty() => {
            chosen.iter().all(|target| files.iter().all(|file| round::once(target, Path::new(file))))
        }
        _ => all(&chosen, &plan),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn plan() -> Option<Plan> {
    let text = |name: &str| env::var(name).ok();
    let seconds = text("FUZZ_SECONDS").map_or(Some(10), |text| text.parse().ok());
    let seed = match text("FUZZ_SEED").as_deref() {
        None => Some(1),
        Some("random") => SystemTime::UNIX_EPOCH.elapsed().ok().and_then(|now| u64::try_from(now.as_nanos()).ok()),
        Some(number) => number.parse().ok(),
    };
    let plan = seconds.zip(seed);
    if plan.is_none() {
        eprintln!("FUZZ_SECONDS and FUZZ_SEED are whole numbers, the seed or `random`");
    }
    plan.map(|(seconds, seed)| Plan {
        seconds: Duration::from_secs(seconds),
        seed,
        traced: env::var_os(TRACED).is_some(),
    })
}

/// Each target in a process of its own, as many at one time as there are processors, two at most.
fn all(targets: &[&Target], plan: &Plan) -> bool {
    println!("{} targets, {} s each, FUZZ_SEED={}", targets.len(), plan.seconds.as_secs(), plan.seed);
    let at_once = std::thread::available_parallelism().map_or(1, |count| count.get().min(2));
    let (mut waiting, mut running) = (targets.iter().copied(), Vec::new());
    let mut good = true;
    loop {
        while running.len() < at_once
            && let Some(target) = waiting.next()
        {
            running.push((target, start(target, plan, false)));
        }
        if running.is_empty() {
            return good;
        }
        let (target, child) = running.remove(0);
        good &= ended(target, child, plan);
    }
}

fn start(target: &Target, plan: &Plan, traced: bool) -> Child {
    let own = env::current_exe().expect("this program has a path");
    let mut command = Command::new(own);
    command.arg(target.name).env(OWN_PROCESS, "1").env("FUZZ_SEED", plan.seed.to_string());
    if traced {
        command.env(TRACED, "1");
    }
    command.stdin(Stdio::null()).spawn().expect("this program starts")
}

/// Whether a target's process ended well. One that was ended by a signal (its stack was full, its memory) is run again.
fn ended(target: &Target, mut child: Child, plan: &Plan) -> bool {
    let status = child.wait().expect("a child ends");
    if status.success() {
        return true;
    }
    if status.code().is_none() {
        eprintln!("{}: ended by {status}; again with each input written down", target.name);
        let again = start(target, plan, true).wait().expect("a child ends");
        eprintln!("{}: again {again}; its last input is {}", target.name, corpus::last(target).display());
    }
    false
}
