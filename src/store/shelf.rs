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
use super::space::Churn;
use super::space::Pin;
use super::space::Space;
use super::state::State;
use super::usage::Usage;
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
    churn: Churn,
    state: Mutex<Contents>,
}

/// What the lock guards.
#[derive(Debug)]
struct Contents {
    state: State,
    quota: Quota,
    /// The tenant is gone: whoever still holds the shelf puts nothing on it any more.
    withdrawn: bool,
}

impl Shelf {
    pub(super) fn new(tenant: TenantId, quota: Quota, space: &Space) -> Self {
        let churn = space.churn();
        let state = State::new(&churn);
        Self { tenant, churn, state: Mutex::new(Contents { state, quota, withdrawn: false }) }
    }

    /// What a reader who begins now will keep alive of what is replaced.
    pub(super) fn pin(&self) -> Pin {
        self.churn.pin(self.usage().stored_bytes)
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
    pub(super) fn withdraw(&self, store: &Store) -> Usage {
        let mut contents = self.state.lock();
        contents.withdrawn = true;
        let state = std::mem::take(&mut contents.state);
        state.withdraw(&mut store.claims.changing());
        store.space.changed(state.usage(), Usage::default());
        self.churn.add(state.usage().stored_bytes);
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
            Ok(())
            | Err(Refusal::GatewayFull { .. } | Refusal::OutOfScope | Refusal::NoTenant | Refusal::Unavailable) => {}
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
            journal(store, &[Entry::Delete { tenant: self.tenant.clone(), key: state.stored_key(key) }])?;
            let before = state.usage();
            state.show_delete(key, &mut store.claims.changing());
            store.space.changed(before, state.usage());
        }
        Ok(())
    }

    /// Removes every group that the narrowing lets through, in one batch: no scrape and no push comes between them.
    pub(super) fn wipe(&self, store: &Store, narrowing: &Narrowing) -> Result<(), Refusal> {
        let mut contents = self.open()?;
        let state = &mut contents.state;
        let keys = state.keys(|key| narrowing.admits(key));
        let entry = |key: &Arc<GroupingKey>| Entry::Delete { tenant: self.tenant.clone(), key: key.clone() };
        let batch: Vec<Entry> = keys.iter().map(entry).collect();
        if !batch.is_empty() {
            journal(store, &batch)?;
        }
        let before = state.usage();
        let mut changing = store.claims.changing();
        for key in &keys {
            state.show_delete(key, &mut changing);
        }
        store.space.changed(before, state.usage());
        Ok(())
    }

    fn accept(&self, store: &Store, push: &Push, all_visible: bool) -> Result<(), Refusal> {
        let mut contents = self.open()?;
        let Contents { state, quota, .. } = &mut *contents;
        let after = state.judge(push, quota, all_visible)?;
        let room = store.space.reserve(state.usage(), after)?;
        let (tenant, key) = (self.tenant.clone(), state.stored_key(&push.key));
        let families = push.families.clone();
        let entry = Entry::Push { tenant, key: key.clone(), method: push.method, families, at: push.at };
        journal(store, &[entry])?;
        state.show_push(&key, push, after, &store.claims, store.own_gauge);
        room.shown();
        Ok(())
    }

    /// What a write works on, unless the tenant is gone.
    fn open(&self) -> Result<MutexGuard<'_, Contents>, Refusal> {
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
        let Ok(room) = store.space.reserve(state.usage(), after) else { return Ok(()) };
        let key = state.stored_key(key);
        journal(store, &[Entry::Failure { tenant: self.tenant.clone(), key: key.clone(), at }])?;
        state.show_failure(&key, at, after, store.own_gauge);
        room.shown();
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
