//! Lines written over lines, beside a store in which a reader holds everything, so that none ever are.

use super::*;
use crate::store::Usage;
use proptest::prelude::*;

/// A write of the history: a push, or a group that goes.
#[derive(Clone, Debug)]
enum Op {
    Push { group: usize, method: Method, families: BTreeMap<usize, Comes> },
    Delete { group: usize },
}

/// How many lines, of which value, with which help.
type Comes = (usize, u32, bool);

/// Not in the order in which they come first, always: then names and columns are not in one order either.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn op() -> impl Strategy<Value = Op> {
    let value = prop_oneof![6 => 1_u32..4, 1 => 10_u32..12];
    let comes = (prop_oneof![1 => Just(0_usize), 8 => 1_usize..3], value, prop::bool::weighted(0.05));
    let families = prop::collection::btree_map(0..NAMES.len(), comes, 0..6);
    let method = prop_oneof![Just(Method::Replace), Just(Method::Merge)];
    prop_oneof![
        12 => (0_usize..4, method, families).prop_map(|(group, method, families)| Op::Push { group, method, families }),
        1 => (0_usize..4).prop_map(|group| Op::Delete { group }),
    ]
}

fn prepared(key: &GroupingKey, name: &str, (lines, value, other_help): Comes) -> PreparedFamily {
    let labels = format!("instance=\"\",job=\"{}\"", key.job());
    // Two short ones are as many bytes as a long one.
    let lines = match lines {
        0 => String::new(),
        1 => format!("{name}{{{labels},l=\"{}\"}} {value}\n", "x".repeat(13 + labels.len())),
        _ => ["1", "2"].map(|l| format!("{name}{{{labels},l=\"{l}\"}} {value}\n")).concat(),
    };
    PreparedFamily::from(PreparedParts {
        name: name.into(),
        kind: MetricKind::Gauge,
        help: if other_help { "other" } else { "" }.into(),
        line_count: u32::try_from(lines.matches('\n').count()).unwrap(),
        lines: lines.into_bytes().into(),
        series: Series::default(),
        renamed: false,
        proto: Box::default(),
        utf8: false,
    })
}

/// All that can be seen, in an order that does not depend on where rows stand.
fn seen(store: &Store) -> (Vec<String>, Vec<String>, Usage, Usage) {
    let mut view: Vec<String> = tenant_view(store, "red").lines().map(str::to_owned).collect();
    view.sort();
    let scope = Scope::for_test("red");
    (view, listed(store.catalogue(&scope)), super::history::usage(store, "red"), super::history::recount(store, "red"))
}

proptest! {
    #[test]
    fn lines_that_are_written_over_others_are_seen_and_counted_as_those_that_are_laid_anew(
        ops in prop::collection::vec(op(), 1..60),
    ) {
        let (over, anew) = (store(&["red"]), store(&["red"]));
        let keys: Vec<_> = (0..4).map(|group| key(&format!("j{group}"), &[])).collect();
        for (at, op) in (1..).zip(ops) {
            match op {
                Op::Push { group, method, families } => {
                    let key = &keys[group];
                    let families: Vec<_> = families.iter().map(|(name, comes)| prepared(key, NAMES[*name], *comes)).collect();
                    let reader = anew.snapshot(&Scope::for_test("red"));
                    let laid = push(&anew, "red", key, method, &families, at);
                    drop(reader);
                    prop_assert_eq!(push(&over, "red", key, method, &families, at), laid);
                }
                Op::Delete { group } => {
                    delete(&over, "red", &keys[group]).unwrap();
                    delete(&anew, "red", &keys[group]).unwrap();
                }
            }
            let (over, anew) = (seen(&over), seen(&anew));
            prop_assert_eq!(over.2, over.3);
            prop_assert_eq!(over, anew);
        }
    }
}
