//! Whatever comes together in a batch, and whichever batches fail: as if one had come behind the other, and those that failed
//! not at all.

use super::super::history::Op;
use super::super::history::groups;
use super::super::history::op;
use super::super::history::prepared;
use super::super::history::recount;
use super::super::history::usage;
use super::*;
use crate::namespace::Narrowing;
use crate::store::write::Write;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

const TENANTS: [&str; 2] = ["blue", "red"];
/// So small that many a write meets it.
const TIGHT: Quota = Quota { groups_max: 4, series_max: 7, stored_bytes_max: 8_600 };

#[derive(Clone, Debug)]
enum Step {
    One(Op),
    Wipe,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let step = prop_oneof![12 => op().prop_map(Step::One), 1 => Just(Step::Wipe)];
    (0..TENANTS.len(), step)
}

/// None for a push that does not come to the store.
fn write_of(step: &Step, at: i64) -> Option<Write> {
    let at = Timestamp::from_unix_seconds(at);
    Some(match step {
        Step::One(Op::Push { group, method, families }) => {
            let key = groups()[*group].clone();
            let push = Push::new(key.clone(), *method, prepared(&key, families)?, at);
            Write::Push { push, all_visible: true }
        }
        Step::One(Op::Delete { group }) => Write::Delete { key: groups()[*group].clone() },
        Step::One(Op::Fail { group }) => {
            let refusal = Refusal::Inconsistent("elsewhere".to_owned());
            Write::Refused { key: groups()[*group].clone(), at, refusal }
        }
        Step::Wipe => Write::Wipe { narrowing: Arc::new(Narrowing::default()) },
    })
}

fn shelf(store: &Store, tenant: &str) -> Arc<crate::store::shelf::Shelf> {
    store.shelves.load()[tenant].clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_batches_come_to_what_their_writes_come_to_one_by_one(
        batches in prop::collection::vec((prop::collection::vec(step(), 1..12), prop::bool::weighted(0.2)), 1..8),
        quota in prop::sample::select(vec![ROOMY, TIGHT]),
    ) {
        let journal = Arc::new(Held::default());
        let (batched, serial) = (durable(&TENANTS, quota, journal.clone()), store_with(&TENANTS, quota, Arc::new(MemoryJournal)));
        let mut at = 0;
        for (steps, fails) in batches {
            at += 100;
            let writes = || (at..).zip(&steps).filter_map(|(at, (tenant, step))| Some((TENANTS[*tenant], write_of(step, at)?)));
            let before = seen(&batched);
            // Those behind a wipe come in a further batch: it fails too.
            journal.desk.lock().fails = vec![fails; if fails { 24 } else { 0 }].into();
            let told = batched.committer.take_together(writes().map(|(tenant, write)| (shelf(&batched, tenant), write)).collect());
            journal.desk.lock().fails.clear();
            if fails {
                prop_assert_eq!(seen(&batched), before);
                let without_effect = |(told, (tenant, write)): (&Result<(), Refusal>, (&str, Write))| {
                    *told == Err(Refusal::Unavailable) || *told == shelf(&serial, tenant).rehearse(&[write], OWN_GAUGES).unwrap().remove(0).0.answer
                };
                prop_assert!(told.iter().zip(writes()).all(without_effect), "{:?}", told);
            } else {
                let one_by_one: Vec<_> = writes().map(|(tenant, write)| shelf(&serial, tenant).write(&write, &serial.claims, OWN_GAUGES)).collect();
                prop_assert_eq!(told, one_by_one);
            }
            prop_assert_eq!(seen(&batched), seen(&serial));
            prop_assert_eq!(seen(&replayed(&journal.kept(), &TENANTS)), seen(&serial));
            for tenant in TENANTS {
                prop_assert_eq!(usage(&batched, tenant), recount(&batched, tenant));
            }
            prop_assert!(batched.claims.settled().is_some());
        }
    }
}

/// What the journal kept is what is shown, whoever pushed meanwhile and whatever failed.
#[test]
fn what_is_shown_is_what_was_kept_whoever_writes_at_one_time() {
    const WRITERS: u64 = 8;
    const WRITES: u64 = 150;
    let journal = Arc::new(Held::default());
    journal.desk.lock().fails = (0..4_000).map(|n| n % 5 == 3).collect();
    let store = durable(&TENANTS, ROOMY, journal.clone());
    let clock = AtomicI64::new(1);
    let acknowledged = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, clock, acknowledged) = (&store, &clock, &acknowledged);
            scope.spawn(move || {
                let mut runner = proptest::test_runner::TestRunner::new_with_rng(
                    ProptestConfig::default(),
                    proptest::test_runner::TestRng::from_seed(
                        proptest::test_runner::RngAlgorithm::ChaCha,
                        &[u8::try_from(writer).unwrap(); 32],
                    ),
                );
                for _ in 0..WRITES {
                    let (tenant, step) = step().new_tree(&mut runner).unwrap().current();
                    let at = clock.fetch_add(1, Ordering::Relaxed);
                    let Some(write) = write_of(&step, at) else { continue };
                    let pushes = matches!(write, Write::Push { .. });
                    if store.write(Ok(shelf(store, TENANTS[tenant])), write).wait().is_ok() && pushes {
                        acknowledged.lock().insert(Timestamp::from_unix_seconds(at));
                    }
                }
            });
        }
    });
    let pushed_at = |entry: Entry| match entry {
        Entry::Push { times, .. } => times.pushed_at,
        _ => None,
    };
    let kept: BTreeSet<_> = journal.kept().into_iter().filter_map(pushed_at).collect();
    assert!(!kept.is_empty());
    assert_eq!(*acknowledged.lock(), kept);
    assert_eq!(seen(&store), seen(&replayed(&journal.kept(), &TENANTS)));
    for tenant in TENANTS {
        assert_eq!(usage(&store, tenant), recount(&store, tenant));
    }
}
