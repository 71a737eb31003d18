//! The bytes themselves: whatever happens to one of them is noticed.

use super::disk::Dice;
use super::disk::SimulatedDisk;
use super::model::State;
use super::model::apply;
use super::model::batch;
use super::model::open;
use super::model::prepared;
use super::model::tenant;
use crate::model::Durability;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::Timestamp;
use crate::persistence::StoredFamily;
use crate::persistence::format::FRAME_MAGIC;
use crate::persistence::format::FileName;
use crate::persistence::record::RECORD_MAGIC;
use crate::persistence::record::Record;
use crate::store::Entry;
use crate::store::Gone;
use crate::store::GroupTimes;
use crate::store::Journal;
use proptest::prelude::*;
use std::sync::Arc;

/// A disk with some batches on it, in order and closed, and what they came to one after the other.
fn written(seed: u64, batches: usize) -> (SimulatedDisk, Vec<State>) {
    let disk = SimulatedDisk::new(seed);
    let (journal, mut state, _) = open(&disk).unwrap();
    let (mut dice, mut moment, mut states) = (Dice::of(seed), 0, vec![State::new()]);
    for _ in 0..batches {
        let batch = batch(&state, &mut dice, &mut moment);
        journal.commit(&batch, Durability::Fsync).unwrap();
        batch.iter().for_each(|entry| apply(&mut state, entry));
        states.push(state.clone());
    }
    journal.close();
    (disk, states)
}

const LOG: &str = "log-0000000001.pushward";

#[test]
fn any_flipped_byte_is_noticed_and_nothing_is_shown_that_was_never_pushed() {
    for seed in 0..3 {
        let (disk, states) = written(seed, 5);
        let bytes = disk.bytes(LOG);
        let end = states.last().unwrap();
        let step = bytes.len() / 600 + 1;
        for at in (0..bytes.len()).step_by(step) {
            let (other, _) = written(seed, 0);
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1 << (at % 8);
            other.spoil(LOG, &spoilt);
            match open(&other) {
                // The version, which is then a later one.
                Err(_) => assert!((8..12).contains(&at), "byte {at}"),
                Ok((_, found, loaded)) => {
                    // The last frame says only that it is the last.
                    let is_of_the_end = at + 64 > bytes.len();
                    assert!(loaded.damaged > 0 || is_of_the_end && found == *end, "seed {seed}: byte {at} unnoticed");
                    for group in found.iter().flat_map(|(key, group)| group.families.values().map(move |f| (key, f))) {
                        let pushed = |state: &State| {
                            state
                                .get(group.0)
                                .is_some_and(|held| held.families.values().any(|family| family == group.1))
                        };
                        assert!(states.iter().any(pushed), "seed {seed}: byte {at} made {group:?}");
                    }
                    assert_eq!(other.quarantine().len(), usize::from(loaded.damaged > 0));
                }
            }
        }
    }
}

#[test]
fn a_damaged_family_takes_nothing_else_with_it_and_is_not_shown_as_it_was_before() {
    let disk = SimulatedDisk::new(1);
    let (journal, ..) = open(&disk).unwrap();
    for at in 1..=2 {
        let entries: Vec<_> = ["one", "two", "three"].map(|job| push(job, &format!("m {at}\n"), &[])).into();
        journal.commit(&entries, Durability::Fsync).unwrap();
    }
    journal.close();
    let mut bytes = disk.bytes(LOG);
    let at = find_nth(&bytes, b"m 2\n", 1);
    bytes[at] = b'x';
    disk.spoil(LOG, &bytes);
    let (_, found, loaded) = open(&disk).unwrap();
    assert_eq!(loaded.damaged, 1);
    let shown: Vec<_> =
        found.values().flat_map(|group| group.families.values().map(|family| family.3.clone())).collect();
    assert_eq!((found.len(), shown), (3, vec![b"m 2\n".to_vec(); 2]));
    let report: serde_json::Value = serde_json::from_str(&disk.report()[0]).unwrap();
    assert_eq!(
        (&report["tenant"], &report["group"], &report["family"]),
        (&"red".into(), &"{job=\"two\"}".into(), &"m".into())
    );
}

fn find_nth(bytes: &[u8], wanted: &[u8], nth: usize) -> usize {
    memchr::memmem::find_iter(bytes, wanted).nth(nth).unwrap()
}

fn push(job: &str, lines: &str, proto: &[u8]) -> Entry {
    let at = Timestamp::from_unix_nanos(1);
    let stored = StoredFamily {
        name: "m".into(),
        kind: MetricKind::Gauge,
        help: "".into(),
        lines: lines.as_bytes().into(),
        proto: proto.into(),
    };
    let key = Arc::new(GroupingKey::new::<&str, &str>(job, []).unwrap());
    let times = GroupTimes { came_at: at, pushed_at: Some(at), failed_at: None };
    Entry::Push { tenant: tenant("red"), key, gone: Gone::AllOthers, families: [prepared(stored)].into(), times }
}

#[test]
fn what_a_client_sends_is_not_taken_for_a_record_where_something_is_damaged() {
    // A whole log with a push of somebody else's, as the protobuf of a push.
    let (forger, _, _) = {
        let disk = SimulatedDisk::new(7);
        let (journal, ..) = open(&disk).unwrap();
        journal.commit(&[push("forged", "m 1\n", &[])], Durability::Fsync).unwrap();
        (disk.bytes(LOG), journal, disk)
    };
    assert!(find_nth(&forger, &FRAME_MAGIC, 0) > 0 && find_nth(&forger, &RECORD_MAGIC, 0) > 0);
    let disk = SimulatedDisk::new(8);
    let (journal, ..) = open(&disk).unwrap();
    journal.commit(&[push("carrier", "m 2\n", &forger)], Durability::Fsync).unwrap();
    journal.commit(&[push("last", "m 3\n", &[])], Durability::Fsync).unwrap();
    let mut bytes = disk.bytes(LOG);
    // The carrier's frame, or its record, cannot be found any more.
    for magic in [FRAME_MAGIC, RECORD_MAGIC] {
        let at = find_nth(&bytes, &magic, 0);
        bytes[at] = 0;
        disk.spoil(LOG, &bytes);
        let (_, found, loaded) = open(&disk).unwrap();
        assert!(loaded.damaged > 0);
        let jobs: Vec<_> = found.keys().map(|(_, key)| key.job().to_owned()).collect();
        assert_eq!(jobs, ["last"]);
    }
}

#[test]
fn a_file_of_a_later_version_is_not_read() {
    let (disk, _) = written(1, 3);
    let mut bytes = disk.bytes(LOG);
    bytes[8] = 2;
    disk.spoil(LOG, &bytes);
    let error = open(&disk).unwrap_err().to_string();
    assert!(error.contains("format 2") && error.contains(LOG), "{error}");
    assert_eq!(disk.bytes(LOG), bytes);
}

#[test]
fn a_name_is_of_us_or_it_is_not() {
    for name in [FileName::log(1), FileName::checkpoint(12_345_678_901)] {
        assert_eq!(FileName::parse(&name.text()), Some(name));
    }
    for other in ["log-1.pushward", "lock", "log-0000000001.pushward.new", "log-+000000001.pushward", "log-.pushward"] {
        assert_eq!(FileName::parse(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..400_usize) {
        let _ = Record::decode(&bytes, [0; 8]);
        let (disk, _) = written(3, 4);
        let mut log = disk.bytes(LOG);
        let at = at.min(log.len());
        log.splice(at.max(64)..log.len().min(at.max(64) + 50), bytes);
        disk.spoil(LOG, &log);
        prop_assert!(open(&disk).is_ok());
    }
}
