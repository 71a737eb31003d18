//! Which family a line belongs to, and which metric.

use crate::exposition::by_name::ByName;
use crate::exposition::pushed::Family;
use crate::exposition::pushed::Labels;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::Metric;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::index;
use crate::model::MetricKind;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::hash::RandomState;

/// What a line's name means to its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Whole,
    Bucket,
    Sum,
    Count,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) family: u32,
    pub(super) role: Role,
}

/// Everything the parser must look up again.
#[derive(Default)]
pub(super) struct Names<'a> {
    families: ByName,
    /// Whether names did not come in their order, as they do from most clients, and so are hashed and put in the table.
    hashed: bool,
    /// Beside the families themselves.
    seen: Vec<Seen>,
    /// The line before: most lines have the name of the line before. It stays true, since a name that has once been
    /// resolved is never resolved to another family.
    last: Option<(Cow<'a, str>, Named)>,
    /// Histograms and summaries by a hash of family and labels; see [`Names::metric_of`].
    distributions: HashMap<u64, u32>,
}

#[derive(Default)]
struct Seen {
    helped: bool,
    typed: bool,
    /// The histogram or summary of the family's last line.
    metric: Option<u32>,
}

impl<'a> Names<'a> {
    /// Makes room for so many families.
    pub(super) fn expect(&mut self, families: usize) {
        self.seen.reserve(families);
    }

    /// The family `name` belongs to. It is made if there is none: an untyped one until its type is read. None if it would
    /// be one more than `families_max`.
    pub(super) fn find(
        &mut self,
        name: Cow<'a, str>,
        pushed: &mut PushedFamilies<'a>,
        families_max: u64,
    ) -> Option<Named> {
        if let Some((last, named)) = &self.last
            && *last == name
        {
            return Some(*named);
        }
        let named = match self.family_of(&name, pushed) {
            Some(family) => Named { family, role: Role::Whole },
            None => match self.part(&name, pushed) {
                Some(named) => named,
                None if pushed.families.len() as u64 >= families_max => return None,
                None => {
                    let family = index(pushed.families.len());
                    if !self.hashed && pushed.families.last().is_some_and(|last| last.name > name) {
                        self.hashed = true;
                        (0..).zip(&pushed.families).for_each(|(family, known)| self.put(family, &known.name));
                    }
                    if self.hashed {
                        self.put(family, &name);
                    }
                    pushed.families.push(Family::new(name.clone(), MetricKind::Untyped));
                    self.seen.push(Seen::default());
                    Named { family, role: Role::Whole }
                }
            },
        };
        self.last = Some((name, named));
        Some(named)
    }

    /// The family of that very name.
    fn family_of(&self, name: &str, pushed: &PushedFamilies<'_>) -> Option<u32> {
        if self.hashed {
            return self.families.find(self.families.hash_of(name), called(name, pushed));
        }
        // Nearly always it is a new one, or part of the last one.
        match pushed.families.last() {
            Some(last) if *last.name < *name => None,
            Some(last) if last.name == name => Some(index(pushed.families.len() - 1)),
            _ => pushed.families.binary_search_by(|family| (*family.name).cmp(name)).ok().map(index),
        }
    }

    fn put(&mut self, family: u32, name: &str) {
        let hash = self.families.hash_of(name);
        self.families.put(hash, family, |_| false);
    }

    /// The histogram or summary that has lines of this name. A family of that very name comes before it.
    fn part(&self, name: &str, pushed: &PushedFamilies<'_>) -> Option<Named> {
        // Whatever has a suffix ends so; most names do not.
        if !name.ends_with(['t', 'm']) {
            return None;
        }
        const SUFFIXES: [(&str, Role); 3] = [("_bucket", Role::Bucket), ("_sum", Role::Sum), ("_count", Role::Count)];
        let (base, suffix, role) =
            SUFFIXES.iter().find_map(|(suffix, role)| Some((name.strip_suffix(suffix)?, *suffix, *role)))?;
        let family = self.family_of(base, pushed)?;
        let kind = pushed.families.get(family as usize)?.kind;
        kind.line_suffixes().contains(&suffix).then_some(Named { family, role })
    }

    /// Whether this is the family's first help text.
    pub(super) fn first_help(&mut self, family: u32) -> bool {
        let seen = self.seen.get_mut(family as usize);
        seen.is_some_and(|seen| !std::mem::replace(&mut seen.helped, true))
    }

    /// Whether this is the family's first type, no sample having fixed it before.
    pub(super) fn first_type(&mut self, family: u32) -> bool {
        let seen = self.seen.get_mut(family as usize);
        seen.is_some_and(|seen| !std::mem::replace(&mut seen.typed, true))
    }

    /// The family's type, which a sample fixes if no line has said it.
    pub(super) fn settle(&mut self, family: u32, pushed: &PushedFamilies<'_>) -> MetricKind {
        self.first_type(family);
        pushed.families.get(family as usize).map_or(MetricKind::Untyped, |family| family.kind)
    }

    /// The histogram or summary of `family` with these labels, whose values are the last ones. A new one keeps them; for a
    /// known one they are dropped again.
    pub(super) fn metric_of(&mut self, family: u32, labels: Labels, pushed: &mut PushedFamilies<'a>) -> u32 {
        let last = self.seen.get(family as usize).and_then(|seen| seen.metric);
        let same = |metric: u32| is_same(pushed, metric, family, labels);
        let found = match last.filter(|last| same(*last)) {
            Some(last) => Some(last),
            None => {
                // A place of the map that some other metric has taken moves this one to the next.
                let mut hash = hash_of(self.distributions.hasher(), pushed, family, labels);
                loop {
                    match self.distributions.get(&hash) {
                        Some(metric) if same(*metric) => break Some(*metric),
                        Some(_) => hash = hash.wrapping_add(1),
                        None => break None,
                    }
                }
                .or_else(|| {
                    self.distributions.insert(hash, index(pushed.metrics.len()));
                    None
                })
            }
        };
        let metric = if let Some(metric) = found {
            pushed.values.truncate(labels.values as usize);
            metric
        } else {
            let measured = Measured::Distribution { sum: 0.0, count: 0.0 };
            pushed.metrics.push(Metric { family, labels, verbatim: (0, 0), measured });
            index(pushed.metrics.len() - 1)
        };
        if let Some(seen) = self.seen.get_mut(family as usize) {
            seen.metric = Some(metric);
        }
        metric
    }
}

/// Whether a family is called so.
fn called(name: &str, pushed: &PushedFamilies<'_>) -> impl Fn(u32) -> bool {
    move |family| pushed.families.get(family as usize).is_some_and(|family| family.name == name)
}

/// A value is written in one way only, so whether two are the same is seen without resolving their escapes.
fn is_same(pushed: &PushedFamilies<'_>, metric: u32, family: u32, labels: Labels) -> bool {
    let Some(metric) = pushed.metrics.get(metric as usize).filter(|metric| metric.family == family) else {
        return false;
    };
    let (one, other) = (metric.labels, labels);
    let texts = |labels| pushed.values_of(labels).iter().map(|value| pushed.bytes_of(*value));
    (one.shape == other.shape || pushed.names_of(one.shape) == pushed.names_of(other.shape))
        && texts(one).eq(texts(other))
}

fn hash_of(hasher: &RandomState, pushed: &PushedFamilies<'_>, family: u32, labels: Labels) -> u64 {
    let mut state = hasher.build_hasher();
    (family, pushed.names_of(labels.shape)).hash(&mut state);
    for value in pushed.values_of(labels) {
        pushed.bytes_of(*value).hash(&mut state);
    }
    state.finish()
}
