//! What all tenants take together: the ceiling holds whatever comes and goes, and what is full can be replaced and deleted.

use super::history::Model;
use super::history::op;
use super::history::run;
use super::*;
use proptest::prelude::*;

/// A gauge with a line of some `bytes`.
fn large(key: &GroupingKey, bytes: usize) -> PreparedFamily {
    family(key, "m", MetricKind::Gauge, "", &[&[("text", &"x".repeat(bytes))]])
}

fn stored(store: &Store) -> u64 {
    store.usage().iter().map(|(_, usage, _)| usage.stored_bytes).sum()
}

fn full(store: &Store, tenant: &str, key: &GroupingKey, bytes: usize) -> bool {
    match replace(store, tenant, key, &[large(key, bytes)]) {
        Ok(()) => false,
        Err(Refusal::GatewayFull { .. }) => true,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn above_four_fifths_only_those_below_their_fair_share_grow_and_at_the_ceiling_nobody() {
    let store = store(&["blue", "green", "red", "white"]);
    store.set_stored_bytes_max(100_000);
    let a = key("a", &[]);
    assert!(!full(&store, "red", &a, 61_600), "below four fifths whoever comes first has it");
    assert!(full(&store, "red", &a, 66_700), "beyond its fair share");
    let refusal = Refusal::GatewayFull { limit: 100_000, share: 25_000 };
    assert_eq!(replace(&store, "blue", &a, &[large(&a, 33_300)]), Err(refusal.clone()));
    assert!(refusal.to_string().contains("gateway.stored_bytes_max is 100000"), "{refusal}");
    assert!(!full(&store, "blue", &a, 15_000), "within its fair share");
    assert!(full(&store, "green", &a, 8_300), "at the ceiling");
    assert_eq!(tenant_view(&store, "green"), "", "a full gateway leaves no trace");
    // And the group of a refused push shows no failure.
    assert!(full(&store, "blue", &a, 33_300));
    assert!(!tenant_view(&store, "blue").contains("push_failure_time_seconds{job=\"a\"} 7"));
    assert!(!full(&store, "red", &a, 60_800), "less than before");
    store.delete(&Scope::for_test("red"), &a).wait().unwrap();
    assert!(!full(&store, "green", &a, 8_300));
    assert_eq!(store.stored_bytes(), stored(&store));
}

#[test]
fn a_lower_ceiling_lets_everybody_replace_and_nobody_grow() {
    let store = store(&["blue", "red"]);
    let a = key("a", &[]);
    assert!(!full(&store, "red", &a, 50_000) && !full(&store, "blue", &a, 10));
    store.set_stored_bytes_max(10_000);
    assert!(full(&store, "blue", &a, 11) && full(&store, "red", &a, 50_001));
    assert!(!full(&store, "blue", &a, 10) && !full(&store, "red", &a, 50_000));
}

#[test]
fn what_is_not_journalled_takes_no_space() {
    let journal = Arc::new(Moody::default());
    let store = durable(&["red"], ROOMY, journal.clone());
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &a, &[large(&a, 100)]).unwrap();
    let before = store.stored_bytes();
    *journal.refuses.lock() = true;
    assert_eq!(replace(&store, "red", &b, &[large(&b, 100)]), Err(Refusal::Unavailable));
    assert_eq!(replace(&store, "red", &a, &[large(&a, 10)]), Err(Refusal::Unavailable));
    assert_eq!((store.stored_bytes(), stored(&store)), (before, before));
}

#[test]
fn a_reader_keeps_alive_no_more_than_was_replaced_and_no_more_than_it_holds() {
    let store = store(&["blue", "red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &a, &[large(&a, 10_000)]).unwrap();
    replace(&store, "blue", &a, &[large(&a, 10_000)]).unwrap();
    let scope = Scope::for_test("red");
    let (pin, fleet) = (store.pin(&scope), store.fleet_pin(&FleetScope::for_test(None)));
    let (_snapshot, held) = (store.snapshot(&scope), store.usage()[1].1.stored_bytes);
    assert_eq!((pin.bytes(), fleet.bytes()), (0, 0));
    replace(&store, "red", &b, &[large(&b, 10_000)]).unwrap();
    let copied = pin.bytes();
    assert!((1..1_000).contains(&copied), "a new group replaces nothing, and leaves the page that is read: {copied}");
    replace(&store, "blue", &a, &[large(&a, 10)]).unwrap();
    assert!(pin.bytes() == copied && fleet.bytes() > 10_000);
    // As long as the one before, once there is one that no reader has: written over it, and nothing is replaced.
    for _ in 0..5 {
        replace(&store, "red", &a, &[large(&a, 10_000)]).unwrap();
    }
    assert!(pin.bytes() < held, "{} of {held}", pin.bytes());
    for n in 0..5 {
        replace(&store, "red", &a, &[large(&a, 10_000 + n)]).unwrap();
    }
    assert_eq!(pin.bytes(), held);
}

#[test]
fn pushes_of_many_tenants_at_one_time_do_not_pass_the_ceiling_together() {
    let names: Vec<String> = (0..8).map(|n| format!("t{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let store = store(&names);
    store.set_stored_bytes_max(200_000);
    std::thread::scope(|threads| {
        for name in &names {
            let store = &store;
            threads.spawn(move || {
                for n in 0..200 {
                    let key = key(&format!("j{}", n % 30), &[]);
                    let _ = replace(store, name, &key, &[large(&key, n * 7)]);
                    assert!(store.stored_bytes() <= 200_000);
                    if n % 11 == 0 {
                        store.wipe(&Scope::for_test(name)).wait().unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(store.stored_bytes(), stored(&store));
    assert!(store.close_all_but(|_| false).len() == 8 && store.stored_bytes() == 0);
}

/// A write beside those of a history.
#[derive(Clone, Debug)]
enum Other {
    History(super::history::Op),
    Wipe,
    Gone,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn after_any_history_the_sum_is_what_the_shelves_hold(
        ops in prop::collection::vec((prop::bool::ANY, prop_oneof![
            12 => op().prop_map(Other::History), 1 => Just(Other::Wipe), 1 => Just(Other::Gone)
        ]), 1..40),
    ) {
        let store = store(&["blue", "red"]);
        let mut models = [Model::default(), Model::default()];
        for (of_red, op) in ops {
            let (tenant, model) = if of_red { ("red", &mut models[1]) } else { ("blue", &mut models[0]) };
            match op {
                Other::History(op) => run(&store, tenant, &[op], model)?,
                Other::Wipe => store.wipe(&Scope::for_test(tenant)).wait().unwrap(),
                Other::Gone => {
                    store.close_all_but(|id| id.as_str() != tenant);
                    store.open(super::terms(&[tenant], ROOMY));
                }
            }
            if groups_of(&store, tenant) == 0 {
                model.forget(|_| true);
            }
            prop_assert_eq!(store.stored_bytes(), stored(&store));
        }
    }
}

/// How many groups the tenant has.
fn groups_of(store: &Store, tenant: &str) -> u64 {
    super::history::usage(store, tenant).groups
}

#[test]
fn a_name_is_accounted_once_for_however_many_groups_and_given_back_by_the_last() {
    let store = store(&["red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    let taken = |what: &dyn Fn()| {
        let before = stored(&store);
        what();
        i64::try_from(stored(&store)).unwrap() - i64::try_from(before).unwrap()
    };
    replace(&store, "red", &a, &[]).unwrap();
    replace(&store, "red", &b, &[]).unwrap();
    let first = taken(&|| replace(&store, "red", &a, &[gauge(&a, "m")]).unwrap());
    let second = taken(&|| replace(&store, "red", &b, &[gauge(&b, "m")]).unwrap());
    assert!(first >= second + 700, "{first} for the first, {second} for the second");
    let renamed = taken(&|| replace(&store, "red", &b, &[gauge(&b, "n")]).unwrap());
    assert_eq!(renamed, first - second, "and another name takes as much");
    assert_eq!(taken(&|| replace(&store, "red", &b, &[gauge(&b, "m")]).unwrap()), -renamed);
    assert_eq!(
        taken(&|| push(&store, "red", &b, Method::Merge, &[family(&b, "m", MetricKind::Gauge, "", &[])], 9).unwrap()),
        -second
    );
    assert_eq!(taken(&|| replace(&store, "red", &a, &[]).unwrap()), -first);
    assert_eq!(store.stored_bytes(), stored(&store));
}
