//! Several clients that write to one group, with requests under way at one time.
//!
//! None of them can know what comes out, but not everything can: what a scrape shows was written by somebody, nothing that
//! was acknowledged came wholly behind it, and of a write that shows in part the rest was overwritten later.

use super::dice::Dice;
use super::model::FAMILIES;
use super::model::Families;
use super::model::Shelf;
use super::model::body;
use super::site::Account;
use super::site::Acknowledged;
use super::site::Client;
use super::site::Line;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

const JOB: &str = "rivals";

/// What each family is after a write: `None`, it is not there.
type Effect = BTreeMap<&'static str, Option<u64>>;

#[derive(Debug)]
struct Write {
    effect: Effect,
    began: u64,
    /// `None`: nobody knows whether it was done.
    ended: Option<u64>,
}

/// All writes since the last comparison; the first is what it showed.
#[derive(Debug, Default)]
pub(super) struct History {
    moments: u64,
    pushes: u64,
    writes: Vec<Write>,
}

impl History {
    fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    fn began(&mut self, effect: Effect) -> usize {
        let began = self.moment();
        self.writes.push(Write { effect, began, ended: None });
        self.writes.len() - 1
    }

    fn ended(&mut self, write: usize) {
        self.writes[write].ended = Some(self.moment());
    }

    /// Whether `later` is, without doubt, done and behind `write`.
    fn is_behind(&self, later: &Write, write: &Write) -> bool {
        later.ended.is_some() && write.ended.is_some_and(|ended| later.began > ended)
    }

    /// Those that may have left the family as it is.
    fn authors(&self, family: &str, value: Option<u64>) -> Vec<&Write> {
        let touches = |write: &&Write| write.effect.contains_key(family);
        let left = self.writes.iter().filter(|write| write.effect.get(family) == Some(&value));
        let alive = |write: &&Write| !self.writes.iter().filter(touches).any(|later| self.is_behind(later, write));
        left.filter(alive).collect()
    }

    fn compare(&mut self, shown: &Families, round: &str) {
        let value = |family: &str| shown.get(family).copied();
        if self.writes.is_empty() {
            // Before the first start there is nothing.
            let nothing = all_gone();
            self.writes.push(Write { effect: nothing, began: 0, ended: Some(0) });
        }
        for family in FAMILIES {
            let authors = self.authors(family, value(family));
            assert!(!authors.is_empty(), "{round}: {family} is {:?} after {:#?}", value(family), self.writes);
            for other in FAMILIES.iter().filter(|_| value(family).is_some()) {
                // The number of a push stands in one write alone.
                let meant = authors[0].effect.get(other);
                let others = self.authors(other, value(other));
                let torn = meant.is_some_and(|meant| *meant != value(other))
                    && others.iter().all(|other| self.is_behind_all(authors[0], other));
                assert!(!torn, "{round}: {family} is of {:?}, {other} of before: {others:?}", authors[0]);
            }
        }
        let effect = FAMILIES.iter().map(|family| (*family, value(family))).collect();
        self.writes = vec![Write { effect, began: 0, ended: Some(0) }];
    }

    /// As [`Self::is_behind`], where `later` shows and so was done.
    fn is_behind_all(&self, later: &Write, write: &Write) -> bool {
        write.ended.is_some_and(|ended| later.began > ended)
    }
}

fn all_gone() -> Effect {
    FAMILIES.iter().map(|family| (*family, None)).collect()
}

#[derive(Debug)]
pub(super) struct Rival {
    account: Account,
    dice: Dice,
    history: Arc<Mutex<History>>,
    compares: bool,
}

impl Rival {
    pub(super) fn group(count: u64, seed: u64, account: &Account) -> Vec<Self> {
        let history = Arc::new(Mutex::new(History::default()));
        let rival = |number| Self {
            account: account.clone(),
            dice: Dice::new(seed.wrapping_mul(7919) + number),
            history: history.clone(),
            compares: number == 0,
        };
        (0..count).map(rival).collect()
    }

    fn write(&mut self) -> (&'static str, String, Effect, u16) {
        let mut families = Families::new();
        let number = {
            let mut history = self.history.lock();
            history.pushes += 1;
            history.pushes
        };
        for family in FAMILIES {
            if self.dice.below(2) == 0 {
                families.insert(family, number);
            }
        }
        let carried = families.iter().map(|(name, value)| (*name, Some(*value)));
        match self.dice.below(8) {
            0 => ("DELETE", String::new(), all_gone(), 202),
            1..=3 => ("POST", body(&families), carried.collect(), 200),
            _ => ("PUT", body(&families), all_gone().into_iter().chain(carried).collect(), 200),
        }
    }
}

impl Client for Rival {
    fn account(&self) -> &Account {
        &self.account
    }

    fn work(&mut self, line: &mut Line<'_>, acknowledged: &Acknowledged) {
        loop {
            let (method, body, effect, expected) = self.write();
            let write = self.history.lock().began(effect);
            match line(method, &format!("/metrics/job/{JOB}"), &self.account.bearer, &body) {
                Ok(status) if status == expected => self.history.lock().ended(write),
                Ok(status) => panic!("{method} of rivals was answered {status}"),
                Err(_) => return,
            }
            acknowledged.count_rival();
        }
    }

    fn compare(&mut self, shown: &Shelf, round: &str) {
        if self.compares {
            let families = shown.get(JOB).map(|group| group.families.clone()).unwrap_or_default();
            self.history.lock().compare(&families, round);
        }
    }
}

#[test]
fn a_torn_or_lost_write_is_noticed() {
    let write = |effect: &[(&'static str, Option<u64>)], began, ended| Write {
        effect: effect.iter().copied().collect(),
        began,
        ended,
    };
    let noticed = |writes: Vec<Write>, shown: &[(&'static str, u64)]| {
        let mut history = History { writes, ..History::default() };
        let shown = shown.iter().copied().collect();
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| history.compare(&shown, ""))).is_err()
    };
    let both = |n, began, ended| {
        write(&[("alpha", Some(n)), ("beta", Some(n)), ("gamma", None), ("delta", None)], began, ended)
    };
    assert!(!noticed(vec![both(1, 1, Some(2)), both(2, 3, Some(4))], &[("alpha", 2), ("beta", 2)]));
    assert!(!noticed(vec![both(1, 1, Some(2)), both(2, 3, None)], &[("alpha", 1), ("beta", 1)]));
    assert!(noticed(vec![both(1, 1, Some(2)), both(2, 3, Some(4))], &[("alpha", 1), ("beta", 1)]), "lost");
    assert!(noticed(vec![both(1, 1, Some(2)), both(2, 3, None)], &[("alpha", 2), ("beta", 1)]), "torn");
    assert!(noticed(vec![both(1, 1, Some(2))], &[("alpha", 9), ("beta", 1)]), "nobody's");
    let late = write(&[("beta", Some(3))], 3, Some(5));
    assert!(!noticed(vec![both(1, 1, Some(2)), both(2, 3, Some(4)), late], &[("alpha", 2), ("beta", 3)]));
}
