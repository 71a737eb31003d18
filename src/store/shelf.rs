//! A shelf: one tenant's groups behind one lock.
//!
//! Every write takes the same steps: judge, journal, show. With the memory journal they run inline under the lock, so
//! pushes of one tenant are judged in the order of their arrival and nobody sees half of one.
//!
//! A write that brings or takes a family changes the claims of the whole fleet, whose lock comes before the tenant's. So
//! it is tried without that lock first, as nearly every push needs none, and once more with it where it did.

use super::Entry;
use super::Push;
use super::Refusal;
use super::Store;
use super::claims::Claims;
use super::group::empty_group_usage;
use super::index::Columns;
use super::state::State;
use super::usage::Usage;
use crate::model::GroupingKey;
use crate::model::Quota;
use crate::model::TenantId;
use crate::model::Timestamp;
use parking_lot::Mutex;

/// One tenant's groups.
#[derive(Debug)]
pub(super) struct Shelf {
    tenant: TenantId,
    quota: Quota,
    state: Mutex<State>,
}

/// The write would change the fleet's claims, whose lock is not held.
struct NeedsClaims;

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

    #[cfg(test)]
    pub(super) fn recount(&self) -> Usage {
        self.state.lock().recount()
    }

    pub(super) fn columns(&self) -> Columns {
        self.state.lock().share()
    }

    pub(super) fn push(&self, store: &Store, push: &Push, all_visible: bool) -> Result<(), Refusal> {
        let outcome = self.write(store, |state, claims| {
            let after = match state.judge(push, &self.quota, all_visible) {
                Ok(after) => after,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if claims.is_none() && state.changes_claims(push) {
                return Err(NeedsClaims);
            }
            let (tenant, key) = (self.tenant.clone(), state.stored_key(&push.key));
            let families = push.families.clone();
            let entry = Entry::Push { tenant, key: key.clone(), method: push.method, families, at: push.at };
            Ok(journal(store, entry).map(|()| state.show_push(&key, push, after, claims, store.own_gauge)))
        });
        match &outcome {
            Err(Refusal::Inconsistent(_)) => self.note(store, &push.key, push.at, true)?,
            Err(Refusal::QuotaFull { .. }) => self.note(store, &push.key, push.at, false)?,
            Ok(()) | Err(Refusal::OutOfScope | Refusal::Unavailable) => {}
        }
        outcome
    }

    pub(super) fn note_failure(&self, store: &Store, key: &GroupingKey, at: Timestamp) -> Result<(), Refusal> {
        self.note(store, key, at, true)
    }

    pub(super) fn delete(&self, store: &Store, key: &GroupingKey) -> Result<(), Refusal> {
        self.write(store, |state, claims| {
            if !state.has_group_spelled(key) {
                return Ok(Ok(()));
            }
            if claims.is_none() && state.deleting_changes_claims(key) {
                return Err(NeedsClaims);
            }
            let entry = Entry::Delete { tenant: self.tenant.clone(), key: state.stored_key(key) };
            Ok(journal(store, entry).map(|()| state.show_delete(key, claims)))
        })
    }

    /// Runs `write` under the tenant's lock, and again under the fleet's and the tenant's if it asks for that.
    fn write(
        &self,
        store: &Store,
        write: impl Fn(&mut State, Option<&mut Claims>) -> Result<Result<(), Refusal>, NeedsClaims>,
    ) -> Result<(), Refusal> {
        let first = write(&mut self.state.lock(), None);
        first.unwrap_or_else(|NeedsClaims| {
            let mut claims = store.claims.lock();
            // With the claims in hand nothing asks for them, so this is only for the type.
            write(&mut self.state.lock(), Some(&mut claims)).unwrap_or(Err(Refusal::Unavailable))
        })
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
        journal(store, Entry::Failure { tenant: self.tenant.clone(), key: key.clone(), at })?;
        state.show_failure(&key, at, after, store.own_gauge);
        Ok(())
    }
}

/// One write, one batch: the memory journal has nothing to gather for.
fn journal(store: &Store, entry: Entry) -> Result<(), Refusal> {
    store.journal.commit(&[entry]).map_err(|error| {
        tracing::error!(%error, "a write was not journalled");
        Refusal::Unavailable
    })
}
