//! Random histories, compared with a model that looks at everything each time.

use super::*;
use crate::store::Usage;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A write of the history.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Push { group: usize, method: Method, families: Vec<(usize, usize, usize)> },
    Delete { group: usize },
    Fail { group: usize },
}

const NAMES: [&str; 5] = ["x", "x_sum", "x_count", "y", "x_bucket"];
const KINDS: [MetricKind; 4] = [MetricKind::Gauge, MetricKind::Counter, MetricKind::Summary, MetricKind::Histogram];
/// Label sets of series; forced labels make some of them meet.
/// No series at all takes a family away.
const SERIES: [&[&[(&str, &str)]]; 5] =
    [&[], &[&[]], &[&[("l", "1")], &[("l", "2")]], &[&[("instance", "i")]], &[&[("l", "1"), ("instance", "i")], &[]]];

pub(super) fn groups() -> Vec<GroupingKey> {
    vec![
        key("a", &[]),
        key("a", &[("instance", "i")]),
        key("a", &[("l", "1")]),
        key("a", &[("l", "1"), ("instance", "i")]),
        key("b", &[]),
        key("b", &[("instance", "")]),
    ]
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let families = prop::collection::vec((0..NAMES.len(), 0..KINDS.len(), 0..SERIES.len()), 0..4);
    let method = prop_oneof![Just(Method::Replace), Just(Method::Merge)];
    prop_oneof![
        8 => (0_usize..6, method, families).prop_map(|(group, method, families)| Op::Push { group, method, families }),
        2 => (0_usize..6).prop_map(|group| Op::Delete { group }),
        1 => (0_usize..6).prop_map(|group| Op::Fail { group }),
    ]
}

type Families = BTreeMap<String, PreparedFamily>;

/// What there should be, found by looking at everything.
#[derive(Clone, Default)]
pub(super) struct Model {
    groups: BTreeMap<GroupingKey, Families>,
    /// When each family of each group was pushed.
    pushed: BTreeMap<GroupingKey, BTreeMap<String, i64>>,
}

impl Model {
    pub(super) fn forget(&mut self, gone: impl Fn(&GroupingKey) -> bool) {
        self.groups.retain(|key, _| !gone(key));
        self.pushed.retain(|key, _| !gone(key));
    }

    fn push(&mut self, key: &GroupingKey, method: Method, families: &[PreparedFamily], at: i64) -> bool {
        let mut after = self.groups.clone();
        let group = after.entry(key.clone()).or_default();
        if method == Method::Replace {
            group.clear();
        }
        group.extend(families.iter().map(|family| (family.name().to_string(), family.clone())));
        group.retain(|_, family| !family.is_empty());
        let good = is_consistent(&after);
        if good {
            self.groups = after;
            let pushed = self.pushed.entry(key.clone()).or_default();
            pushed.retain(|_, _| method == Method::Merge);
            pushed.extend(families.iter().map(|family| (family.name().to_string(), at)));
            pushed.retain(|name, _| self.groups[key].contains_key(name));
        } else {
            self.groups.entry(key.clone()).or_default();
        }
        good
    }

    /// As [`listed`] says it of each group, the key aside: what was pushed, and when.
    fn times(&self) -> Vec<String> {
        let group = |key| self.pushed.get(key).into_iter().flatten().map(|(name, at)| format!("{name}@{at}"));
        self.groups.keys().map(|key| format!("{key:?} {}", group(key).collect::<Vec<_>>().join(" "))).collect()
    }
}

/// What is listed, but the tenant, whether the last push was good, and the own gauges.
fn times_listed(store: &Store, tenant: &str) -> Vec<String> {
    let mut groups = listed(store.catalogue(&Scope::for_test(tenant)));
    for group in &mut groups {
        let mut words = group.split(' ').skip(1);
        let key = words.next().unwrap_or_default().to_owned();
        let families: Vec<&str> = words.skip(1).filter(|word| !word.is_empty() && !word.starts_with("push_")).collect();
        *group = format!("{key} {}", families.join(" "));
    }
    groups.sort();
    groups
}

