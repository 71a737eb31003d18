//! Checkpoints and tenants who come and go.

use super::disk::Dice;
use super::disk::Fault;
use super::disk::SimulatedDisk;
use super::model::State;
use super::model::apply;
use super::model::batch;
use super::model::everybody;
use super::model::into_state;
use super::model::open;
use super::model::open_at;
use super::model::tenant;
use crate::model::Durability;
use crate::model::TenantId;
use crate::persistence::DiskJournal;
use crate::persistence::disk::Disk;
use crate::store::Journal;
use crate::telemetry::Health;
use crate::testkit::MockClock;
use std::time::Duration;

fn fill(journal: &DiskJournal, state: &mut State, seed: u64) {
    let (mut dice, mut moment) = (Dice::of(seed), 1_000 * i64::try_from(seed).unwrap());
    for _ in 0..30 {
        let batch = batch(state, &mut dice, &mut moment);
        journal.commit(&batch, Durability::Fsync).unwrap();
        batch.iter().for_each(|entry| apply(state, entry));
    }
}

fn of(state: &State, tenant: &TenantId) -> State {
    state.iter().filter(|((of, _), _)| of == tenant).map(|(key, group)| (key.clone(), group.clone())).collect()
}

#[test]
fn a_checkpoint_takes_the_place_of_the_logs_before_it() {
    let disk = SimulatedDisk::new(1);
    let (journal, mut state, _) = open(&disk).unwrap();
    for seed in 1..4 {
        fill(&journal, &mut state, seed);
        journal.inner.checkpoint().unwrap();
        let mut names = disk.names().unwrap();
        names.sort();
        assert_eq!(names, [format!("checkpoint-{seed:010}.pushward"), format!("log-{:010}.pushward", seed + 1)]);
    }
    disk.lose_power();
    let (_, found, loaded) = open(&disk).unwrap();
    assert!(found == state && loaded.damaged == 0);
}

#[test]
fn damage_is_kept_aside_before_a_checkpoint_takes_its_file_away() {
    let disk = SimulatedDisk::new(1);
    let (journal, mut state, _) = open(&disk).unwrap();
    fill(&journal, &mut state, 1);
    let name = "log-0000000001.pushward";
    let mut bytes = disk.bytes(name);
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    disk.spoil(name, &bytes);
    journal.inner.checkpoint().unwrap();
    assert_eq!(disk.quarantine()[name], bytes);
    assert!(!disk.report().is_empty());
    assert_eq!(open(&disk).unwrap().2.damaged, 0, "what was told of once is not told of again");
}

#[test]
fn damage_that_is_found_when_a_tenant_comes_back_is_kept_aside_and_told_of() {
    let (disk, clock, health, red) = (SimulatedDisk::new(1), MockClock::new(), Health::default(), tenant("red"));
    let (journal, mut state, _) = open_at(&disk, &everybody(), &clock, &health).unwrap();
    fill(&journal, &mut state, 1);
    journal.set_aside([&red]);
    let name = "log-0000000001.pushward";
    let mut bytes = disk.bytes(name);
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    disk.spoil(name, &bytes);
    let (_, brought) = into_state(|restoring| journal.bring_back(std::slice::from_ref(&red), restoring));
    assert!(brought.iter().all(|(_, loaded)| loaded.is_ok()) && brought.len() == 1);
    // As it was, with the word behind it that the tenant is back.
    assert!(disk.quarantine()[name].starts_with(&bytes));
    assert!(!disk.report().is_empty());
    assert_eq!(health.degraded(), ["quarantine"]);
    journal.inner.checkpoint().unwrap();
    assert!(disk.quarantine()[name].starts_with(&bytes));
}

