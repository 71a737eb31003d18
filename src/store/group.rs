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
    /// In the order of their columns' numbers: a list that is searched, since most groups hold few, and of each no more than
    /// where it stands. Those that are new come all at once ([`Group::add`]), else a push of many would be as slow as their
    /// square.
    pub(super) families: Vec<Held>,
    /// Its own gauges, in the order of [`OwnGauge::ALL`].
    pub(super) own: [Held; 2],
    pub(super) times: GroupTimes,
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

/// A family within a group: where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) place: Place,
    /// When it was pushed.
    pub(super) at: Timestamp,
}

impl Group {
    /// What a copy of it takes, without what it shares with the copy.
    pub(super) fn bytes(&self) -> u64 {
        (size_of::<Self>() + size_of_val(&*self.families)) as u64
    }

    /// By the family's column.
    pub(super) fn get(&self, column: ColumnId) -> Option<&Held> {
        self.families.get(self.find(column)?)
    }

    /// Its row in that column has another number now.
    pub(super) fn renumber(&mut self, column: ColumnId, row: u32) {
        let at = self.find(column);
        let family = at.and_then(|at| self.families.get_mut(at));
        if let Some(held) = family.or_else(|| self.own.iter_mut().find(|own| own.place.column == column)) {
            held.place.row = row;
        }
    }

    fn find(&self, column: ColumnId) -> Option<usize> {
        self.families.binary_search_by_key(&column, |held| held.place.column).ok()
    }

    /// Families that it did not hold.
    pub(super) fn add(&mut self, new: &[Held]) {
        if !new.is_empty() {
            self.families.reserve_exact(new.len());
            self.families.extend_from_slice(new);
            // Of two sorted halves this makes one by merging them.
            self.families.sort_by_key(|held| held.place.column);
        }
    }
}

/// What a group takes before it holds any family.
pub(super) fn empty_group_usage(key: &GroupingKey) -> Usage {
    // The key once, and its labels twice more in the lines of the two gauges.
    let stored_bytes = (3 * key.heap_bytes() + OVERHEAD) as u64;
    Usage { groups: 1, series: 0, stored_bytes }
}
