//! A shelf: one tenant's groups behind one lock.
//!
//! Every write takes the same steps: judge, journal, show. With the memory journal they run inline under the lock, so
//! pushes of one tenant are judged in the order of their arrival and nobody sees half of one.

use super::Entry;
use super::Push;
use super::Refusal;
use super::Store;
use super::chunks::Shared;
use super::group::Group;
use super::group::empty_group_usage;
use super::index::Columns;
use super::state::State;
use super::usage::Usage;
use crate::model::GroupingKey;
use crate::model::Quota;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::namespace::Narrowing;
use parking_lot::Mutex;
use std::sync::Arc;

/// One tenant's groups.
#[derive(Debug)]
pub(super) struct Shelf {
    tenant: TenantId,
    quota: Quota,
    state: Mutex<State>,
}

impl Shelf {
    pub(super) fn new(tenant: TenantId, quota: Quota) -> Self {
        Self { tenant, quota, state: Mutex::default() }
    }

    pub(super) fn quota(&self) -> Quota {
        self.quota
    }

    pub(super) fn usage(&self) -> Usage {
        self.state.lock().usage()
    }

    /// The key as the group holds it, where that shows other empty labels.
    pub(super) fn other_spelling(&self, key: &GroupingKey) -> Option<Arc<GroupingKey>> {
        self.state
            .lock()
            .group_key(key)
            .filter(|stored| stored.spells_as(key) && !stored.labels().eq(key.labels()))
            .cloned()
    }

    #[cfg(test)]
    pub(super) fn recount(&self) -> Usage {
        self.state.lock().recount()
    }

    pub(super) fn columns(&self) -> Columns {
        self.state.lock().share()
    }

    pub(super) fn groups(&self) -> Shared<Arc<Group>> {
        self.state.lock().share_groups()
    }

    pub(super) fn push(&self, store: &Store, push: &Push, all_visible: bool) -> Result<(), Refusal> {
        let outcome = self.accept(store, push, all_visible);
        match &outcome {
            Err(Refusal::Inconsistent(_)) => self.note(store, &push.key, push.at, true)?,
            Err(Refusal::QuotaFull { .. }) => self.note_full(store, &push.key, push.at)?,
            Ok(()) | Err(Refusal::OutOfScope | Refusal::Unavailable) => {}
        }
        outcome
    }

    pub(super) fn note_failure(&self, store: &Store, key: &GroupingKey, at: Timestamp) -> Result<(), Refusal> {
        self.note(store, key, at, true)
    }

    pub(super) fn note_full(&self, store: &Store, key: &GroupingKey, at: Timestamp) -> Result<(), Refusal> {
        self.note(store, key, at, false)
    }

    pub(super) fn delete(&self, store: &Store, key: &GroupingKey) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        if state.has_group_spelled(key) {
            journal(store, &[Entry::Delete { tenant: self.tenant.clone(), key: state.stored_key(key) }])?;
            state.show_delete(key, &mut store.claims.changing());
        }
        Ok(())
    }

    /// Removes every group that the narrowing lets through, in one batch: no scrape and no push comes between them.
    pub(super) fn wipe(&self, store: &Store, narrowing: &Narrowing) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let keys = state.keys(|key| narrowing.admits(key));
        let entry = |key: &Arc<GroupingKey>| Entry::Delete { tenant: self.tenant.clone(), key: key.clone() };
        let batch: Vec<Entry> = keys.iter().map(entry).collect();
        if !batch.is_empty() {
            journal(store, &batch)?;
        }
        let mut changing = store.claims.changing();
        for key in &keys {
            state.show_delete(key, &mut changing);
        }
        Ok(())
    }

    fn accept(&self, store: &Store, push: &Push, all_visible: bool) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let after = state.judge(push, &self.quota, all_visible)?;
        let (tenant, key) = (self.tenant.clone(), state.stored_key(&push.key));
        let families = push.families.clone();
        let entry = Entry::Push { tenant, key: key.clone(), method: push.method, families, at: push.at };
        journal(store, &[entry])?;
        state.show_push(&key, push, after, &store.claims, store.own_gauge);
        Ok(())
    }

    /// Writes down that a change of the group failed. `create`: also if there is no such group, quota permitting.
    fn note(&self, store: &Store, key: &GroupingKey, at: Timestamp, create: bool) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let mut after = state.usage();
        if !state.has_group(key) {
            after.add(empty_group_usage(key));
            if !create || state.usage().may_become(after, &self.quota).is_err() {
                return Ok(());
            }
        }
        let key = state.stored_key(key);
        journal(store, &[Entry::Failure { tenant: self.tenant.clone(), key: key.clone(), at }])?;
        state.show_failure(&key, at, after, store.own_gauge);
        Ok(())
    }
}

/// One write, one batch: the memory journal has nothing to gather for.
fn journal(store: &Store, batch: &[Entry]) -> Result<(), Refusal> {
    store.journal.commit(batch).map_err(|error| {
        tracing::error!(%error, "a write was not journalled");
        Refusal::Unavailable
    })
}
