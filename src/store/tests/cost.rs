//! What a write may cost: something like what it carries, whatever is held already.
//!
//! Each test is so large that a square would take minutes, and its bound so wide that a slow machine keeps it.

use super::*;
use crate::model::MetricKind::Counter;
use crate::model::MetricKind::Gauge;
use crate::store::write::Write;
use std::time::Duration;

/// On the processor, so that a busy machine is not taken for a slow store.
fn spent_by_this_thread() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn cost_of(work: impl FnOnce()) -> Duration {
    let before = spent_by_this_thread();
    work();
    spent_by_this_thread() - before
}

/// The same one line under `count` names that begin with `start`.
fn families(key: &GroupingKey, start: &str, kind: MetricKind, count: usize) -> Vec<PreparedFamily> {
    (0..count).map(|n| family(key, &format!("{start}{n:06}"), kind, "", &[&[]])).collect()
}

const VAST: Quota = Quota { groups_max: 1000, series_max: 1 << 40, stored_bytes_max: 1 << 40 };

#[test]
fn a_push_of_many_new_names_is_not_slower_for_the_many_that_its_group_holds() {
    let store = store_with(&["red"], VAST, Arc::new(MemoryJournal));
    let a = key("a", &[]);
    let (late, early) = (families(&a, "z", Gauge, 100_000), families(&a, "a", Gauge, 100_000));
    let first = cost_of(|| push(&store, "red", &a, Method::Merge, &late, 1).unwrap());
    let second = cost_of(|| push(&store, "red", &a, Method::Merge, &early, 2).unwrap());
    assert!(second < first * 3, "{first:?}, then {second:?}");
}

#[test]
fn a_refused_push_of_one_family_is_not_slower_for_the_many_that_its_group_holds() {
    let store = store_with(&["red"], VAST, Arc::new(MemoryJournal));
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &b, &[gauge(&b, "m")]).unwrap();
    replace(&store, "red", &a, &families(&a, "z", Gauge, 20_000)).unwrap();
    let wrong = [family(&a, "m", Counter, "", &[&[]])];
    let refused = cost_of(|| {
        for method in [Method::Replace, Method::Merge].into_iter().cycle().take(200) {
            push(&store, "red", &a, method, &wrong, 1).unwrap_err();
        }
    });
    assert!(refused < Duration::from_millis(500), "{refused:?}");
}

#[test]
fn what_is_rehearsed_and_taken_back_costs_no_more_for_the_many_that_its_group_holds() {
    let quota = Quota { groups_max: 9, series_max: 1 << 40, stored_bytes_max: 1 << 40 };
    let store = durable(&["red"], quota, Arc::new(MemoryJournal));
    let shelf = store.shelves.load()["red"].clone();
    let a = key("a", &[]);
    let held = families(&a, "m", Gauge, 20_000);
    let write = |families: &[PreparedFamily]| Write::Push {
        push: Push::new(a.clone(), Method::Merge, families.to_vec(), Timestamp::from_unix_seconds(7)),
        all_visible: true,
    };
    shelf.write(&write(&held), &store.claims, OWN_GAUGES).unwrap();
    let (one, two) = ([write(&held)], [write(&held), write(&held[..1])]);
    let judged = cost_of(|| drop(shelf.rehearse(&one, OWN_GAUGES).unwrap()));
    let undone = cost_of(|| drop(shelf.rehearse(&two, OWN_GAUGES).unwrap()));
    assert!(undone < judged * 20, "{judged:?}, and {undone:?} if another comes behind it");
}

#[test]
fn contested_families_are_taken_away_in_a_time_that_grows_with_their_number() {
    let store = store_with(&["blue", "red"], VAST, Arc::new(MemoryJournal));
    let a = key("a", &[]);
    replace(&store, "red", &a, &families(&a, "m", Gauge, 5_000)).unwrap();
    let brought = cost_of(|| replace(&store, "blue", &a, &families(&a, "m", Counter, 5_000)).unwrap());
    let taken = cost_of(|| delete(&store, "blue", &a).unwrap());
    assert!(taken < brought * 3, "{brought:?}, then {taken:?}");
}

#[test]
fn a_scrape_is_not_slower_for_the_groups_that_are_gone() {
    let store = store_with(&["red"], Quota { groups_max: 1 << 20, ..VAST }, Arc::new(MemoryJournal));
    let keys: Vec<_> = (0..1_000).map(|n| key(&format!("j{n}"), &[])).collect();
    let names: Vec<String> = (0..20).map(|n| format!("m{n}")).collect();
    let scrape = || cost_of(|| (0..100).for_each(|_| drop(tenant_view(&store, "red"))));
    let push_all = |key: &GroupingKey, start: usize| {
        let families: Vec<_> = names.iter().map(|name| gauge(key, &format!("{name}_{start}"))).collect();
        push(&store, "red", key, Method::Merge, &families, 1).unwrap();
    };
    let last = key("z", &[]);
    (0..3).for_each(|start| push_all(&last, start));
    let before = scrape();
    for start in 0..3 {
        keys.iter().for_each(|key| push_all(key, start));
        push_all(&last, start);
        keys.iter().for_each(|key| delete(&store, "red", key).unwrap());
    }
    let after = scrape();
    assert!(after < before * 4 + Duration::from_millis(50), "{before:?}, then {after:?}");
}

#[test]
fn a_wipe_of_everything_does_not_cost_what_it_takes_away() {
    let store = store_with(&["red"], Quota { groups_max: 1 << 20, ..VAST }, Arc::new(MemoryJournal));
    let keys: Vec<_> = (0..1_000).map(|n| key(&format!("j{n}"), &[])).collect();
    let fill = || keys.iter().for_each(|key| replace(&store, "red", key, &families(key, "m", Gauge, 50)).unwrap());
    fill();
    let filled = cost_of(fill);
    let wiped = cost_of(|| store.wipe(&Scope::for_test("red")).wait().unwrap());
    assert!(wiped < filled / 20, "{filled:?}, then {wiped:?}");
    assert_eq!(tenant_view(&store, "red"), "");
}
