//! What pages hold, row by row.

use super::*;
use crate::store::pages::Pages;
use crate::store::row::Flags;
use crate::store::row::Lines;
use crate::store::row::Rare;
use crate::store::row::Row;
use bytes::Bytes;

const FLAGS: Flags = Flags { renamed: false, utf8: false };

fn row<'r>(key: &'r Arc<GroupingKey>, lines: &'r Bytes, rare: Option<&Arc<Rare>>) -> Row<'r> {
    Row { key, lines: Lines::Pushed(lines), rare: rare.cloned(), number: 0 }
}

/// Pages of one column, with so many rows of this text.
fn pages_of(count: usize, key: &Arc<GroupingKey>, lines: &'static [u8]) -> Pages {
    let (mut pages, lines) = (Pages::default(), Bytes::from_static(lines));
    (0..count).for_each(|_| _ = pages.insert(row(key, &lines, None), FLAGS));
    pages
}

#[test]
fn what_is_kept_beside_lines_goes_with_its_row_and_not_with_its_page() {
    let (key, lines) = (Arc::new(key("j", &[])), Bytes::from_static(b"m{job=\"j\",instance=\"\"} 1\n"));
    let mut pages = pages_of(500, &key, b"m{job=\"j\",instance=\"\",of=\"others\"} 1\n");
    let kept = |text: &str| Arc::new(Rare { help: Some(text.into()), proto: text.as_bytes().into() });
    let mut last = kept("first");
    let (number, _) = pages.insert(row(&key, &lines, Some(&last)), FLAGS);
    for n in 0..50 {
        let next = kept(&format!("some text {n}"));
        pages.replace(Row { number, ..row(&key, &lines, Some(&next)) }, FLAGS);
        assert_eq!(Arc::strong_count(&last), 1, "the one before {n} is held by nobody else");
        last = next;
        let rare: usize = pages.leaves().map(|leaf| leaf.rare_bytes()).sum();
        assert_eq!(rare, 2 * last.proto.len());
    }
    // One who reads keeps it as it was.
    let before = pages.clone();
    pages.remove(number);
    assert_eq!(Arc::strong_count(&last), 2);
    let (leaf, at) = before.find(number).unwrap();
    assert!(leaf.rare(at).is_some_and(|rare| Arc::ptr_eq(rare, &last)));
    drop(before);
    assert_eq!(Arc::strong_count(&last), 1);
}

#[test]
fn many_tiny_rows_are_not_moved_for_a_large_one_that_dies_among_them() {
    let key = Arc::new(key("j", &[]));
    let mut pages = Pages::default();
    let (tiny, large) = (Bytes::from_static(b"m{n=\"1\",job=\"j\",i=\"\"} 1\n"), Bytes::from(vec![b'x'; 16_000]));
    let numbers: Vec<u32> = (0..1_800).map(|_| pages.insert(row(&key, &tiny, None), FLAGS).0).collect();
    let (number, _) = pages.insert(row(&key, &large, None), FLAGS);
    let places = |pages: &Pages| -> Vec<_> {
        numbers.iter().map(|number| pages.find(*number).map(|(leaf, at)| (Arc::as_ptr(leaf), at)).unwrap()).collect()
    };
    let before = places(&pages);
    pages.replace(Row { number, ..row(&key, &large, None) }, FLAGS);
    assert!(before == places(&pages), "they stand elsewhere");
}

#[test]
fn the_list_of_rows_is_short_again_when_most_are_gone() {
    let store = store(&["red"]);
    let keys: Vec<_> = (0..900).map(|n| key(&format!("j{n}"), &[])).collect();
    for key in &keys {
        replace(&store, "red", key, &[gauge(key, "m"), gauge(key, "n")]).unwrap();
    }
    let (mut readers, mut kept) = (Vec::new(), Vec::new());
    for (n, key) in keys.iter().enumerate() {
        match n % 13 {
            0 => kept.push(key),
            1 => push(&store, "red", key, Method::Replace, &[gauge(key, "other")], 1).unwrap(),
            _ => delete(&store, "red", key).unwrap(),
        }
        if n % 100 == 0 {
            readers.push((store.snapshot(&Scope::for_test("red")), tenant_view(&store, "red")));
        }
    }
    let shelf = store.shelves.load()["red"].columns();
    let columns = (0..).map_while(|nth| shelf.get(nth));
    let wide: Vec<_> = columns.filter(|column| column.pages().is_wide()).map(|column| &column.name).collect();
    assert!(wide.is_empty(), "{wide:?}");
    // Whoever reads has what was there, and each group what it has: it can be replaced and taken away.
    for (snapshot, before) in readers {
        assert_eq!(text_from(snapshot), before);
    }
    for key in kept {
        assert_eq!(
            tenant_view(&store, "red").matches(&format!("job=\"{}\"", key.job())).count(),
            4,
            "own gauges are two"
        );
        replace(&store, "red", key, &[family(key, "m", MetricKind::Gauge, "", &[&[("anew", "1")]])]).unwrap();
        let view = tenant_view(&store, "red");
        assert!(view.contains(&format!("m{{anew=\"1\",instance=\"\",job=\"{}\"}} 1\n", key.job())), "{view}");
        assert_eq!(super::history::usage(&store, "red"), super::history::recount(&store, "red"));
        delete(&store, "red", key).unwrap();
        assert!(!tenant_view(&store, "red").contains(&format!("job=\"{}\"", key.job())));
    }
}
