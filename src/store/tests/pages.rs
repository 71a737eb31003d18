//! What pages hold, row by row.

use super::*;
use crate::model::Checksum;
use crate::store::Block;
use crate::store::blocks::BlockSpace;
use crate::store::pages::Pages;
use crate::store::row::Flags;
use crate::store::row::Lines;
use crate::store::row::Rare;
use crate::store::row::Row;
use bytes::Bytes;
use proptest::prelude::*;

const FLAGS: Flags = Flags { renamed: false, utf8: false };

fn pushed(shared: &Bytes) -> Lines<'_> {
    let count = memchr::memchr_iter(b'\n', shared).count();
    Lines::Pushed { shared, count: u32::try_from(count).unwrap() }
}

fn row<'r>(key: &'r Arc<GroupingKey>, lines: &'r Bytes, rare: Option<&Arc<Rare>>) -> Row<'r> {
    Row { key, lines: pushed(lines), rare: rare.cloned(), number: 0 }
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
fn lines_are_written_over_those_before_where_nobody_reads_them_and_they_are_as_long() {
    let (key, lines) = (Arc::new(key("j", &[])), Bytes::from_static(b"m{job=\"j\"} 1\n"));
    let mut pages = Pages::default();
    let (number, _) = pages.insert(row(&key, &lines, None), FLAGS);
    pages.insert(row(&key, &Bytes::from_static(b"m{job=\"k\"} 1\n"), None), FLAGS);
    let over = |pages: &mut Pages, lines: &[u8], flags| pages.overwrite(number, Lines::Written(lines), flags);
    let text = |pages: &Pages| pages.find(number).map(|(leaf, at)| leaf.lines(at..at + 1).to_vec()).unwrap();
    assert!(over(&mut pages, b"m{job=\"j\"} 2\n", FLAGS));
    assert_eq!(text(&pages), b"m{job=\"j\"} 2\n");
    assert!(!over(&mut pages, b"m{job=\"j\"} 10\n", FLAGS), "longer");
    assert!(!over(&mut pages, b"m{job=\"j\"} 3\n", Flags { renamed: true, ..FLAGS }), "of another kind of page");
    let reader = pages.clone();
    assert!(!over(&mut pages, b"m{job=\"j\"} 3\n", FLAGS), "read");
    assert_eq!((text(&pages), text(&reader)), (b"m{job=\"j\"} 2\n".to_vec(), b"m{job=\"j\"} 2\n".to_vec()));
    drop(reader);
    assert!(over(&mut pages, b"m{job=\"j\"} 3\n", FLAGS));
    // One who reads only the page, as a scrape that has left the list behind does.
    let leaf = pages.find(number).unwrap().0.clone();
    assert!(!over(&mut pages, b"m{job=\"j\"} 4\n", FLAGS));
    assert_eq!(leaf.lines(0..1), b"m{job=\"j\"} 3\n");
    drop(leaf);
    let rare = Arc::new(Rare { help: Some("of its own".into()), proto: Box::default() });
    pages.replace(Row { number, ..row(&key, &lines, Some(&rare)) }, FLAGS);
    assert!(!over(&mut pages, b"m{job=\"j\"} 4\n", FLAGS), "has a help of its own");
    pages.remove(number);
    assert!(!over(&mut pages, b"m{job=\"j\"} 4\n", FLAGS), "gone");
}

proptest! {
    #[test]
    fn the_lengths_of_lines_are_those_of_the_lines_that_are_there_now(
        ops in prop::collection::vec((0..6_u32, "(a 1\n){1,3}|a 1a 1\n|b{300}\n|c{18000}\n|d{250}\n(d 1\n)?", any::<bool>()), 0..40),
    ) {
        let (key, mut pages, mut reader) = (Arc::new(key("j", &[])), Pages::default(), None);
        for (number, lines, read) in ops {
            let lines = Bytes::from(lines.into_bytes());
            if number >= pages.held() {
                pages.insert(row(&key, &lines, None), FLAGS);
            } else if !pages.overwrite(number, pushed(&lines), FLAGS) {
                pages.replace(Row { number, ..row(&key, &lines, None) }, FLAGS);
            }
            for leaf in pages.leaves() {
                let lengths = leaf.page().text().split_inclusive(|byte| *byte == b'\n').map(|line| u8::try_from(line.len()).unwrap_or(0));
                prop_assert_eq!(leaf.page().lengths(), lengths.collect::<Vec<_>>());
            }
            reader = if read { Some(pages.clone()) } else { reader.filter(|_| number > 2) };
        }
    }
}

fn compress(pages: &Pages) {
    let block = Block { view: Arc::default(), bytes: Box::default(), checksum: Checksum::default() };
    let kept = BlockSpace::default().keep(block, u64::MAX).unwrap();
    pages.leaves().for_each(|leaf| leaf.blocks.put(kept.clone()));
}

/// The bytes of the pages that are to be compressed.
fn to_compress(pages: &Pages) -> usize {
    pages.leaves().filter(|leaf| leaf.blocks.get(&[]).is_none()).map(|leaf| leaf.living_bytes()).sum()
}

#[test]
fn what_is_pushed_again_and_again_is_all_that_is_compressed_again() {
    let key = Arc::new(key("j", &[]));
    let lines = Bytes::from(format!("m{{{}}} 1\n", "x".repeat(93)).into_bytes());
    let mut pages = Pages::default();
    let numbers: Vec<u32> = (0..5_000).map(|_| pages.insert(row(&key, &lines, None), FLAGS).0).collect();
    compress(&pages);
    // As a column does it.
    let push = |pages: &mut Pages, number: u32| {
        if !pages.overwrite(number, pushed(&lines), FLAGS) {
            pages.replace(Row { number, ..row(&key, &lines, None) }, FLAGS);
        }
    };
    for round in 0..20 {
        for number in numbers.iter().step_by(50) {
            push(&mut pages, *number);
        }
        if round > 0 {
            assert_eq!(to_compress(&pages), 100 * lines.len(), "in round {round}");
        }
        compress(&pages);
    }
    // And of those that are few, no page each.
    let before = pages.leaves().count();
    for (nth, number) in numbers.iter().take(60).cycle().take(1_000).enumerate() {
        push(&mut pages, *number);
        // That in which it stood, and the youngest.
        if nth > 120 {
            assert!(to_compress(&pages) <= 2 * (8 << 10) + 200, "{} for the {nth}th", to_compress(&pages));
        }
        compress(&pages);
    }
    assert!(pages.leaves().count() < before + 5, "{} of {before}", pages.leaves().count());
}

/// The bytes that pages have room for.
fn room(pages: &Pages) -> usize {
    pages.leaves().map(|leaf| leaf.page().room()).sum()
}

#[test]
fn rooms_are_not_for_much_more_than_what_they_hold() {
    let key = Arc::new(key("j", &[]));
    let (tiny, large) = (Bytes::from(vec![b'x'; 60]), Bytes::from(vec![b'x'; 16 << 10]));
    for is_read in [false, true] {
        let mut pages = Pages::default();
        let (number, _) = pages.insert(row(&key, &large, None), FLAGS);
        for _ in 0..1000 {
            pages.insert(row(&key, &tiny, None), FLAGS);
            let reader = is_read.then(|| pages.clone());
            if !pages.overwrite(number, pushed(&large), FLAGS) {
                pages.replace(Row { number, ..row(&key, &large, None) }, FLAGS);
            }
            drop(reader);
        }
        assert!(pages.leaves().count() < 20 && room(&pages) < 200_000, "{}, read: {is_read}", room(&pages));
    }
    let mut pages = Pages::default();
    for (renamed, utf8) in [(false, false), (false, true), (true, false), (true, true)] {
        pages.insert(row(&key, &tiny, None), Flags { renamed, utf8 });
    }
    assert!(room(&pages) < 1_000, "{} for one row of each kind", room(&pages));
    let line = Bytes::from(vec![b'x'; 1000]);
    let (mut pages, mut held) = (Pages::default(), 0);
    for _ in 0..100 {
        let full: Vec<u32> = (0..65).map(|_| pages.insert(row(&key, &line, None), FLAGS).0).collect();
        (0..9).for_each(|_| _ = pages.insert(row(&key, &line, None), FLAGS));
        let reader = pages.clone();
        pages.insert(row(&key, &line, None), FLAGS);
        drop(reader);
        full.iter().for_each(|number| _ = pages.remove(*number));
        held += 10_000;
    }
    assert!(room(&pages) < held * 2, "{} for {held} while they were read", room(&pages));
}

#[derive(Clone, Debug)]
enum Op {
    Insert(usize, bool),
    Replace(prop::sample::Index, usize, bool),
    Remove(prop::sample::Index),
    Read,
    Forget,
}

fn op() -> impl Strategy<Value = Op> {
    // Rows of a few lengths, so that they often fit, and some that are pages of their own.
    let len = prop_oneof![8 => 1_usize..4, 1 => 300_usize..302, 1 => Just(2_000)];
    prop_oneof![
        4 => (len.clone(), any::<bool>()).prop_map(|(len, rare)| Op::Insert(len, rare)),
        12 => (any::<prop::sample::Index>(), len, prop::bool::weighted(0.1)).prop_map(|(at, len, rare)| Op::Replace(at, len, rare)),
        2 => any::<prop::sample::Index>().prop_map(Op::Remove),
        1 => Just(Op::Read),
        1 => Just(Op::Forget),
    ]
}

/// Every row by its number, with what is rare of it.
fn all_of(pages: &Pages, numbers: impl Iterator<Item = u32>) -> Vec<(u32, Vec<u8>, bool)> {
    let row = |number| {
        let (leaf, at) = pages.find(number).unwrap();
        assert!(leaf.lives(at) && leaf.number(at) == Some(number));
        (number, leaf.lines(at..at + 1).to_vec(), leaf.rare(at).is_some())
    };
    numbers.map(row).collect()
}

proptest! {
    #[test]
    fn pages_are_a_map_whatever_is_overwritten_and_moved_and_readers_keep_what_they_saw(
        ops in prop::collection::vec(op(), 1..300),
    ) {
        let (mut pages, mut map) = (Pages::default(), std::collections::BTreeMap::new());
        let mut readers = Vec::new();
        for (nth, op) in ops.into_iter().enumerate() {
            let text = |len: usize| Bytes::from(format!("m{{n=\"{nth:04}\"}} 1\n").repeat(len).into_bytes());
            let rare = Arc::new(Rare { help: Some("help".into()), proto: Box::default() });
            let holder = Arc::new(key("j", &[]));
            match op {
                Op::Insert(len, rarely) => {
                    let lines = text(len);
                    let (number, _) = pages.insert(row(&holder, &lines, rarely.then_some(&rare)), FLAGS);
                    prop_assert!(map.insert(number, (number, lines.to_vec(), rarely)).is_none());
                }
                Op::Replace(at, len, rarely) if !map.is_empty() => {
                    let (number, lines) = (*at.get(&map.keys().copied().collect::<Vec<_>>()), text(len));
                    if rarely || !pages.overwrite(number, pushed(&lines), FLAGS) {
                        pages.replace(Row { number, ..row(&holder, &lines, rarely.then_some(&rare)) }, FLAGS);
                    }
                    map.insert(number, (number, lines.to_vec(), rarely));
                }
                Op::Remove(at) if !map.is_empty() => {
                    let number = *at.get(&map.keys().copied().collect::<Vec<_>>());
                    pages.remove(number);
                    map.remove(&number);
                }
                Op::Read => readers.push((pages.clone(), map.clone())),
                Op::Forget => drop(readers.pop()),
                Op::Replace(..) | Op::Remove(_) => {}
            }
            prop_assert_eq!(pages.held() as usize, map.len());
            let living: usize = pages.leaves().map(|leaf| leaf.living_bytes()).sum();
            prop_assert_eq!(living, map.values().map(|(_, lines, _)| lines.len()).sum::<usize>());
        }
        for (pages, map) in readers.iter().chain([&(pages, map)]) {
            prop_assert_eq!(all_of(pages, map.keys().copied()), map.values().cloned().collect::<Vec<_>>());
        }
    }
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
