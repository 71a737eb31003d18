//! Who shares a commit, who is judged on whom, and when it can be seen.

use super::*;
use crate::model::MetricKind::Counter;
use crate::model::MetricKind::Gauge;

#[test]
fn a_push_is_not_shown_before_its_commit_returns() {
    let journal = Held::closed();
    let store = durable(&["red"], ROOMY, journal.clone());
    let (a, empty) = (key("a", &[]), seen(&store));
    let written = begin(&store, "red", &a, &[gauge(&a, "m")]);
    journal.has_entered(1);
    assert_eq!(seen(&store), empty);
    journal.open();
    assert_eq!(written.wait(), Ok(()));
    assert!(tenant_view(&store, "red").contains("m{"));
}

/// A store whose first commit is held up, with that of `red`'s group `first` in it.
fn held_up(tenants: &[&str]) -> (Arc<Held>, Store, Written) {
    let journal = Held::closed();
    let store = durable(tenants, ROOMY, journal.clone());
    let first = key("first", &[]);
    let written = begin(&store, "red", &first, &[gauge(&first, "first")]);
    journal.has_entered(1);
    (journal, store, written)
}

#[test]
fn writes_of_all_tenants_that_wait_share_a_commit() {
    let (journal, store, first) = held_up(&["blue", "red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    let mut all = vec![first];
    for (tenant, key) in [("red", &a), ("blue", &a), ("red", &b), ("blue", &b), ("red", &a)] {
        all.push(begin(&store, tenant, key, &[gauge(key, "m")]));
    }
    journal.open();
    assert!(all.into_iter().all(|written| written.wait() == Ok(())));
    assert_eq!(journal.sizes(), [1, 5]);
}

#[test]
fn sixty_four_pushers_need_far_fewer_commits_than_they_push() {
    const PUSHERS: usize = 64;
    let (journal, store, first) = held_up(&["red"]);
    std::thread::scope(|scope| {
        for n in 0..PUSHERS {
            let store = &store;
            scope.spawn(move || {
                let key = key(&format!("j{n}"), &[]);
                replace(store, "red", &key, &[gauge(&key, "m")]).unwrap();
            });
        }
        while store.committer.waiting() < PUSHERS {
            std::thread::yield_now();
        }
        journal.open();
    });
    first.wait().unwrap();
    assert_eq!(journal.sizes(), [1, PUSHERS]);
}

#[test]
fn a_write_is_judged_on_those_before_it_in_its_batch() {
    let (journal, store, first) = held_up(&["red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    let of_b = [family(&b, "m", Counter, "", &[&[]])];
    let gauge_of_a = begin(&store, "red", &a, &[family(&a, "m", Gauge, "", &[&[]])]);
    let refused = begin(&store, "red", &b, &of_b);
    let deleted = store.delete(&Scope::for_test("red"), &a);
    let accepted = begin(&store, "red", &b, &of_b);
    journal.open();
    assert!(matches!(refused.wait(), Err(Refusal::Inconsistent(_))));
    assert!([first, gauge_of_a, deleted, accepted].into_iter().all(|written| written.wait() == Ok(())));
    // The refused one is noted.
    assert_eq!(journal.sizes(), [1, 4]);
    let (_, groups, _) = seen(&store);
    assert_eq!(groups[0], r#"red {job="b"} true m@7 push_failure_time_seconds@7 push_time_seconds@7"#);
}

#[test]
fn a_failed_commit_leaves_no_trace_and_all_who_were_judged_on_it_are_told() {
    let (journal, store, first) = held_up(&["blue", "red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    let red = Scope::for_test("red");
    journal.desk.lock().fails = [false, true, true].into();
    let judged_before = store.delete(&red, &a);
    let pushed = begin(&store, "red", &a, &[gauge(&a, "m")]);
    let refused = begin(&store, "red", &b, &[family(&b, "m", Counter, "", &[&[]])]);
    let judged_on_it = store.delete(&red, &b);
    let of_another = begin(&store, "blue", &a, &[gauge(&a, "m")]);
    let wiped = store.wipe(&red);
    let behind_the_wipe = begin(&store, "red", &b, &[gauge(&b, "n")]);
    journal.open();
    first.wait().unwrap();
    for unkept in [pushed, refused, judged_on_it, of_another, wiped, behind_the_wipe] {
        assert_eq!(unkept.wait(), Err(Refusal::Unavailable));
    }
    assert_eq!(judged_before.wait(), Ok(()));
    let (_, groups, usage) = seen(&store);
    assert!(groups.len() == 1 && groups[0].contains("first"), "{groups:?}");
    assert_eq!((usage[0], usage[1].groups), (Usage::default(), 1));
    // And it goes on where the disk is back.
    replace(&store, "red", &a, &[gauge(&a, "m")]).unwrap();
    assert_eq!(journal.sizes(), [1, 1]);
}

#[test]
fn a_wipe_is_one_entry_and_the_last_of_its_tenant_in_its_batch() {
    let (journal, store, first) = held_up(&["blue", "red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    let before = begin(&store, "red", &a, &[gauge(&a, "m")]);
    let wiped = store.wipe(&Scope::for_test("red"));
    let after = begin(&store, "red", &b, &[gauge(&b, "m")]);
    let of_another = begin(&store, "blue", &a, &[gauge(&a, "m")]);
    journal.open();
    assert!([first, before, wiped, after, of_another].into_iter().all(|written| written.wait() == Ok(())));
    assert_eq!(journal.sizes(), [1, 3, 1]);
    assert!(matches!(&journal.kept()[2], Entry::Wipe { keys, .. } if keys.len() == 2));
    let (_, groups, _) = seen(&store);
    assert!(groups.len() == 2 && groups[1].contains(r#"{job="b"}"#), "{groups:?}");
}

#[test]
fn what_changes_nothing_needs_no_commit() {
    let journal = Held::closed();
    let store = durable(&["red"], ROOMY, journal.clone());
    store.delete(&Scope::for_test("red"), &key("a", &[])).wait().unwrap();
    store.wipe(&Scope::for_test("red")).wait().unwrap();
    assert_eq!(journal.desk.lock().entered, 0);
}

#[test]
fn a_tenant_that_asks_for_less_is_not_journalled_and_waits_for_nobody() {
    let (journal, store, first) = held_up(&["red"]);
    store.open(terms(&["blue"], ROOMY));
    let a = key("a", &[]);
    replace(&store, "blue", &a, &[gauge(&a, "m")]).unwrap();
    assert!(tenant_view(&store, "blue").contains("m{"));
    journal.open();
    first.wait().unwrap();
    assert_eq!(journal.sizes(), [1]);
}

#[test]
fn a_series_that_a_batch_brings_is_not_brought_again_by_another_group() {
    let (plain, instance) = (key("a", &[]), key("a", &[("instance", "x")]));
    let journal = Arc::new(Held::default());
    let store = durable(&["red"], ROOMY, journal.clone());
    replace(&store, "red", &plain, &[gauge(&plain, "m")]).unwrap();
    journal.desk.lock().closed = true;
    let first = begin(&store, "red", &key("first", &[]), &[]);
    journal.has_entered(2);
    let brings = begin(&store, "red", &plain, &[family(&plain, "m", Gauge, "", &[&[("instance", "x")]])]);
    let other = begin(&store, "red", &instance, &[gauge(&instance, "m")]);
    journal.open();
    assert!([first, brings].into_iter().all(|written| written.wait() == Ok(())));
    assert!(matches!(other.wait(), Err(Refusal::Inconsistent(_))));
    assert_eq!(journal.sizes(), [1, 1, 2]);
}
