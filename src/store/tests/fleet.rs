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
    store.delete(&Scope::for_test("blue"), &a).unwrap();
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
    store.delete(&Scope::for_test("red"), &a).unwrap();
    assert_eq!(store.reserved_families(), 0);
}
