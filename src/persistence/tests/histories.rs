//! Histories of a disk that fails, against the model: what was acknowledged is there, what was not is there whole or not at
//! all, and what was refused is not there once the disk took anything after it.
//!
//! `PUSHWARD_HISTORIES=100000 cargo test --release --lib persistence::tests::histories` for a long run, from the seed
//! `PUSHWARD_SEED` on.

use super::disk::Dice;
use super::disk::Fault;
use super::disk::SimulatedDisk;
use super::model::State;
use super::model::apply;
use super::model::batch;
use super::model::open;
use crate::model::Durability;
use crate::persistence::DiskJournal;
use crate::store::Entry;
use crate::store::Journal;

/// Chosen: some seconds without optimisation.
const HISTORIES: u64 = 400;
/// Chosen: a history has some dozens of batches and a few ends.
const STEPS: u64 = 60;

struct History {
    seed: u64,
    disk: SimulatedDisk,
    dice: Dice,
    journal: DiskJournal,
    /// All that was acknowledged.
    state: State,
    /// A batch that was refused while the log could not be closed behind it.
    open_end: Option<Vec<Entry>>,
    moment: i64,
}

impl History {
    fn begin(seed: u64) -> Self {
        let disk = SimulatedDisk::new(seed);
        let (journal, state, _) = open(&disk).unwrap();
        assert!(state.is_empty());
        Self { seed, disk, dice: Dice::of(seed ^ 0xabcd), journal, state, open_end: None, moment: 0 }
    }

    fn step(&mut self) {
        match self.dice.roll(24) {
            0 => self.end(true),
            // What the machine still knows of a batch that the disk refused, it may forget later.
            1 if self.open_end.is_none() => self.end(false),
            2 => {
                let _ = self.journal.inner.checkpoint();
            }
            3 => self.disk.set_fault(Fault::Sometimes(1 + self.dice.roll(6))),
            4 => self.disk.set_fault(Fault::Full),
            5 => self.disk.set_fault(Fault::ReadOnly),
            6 | 7 => self.disk.set_fault(Fault::None),
            8 => self.disk.power_goes_in(1 + self.dice.roll(12)),
            9 | 10 => self.mend(),
            _ => self.commit(),
        }
        if !self.disk.has_power() {
            self.end(true);
        }
    }

    fn commit(&mut self) {
        let batch = batch(&self.state, &mut self.dice, &mut self.moment);
        let was_open = self.journal.inner.writer.lock().is_open();
        match self.journal.commit(&batch, Durability::Fsync) {
            Ok(()) => batch.iter().for_each(|entry| apply(&mut self.state, entry)),
            Err(_) if was_open => self.open_end = Some(batch),
            // It was not even tried.
            Err(_) => {}
        }
    }

    fn mend(&mut self) {
        if self.journal.inner.mend() {
            self.open_end = None;
        }
    }

    /// The process ends, and the machine with it or not; then it is all read again.
    fn end(&mut self, power: bool) {
        if power {
            self.disk.lose_power()
        } else {
            self.disk.survive()
        }
        let (journal, found, loaded) = open(&self.disk).unwrap();
        let seed = self.seed;
        let mut with_the_end = self.state.clone();
        self.open_end.iter().flatten().for_each(|entry| apply(&mut with_the_end, entry));
        assert!(found == self.state || found == with_the_end, "seed {seed}: {}", difference(&self.state, &found));
        assert_eq!(loaded.damaged, 0, "seed {seed}: what a crash leaves is no damage: {:?}", self.disk.report());
        (self.journal, self.state, self.open_end) = (journal, found, None);
    }
}

fn difference(expected: &State, found: &State) -> String {
    let lost = expected.iter().filter(|(key, group)| found.get(key) != Some(group)).map(|(key, _)| key);
    let more = found.iter().filter(|(key, group)| expected.get(key) != Some(group)).map(|(key, _)| key);
    format!("lost or other {:?}, more or other {:?}", lost.collect::<Vec<_>>(), more.collect::<Vec<_>>())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How many moments it was.
fn lived_through(seed: u64) -> i64 {
    let mut history = History::begin(seed);
    (0..STEPS).for_each(|_| history.step());
    history.end(true);
    history.moment
}

#[test]
fn the_histories_that_once_found_a_fault_find_none() {
    for seed in [226, 1087] {
        lived_through(seed);
    }
}

#[test]
fn whatever_the_disk_does_what_was_acknowledged_is_there_and_nothing_is_torn() {
    let (first, many) = (number("PUSHWARD_SEED", 1), number("PUSHWARD_HISTORIES", HISTORIES));
    let mut acknowledged = 0;
    for seed in first..first + many {
        acknowledged += lived_through(seed);
    }
    assert!(acknowledged as u64 > many * 20, "hardly anything was written: {acknowledged}");
}
