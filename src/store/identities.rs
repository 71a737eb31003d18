//! Which series are held, where two groups could hold the same.
//!
//! A group's labels are forced onto its series, so two groups can hold the same series only if they share the job and
//! differ in the *names* of their labels that have a value: `{job="a"}` may hold a series with a label `instance="x"` of
//! its own, and so may `{job="a",instance="x"}`. Only for jobs with more than one such set of names are identities kept.

use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::SeriesId;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

/// The jobs of one tenant.
#[derive(Debug, Default)]
pub(super) struct Identities {
    jobs: HashMap<Box<str>, Job>,
    /// Whether some job ever had more than one set of names. Most tenants have none, and no job is looked for.
    met: bool,
}

/// One job's groups, and their series once two sets of names have met.
#[derive(Debug, Default)]
struct Job {
    /// How many groups have each set of names; a set is its names, joined by a byte that no name has.
    name_sets: HashMap<Box<str>, usize>,
    groups: HashSet<Arc<GroupingKey>>,
    /// Kept from the first meeting until the job's last group is gone: whoever lets two sets come and go pays for the
    /// counting only once for what was pushed.
    series: Option<HashMap<SeriesId, Arc<GroupingKey>>>,
}

fn name_set(key: &GroupingKey) -> Box<str> {
    key.value_names().join(",").into()
}

impl Identities {
    /// Readies the job of `key` for the question [`Identities::hold_elsewhere`]: counts its series if `key` would bring a second
    /// set of names, which that of a group that `is_there` does not. `series_of` finds those of the job's other groups.
    pub(super) fn expect(
        &mut self,
        key: &GroupingKey,
        is_there: bool,
        series_of: impl Fn(&GroupingKey) -> Vec<SeriesId>,
    ) {
        if is_there && !self.met {
            return;
        }
        let Some(job) = self.jobs.get_mut(key.job()) else {
            return;
        };
        if job.series.is_some() || job.name_sets.len() == 1 && job.name_sets.contains_key(&name_set(key)) {
            return;
        }
        let series = job.groups.iter().flat_map(|key| series_of(key).into_iter().map(|id| (id, key.clone())));
        job.series = Some(series.collect());
        self.met = true;
    }

    /// Whether a group of the job of `key`, other than that of `key` itself, holds one of `series`.
    pub(super) fn hold_elsewhere(&self, key: &GroupingKey, series: &[SeriesId]) -> bool {
        let Some(holders) = self.jobs.get(key.job()).and_then(|job| job.series.as_ref()) else {
            return false;
        };
        series.iter().any(|id| holders.get(id).is_some_and(|holder| **holder != *key))
    }

    pub(super) fn add_group(&mut self, key: &Arc<GroupingKey>) {
        let job = self.jobs.entry(key.job().into()).or_default();
        if job.groups.insert(key.clone()) {
            let groups = job.name_sets.entry(name_set(key)).or_default();
            *groups = groups.saturating_add(1);
            self.met |= job.name_sets.len() > 1;
        }
    }

    pub(super) fn remove_group(&mut self, key: &GroupingKey) {
        let Some(job) = self.jobs.get_mut(key.job()) else {
            return;
        };
        if job.groups.remove(key) {
            let set = name_set(key);
            if let Some(groups) = job.name_sets.get_mut(&set) {
                *groups = groups.saturating_sub(1);
                if *groups == 0 {
                    job.name_sets.remove(&set);
                }
            }
        }
        if job.groups.is_empty() {
            self.jobs.remove(key.job());
        }
    }

    /// Whether identities are kept for the job of `key` at all: if not, [`Identities::hold_elsewhere`] says no of any series.
    pub(super) fn are_kept(&self, key: &GroupingKey) -> bool {
        self.met && self.jobs.get(key.job()).is_some_and(|job| job.series.is_some())
    }

    /// Those of the job of `key`, for whatever a write does to its families: the job is looked up once for all of them.
    pub(super) fn of_job(&mut self, key: &GroupingKey) -> OfJob<'_> {
        let job = if self.met { self.jobs.get_mut(key.job()) } else { None };
        OfJob(job.and_then(|job| job.series.as_mut()))
    }
}

/// The series of one job, if they are kept.
pub(super) struct OfJob<'j>(Option<&'j mut HashMap<SeriesId, Arc<GroupingKey>>>);

impl OfJob<'_> {
    pub(super) fn are_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Which series a family has is only asked where they are kept: they may yet have to be found in its lines.
    pub(super) fn add(&mut self, key: &Arc<GroupingKey>, family: &PreparedFamily) {
        if let Some(series) = &mut self.0 {
            series.extend(family.series().iter().map(|id| (*id, key.clone())));
        }
    }

    /// The same here: it takes reading lines back.
    pub(super) fn remove(&mut self, removed: impl FnOnce() -> Box<[SeriesId]>) {
        if let Some(series) = &mut self.0 {
            for id in removed() {
                series.remove(&id);
            }
        }
    }
}
