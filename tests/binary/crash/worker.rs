//! One client: it writes to groups of its own, one request after another, and remembers what it was told.

use super::model::Change;
use super::model::FAMILIES;
use super::model::Group;
use super::model::Shelf;
use crate::client::Open;
use std::collections::BTreeSet;
use std::net::TcpStream;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

const GROUPS: u64 = 4;

/// Numbers that only look like chance: a run is named by its seed. (A xorshift of 64 bits.)
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

#[derive(Debug)]
pub(super) struct Worker {
    name: String,
    pub(super) tenant: String,
    bearer: String,
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

/// How many changes of each sort were acknowledged.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    pub(super) replaced: AtomicU64,
    pub(super) merged: AtomicU64,
    pub(super) deleted: AtomicU64,
    pub(super) wiped: AtomicU64,
}

impl Acknowledged {
    fn of(&self, change: &Change) -> &AtomicU64 {
        match change {
            Change::Replace(..) => &self.replaced,
            Change::Merge(..) => &self.merged,
            Change::Delete(_) => &self.deleted,
            Change::Wipe => &self.wiped,
        }
    }

    pub(super) fn sum(&self) -> u64 {
        let counts = [&self.replaced, &self.merged, &self.deleted, &self.wiped];
        counts.map(|count| count.load(Ordering::Relaxed)).iter().sum()
    }
}

impl Worker {
    pub(super) fn new(number: u64, seed: u64, (tenant, bearer): (&str, String), alone: bool) -> Self {
        let (known, asked) = (Shelf::new(), None);
        let dice = Dice::new(seed.wrapping_mul(1000) + number);
        let name = format!("w{number}");
        Self { name, tenant: tenant.into(), bearer, alone, dice, pushes: 0, known, asked }
    }

    /// Sends changes until the connection breaks, which leaves the last one open.
    ///
    /// # Panics
    /// If a change is refused.
    pub(super) fn work(&mut self, port: u16, acknowledged: &Acknowledged) {
        let Ok(mut connection) = Open::<TcpStream>::try_plain(port) else { return };
        loop {
            let change = self.change();
            let after = change.applied(&self.known);
            let (method, path, body) = change.request();
            self.asked = Some(after.clone());
            match connection.send(method, &path, &self.bearer, &body) {
                Ok(200 | 202) => {
                    (self.known, self.asked) = (after, None);
                    acknowledged.of(&change).fetch_add(1, Ordering::Relaxed);
                }
                Ok(status) => panic!("{method} {path} of {} was answered {status}", self.tenant),
                Err(_) => return,
            }
        }
    }

    /// Compares with what the tenant's scrape shows, and believes it from now on.
    ///
    /// # Panics
    /// If it is neither what was acknowledged nor that with the one request that had no answer.
    pub(super) fn compare(&mut self, shown: &Shelf, round: &str) {
        let own = |(job, _): &(&String, &Group)| job.starts_with(&format!("{}-", self.name));
        let shown: Shelf = shown.iter().filter(own).map(|(job, group)| (job.clone(), group.clone())).collect();
        let may_be = self.asked.as_ref() == Some(&shown);
        assert!(
            may_be || shown == self.known,
            "{round}, {} of {}: shown {shown:?}\nacknowledged {:?}\nand asked for {:?}",
            self.name,
            self.tenant,
            self.known,
            self.asked
        );
        (self.known, self.asked) = (shown, None);
    }

    fn change(&mut self) -> Change {
        let job = format!("{}-{}", self.name, self.dice.below(GROUPS));
        match self.dice.below(20) {
            0..=9 => Change::Replace(job, self.families()),
            10..=15 => Change::Merge(job, self.families()),
            19 if self.alone => Change::Wipe,
            _ => Change::Delete(job),
        }
    }

    fn families(&mut self) -> Group {
        self.pushes += 1;
        let picks: BTreeSet<_> = (0..FAMILIES.len()).map(|_| self.dice.below(FAMILIES.len() as u64) as usize).collect();
        let left_out = self.dice.below(6) as usize;
        picks.into_iter().skip(left_out).map(|pick| (FAMILIES[pick], self.pushes)).collect()
    }
}
