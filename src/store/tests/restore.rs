//! What was kept comes back as it was.

use super::*;
use crate::model::MetricKind::Counter;
use crate::model::MetricKind::Gauge;
use crate::model::MetricKind::Histogram;
use crate::store::GroupTimes;
use crate::store::RestoreError;
use crate::store::RestoredGroup;

fn red() -> TenantId {
    TenantId::parse("red").unwrap()
}

fn group(key: &GroupingKey, families: &[PreparedFamily]) -> RestoredGroup {
    let at = Timestamp::from_unix_seconds(3);
    let times = GroupTimes { came_at: Timestamp::from_unix_seconds(1), pushed_at: Some(at), failed_at: None };
    RestoredGroup { key: key.clone(), families: families.iter().map(|family| (family.clone(), at)).collect(), times }
}

fn left_out(outcome: Result<(), RestoreError>) -> Vec<String> {
    match outcome {
        Err(RestoreError::Families(families)) => families.into_iter().map(|(name, _)| name.to_string()).collect(),
        other => panic!("{other:?} leaves out no family"),
    }
}

#[test]
fn a_group_comes_back_as_it_was_whatever_the_quota() {
    let (before, after) =
        (store(&["red"]), store_with(&["red"], Quota { groups_max: 0, ..ROOMY }, Arc::new(MemoryJournal)));
    let a = key("a", &[("l", "")]);
    let families = [gauge(&a, "m"), family(&a, "x", Histogram, "of x", &[&[("l", "1")]])];
    push(&before, "red", &a, Method::Replace, &families, 1).unwrap();
    push(&before, "red", &a, Method::Replace, &families, 3).unwrap();
    after.restore(&red(), group(&a, &families)).unwrap();
    let scope = Scope::for_test("red");
    assert_eq!(tenant_view(&after, "red"), tenant_view(&before, "red"));
    assert_eq!(listed(after.catalogue(&scope)), listed(before.catalogue(&scope)));
    assert_eq!(after.usage()[0].1, before.usage()[0].1);
    assert_eq!(fleet_view(&after, None), fleet_view(&before, None));
}

#[test]
fn a_group_that_was_only_ever_refused_comes_back_so() {
    let (before, after) = (store(&["red"]), store(&["red"]));
    let a = key("a", &[]);
    let at = |seconds| Timestamp::from_unix_seconds(seconds);
    for seconds in [1, 4] {
        note_failure(&before, "red", &a, seconds).unwrap();
    }
    let times = GroupTimes { came_at: at(1), pushed_at: None, failed_at: Some(at(4)) };
    after.restore(&red(), RestoredGroup { times, ..group(&a, &[]) }).unwrap();
    let scope = Scope::for_test("red");
    assert_eq!(tenant_view(&after, "red"), tenant_view(&before, "red"));
    assert_eq!(listed(after.catalogue(&scope)), listed(before.catalogue(&scope)));
}

#[test]
fn a_family_that_contradicts_what_is_there_is_left_out_alone_and_named() {
    let store = store(&["red"]);
    let (a, b, c) = (key("a", &[]), key("b", &[]), key("a", &[("instance", "i")]));
    let held = family(&a, "m", Gauge, "", &[&[("instance", "i")]]);
    let twice = family(&a, "n", Gauge, "", &[&[], &[]]);
    let nothing = family(&a, "o", Gauge, "", &[]);
    let lines = [family(&a, "x", Histogram, "", &[&[]]), gauge(&a, "x_sum")];
    let of_a = [&[held, twice, nothing, gauge(&a, "p"), gauge(&a, "p")][..], &lines].concat();
    assert_eq!(left_out(store.restore(&red(), group(&a, &of_a))), ["n", "o", "p", "x_sum"]);
    let of_b = [family(&b, "m", Counter, "", &[&[]]), gauge(&b, "x_count"), gauge(&b, "q")];
    assert_eq!(left_out(store.restore(&red(), group(&b, &of_b))), ["m", "x_count"]);
    // The same series under another key of the job.
    assert_eq!(left_out(store.restore(&red(), group(&c, &[gauge(&c, "m"), gauge(&c, "q")]))), ["m"]);
    let view = tenant_view(&store, "red");
    assert_eq!(view.lines().filter(|l| !l.starts_with('#') && !l.starts_with("push_")).count(), 5, "{view}");
    assert_eq!(view.matches("push_time_seconds{").count(), 3);
    assert_eq!(store.shelves.load()["red"].recount(), store.usage()[0].1);
    // And it is a store like any other.
    replace(&store, "red", &a, &[gauge(&a, "x_sum")]).unwrap();
    assert!(replace(&store, "red", &b, &[family(&b, "x_sum", Counter, "", &[&[]])]).is_err());
}

