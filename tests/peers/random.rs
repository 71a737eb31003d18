//! Several tenants do random things. Each sees what a real Pushgateway of its own shows with the same history, and an
//! operator sees all of them.
//!
//! What the two are known to answer differently (`differences.md`) is not among the things that are done.

mod history;
mod union;

use crate::compare::QUEUED_WITHIN;
use crate::http;
use crate::process;
use crate::process::Gateway;
use crate::process::bearer;
use crate::process::entry;
use crate::scrape;
use history::Dice;
use history::Request;
use pushward::model::PlainToken;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

/// A number here repeats the round that a failure names.
const SEED: &str = "PUSHWARD_PEERS_SEED";
const ALL_ROUNDS: Duration = Duration::from_secs(45);
/// Few enough to be read when they fail.
const STEPS: usize = 120;
const TENANTS: [&str; 3] = ["blue", "green", "red"];
const NO_LIMITS: &str = "    limits: { requests_per_second: 1000000, requests_burst: 1000000 }\n";

/// A tenant of ours and the Pushgateway that it is held against.
struct Pair {
    tenant: &'static str,
    theirs: Gateway,
    ours: SocketAddr,
    authorization: String,
    history: String,
}

impl Pair {
    fn ours(&self, request: &Request) -> http::Answer {
        let headers = [&[("Authorization", self.authorization.as_str())][..], &request.headers].concat();
        http::send(self.ours, request.method, &request.path, &headers, &request.body).expect("an answer of ours")
    }

    /// Both do it, and both show the same after it.
    fn both(&mut self, request: &Request) -> Result<(), String> {
        let theirs = self.theirs.send(request.method, &request.path, &request.headers, &request.body);
        let ours = self.ours(request);
        let _ = writeln!(self.history, "{request} -> {}", theirs.status);
        if theirs.status != ours.status {
            return Err(format!("status {}/{}: {:?}/{:?}", theirs.status, ours.status, theirs.text(), ours.text()));
        }
        let start = Instant::now();
        loop {
            let (theirs, ours) = (self.their_view(), self.our_view()?);
            if theirs == ours {
                return Ok(());
            }
            if !request.is_queued() || start.elapsed() > QUEUED_WITHIN {
                let only = |these: &[String], those: &[String]| -> Vec<String> {
                    these.iter().filter(|line| !those.contains(line)).cloned().collect()
                };
                let (missing, added) = (only(&theirs, &ours), only(&ours, &theirs));
                return Err(format!("only theirs: {missing:#?}\nonly ours: {added:#?}\nall theirs: {theirs:#?}"));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn their_view(&self) -> Vec<String> {
        let answer = self.theirs.scrape();
        assert_eq!(answer.status, 200, "the real Pushgateway was broken by\n{}", self.history);
        scrape::in_order_of_labels(&scrape::lines(&answer.text(), true))
    }

    fn our_view(&self) -> Result<Vec<String>, String> {
        let answer = self.ours(&Request { method: "GET", path: "/metrics".into(), ..Request::default() });
        if answer.status != 200 {
            return Err(format!("our scrape fails: {} {}", answer.status, answer.text()));
        }
        Ok(scrape::in_order_of_labels(&scrape::lines(&answer.text(), false)))
    }
}

/// Fresh processes, and one history for each tenant.
fn round(seed: u64) {
    let tokens = TENANTS.map(|_| PlainToken::generate("").expect("a random source"));
    let operator = PlainToken::generate("").expect("a random source");
    let tenants: String = TENANTS.iter().zip(&tokens).fold(String::new(), |tenants, (name, token)| {
        tenants + &format!("  {name}:\n{NO_LIMITS}{}", entry(token, "[push, delete, read, admin]"))
    });
    let operators = format!("operators:\n  prometheus:\n{NO_LIMITS}{}", entry(&operator, "[\"fleet:read\"]"));
    let ours = process::pushward_of(&format!("tenants:\n{tenants}{operators}"), &operator);
    let mut pairs: Vec<Pair> = TENANTS
        .iter()
        .zip(&tokens)
        .map(|(tenant, token)| Pair {
            tenant,
            theirs: process::pushgateway(),
            ours: ours.address,
            authorization: bearer(token),
            history: String::new(),
        })
        .collect();
    let mut dice = Dice::new(seed);
    for step in 1..=STEPS {
        let request = Request::random(&mut dice);
        let pair = dice.one_mut(&mut pairs);
        if let Err(difference) = pair.both(&request) {
            let Pair { tenant, history, .. } = pair;
            panic!("{SEED}={seed}, step {step}: {tenant} differs after\n{history}{difference}");
        }
        if step % 10 == 0 {
            let views: Vec<_> = pairs.iter().map(|pair| (pair.tenant, pair.their_view())).collect();
            let expected = union::of(&views);
            let text = ours.scrape().text();
            let found = union::families(&scrape::lines(&text, false));
            let missing: BTreeSet<_> = expected.difference(&found).collect();
            let added: BTreeSet<_> = found.difference(&expected).collect();
            let histories = pairs.iter().map(|pair| format!("{}:\n{}", pair.tenant, pair.history));
            assert!(
                missing.is_empty() && added.is_empty(),
                "{SEED}={seed}, step {step}: the operator misses {missing:#?}\nand sees {added:#?}\nafter\n{}",
                histories.collect::<String>()
            );
        }
    }
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn each_tenant_sees_its_own_pushgateway_and_the_operator_their_union_whatever_they_do() {
    if let Ok(seed) = std::env::var(SEED) {
        return round(seed.parse().expect("a number"));
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let first = now.as_secs();
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < ALL_ROUNDS {
        round(first + rounds);
        rounds += 1;
    }
    println!("{rounds} rounds of {STEPS} steps, the first with {SEED}={first}");
}
