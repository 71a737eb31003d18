//! Tenants that come and go while others push.

use super::*;
use crate::model::MetricKind::Histogram;
use crate::store::write::Write;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

#[test]
fn a_tenant_that_stays_keeps_its_groups_and_gets_the_new_quota() {
    let store = store(&["blue", "red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &a, &[gauge(&a, "m")]).unwrap();
    let before = tenant_view(&store, "red");
    store.open(terms(&["green", "red"], Quota { groups_max: 1, ..ROOMY }));
    assert!(store.close_all_but(|tenant| tenant.as_str() != "blue").iter().map(|(id, _)| id.as_str()).eq(["blue"]));
    assert_eq!(tenant_view(&store, "red"), before);
    assert!(matches!(replace(&store, "red", &b, &[]), Err(Refusal::QuotaFull { limit: 1, .. })));
    replace(&store, "green", &a, &[gauge(&a, "m")]).unwrap();
    assert_eq!(replace(&store, "blue", &a, &[gauge(&a, "m")]), Err(Refusal::NoTenant));
    let ids: Vec<_> = store.usage().into_iter().map(|(id, ..)| id.to_string()).collect();
    assert_eq!(ids, ["green", "red"]);
}

#[test]
fn whoever_goes_takes_its_claims_along_and_is_told_how_much_it_held() {
    let store = store(&["blue", "red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "blue", &a, &[gauge(&a, "x_count"), gauge(&a, "up")]).unwrap();
    let alone = fleet_view(&store, None);
    for key in [&a, &b] {
        replace(&store, "red", key, &[family(key, "x", Histogram, "", &[&[]]), gauge(key, "up")]).unwrap();
    }
    assert_ne!(fleet_view(&store, None), alone);
    let held = store.usage()[1].1;
    let gone = store.close_all_but(|tenant| tenant.as_str() == "blue");
    assert_eq!(gone, [(TenantId::parse("red").unwrap(), held)]);
    assert_eq!(fleet_view(&store, None), alone);
    assert_eq!(store.reserved_families(), 1);
}

#[test]
fn who_has_just_gone_is_told_so_and_not_that_its_quota_is_full() {
    let store = store(&["red"]);
    let red = Scope::for_test("red");
    assert_eq!(store.push_bytes_max(&red), Ok(ROOMY.stored_bytes_max));
    store.close_all_but(|_| false);
    // It comes back before the push that asked is refused.
    let asked = store.push_bytes_max(&red);
    store.open(terms(&["red"], ROOMY));
    assert_eq!(asked, Err(Refusal::NoTenant));
}

#[test]
fn a_write_that_still_holds_the_shelf_is_refused_and_leaves_nothing() {
    let store = store(&["red"]);
    let a = key("a", &[]);
    replace(&store, "red", &a, &[gauge(&a, "m")]).unwrap();
    let shelf = store.shelves.load()["red"].clone();
    store.close_all_but(|_| false);
    let push = Push::new(a.clone(), Method::Merge, vec![gauge(&a, "m")], Timestamp::default());
    for write in [
        Write::Push { push, all_visible: true },
        Write::Delete { key: a.clone() },
        Write::Wipe { narrowing: Arc::default() },
        Write::Refused { key: a.clone(), at: Timestamp::default(), refusal: Refusal::Inconsistent(String::new()) },
    ] {
        assert_eq!(shelf.write(&write, &store.claims, OWN_GAUGES), Err(Refusal::NoTenant));
        assert_eq!(shelf.rehearse(&[write], OWN_GAUGES).unwrap_err(), Refusal::NoTenant);
    }
    assert_eq!(shelf.usage(), crate::store::Usage::default());
    // Nobody claims a line any more: another tenant is not flattened for one that is gone.
    store.open(terms(&["blue"], ROOMY));
    replace(&store, "blue", &a, &[family(&a, "m", MetricKind::Counter, "", &[&[]])]).unwrap();
    assert_eq!(fleet_view(&store, None)[0], "# m counter ");
    // An operator that named it is not told that it is itself unknown.
    assert_eq!(store.wipe_named(&FleetScope::for_test(Some(&["red"]))).wait(), Err(Refusal::OutOfScope));
}

#[test]
fn no_claim_is_left_over_by_tenants_that_go_while_they_push() {
    const ROUNDS: usize = 500;
    let store = store(&["red"]);
    let a = key("a", &[]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for name in ["x", "y"] {
            let (store, a, done) = (&store, key(name, &[]), &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let pushed = replace(store, "red", &a, &[family(&a, "x", Histogram, "", &[&[]])]);
                    assert!(matches!(pushed, Ok(()) | Err(Refusal::NoTenant)), "{pushed:?}");
                }
            });
        }
        for _ in 0..ROUNDS {
            store.close_all_but(|_| false);
            store.open(terms(&["red"], ROOMY));
        }
        done.store(true, Ordering::Relaxed);
    });
    store.close_all_but(|_| false);
    store.open(terms(&["blue"], ROOMY));
    replace(&store, "blue", &a, &[gauge(&a, "x_count")]).unwrap();
    assert_eq!(fleet_view(&store, None)[0], "# x_count gauge ");
    assert!(store.claims.settled().is_some());
    let view = store.claims.view(store.claims.settled());
    assert!(view.contested.is_some_and(|contested| contested.is_empty()));
}
