//! What an operator sees of tenants that know nothing of each other.

use super::*;
use crate::model::MetricKind::Counter;
use crate::model::MetricKind::Gauge;
use crate::model::MetricKind::Histogram;

#[test]
fn families_of_one_name_and_type_are_merged_in_the_order_of_tenants() {
    let store = store(&["blue", "red"]);
    let a = key("a", &[]);
    replace(&store, "red", &a, &[family(&a, "m", Gauge, "red's", &[&[]])]).unwrap();
    replace(&store, "blue", &a, &[family(&a, "m", Gauge, "blue's", &[&[]]), gauge(&a, "z")]).unwrap();
    let expected = [
        "# m gauge blue's",
        "blue: m{instance=\"\",job=\"a\"} 1",
        "red: m{instance=\"\",job=\"a\"} 1",
        "# z gauge ",
        "blue: z{instance=\"\",job=\"a\"} 1",
    ];
    assert_eq!(fleet_view(&store, None), expected);
    assert_eq!(fleet_view(&store, Some(&["red"])), ["# m gauge red's", "red: m{instance=\"\",job=\"a\"} 1"]);
}

#[test]
fn contested_families_are_flattened_to_untyped_line_names() {
    let store = store(&["blue", "red"]);
    let a = key("a", &[]);
    replace(&store, "red", &a, &[family(&a, "x", Histogram, "", &[&[]]), gauge(&a, "y")]).unwrap();
    replace(&store, "blue", &a, &[gauge(&a, "x_count")]).unwrap();
    let expected = [
        "# y gauge ",
        "red: y{instance=\"\",job=\"a\"} 1",
        "# x untyped ",
        "# x_bucket untyped ",
        "# x_count untyped ",
        "blue: x_count{instance=\"\",job=\"a\"} 1",
        "red: x_count{instance=\"\",job=\"a\"} 1",
        "# x_sum untyped ",
    ];
    assert_eq!(fleet_view(&store, None), expected);
    // Who does not see the other tenant does not see the contradiction.
    assert_eq!(fleet_view(&store, Some(&["red"]))[..2], ["# x histogram ", "red: x_count{instance=\"\",job=\"a\"} 1"]);
    delete(&store, "blue", &a).unwrap();
    assert_eq!(fleet_view(&store, None)[..2], ["# x histogram ", "red: x_count{instance=\"\",job=\"a\"} 1"]);
}

#[test]
fn one_name_with_two_types_is_contested() {
    let store = store(&["blue", "red"]);
    let a = key("a", &[]);
    replace(&store, "red", &a, &[gauge(&a, "m")]).unwrap();
    replace(&store, "blue", &a, &[family(&a, "m", Counter, "", &[&[]])]).unwrap();
    assert_eq!(fleet_view(&store, None)[0], "# m untyped ");
    // Retyping ends it as deleting does.
    replace(&store, "blue", &a, &[gauge(&a, "m")]).unwrap();
    assert_eq!(fleet_view(&store, None)[0], "# m gauge ");
}

#[test]
fn reserved_names_are_kept_out_and_counted() {
    let store = store(&["red"]);
    let a = key("a", &[]);
    let names = ["up", "ALERTS", "scrape_duration_seconds", "upper"];
    replace(&store, "red", &a, &names.map(|name| gauge(&a, name))).unwrap();
    push(&store, "red", &a, Method::Merge, &[family(&a, "scrape", Histogram, "", &[&[]])], 1).unwrap();
    assert_eq!(fleet_view(&store, None), ["# upper gauge ", "red: upper{instance=\"\",job=\"a\"} 1"]);
    assert_eq!(store.reserved_families(), 4);
    assert!(tenant_view(&store, "red").contains("# up gauge"));
    delete(&store, "red", &a).unwrap();
    assert_eq!(store.reserved_families(), 0);
}

#[test]
fn a_view_taken_while_claims_change_looks_at_everything_and_says_the_same() {
    let store = store(&["blue", "red"]);
    let a = key("a", &[]);
    replace(&store, "red", &a, &[family(&a, "x", Histogram, "", &[&[]]), gauge(&a, "y")]).unwrap();
    replace(&store, "blue", &a, &[gauge(&a, "x_count"), gauge(&a, "up")]).unwrap();
    let settled = fleet_view(&store, None);
    let mut changing = store.claims.changing();
    changing.add(&crate::store::claims::Claimant::of(&gauge(&a, "z")));
    assert!(store.claims.settled().is_none());
    assert_eq!(fleet_view(&store, None), settled);
    drop(changing);
    assert!(store.claims.settled().is_some());
    assert_eq!(fleet_view(&store, None), settled);
}

#[test]
fn claims_that_changed_while_the_tenants_were_looked_at_are_not_trusted() {
    let store = store(&["blue", "red"]);
    let a = key("a", &[]);
    replace(&store, "red", &a, &[family(&a, "x", Histogram, "", &[&[]])]).unwrap();
    // As Store::fleet_snapshot does, with a busy moment between the one tenant and the other: the two never held the
    // families at one time, so no count of claims could tell.
    let before = store.claims.settled();
    let red = store.shelves.load()["red"].columns();
    delete(&store, "red", &a).unwrap();
    replace(&store, "blue", &a, &[gauge(&a, "x_count")]).unwrap();
    let blue = store.shelves.load()["blue"].columns();
    let names = ["blue", "red"].map(|name| TenantId::parse(name).unwrap());
    let columns = names.into_iter().zip([blue, red]).collect();
    let mut snapshot = crate::store::FleetSnapshot::new(columns, store.claims.view(before));
    let mut headers = Vec::new();
    while let Some(piece) = snapshot.read() {
        if let FleetPiece::Family { name, kind, .. } = piece {
            headers.push(format!("{name} {kind}"));
        }
    }
    assert_eq!(headers[2..], ["x untyped", "x_bucket untyped", "x_count untyped", "x_sum untyped"]);
}

#[test]
fn no_view_contradicts_itself_while_tenants_bring_and_take_what_contradicts() {
    let store = store(&["blue", "red"]);
    let a = key("a", &[]);
    let done = std::sync::atomic::AtomicBool::new(false);
    /// Ends the writers whatever becomes of the reader.
    struct Ending<'a>(&'a std::sync::atomic::AtomicBool);
    impl Drop for Ending<'_> {
        fn drop(&mut self) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let writer = |tenant: &'static str, families: [PreparedFamily; 2]| {
        let (store, a, done) = (&store, &a, &done);
        move || {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                for family in &families {
                    replace(store, tenant, a, std::slice::from_ref(family)).unwrap();
                }
                delete(store, tenant, a).unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(writer("red", [family(&a, "x", Histogram, "", &[&[]]), gauge(&a, "m")]));
        scope.spawn(writer("blue", [gauge(&a, "x_count"), family(&a, "m", Counter, "", &[&[]])]));
        let _ending = Ending(&done);
        for _ in 0..2000 {
            let mut kinds: BTreeMap<String, String> = BTreeMap::new();
            for header in fleet_view(&store, None).iter().filter_map(|line| line.strip_prefix("# ")) {
                let (name, rest) = header.split_once(' ').unwrap();
                assert!(kinds.insert(name.to_owned(), rest.to_owned()).is_none(), "{name} twice");
            }
            let histogram = kinds.get("x").is_some_and(|kind| kind.starts_with("histogram"));
            assert!(!(histogram && kinds.contains_key("x_count")), "{kinds:?}");
        }
    });
}
