//! Groups one by one: listed, and wiped together.

use super::history::Model;
use super::history::groups;
use super::history::op;
use super::history::recount;
use super::history::run;
use super::history::usage;
use super::*;
use crate::namespace::Narrowing;
use proptest::prelude::*;

#[test]
fn groups_are_listed_by_their_keys_with_the_time_of_each_family() {
    let store = store(&["blue", "red"]);
    let (a, b) = (key("a", &[("l", "1")]), key("b", &[]));
    push(&store, "red", &b, Method::Replace, &[gauge(&b, "m"), gauge(&b, "n")], 1).unwrap();
    push(&store, "red", &b, Method::Merge, &[gauge(&b, "n")], 2).unwrap();
    push(&store, "red", &a, Method::Replace, &[gauge(&a, "m")], 3).unwrap();
    note_failure(&store, "red", &a, 4).unwrap();
    push(&store, "blue", &b, Method::Replace, &[gauge(&b, "m")], 5).unwrap();
    let red = [
        r#"red {job="a",l="1"} false m@3 push_failure_time_seconds@4 push_time_seconds@3"#,
        r#"red {job="b"} true m@1 n@2 push_failure_time_seconds@1 push_time_seconds@2"#,
    ];
    assert_eq!(listed(store.catalogue(&Scope::for_test("red"))), red);
    assert_eq!(listed(store.catalogue(&Scope::for_test_narrowed("red", &["b"], &[]))), red[1..]);
    let fleet = listed(store.fleet_catalogue(&FleetScope::for_test(None)));
    assert!(fleet[0].starts_with("blue ") && fleet[1..] == red, "{fleet:?}");
}

#[test]
fn a_list_is_one_instant_whatever_comes_after_it() {
    let store = store(&["red"]);
    let keys: Vec<_> = (0..200).map(|n| key(&format!("j{n}"), &[])).collect();
    for key in &keys {
        replace(&store, "red", key, &[gauge(key, "m")]).unwrap();
    }
    let scope = Scope::for_test("red");
    let (before, held) = (listed(store.catalogue(&scope)), store.catalogue(&scope));
    for key in keys.iter().step_by(3) {
        delete(&store, "red", key).unwrap();
    }
    for key in keys.iter().skip(1).step_by(3) {
        push(&store, "red", key, Method::Replace, &[gauge(key, "o")], 9).unwrap();
    }
    assert_eq!(listed(held), before);
    assert_ne!(listed(store.catalogue(&scope)), before);
}

#[test]
fn a_wipe_that_is_not_journalled_leaves_everything() {
    let journal = Arc::new(Moody::default());
    let store = durable(&["red"], ROOMY, journal.clone());
    let keys = ["a", "b"].map(|job| key(job, &[]));
    for key in &keys {
        replace(&store, "red", key, &[gauge(key, "m")]).unwrap();
    }
    let before = tenant_view(&store, "red");
    *journal.refuses.lock() = true;
    assert_eq!(store.wipe(&Scope::for_test("red")).wait(), Err(Refusal::Unavailable));
    assert_eq!(tenant_view(&store, "red"), before);
    *journal.refuses.lock() = false;
    let kept = journal.kept.lock().len();
    store.wipe(&Scope::for_test("red")).wait().unwrap();
    assert_eq!(tenant_view(&store, "red"), "");
    assert_eq!(journal.kept.lock().len(), kept + 1);
}

#[test]
fn an_operator_wipes_the_one_tenant_it_names() {
    let store = store(&["blue", "red"]);
    let a = key("a", &[]);
    for tenant in ["blue", "red"] {
        replace(&store, tenant, &a, &[gauge(&a, "m")]).unwrap();
    }
    for unnamed in [None, Some(&["blue", "red"][..]), Some(&[][..])] {
        assert_eq!(store.wipe_named(&FleetScope::for_test(unnamed)).wait(), Err(Refusal::OutOfScope));
    }
    store.wipe_named(&FleetScope::for_test(Some(&["red"]))).wait().unwrap();
    assert_eq!(tenant_view(&store, "red"), "");
    assert!(tenant_view(&store, "blue").contains("m{"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_wipe_is_a_delete_of_each_group_in_view(
        before in prop::collection::vec(op(), 0..30),
        after in prop::collection::vec(op(), 0..10),
        jobs in prop::sample::select(vec![&[][..], &["a"][..], &["b"][..], &["*"][..]]),
        bound in prop::sample::select(vec![&[][..], &[("l", "1")][..], &[("instance", "i")][..]]),
    ) {
        let (wiped, deleted) = (store(&["red"]), store(&["red"]));
        let scope = Scope::for_test_narrowed("red", jobs, bound);
        let mut models = [Model::default(), Model::default()];
        run(&wiped, "red", &before, &mut models[0])?;
        run(&deleted, "red", &before, &mut models[1])?;
        wiped.wipe(&scope).wait().unwrap();
        let admits = |narrowing: &Narrowing, key: &GroupingKey| narrowing.admits(key);
        for key in groups().iter().filter(|key| admits(scope.narrowing(), key)) {
            delete(&deleted, "red", key).unwrap();
        }
        for model in &mut models {
            model.forget(|key| admits(scope.narrowing(), key));
        }
        for ops in [&[][..], &after] {
            run(&wiped, "red", ops, &mut models[0])?;
            run(&deleted, "red", ops, &mut models[1])?;
            prop_assert_eq!(fleet_view(&wiped, None).len(), fleet_view(&deleted, None).len());
            prop_assert_eq!(listed(wiped.catalogue(&Scope::for_test("red"))), listed(deleted.catalogue(&Scope::for_test("red"))));
            prop_assert_eq!(usage(&wiped, "red"), usage(&deleted, "red"));
            prop_assert_eq!(usage(&wiped, "red"), recount(&wiped, "red"));
            prop_assert_eq!(wiped.reserved_families(), deleted.reserved_families());
        }
    }
}
