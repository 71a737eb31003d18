//! One client: it writes to groups of its own, one request after another, and remembers what it was told.

use super::dice::Dice;
use super::model::Change;
use super::model::FAMILIES;
use super::model::Families;
use super::model::Shelf;
use super::site::Account;
use super::site::Acknowledged;
use super::site::Client;
use super::site::Line;
use std::collections::BTreeSet;

const GROUPS: u64 = 4;

#[derive(Debug)]
pub(super) struct Worker {
    name: String,
    account: Account,
    /// Whether nobody else writes to its tenant, so that it may wipe it.
    alone: bool,
    dice: Dice,
    /// The number of its last push.
    pushes: u64,
    /// What it was told is there.
    known: Shelf,
    /// What is there if the request without an answer was done.
    asked: Option<Shelf>,
}

impl Worker {
    pub(super) fn new(number: u64, seed: u64, account: Account, alone: bool) -> Self {
        let (known, asked) = (Shelf::new(), None);
        let dice = Dice::new(seed.wrapping_mul(1000) + number);
        Self { name: format!("w{number}"), account, alone, dice, pushes: 0, known, asked }
    }

    fn change(&mut self) -> Change {
        let job = format!("{}-{}", self.name, self.dice.below(GROUPS));
        match self.dice.below(20) {
            0..=8 => Change::Replace(job, self.families()),
            9..=14 => Change::Merge(job, self.families()),
            15 => Change::Fail(job),
            19 if self.alone => Change::Wipe,
            _ => Change::Delete(job),
        }
    }

    fn families(&mut self) -> Families {
        self.pushes += 1;
        let picks: BTreeSet<_> = (0..FAMILIES.len()).map(|_| self.dice.below(FAMILIES.len() as u64) as usize).collect();
        let left_out = self.dice.below(6) as usize;
        picks.into_iter().skip(left_out).map(|pick| (FAMILIES[pick], self.pushes)).collect()
    }
}

impl Client for Worker {
    fn account(&self) -> &Account {
        &self.account
    }

    fn work(&mut self, line: &mut Line<'_>, acknowledged: &Acknowledged) {
        loop {
            let change = self.change();
            let after = change.applied(&self.known);
            let (method, path, body) = change.request();
            self.asked = Some(after.clone());
            match line(method, &path, &self.account.bearer, &body) {
                Ok(status) if status == change.acknowledgement() => {
                    (self.known, self.asked) = (after, None);
                    acknowledged.count(&change);
                }
                Ok(status) => panic!("{method} {path} of {} was answered {status}", self.account.tenant),
                Err(_) => return,
            }
        }
    }

    fn compare(&mut self, shown: &Shelf, round: &str) {
        let own = |(job, _): &(&String, &_)| job.starts_with(&format!("{}-", self.name));
        let shown: Shelf = shown.iter().filter(own).map(|(job, group)| (job.clone(), group.clone())).collect();
        if self.account.forgets {
            self.known = Shelf::new();
            self.asked = None;
        }
        let may_be = self.asked.as_ref() == Some(&shown);
        assert!(
            may_be || shown == self.known,
            "{round}, {} of {}: shown {shown:?}\nacknowledged {:?}\nand asked for {:?}",
            self.name,
            self.account.tenant,
            self.known,
            self.asked
        );
        (self.known, self.asked) = (shown, None);
    }
}