#[test]
fn a_group_comes_back_once_and_only_to_a_tenant_that_is_there() {
    let store = store(&["red"]);
    let (a, twin) = (key("a", &[]), key("a", &[("l", "")]));
    store.restore(&red(), group(&a, &[gauge(&a, "m")])).unwrap();
    let before = tenant_view(&store, "red");
    assert_eq!(store.restore(&red(), group(&twin, &[gauge(&twin, "n")])), Err(RestoreError::Twice));
    let blue = TenantId::parse("blue").unwrap();
    assert_eq!(store.restore(&blue, group(&a, &[])), Err(RestoreError::NoTenant));
    assert_eq!(tenant_view(&store, "red"), before);
}

#[test]
fn who_comes_back_is_seen_whole_or_not_at_all_and_changes_nothing_for_others_until_then() {
    let store = store(&["blue"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    let of_blue = family(&a, "x", Histogram, "", &[&[]]);
    replace(&store, "blue", &a, &[of_blue]).unwrap();
    let before = (fleet_view(&store, None), store.usage(), store.reserved_families(), store.stored_bytes());
    let seen = || (fleet_view(&store, None), store.usage(), store.reserved_families());
    let listed_before = listed(store.fleet_catalogue(&FleetScope::for_test(None)));
    for is_back in [false, true] {
        let version = store.version();
        let returning = store.returning(terms(&["red", "green", "blue"], ROOMY));
        // One that contests what blue holds, and one of a name that no tenant's family may have there.
        returning.restore(&red(), group(&a, &[gauge(&a, "x_sum"), gauge(&a, "up")])).unwrap();
        returning.restore(&red(), group(&b, &[gauge(&b, "m")])).unwrap();
        let blue = TenantId::parse("blue").unwrap();
        assert_eq!(returning.restore(&blue, group(&b, &[])), Err(RestoreError::NoTenant));
        assert_eq!(seen(), (before.0.clone(), before.1.clone(), before.2));
        assert_eq!(listed(store.fleet_catalogue(&FleetScope::for_test(None))), listed_before);
        assert!(store.stored_bytes() > before.3, "it is in memory");
        returning.let_in(|tenant| is_back && *tenant == red());
        if is_back {
            assert_ne!(store.version(), version, "a view that was kept would be shown on");
            continue;
        }
        assert_eq!(seen(), (before.0.clone(), before.1.clone(), before.2));
        assert_eq!(store.stored_bytes(), before.3);
    }
    let version = store.version();
    store.returning([]).let_in(|_| true);
    assert_eq!(store.version(), version, "what was kept of views would be made anew for nothing");
    // As if it had pushed all of it here.
    let like = store_with(&["blue", "red"], ROOMY, Arc::new(MemoryJournal));
    replace(&like, "blue", &a, &[family(&a, "x", Histogram, "", &[&[]])]).unwrap();
    for (key, families) in [(&a, vec![gauge(&a, "x_sum"), gauge(&a, "up")]), (&b, vec![gauge(&b, "m")])] {
        like.restore(&red(), group(key, &families)).unwrap();
    }
    assert_eq!(seen(), (fleet_view(&like, None), like.usage(), like.reserved_families()));
    assert!(fleet_view(&store, None).iter().any(|line| line.contains("x_sum untyped")));
    store.close_all_but(|tenant| *tenant != red());
    assert_eq!(seen(), (before.0, before.1, before.2));
    assert_eq!(store.stored_bytes(), before.3);
}
