//! What is full stays full, and can still be replaced and deleted.

use super::*;
use crate::model::QuotaKind;

fn small(quota: Quota) -> Store {
    store_with(&["red"], quota, Arc::new(MemoryJournal))
}

#[test]
fn a_full_quota_names_itself_and_creates_nothing() {
    let store = small(Quota { groups_max: 1, ..ROOMY });
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &a, &[gauge(&a, "m")]).unwrap();
    let refusal = replace(&store, "red", &b, &[gauge(&b, "m")]).unwrap_err();
    assert_eq!(refusal, Refusal::QuotaFull { kind: QuotaKind::Groups, limit: 1, used: Some(1), needed: Some(2) });
    assert!(!tenant_view(&store, "red").contains("job=\"b\""));
    // A refusal by judgement creates no group either where there is no room for one.
    note_failure(&store, "red", &b, 1).unwrap();
    assert!(!tenant_view(&store, "red").contains("job=\"b\""));
}

#[test]
fn a_full_quota_is_noted_in_a_group_that_exists() {
    let store = small(Quota { series_max: 1, ..ROOMY });
    let a = key("a", &[]);
    replace(&store, "red", &a, &[gauge(&a, "m")]).unwrap();
    let refusal = push(&store, "red", &a, Method::Merge, &[gauge(&a, "n")], 9).unwrap_err();
    assert_eq!(refusal, Refusal::QuotaFull { kind: QuotaKind::Series, limit: 1, used: Some(1), needed: Some(2) });
    assert!(tenant_view(&store, "red").contains("push_failure_time_seconds{job=\"a\"} 9\n"));
}

#[test]
fn replacing_and_deleting_go_on_when_full() {
    let a = key("a", &[]);
    let full = {
        let store = small(ROOMY);
        replace(&store, "red", &a, &[gauge(&a, "m"), gauge(&a, "n")]).unwrap();
        store.usage().first().unwrap().1
    };
    let store = small(Quota { groups_max: 1, series_max: full.series, stored_bytes_max: full.stored_bytes });
    replace(&store, "red", &a, &[gauge(&a, "m"), gauge(&a, "n")]).unwrap();
    replace(&store, "red", &a, &[gauge(&a, "m"), gauge(&a, "o")]).unwrap();
    assert!(replace(&store, "red", &a, &[gauge(&a, "m"), gauge(&a, "oo")]).is_err());
    replace(&store, "red", &a, &[gauge(&a, "m")]).unwrap();
    delete(&store, "red", &a).unwrap();
    assert_eq!(store.usage().first().unwrap().1, crate::store::Usage::default());
}
