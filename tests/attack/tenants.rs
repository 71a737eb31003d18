//! Those who have a credential and use it without end, and those who try to find one.

use crate::attack::Attack;
use crate::attack::attacks;
use crate::force::Force;
use crate::force::Tally;
use crate::slow;
use crate::target::Target;
use crate::wire;
use crate::wire::HTTP1;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use pushward::model::PlainToken;
use std::thread;

attacks! {
    names_of_jobs_without_end_fill_a_quota_and_nothing_else: Attack {
        name: "a new job with each push",
        run: job_names,
        by: "tenant",
        answers: &[200, 403, 429],
        ..Attack::COMMON
    };
    guesses_of_credentials_find_nothing_and_cost_little: Attack {
        name: "guesses at tokens and passwords",
        run: guesses,
        cpu_millis_each: 10,
        answers: &[401, 429, 503],
        ..Attack::COMMON
    };
    scrapes_without_end_are_one_tenants_own_share: Attack {
        name: "scrapes of 12 MiB without end",
        run: scrapes,
        prepare: slow::store_much,
        by: "tenant",
        memory_mib: 96,
        cpu_millis_each: 3000,
        answers: &[200, 429],
        ..Attack::COMMON
    };
}

fn job_names(target: &Target, force: Force) -> Tally {
    asked(target, force, |n| wire::request("PUT", &format!("/metrics/job/spray-{n}"), &target.bad, &[], b"sprayed 1\n"))
}

fn guesses(target: &Target, force: Force) -> Tally {
    asked(target, force, |n| {
        let guess = match n % 3 {
            0 => format!("Bearer {}", PlainToken::generate("").unwrap().reveal()),
            1 => basic("alice", &format!("guess {n}")),
            _ => basic(&format!("somebody-{n}"), "guess"),
        };
        wire::request("GET", "/metrics", &guess, &[], b"")
    })
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// From more connections than may scrape at one time.
fn scrapes(target: &Target, force: Force) -> Tally {
    let scrape = |_| wire::request("GET", "/metrics", &target.bad, &["Accept-Encoding: gzip"], b"");
    thread::scope(|scope| {
        let scrapers: Vec<_> = (0..6).map(|_| scope.spawn(|| asked(target, force, scrape))).collect();
        let mut tally = Tally::default();
        for scraper in scrapers {
            tally.add(scraper.join().unwrap());
        }
        tally
    })
}

/// One request after the other, on one connection for as long as it is kept.
fn asked(target: &Target, force: Force, request: impl Fn(u64) -> Vec<u8>) -> Tally {
    let mut tally = Tally::default();
    let mut line = None;
    while force.goes_on(&tally) {
        let Some(mut open) = line.take().or_else(|| target.attack(HTTP1).ok()) else { continue };
        let request = request(tally.tries);
        tally.tries += 1;
        tally.bytes += request.len() as u64;
        match wire::exchange(&mut open, &request) {
            Ok((status, kept)) => {
                tally.answered(status);
                line = kept.then_some(open);
            }
            Err(_) => tally.closed += 1,
        }
    }
    tally
}
