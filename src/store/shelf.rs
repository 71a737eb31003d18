//! A shelf: one tenant's groups behind one lock.
//!
//! Every write takes the same steps: judge, journal, show. With the memory journal they run inline under the lock, so
//! pushes of one tenant are judged in the order of their arrival and nobody sees half of one.

use super::Entry;
use super::Push;
use super::Refusal;
use super::Store;
use super::TenantTerms;
use super::chunks::Shared;
use super::claims::Claims;
use super::group::Group;
use super::group::GroupTimes;
use super::group::empty_group_usage;
use super::index::Columns;
use super::state::State;
use super::usage::Usage;
use crate::model::Durability;
use crate::model::GroupingKey;
use crate::model::Quota;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::namespace::Narrowing;
use parking_lot::Mutex;
use parking_lot::MutexGuard;
use std::sync::Arc;

/// One tenant's groups.
#[derive(Debug)]
pub(super) struct Shelf {
    tenant: TenantId,
    durability: Durability,
    state: Mutex<Contents>,
}

/// What the lock guards.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) state: State,
    quota: Quota,
    /// The tenant is gone: whoever still holds the shelf puts nothing on it any more.
    withdrawn: bool,
}

impl Shelf {
    pub(super) fn new(tenant: TenantId, terms: TenantTerms) -> Self {
        let TenantTerms { quota, durability } = terms;
        Self { tenant, durability, state: Mutex::new(Contents { state: State::default(), quota, withdrawn: false }) }
    }

    pub(super) fn quota(&self) -> Quota {
        self.state.lock().quota
    }

    /// For writes from now on. What stands there stays, also where it is more than may come.
    pub(super) fn set_quota(&self, quota: Quota) {
        self.state.lock().quota = quota;
    }

    pub(super) fn usage(&self) -> Usage {
        self.state.lock().state.usage()
    }

    /// Takes everything away for good, with its claims; how much that was. A push that found the shelf before finds it
    /// withdrawn.
    pub(super) fn withdraw(&self, claims: &Claims) -> Usage {
        let mut contents = self.state.lock();
        contents.withdrawn = true;
        let state = std::mem::take(&mut contents.state);
        state.withdraw(&mut claims.changing());
        state.usage()
    }

    /// The key as the group holds it, where that shows other empty labels.
    pub(super) fn other_spelling(&self, key: &GroupingKey) -> Option<Arc<GroupingKey>> {
        self.state
            .lock()
            .state
            .group_key(key)
            .filter(|stored| stored.spells_as(key) && !stored.labels().eq(key.labels()))
            .cloned()
    }

    #[cfg(test)]
    pub(super) fn recount(&self) -> Usage {
        self.state.lock().state.recount()
    }

    pub(super) fn columns(&self) -> Columns {
        self.state.lock().state.share()
    }

    pub(super) fn groups(&self) -> Shared<Arc<Group>> {
        self.state.lock().state.share_groups()
    }

    pub(super) fn push(&self, store: &Store, push: &Push, all_visible: bool) -> Result<(), Refusal> {
        let outcome = self.accept(store, push, all_visible);
        match &outcome {
            Err(Refusal::Inconsistent(_)) => self.note(store, &push.key, push.at, true)?,
            Err(Refusal::QuotaFull { .. }) => self.note_full(store, &push.key, push.at)?,
            Ok(()) | Err(Refusal::OutOfScope | Refusal::NoTenant | Refusal::Unavailable) => {}
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
        let mut contents = self.open()?;
        let state = &mut contents.state;
        if state.has_group_spelled(key) {
            self.journal(store, &Entry::Delete { tenant: self.tenant.clone(), key: state.stored_key(key) })?;
            state.show_delete(key, &mut store.claims.changing());
        }
        Ok(())
    }

    /// Removes every group that the narrowing lets through, in one entry: no scrape and no push comes between them.
    pub(super) fn wipe(&self, store: &Store, narrowing: &Narrowing) -> Result<(), Refusal> {
        let mut contents = self.open()?;
        let state = &mut contents.state;
        let keys = state.keys(|key| narrowing.admits(key));
        if !keys.is_empty() {
            self.journal(store, &Entry::Wipe { tenant: self.tenant.clone(), keys: keys.clone() })?;
        }
        let mut changing = store.claims.changing();
        for key in &keys {
            state.show_delete(key, &mut changing);
        }
        Ok(())
    }

    fn accept(&self, store: &Store, push: &Push, all_visible: bool) -> Result<(), Refusal> {
        let mut contents = self.open()?;
        let Contents { state, quota, .. } = &mut *contents;
        let after = state.judge(push, quota, all_visible)?;
        let (tenant, key) = (self.tenant.clone(), state.stored_key(&push.key));
        let times = GroupTimes { pushed_at: Some(push.at), ..state.times(&key, push.at) };
        let families = push.families.iter().filter(|family| !family.is_empty()).cloned().collect();
        self.journal(store, &Entry::Push { tenant, key: key.clone(), gone: state.gone(push), families, times })?;
        state.show_push(&key, push, after, &store.claims, store.own_gauge);
        Ok(())
    }

    /// What a write works on, unless the tenant is gone.
    pub(super) fn open(&self) -> Result<MutexGuard<'_, Contents>, Refusal> {
        let contents = self.state.lock();
        if contents.withdrawn { Err(Refusal::NoTenant) } else { Ok(contents) }
    }

    /// Writes down that a change of the group failed. `create`: also if there is no such group, quota permitting.
    fn note(&self, store: &Store, key: &GroupingKey, at: Timestamp, create: bool) -> Result<(), Refusal> {
        let mut contents = self.open()?;
        let Contents { state, quota, .. } = &mut *contents;
        let mut after = state.usage();
        if !state.has_group(key) {
            after.add(empty_group_usage(key));
            if !create || state.usage().may_become(after, quota).is_err() {
                return Ok(());
            }
        }
        let key = state.stored_key(key);
        let times = GroupTimes { failed_at: Some(at), ..state.times(&key, at) };
        self.journal(store, &Entry::Failure { tenant: self.tenant.clone(), key: key.clone(), times })?;
        state.show_failure(&key, at, after, store.own_gauge);
        Ok(())
    }

    fn journal(&self, store: &Store, entry: &Entry) -> Result<(), Refusal> {
        store.journal.commit(std::slice::from_ref(entry), self.durability).map_err(|error| {
            tracing::error!(%error, "a write was not journalled");
            Refusal::Unavailable
        })
    }
}
