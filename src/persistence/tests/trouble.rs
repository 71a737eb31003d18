//! A disk that is full, read-only, or fails: what is refused leaves no trace, and it ends without a restart.

use super::disk::Dice;
use super::disk::Fault;
use super::disk::SimulatedDisk;
use super::model::State;
use super::model::apply;
use super::model::batch;
use super::model::everybody;
use super::model::open;
use super::model::open_at;
use crate::model::Durability;
use crate::persistence::DiskJournal;
use crate::store::Journal;
use crate::telemetry::Health;
use crate::testkit::MockClock;

/// Commits as many batches, which all must be taken.
fn fill(journal: &DiskJournal, state: &mut State, seed: u64, batches: usize) {
    let (mut dice, mut moment) = (Dice::of(seed), 1_000 * i64::try_from(seed).unwrap());
    for _ in 0..batches {
        let batch = batch(state, &mut dice, &mut moment);
        journal.commit(&batch, Durability::Fsync).unwrap();
        batch.iter().for_each(|entry| apply(state, entry));
    }
}

#[test]
fn a_disk_that_refuses_degrades_and_recovers_without_a_restart() {
    for fault in [Fault::Full, Fault::ReadOnly, Fault::Sometimes(1)] {
        let (disk, health) = (SimulatedDisk::new(1), Health::default());
        let (journal, mut state, _) = open_at(&disk, &everybody(), &MockClock::new(), &health).unwrap();
        fill(&journal, &mut state, 1, 10);
        disk.set_fault(fault);
        let refused = batch(&state, &mut Dice::of(5), &mut 5_000);
        assert!(journal.commit(&refused, Durability::Fsync).is_err());
        assert_eq!(health.degraded(), ["storage"]);
        assert!(!journal.inner.mend(), "{fault:?}");
        let calls = disk.calls();
        assert!(journal.commit(&refused, Durability::Fsync).is_err());
        assert_eq!(disk.calls(), calls, "a disk that is known to refuse is not asked by each push");
        disk.set_fault(Fault::None);
        assert!(journal.inner.mend() && health.degraded().is_empty());
        fill(&journal, &mut state, 2, 10);
        disk.lose_power();
        let (_, found, loaded) = open(&disk).unwrap();
        assert!(found == state && loaded.damaged == 0, "{fault:?}: {:?}", disk.report());
    }
}

#[test]
fn a_disk_that_takes_no_writes_at_the_start_is_served_from() {
    let (disk, health) = (SimulatedDisk::new(1), Health::default());
    let (journal, mut state, _) = open(&disk).unwrap();
    fill(&journal, &mut state, 1, 10);
    drop(journal);
    disk.set_fault(Fault::ReadOnly);
    let (journal, found, _) = open_at(&disk, &everybody(), &MockClock::new(), &health).unwrap();
    assert!(found == state);
    assert_eq!(health.degraded(), ["storage"]);
    assert!(journal.commit(&batch(&state, &mut Dice::of(5), &mut 5_000), Durability::Fsync).is_err());
    disk.set_fault(Fault::None);
    assert!(journal.inner.mend());
    fill(&journal, &mut state, 2, 3);
    assert!(open(&disk).unwrap().1 == state);
}

#[test]
fn one_commit_is_one_sync_and_none_where_none_is_promised() {
    let disk = SimulatedDisk::new(1);
    let (journal, state, _) = open(&disk).unwrap();
    for (durability, syncs) in [(Durability::Fsync, 1), (Durability::Os, 0)] {
        let (syncs_before, calls) = (disk.syncs(), disk.calls());
        journal.commit(&batch(&state, &mut Dice::of(4), &mut 1), durability).unwrap();
        assert_eq!((disk.syncs() - syncs_before, disk.calls() - calls), (syncs, syncs + 1));
    }
}

#[test]
fn nothing_is_taken_before_it_is_loaded_nor_after_it_is_closed() {
    let disk = SimulatedDisk::new(1);
    let (journal, state, _) = open(&disk).unwrap();
    journal.close();
    let batch = batch(&state, &mut Dice::of(4), &mut 1);
    assert!(journal.commit(&batch, Durability::Fsync).is_err());
    assert!(open(&disk).unwrap().1.is_empty());
}

#[test]
fn what_the_disk_does_not_give_back_ends_the_load_and_is_not_taken_for_damage() {
    let disk = SimulatedDisk::new(1);
    let (journal, mut state, _) = open(&disk).unwrap();
    fill(&journal, &mut state, 1, 10);
    drop(journal);
    let mut failed = 0;
    for reads in 0.. {
        disk.set_fault(Fault::Unreadable(reads));
        let opened = open(&disk);
        disk.set_fault(Fault::None);
        let Ok((_, found, loaded)) = opened else {
            failed += 1;
            continue;
        };
        assert!(found == state && loaded.damaged == 0);
        break;
    }
    assert!(failed > 3 && disk.report().is_empty() && disk.quarantine().is_empty(), "{failed}");
}