#[test]
fn a_tenant_who_comes_back_in_time_has_everything_again_and_too_late_nothing() {
    let (red, blue) = (tenant("red"), tenant("blue"));
    for (away, is_kept) in [(3_599, true), (3_600, false)] {
        let (disk, clock, health) = (SimulatedDisk::new(1), MockClock::new(), Health::default());
        let (journal, mut state, _) = open(&disk).unwrap();
        fill(&journal, &mut state, 1);
        assert!(!of(&state, &red).is_empty() && !of(&state, &blue).is_empty());
        let (journal_of_blue, found, _) = open_at(&disk, &[blue.clone()].into(), &clock, &health).unwrap();
        drop(journal);
        assert!(found == of(&state, &blue));
        journal_of_blue.inner.checkpoint().unwrap();
        clock.advance(Duration::from_secs(away));
        // Still away, and a restart does not begin its time anew.
        let (journal, ..) = open_at(&disk, &[blue.clone()].into(), &clock, &health).unwrap();
        let (back, brought) = into_state(|restoring| journal.bring_back(std::slice::from_ref(&red), restoring));
        assert_eq!(brought.into_iter().any(|(_, loaded)| loaded.unwrap().groups > 0), is_kept);
        assert!(back == if is_kept { of(&state, &red) } else { State::new() });
        let (_, found, _) = open_at(&disk, &everybody(), &clock, &health).unwrap();
        assert!(found == if is_kept { state } else { of(&state, &blue) });
    }
}

#[test]
fn whoever_is_set_aside_while_it_runs_is_kept_and_forgotten_in_time() {
    let (disk, clock, red) = (SimulatedDisk::new(1), MockClock::new(), tenant("red"));
    let (journal, mut state, _) = open_at(&disk, &everybody(), &clock, &Health::default()).unwrap();
    fill(&journal, &mut state, 1);
    journal.set_aside([&red]);
    clock.advance(Duration::from_secs(3_599));
    journal.inner.forget_long_gone();
    let (back, _) = into_state(|restoring| journal.bring_back(std::slice::from_ref(&red), restoring));
    assert!(back == of(&state, &red));
    journal.set_aside([&red]);
    clock.advance(Duration::from_secs(3_600));
    journal.inner.forget_long_gone();
    let (back, _) = into_state(|restoring| journal.bring_back(std::slice::from_ref(&red), restoring));
    assert!(back.is_empty());
}

#[test]
fn whoever_comes_back_to_a_disk_that_cannot_be_read_is_not_forgotten_and_has_everything_once_it_can_be() {
    let (disk, clock, red) = (SimulatedDisk::new(1), MockClock::new(), tenant("red"));
    let (journal, mut state, _) = open_at(&disk, &everybody(), &clock, &Health::default()).unwrap();
    fill(&journal, &mut state, 1);
    journal.set_aside([&red]);
    let report = disk.report();
    let mut failed = 0;
    for reads in 0.. {
        disk.set_fault(Fault::Unreadable(reads));
        let (back, brought) = into_state(|restoring| journal.bring_back(std::slice::from_ref(&red), restoring));
        disk.set_fault(Fault::None);
        if brought.iter().all(|(_, loaded)| loaded.is_ok()) {
            assert!(back == of(&state, &red));
            break;
        }
        failed += 1;
        clock.advance(Duration::from_secs(3_600));
        journal.inner.forget_long_gone();
    }
    assert!(failed > 3 && disk.report() == report && disk.quarantine().is_empty(), "{failed}");
    // Nobody waits for a tenant who is new: of it nothing can be kept.
    disk.set_fault(Fault::Unreadable(0));
    let (_, brought) = into_state(|restoring| journal.bring_back(&[tenant("new")], restoring));
    assert!(brought.is_empty());
    // And whoever is not wanted any more is forgotten in time.
    journal.set_aside([&red]);
    into_state(|restoring| journal.bring_back(std::slice::from_ref(&red), restoring));
    into_state(|restoring| journal.bring_back(&[tenant("new")], restoring));
    disk.set_fault(Fault::None);
    clock.advance(Duration::from_secs(3_600));
    journal.inner.forget_long_gone();
    let (back, _) = into_state(|restoring| journal.bring_back(std::slice::from_ref(&red), restoring));
    assert!(back.is_empty());
}

#[test]
fn a_reload_that_brings_nobody_back_waits_for_no_checkpoint() {
    let (disk, clock) = (SimulatedDisk::new(1), MockClock::new());
    let (journal, ..) = open_at(&disk, &everybody(), &clock, &Health::default()).unwrap();
    // As a checkpoint does, for as long as the disk takes.
    let files = journal.inner.files.lock();
    std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let journal = &journal;
        scope.spawn(move || {
            into_state(|restoring| journal.bring_back(&[], restoring));
            tell.send(()).unwrap();
        });
        let told = told.recv_timeout(Duration::from_secs(10));
        drop(files);
        assert!(told.is_ok(), "it waits");
    });
}