fn is_consistent(groups: &BTreeMap<GroupingKey, Families>) -> bool {
    let mut kinds: BTreeMap<&str, MetricKind> = BTreeMap::new();
    let mut lines: BTreeMap<String, &str> = BTreeMap::new();
    let mut series = BTreeSet::new();
    for family in groups.values().flat_map(BTreeMap::values).filter(|family| !family.is_empty()) {
        let one_kind = *kinds.entry(family.name()).or_insert(family.kind()) == family.kind();
        let mut suffixes = family.kind().line_suffixes().iter();
        let own_lines = suffixes.all(|suffix| {
            **lines.entry(format!("{}{suffix}", family.name())).or_insert(family.name()) == *family.name()
        });
        let own_series = family.series().iter().all(|id| series.insert(*id));
        if !(one_kind && own_lines && own_series) {
            return false;
        }
    }
    true
}

/// All lines of a view but the own gauges', sorted.
fn lines(view: &str) -> Vec<String> {
    let mut lines: Vec<_> =
        view.lines().filter(|l| !l.starts_with('#') && !l.starts_with("push_")).map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The families of a push; none for one that contradicts itself, which is refused before it comes to the store.
pub(super) fn prepared(key: &GroupingKey, families: &[(usize, usize, usize)]) -> Option<Vec<PreparedFamily>> {
    let mut named = BTreeMap::new();
    for (name, kind, series) in families {
        named.insert(NAMES[*name], family(key, NAMES[*name], KINDS[*kind], "", SERIES[*series]));
    }
    let families: Vec<_> = named.into_values().collect();
    let group = families.iter().map(|f| (f.name().to_string(), f.clone())).collect();
    is_consistent(&BTreeMap::from([(key.clone(), group)])).then_some(families)
}

pub(super) fn run(store: &Store, tenant: &str, ops: &[Op], model: &mut Model) -> Result<(), TestCaseError> {
    let groups = groups();
    for (at, op) in (1..).zip(ops) {
        match op {
            Op::Push { group, method, families } => {
                let key = &groups[*group];
                if let Some(families) = prepared(key, families) {
                    let outcome = push(store, tenant, key, *method, &families, at);
                    prop_assert_eq!(outcome.is_ok(), model.push(key, *method, &families, at), "{:?}", outcome);
                }
            }
            Op::Delete { group } => {
                delete(store, tenant, &groups[*group]).unwrap();
                model.forget(|key| *key == groups[*group]);
            }
            Op::Fail { group } => {
                note_failure(store, tenant, &groups[*group], at).unwrap();
                model.groups.entry(groups[*group].clone()).or_default();
            }
        }
        let view = tenant_view(store, tenant);
        let expected =
            model.groups.values().flat_map(BTreeMap::values).map(|f| String::from_utf8(f.lines().to_vec()).unwrap());
        prop_assert_eq!(lines(&view), lines(&expected.collect::<String>()));
        prop_assert_eq!(view.matches("push_time_seconds{").count(), model.groups.len());
        prop_assert_eq!(usage(store, tenant), recount(store, tenant));
        let mut times = model.times();
        times.sort();
        prop_assert_eq!(times_listed(store, tenant), times);
    }
    Ok(())
}

pub(super) fn usage(store: &Store, tenant: &str) -> Usage {
    store.usage().into_iter().find(|(id, _, _)| id.as_str() == tenant).unwrap().1
}

pub(super) fn recount(store: &Store, tenant: &str) -> Usage {
    store.shelves.load()[tenant].recount()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_history_is_judged_shown_and_counted_as_if_everything_were_looked_at(ops in prop::collection::vec(op(), 1..40)) {
        run(&store(&["red"]), "red", &ops, &mut Model::default())?;
    }

    #[test]
    fn a_tenant_is_judged_and_shown_as_if_it_were_alone(
        mine in prop::collection::vec(op(), 1..20),
        others in prop::collection::vec(op(), 1..20),
    ) {
        let shared = store(&["blue", "red"]);
        let (mut red, mut blue) = (Model::default(), Model::default());
        for n in 0..mine.len().max(others.len()) {
            run(&shared, "blue", others.get(n..=n).unwrap_or_default(), &mut blue)?;
            run(&shared, "red", mine.get(n..=n).unwrap_or_default(), &mut red)?;
        }
        // And the fleet has every line of both, each family name once.
        let fleet = fleet_view(&shared, None);
        let both = lines(&tenant_view(&shared, "red")).len() + lines(&tenant_view(&shared, "blue")).len();
        let (headers, fleet_lines): (Vec<_>, Vec<_>) = fleet.iter().partition(|line| line.starts_with('#'));
        prop_assert_eq!(fleet_lines.len(), both);
        let names: BTreeSet<_> = headers.iter().map(|header| header.split(' ').nth(1)).collect();
        prop_assert_eq!(names.len(), headers.len());
    }
}
