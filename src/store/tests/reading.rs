//! What a snapshot shows.

use super::*;
use crate::model::MetricKind::Gauge;

#[test]
fn a_snapshot_is_one_instant_whatever_comes_after_it() {
    let store = store(&["red"]);
    let keys: Vec<_> = (0..200).map(|n| key(&format!("j{n}"), &[])).collect();
    for key in &keys {
        replace(&store, "red", key, &[gauge(key, "m"), gauge(key, "n")]).unwrap();
    }
    let before = tenant_view(&store, "red");
    let mut snapshot = store.snapshot(&Scope::for_test("red"));
    for key in keys.iter().step_by(3) {
        delete(&store, "red", key).unwrap();
    }
    for key in keys.iter().skip(1).step_by(3) {
        replace(&store, "red", key, &[gauge(key, "o")]).unwrap();
    }
    let mut text = String::new();
    while let Some(piece) = snapshot.read() {
        match piece {
            Piece::Family { name, kind, help } => text.push_str(&format!("# {name} {kind} {help}\n")),
            Piece::Lines(sheet) => text.push_str(&text_of(&sheet)),
        }
    }
    assert_eq!(text, before);
    assert_ne!(tenant_view(&store, "red"), before);
}

#[test]
fn the_twin_of_a_group_is_the_group_and_keeps_its_spelling() {
    let store = store(&["red"]);
    let (plain, twin) = (key("a", &[]), key("a", &[("instance", ""), ("x", "")]));
    replace(&store, "red", &twin, &[gauge(&twin, "m")]).unwrap();
    push(&store, "red", &plain, Method::Merge, &[gauge(&plain, "n")], 1).unwrap();
    let view = tenant_view(&store, "red");
    assert_eq!(view.matches("push_time_seconds{").count(), 1);
    assert!(view.contains("push_time_seconds{instance=\"\",job=\"a\",x=\"\"} 1\n"), "{view}");
    delete(&store, "red", &plain).unwrap();
    assert_eq!(tenant_view(&store, "red"), "");
}

#[test]
fn the_help_is_that_of_the_group_whose_key_sorts_first() {
    let store = store(&["red"]);
    let keys = ["b", "c", "a", "d"].map(|job| key(job, &[]));
    for key in &keys {
        replace(&store, "red", key, &[family(key, "m", Gauge, &format!("of {}", key.job()), &[&[]])]).unwrap();
    }
    assert!(tenant_view(&store, "red").starts_with("# m gauge of a\n"));
    delete(&store, "red", &keys[2]).unwrap();
    assert!(tenant_view(&store, "red").starts_with("# m gauge of b\n"));
    replace(&store, "red", &keys[0], &[family(&keys[0], "m", Gauge, "anew", &[&[]])]).unwrap();
    assert!(tenant_view(&store, "red").starts_with("# m gauge anew\n"));
    let narrow = Scope::for_test_narrowed("red", &["d"], &[]);
    assert!(view(&store, &narrow).starts_with("# m gauge of d\n"));
}

#[test]
fn a_narrowed_scope_sees_nothing_of_other_groups() {
    let store = store(&["red"]);
    let (mine, other) = (key("backup-a", &[("env", "prod")]), key("backup-a", &[("env", "dev")]));
    replace(&store, "red", &mine, &[gauge(&mine, "m")]).unwrap();
    replace(&store, "red", &other, &[gauge(&other, "m"), gauge(&other, "secret")]).unwrap();
    let view = view(&store, &Scope::for_test_narrowed("red", &["backup-*"], &[("env", "prod")]));
    assert!(view.contains("env=\"prod\"") && !view.contains("dev") && !view.contains("secret"), "{view}");
    assert_eq!(view.matches("push_time_seconds{").count(), 1);
}
