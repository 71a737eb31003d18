//! What is consistent, and what a refusal leaves.

use super::*;
use crate::model::MetricKind::Counter;
use crate::model::MetricKind::Gauge;
use crate::model::MetricKind::Histogram;
use crate::model::MetricKind::Summary;

fn inconsistent(outcome: Result<(), Refusal>) -> String {
    match outcome {
        Err(Refusal::Inconsistent(why)) => why,
        other => panic!("{other:?} is not a refusal for inconsistency"),
    }
}

#[test]
fn a_name_has_one_type_within_a_tenant() {
    let store = store(&["red", "blue"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &a, &[family(&a, "m", Gauge, "", &[&[]])]).unwrap();
    let why = inconsistent(replace(&store, "red", &b, &[family(&b, "m", Counter, "", &[&[]])]));
    assert_eq!(why, "metric family \"m\" is pushed as COUNTER but is held as GAUGE");
    replace(&store, "blue", &b, &[family(&b, "m", Counter, "", &[&[]])]).unwrap();
}

#[test]
fn the_only_holder_of_a_family_may_change_its_type() {
    let store = store(&["red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    for method in [Method::Replace, Method::Merge] {
        for kind in [Gauge, Counter, Histogram, Gauge] {
            push(&store, "red", &a, method, &[family(&a, "m", kind, "", &[&[]])], 1).unwrap();
        }
    }
    replace(&store, "red", &b, &[family(&b, "m", Gauge, "", &[&[]])]).unwrap();
    inconsistent(replace(&store, "red", &a, &[family(&a, "m", Counter, "", &[&[]])]));
}

#[test]
fn a_line_name_belongs_to_one_family() {
    for (first, kind, second, other) in [
        ("x", Histogram, "x_count", Counter),
        ("x", Histogram, "x_bucket", Gauge),
        ("x", Summary, "x_sum", Gauge),
        ("x_sum", Gauge, "x", Summary),
        ("x_bucket", Gauge, "x", Histogram),
        ("x_sum", Histogram, "x", Histogram),
    ] {
        let store = store(&["red"]);
        let (a, b) = (key("a", &[]), key("b", &[]));
        replace(&store, "red", &a, &[family(&a, first, kind, "", &[&[]])]).unwrap();
        let why = inconsistent(replace(&store, "red", &b, &[family(&b, second, other, "", &[&[]])]));
        assert!(why.contains("collides with previously collected"), "{why}");
        // The group that holds it may put the other in its place.
        replace(&store, "red", &a, &[family(&a, second, other, "", &[&[]])]).unwrap();
        inconsistent(push(&store, "red", &a, Method::Merge, &[family(&a, first, kind, "", &[&[]])], 1));
    }
    let store = store(&["red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &a, &[family(&a, "x", Summary, "", &[&[]])]).unwrap();
    replace(&store, "red", &b, &[family(&b, "x_bucket", Gauge, "", &[&[]])]).unwrap();
}

#[test]
fn two_groups_cannot_hold_one_series() {
    let store = store(&["red"]);
    let (plain, instance) = (key("a", &[]), key("a", &[("instance", "x")]));
    let of_plain = family(&plain, "m", Gauge, "", &[&[("instance", "x")], &[("instance", "y")]]);
    let of_instance = family(&instance, "m", Gauge, "", &[&[]]);
    replace(&store, "red", &plain, std::slice::from_ref(&of_plain)).unwrap();
    let why = inconsistent(replace(&store, "red", &instance, std::slice::from_ref(&of_instance)));
    assert!(
        why.starts_with("collected metric \"m\" was collected before with the same name and label values"),
        "{why}"
    );
    // Pushing the same again is no contradiction, and once the series is gone the other group may have it.
    replace(&store, "red", &plain, &[of_plain]).unwrap();
    replace(&store, "red", &plain, &[gauge(&plain, "m")]).unwrap();
    replace(&store, "red", &instance, &[of_instance]).unwrap();
}

#[test]
fn a_refused_push_changes_nothing_but_its_failure_time() {
    let store = store(&["red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    push(&store, "red", &a, Method::Replace, &[gauge(&a, "m")], 5).unwrap();
    push(&store, "red", &b, Method::Replace, &[gauge(&b, "m")], 5).unwrap();
    let counter = family(&a, "m", Counter, "", &[&[]]);
    inconsistent(push(&store, "red", &a, Method::Replace, &[gauge(&a, "n"), counter], 6));
    delete(&store, "red", &b).unwrap();
    let expected = "# m gauge \nm{instance=\"\",job=\"a\"} 1\n\
        # push_failure_time_seconds gauge Last Unix time when changing this group in the Pushgateway failed.\n\
        push_failure_time_seconds{job=\"a\"} 6\n\
        # push_time_seconds gauge Last Unix time when changing this group in the Pushgateway succeeded.\n\
        push_time_seconds{job=\"a\"} 5\n";
    assert_eq!(tenant_view(&store, "red"), expected);
    // A group that was not there is created with the two gauges alone.
    inconsistent(push(&store, "red", &b, Method::Merge, &[family(&b, "m", Counter, "", &[&[]])], 8));
    let view = tenant_view(&store, "red");
    for line in ["push_failure_time_seconds{job=\"b\"} 8\n", "push_time_seconds{job=\"b\"} 0\n"] {
        assert!(view.contains(line), "{view}");
    }
    assert!(!view.contains("m{instance=\"\",job=\"b\"}"));
}

#[test]
fn a_write_that_the_journal_refuses_leaves_no_trace() {
    let journal = Arc::new(Moody::default());
    let store = durable(&["red"], ROOMY, journal.clone());
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &a, &[gauge(&a, "m")]).unwrap();
    let (before, usage) = (tenant_view(&store, "red"), store.usage().first().unwrap().1);
    *journal.refuses.lock() = true;
    for outcome in [
        replace(&store, "red", &a, &[gauge(&a, "n")]),
        replace(&store, "red", &b, &[gauge(&b, "m")]),
        delete(&store, "red", &a),
        note_failure(&store, "red", &b, 9),
        // Even a refusal cannot be noted then, so it is not told as one.
        replace(&store, "red", &a, &[family(&a, "x", Histogram, "", &[&[]]), gauge(&a, "x_sum")]),
    ] {
        assert_eq!(outcome, Err(Refusal::Unavailable));
    }
    assert_eq!((tenant_view(&store, "red"), store.usage().first().unwrap().1), (before, usage));
    *journal.refuses.lock() = false;
    replace(&store, "red", &b, &[gauge(&b, "n")]).unwrap();
    assert!(matches!(journal.kept.lock()[..], [Entry::Push { .. }, Entry::Push { .. }]));
}

#[test]
fn what_is_out_of_scope_is_refused_by_the_store_itself() {
    let store = store(&["red"]);
    let a = key("a", &[]);
    let narrow = Scope::for_test_narrowed("red", &["b*"], &[]);
    let push = Push::new(a.clone(), Method::Replace, vec![gauge(&a, "m")], Timestamp::default());
    assert_eq!(store.push(&narrow, push.clone()).wait(), Err(Refusal::OutOfScope));
    assert_eq!(store.delete(&narrow, &a).wait(), Err(Refusal::OutOfScope));
    assert_eq!(store.refuse_too_large(&narrow, &a, Timestamp::default()).wait(), Err(Refusal::OutOfScope));
    assert_eq!(store.push(&Scope::for_test("nobody"), push).wait(), Err(Refusal::NoTenant));
    assert_eq!(tenant_view(&store, "red"), "");
}
