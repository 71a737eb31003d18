//! A tenant's groups, found by their keys, and shared with whoever reads them one by one.

use super::chunks::Chunks;
use super::chunks::Shared;
use super::group::Group;
use super::space::Churn;
use crate::model::GroupingKey;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

/// Groups whose pointers are copied at one time. Chosen: half a KiB, and of a million groups the list of chunks is 125 KiB.
const CHUNK: usize = 64;

/// The groups as a reader holds them.
pub(super) type SharedGroups = Shared<Option<Arc<Group>>, CHUNK>;

/// All groups of one tenant.
#[derive(Debug, Default)]
pub(super) struct Groups {
    rows: HashMap<Arc<GroupingKey>, u32>,
    /// Each behind an `Arc` of its own, so that the copy of a chunk is one of pointers. None only behind the last: a chunk has
    /// room for more than it holds.
    cells: Chunks<Option<Arc<Group>>, CHUNK>,
    /// The row that was last found: a write looks for its group again and again, and only its first look takes a hash.
    last: Cell<u32>,
    /// What is copied here because a reader holds it.
    churn: Churn,
}

impl Groups {
    /// Empty.
    pub(super) fn new(churn: &Churn) -> Self {
        Self { churn: churn.clone(), ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// What counts that is taken from them.
    pub(super) fn churn(&self) -> Churn {
        self.churn.clone()
    }

    pub(super) fn contains(&self, key: &GroupingKey) -> bool {
        self.row(key).is_some()
    }

    pub(super) fn get(&self, key: &GroupingKey) -> Option<&Group> {
        self.cells.get(self.row(key)?)?.as_deref()
    }

    fn row(&self, key: &GroupingKey) -> Option<u32> {
        let last = self.last.get();
        if self.cells.get(last).and_then(Option::as_ref).is_some_and(|group| *group.key == *key) {
            return Some(last);
        }
        let row = *self.rows.get(key)?;
        self.last.set(row);
        Some(row)
    }

    /// The group, to be changed: copied first if a snapshot holds it.
    pub(super) fn get_mut(&mut self, key: &GroupingKey) -> Option<&mut Group> {
        let row = self.row(key)?;
        let copied = self.cells.copied_by(row);
        let group = self.cells.get_mut(row)?.as_mut()?;
        let held = if Arc::strong_count(group) > 1 { group.bytes() } else { 0 };
        self.churn.add(copied.saturating_add(held));
        Some(Arc::make_mut(group))
    }

    /// The caller vouches that there is none of its key.
    pub(super) fn insert(&mut self, group: Group) {
        let key = group.key.clone();
        let row = self.cells.insert(Some(Arc::new(group)));
        self.rows.insert(key, row);
    }

    pub(super) fn remove(&mut self, key: &GroupingKey) -> Option<Arc<Group>> {
        let row = self.rows.remove(key)?;
        let group = self.cells.swap_remove(row).flatten();
        if let Some(Some(moved)) = self.cells.get(row) {
            self.rows.insert(moved.key.clone(), row);
        }
        group
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<GroupingKey>> {
        self.rows.keys()
    }

    /// All groups, to be kept: one pointer.
    pub(super) fn share(&self) -> SharedGroups {
        self.cells.share()
    }
}
