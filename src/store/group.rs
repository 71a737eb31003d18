//! A group: what one grouping key holds.

use super::column::ColumnId;
use super::column::Place;
use super::usage::Usage;
use crate::model::GroupingKey;
use crate::model::OwnGauge;
use crate::model::Timestamp;
use std::sync::Arc;

/// What the store accounts for a group besides its key and its families: this struct, its entries in the map of groups and
/// among those of its job, and its two gauges with their places in their columns. Held to what is measured by
/// `tests/accounting.rs`.
const OVERHEAD: usize = 420;

/// One group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) key: Arc<GroupingKey>,
    /// Where its families stand, in the order of their columns' numbers: a list that is searched, since most groups hold few, and of
    /// each no more than that. Those that are new come all at once ([`Group::add`]), else a push of many would be as slow as their
    /// square.
    families: Box<[Place]>,
    pushed: Pushed,
    /// Where its own gauges stand, in the order of [`OwnGauge::ALL`].
    pub(super) own: [Place; 2],
    pub(super) times: GroupTimes,
}

/// When the families of a group were pushed.
#[derive(Clone, Debug)]
enum Pushed {
    /// All of them by one push: nearly always, and then it is said once.
    Together(Timestamp),
    /// In their order.
    Each(Box<[Timestamp]>),
}

/// What has happened to a group, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupTimes {
    /// When it was made, by a push or by one that was refused.
    pub came_at: Timestamp,
    /// When it was last changed, if ever.
    pub pushed_at: Option<Timestamp>,
    /// When a change was last refused, if ever.
    pub failed_at: Option<Timestamp>,
}

impl GroupTimes {
    /// Those of a group that comes now, and to which nothing has happened yet.
    pub(super) const fn coming(at: Timestamp) -> Self {
        Self { came_at: at, pushed_at: None, failed_at: None }
    }

    /// The moment that an own gauge of the group shows.
    pub(super) const fn moment(self, gauge: OwnGauge) -> Option<Timestamp> {
        match gauge {
            OwnGauge::PushTime => self.pushed_at,
            OwnGauge::PushFailureTime => self.failed_at,
        }
    }
}

impl Group {
    /// Without families.
    pub(super) fn new(key: Arc<GroupingKey>, own: [Place; 2], times: GroupTimes) -> Self {
        Self { key, families: Box::default(), pushed: Pushed::Together(times.came_at), own, times }
    }

    /// What a copy of it takes, without what it shares with the copy.
    pub(super) fn bytes(&self) -> u64 {
        let times = if let Pushed::Each(times) = &self.pushed { size_of_val(&**times) } else { 0 };
        (size_of::<Self>() + size_of_val(&*self.families) + times) as u64
    }

    /// Where its families stand, in the order of their columns' numbers.
    pub(super) fn families(&self) -> &[Place] {
        &self.families
    }

    /// The same, and when each was pushed.
    pub(super) fn pushed(&self) -> impl Iterator<Item = (Place, Timestamp)> {
        self.families.iter().zip(0..).map(|(place, nth)| (*place, self.pushed_at(nth)))
    }

    /// When the `nth` of its families was pushed.
    pub(super) fn pushed_at(&self, nth: usize) -> Timestamp {
        match &self.pushed {
            Pushed::Together(at) => *at,
            Pushed::Each(times) => times.get(nth).copied().unwrap_or_default(),
        }
    }

    /// The moment that an own gauge shows, or else that at which the group came.
    pub(super) fn own_at(&self, gauge: OwnGauge) -> Timestamp {
        self.times.moment(gauge).unwrap_or(self.times.came_at)
    }

    /// Where an own gauge stands.
    pub(super) const fn own_place(&self, gauge: OwnGauge) -> Place {
        let [failure, push] = self.own;
        match gauge {
            OwnGauge::PushFailureTime => failure,
            OwnGauge::PushTime => push,
        }
    }

    /// By the family's column: which of its families, and where it stands.
    pub(super) fn get(&self, column: ColumnId) -> Option<(usize, Place)> {
        let nth = self.families.binary_search_by_key(&column, |place| place.column).ok()?;
        Some((nth, *self.families.get(nth)?))
    }

    /// Its row in that column has another number now.
    pub(super) fn renumber(&mut self, column: ColumnId, row: u32) {
        let nth = self.get(column).map(|(nth, _)| nth);
        let family = nth.and_then(|nth| self.families.get_mut(nth));
        if let Some(place) = family.or_else(|| self.own.iter_mut().find(|own| own.column == column)) {
            place.row = row;
        }
    }

    /// These of its families were pushed anew, each once.
    pub(super) fn push_again(&mut self, these: impl ExactSizeIterator<Item = usize>, at: Timestamp) {
        if these.len() == self.families.len() {
            self.pushed = Pushed::Together(at);
        } else if these.len() > 0 && !matches!(self.pushed, Pushed::Together(before) if before == at) {
            let times = self.times_of_each();
            for nth in these {
                if let Some(time) = times.get_mut(nth) {
                    *time = at;
                }
            }
        }
    }

    /// Families that it did not hold.
    pub(super) fn add(&mut self, new: &[Place], at: Timestamp) {
        if new.is_empty() {
            return;
        }
        if self.families.is_empty() {
            self.pushed = Pushed::Together(at);
        }
        // Of two sorted halves a sort makes one by merging them.
        if matches!(self.pushed, Pushed::Together(together) if together == at) {
            let mut families: Vec<Place> = Vec::with_capacity(self.families.len().saturating_add(new.len()));
            families.extend(self.families.iter().chain(new));
            families.sort_by_key(|place| place.column);
            self.families = families.into();
            return;
        }
        let mut pushed: Vec<_> = self.pushed().chain(new.iter().map(|place| (*place, at))).collect();
        pushed.sort_by_key(|(place, _)| place.column);
        (self.families, self.pushed) = apart(pushed);
    }

    /// Lets go of those families that are not to stay.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(Place) -> bool) {
        if matches!(self.pushed, Pushed::Together(_)) {
            self.families = self.families.iter().copied().filter(|place| stays(*place)).collect();
            return;
        }
        let kept = self.pushed().filter(|(place, _)| stays(*place)).collect();
        (self.families, self.pushed) = apart(kept);
    }

    fn times_of_each(&mut self) -> &mut [Timestamp] {
        if let Pushed::Together(at) = self.pushed {
            self.pushed = Pushed::Each(vec![at; self.families.len()].into());
        }
        match &mut self.pushed {
            Pushed::Each(times) => times,
            Pushed::Together(_) => &mut [],
        }
    }
}

fn apart(pushed: Vec<(Place, Timestamp)>) -> (Box<[Place]>, Pushed) {
    let times = pushed.iter().map(|(_, at)| *at).collect();
    (pushed.iter().map(|(place, _)| *place).collect(), Pushed::Each(times))
}

/// What a group takes before it holds any family.
pub(super) fn empty_group_usage(key: &GroupingKey) -> Usage {
    // The key once, and its labels twice more in the lines of the two gauges.
    let stored_bytes = (3 * key.heap_bytes() + OVERHEAD) as u64;
    Usage { groups: 1, series: 0, stored_bytes }
}
