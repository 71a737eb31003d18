//! Runs one case against both gateways and compares every answer and every scrape after it.

use crate::http::Answer;
use crate::process;
use crate::process::Gateway;
use crate::scrape;
use crate::step::Step;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// A DELETE, a wipe too, is only queued by Pushgateway: its effect may take this long to be seen.
pub(crate) const QUEUED_WITHIN: Duration = Duration::from_secs(3);
/// Set, it shows what the real Pushgateway answers and starts nothing of ours: to learn before a case is written.
const REFERENCE_ALONE: &str = "PUSHWARD_PEERS_REFERENCE_ALONE";

/// What differs, short enough to stand in a table, and at length.
#[derive(Debug, Default)]
struct Verdict {
    short: Vec<String>,
    long: Vec<String>,
}

impl Verdict {
    fn differs(&mut self, short: String, long: String) {
        self.short.push(short);
        self.long.push(long);
    }
}

/// Fails where the two differ and the table does not say so, or says something else.
pub(crate) fn case(name: &str, text: &str, steps: &[Step]) {
    let theirs = process::pushgateway();
    if std::env::var_os(REFERENCE_ALONE).is_some() {
        return show(name, &theirs, steps);
    }
    let ours = process::pushward(text);
    let mut verdict = Verdict::default();
    for (index, step) in steps.iter().enumerate() {
        compare(index + 1, step, &theirs, &ours, &mut verdict);
    }
    let found = verdict.short.join("; ");
    match listed().get(name) {
        None => assert!(found.is_empty(), "{name} differs: {found}\n{}", verdict.long.join("\n")),
        Some(listed) => {
            assert_eq!(&found, listed, "{name} does not differ as differences.md says\n{}", verdict.long.join("\n"))
        }
    }
}

fn compare(number: usize, step: &Step, theirs: &Gateway, ours: &Gateway, verdict: &mut Verdict) {
    let sent = |to: &Gateway| to.send(step.method, step.path, &step.headers, &step.body);
    let (their_answer, our_answer) = (sent(theirs), sent(ours));
    let (their_status, our_status) = (their_answer.status, our_answer.status);
    let at = format!("step {number}: {} {}", step.method, step.path);
    let bodies = format!("theirs: {:?}\nours:   {:?}", their_answer.text(), our_answer.text());
    if their_status != our_status {
        verdict.differs(format!("{number} status {their_status}/{our_status}"), format!("{at}\n{bodies}"));
    }
    if their_answer.header("location") != our_answer.header("location") {
        let locations = [&their_answer, &our_answer].map(|answer| answer.header("location").unwrap_or("none"));
        verdict.differs(format!("{number} location"), format!("{at}\nlocations: {locations:?}"));
    }
    if let Some(says) = step.says {
        let (they_say, we_say) = (their_answer.text().starts_with(says), our_answer.text().starts_with(says));
        if !they_say || !we_say {
            let who = if they_say {
                "ours"
            } else if we_say {
                "theirs"
            } else {
                "both"
            };
            verdict.differs(format!("{number} text of {who}"), format!("{at}\nsays:   {says:?}\n{bodies}"));
        }
    }
    let start = Instant::now();
    loop {
        let (theirs, ours) = (stored(theirs), stored(ours));
        if theirs == ours {
            return;
        }
        let queues = step.method == "DELETE" || step.path.ends_with("/wipe");
        let still_queued = queues && start.elapsed() < QUEUED_WITHIN;
        if !still_queued {
            let (short, long) = difference(&theirs, &ours);
            return verdict.differs(format!("{number} {short}"), format!("{at}\n{bodies}\n{long}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The scrape, or how it failed.
fn stored(gateway: &Gateway) -> Vec<String> {
    let answer = gateway.scrape();
    if answer.status == 200 {
        scrape::in_order_of_labels(&scrape::lines(&answer.text(), is_pushgateway(&answer)))
    } else {
        vec![format!("the scrape fails: {}", answer.status)]
    }
}

fn is_pushgateway(answer: &Answer) -> bool {
    // It comes first, so it is there even where the scrape ends early.
    answer.text().contains("# TYPE go_gc_duration_seconds summary")
}

fn difference(theirs: &[String], ours: &[String]) -> (String, String) {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).cloned().collect()
    };
    let (only_theirs, only_ours) = (only(theirs, ours), only(ours, theirs));
    let short = format!("scrape -{} +{}", only_theirs.len(), only_ours.len());
    let long = format!("theirs: {theirs:#?}\nonly theirs: {only_theirs:#?}\nonly ours: {only_ours:#?}");
    (short, long)
}

fn show(name: &str, theirs: &Gateway, steps: &[Step]) {
    println!("=== {name}");
    for step in steps {
        let body = String::from_utf8_lossy(&step.body);
        let answer = theirs.send(step.method, step.path, &step.headers, &step.body);
        let text = answer.text();
        println!("{} {} {body:?}\n  -> {} {text:?}", step.method, step.path, answer.status);
        if let Some(says) = step.says.filter(|says| !text.starts_with(says)) {
            println!("  !! does not begin with {says:?}");
        }
        if step.method == "DELETE" {
            thread::sleep(Duration::from_millis(100));
        }
        for line in stored(theirs).iter().filter(|line| !line.starts_with("# HELP push_")) {
            println!("     {line}");
        }
    }
}

/// The table of known differences: case to what differs. A row without a reason is refused.
pub(crate) fn listed() -> BTreeMap<&'static str, &'static str> {
    let rows = include_str!("differences.md").lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, what, reason] = cells[..] else { panic!("three cells, please: {row}") };
        assert!(!reason.is_empty(), "a difference has a reason: {row}");
        (name.trim_matches('`'), what)
    })
    .collect()
}
