//! Names that are not classic: compared underscored, shown as they were pushed.

use super::*;
use crate::model::MetricKind::Counter;
use crate::model::MetricKind::Gauge;
use crate::model::MetricKind::Histogram;
use crate::model::NameScheme;

fn meets(outcome: Result<(), Refusal>) {
    match outcome {
        Err(Refusal::Inconsistent(why)) => assert!(why.contains("UTF-8") || why.contains("collides"), "{why}"),
        other => panic!("{other:?}"),
    }
}

fn utf8_key(labels: &[(&'static str, &'static str)]) -> GroupingKey {
    GroupingKey::in_scheme(NameScheme::Utf8, "j", labels.iter().copied()).unwrap()
}

#[test]
fn a_name_that_meets_another_is_refused_until_the_other_is_gone() {
    let store = store(&["red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &a, &[gauge(&a, "x.y")]).unwrap();
    meets(replace(&store, "red", &b, &[gauge(&b, "x_y")]));
    meets(push(&store, "red", &a, Method::Merge, &[gauge(&a, "x_y")], 1));
    meets(push(&store, "red", &a, Method::Merge, &[family(&a, "x_y", Counter, "", &[&[]])], 1));
    meets(replace(&store, "red", &b, &[family(&b, "x", Histogram, "", &[&[]]), gauge(&b, "x-y")]));
    // Nothing of another spelling is taken away either.
    push(&store, "red", &a, Method::Merge, &[family(&a, "x_y", Gauge, "", &[])], 1).unwrap();
    assert!(tenant_view(&store, "red").contains("x.y{"));
    replace(&store, "red", &a, &[gauge(&a, "x_y")]).unwrap();
    let view = tenant_view(&store, "red");
    assert!(view.contains("# x_y gauge") && !view.contains("x.y"), "{view}");
    replace(&store, "red", &b, &[gauge(&b, "x_y")]).unwrap();
    meets(replace(&store, "red", &a, &[gauge(&a, "x.y")]));
    assert_eq!(store.usage().first().unwrap().1, store.shelves.load()["red"].recount());
}

#[test]
fn a_claimed_line_is_met_underscored() {
    let store = store(&["red"]);
    let (a, b) = (key("a", &[]), key("b", &[]));
    replace(&store, "red", &a, &[family(&a, "x.y", Histogram, "", &[&[]])]).unwrap();
    meets(replace(&store, "red", &b, &[gauge(&b, "x.y.count")]));
    meets(replace(&store, "red", &b, &[gauge(&b, "x_y_sum")]));
    meets(replace(&store, "red", &b, &[family(&b, "x_y", Histogram, "", &[&[]])]));
}

#[test]
fn tenants_whose_names_meet_are_flattened_to_the_underscored_name() {
    let store = store(&["blue", "red"]);
    let a = key("a", &[]);
    replace(&store, "red", &a, &[gauge(&a, "x.y")]).unwrap();
    assert_eq!(fleet_view(&store, None)[0], "# x.y gauge ");
    replace(&store, "blue", &a, &[gauge(&a, "x_y")]).unwrap();
    // The plain reader here does not underscore, so only blue's line is seen.
    let headers: Vec<_> = fleet_view(&store, None).into_iter().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headers, ["# x_y untyped "]);
    replace(&store, "red", &a, &[]).unwrap();
    assert_eq!(fleet_view(&store, None)[0], "# x_y gauge ");
}

#[test]
fn a_group_keeps_the_spelling_that_it_came_with() {
    let store = store(&["red"]);
    let (dotted, plain) = (utf8_key(&[("l.m", "1")]), utf8_key(&[("l_m", "1")]));
    replace(&store, "red", &dotted, &[gauge(&dotted, "x")]).unwrap();
    let before = tenant_view(&store, "red");
    delete(&store, "red", &plain).unwrap();
    assert_eq!(tenant_view(&store, "red"), before);
    meets(replace(&store, "red", &plain, &[gauge(&plain, "x")]));
    // Another value makes it another group.
    let other = utf8_key(&[("l_m", "2")]);
    replace(&store, "red", &other, &[gauge(&other, "x")]).unwrap();
    delete(&store, "red", &dotted).unwrap();
    replace(&store, "red", &plain, &[gauge(&plain, "x")]).unwrap();
}
