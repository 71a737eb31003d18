//! A group: what one grouping key holds.

use super::column::Place;
use super::usage::Usage;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::OwnGauge;
use crate::model::PreparedFamily;
use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the store accounts for a group besides its key and its families: this struct, its entries in the map of groups and
/// among those of its job, and its two gauges with their places in their columns. Held to what is measured by
/// `tests/accounting.rs`.
const OVERHEAD: usize = 1000;

/// A name and what is held under it, in a tree whose nodes are three quarters full.
const NODE: usize = (size_of::<FamilyName>() + size_of::<Held>()) * 4 / 3;

/// One group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) key: Arc<GroupingKey>,
    /// By name as names are compared, in a tree: into a sorted list, a push of many new names would be as slow as their square.
    pub(super) families: BTreeMap<FamilyName, Held>,
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

/// A family within a group, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) place: Place,
    pub(super) family: Arc<PreparedFamily>,
    /// When it was pushed.
    pub(super) at: Timestamp,
}

impl Group {
    /// What a copy of it takes, without what it shares with the copy.
    pub(super) fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.families.len() * NODE) as u64
    }

    /// By the name as it is compared.
    pub(super) fn get(&self, escaped: &str) -> Option<&Held> {
        self.families.get(escaped)
    }

    /// Puts `held` in the place of the family of its name, which is handed back.
    pub(super) fn put(&mut self, held: Held) -> Option<Held> {
        self.families.insert(held.family.escaped_name().clone(), held)
    }

    /// Notes that a family, or an own gauge, stands elsewhere in its column.
    pub(super) fn moved(&mut self, escaped: &str, to: Place) {
        let pushed = self.families.get_mut(escaped).into_iter();
        if let Some(held) = pushed.chain(&mut self.own).find(|held| held.place.column == to.column) {
            held.place = to;
        }
    }
}

/// What a group takes before it holds any family.
pub(super) fn empty_group_usage(key: &GroupingKey) -> Usage {
    // The key once, and its labels twice more in the lines of the two gauges.
    let stored_bytes = (3 * key.heap_bytes() + OVERHEAD) as u64;
    Usage { groups: 1, series: 0, stored_bytes }
}

/// What a family takes.
pub(super) fn family_usage(family: &PreparedFamily) -> Usage {
    Usage { groups: 0, series: u64::from(family.line_count()), stored_bytes: family.stored_bytes() }
}
