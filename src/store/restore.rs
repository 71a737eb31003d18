//! What was kept comes back, before anybody is served.

use super::Method;
use super::Push;
use super::Refusal;
use super::Store;
use super::group::GroupTimes;
use super::shelf::Contents;
use super::shelf::Shelf;
use super::state::State;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::Quota;
use crate::model::TenantId;
use crate::model::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;

const BOUNDLESS: Quota = Quota { groups_max: u64::MAX, series_max: u64::MAX, stored_bytes_max: u64::MAX };

/// A group as it was kept. The identities of its series must be made with the key of this process.
#[derive(Clone, Debug)]
pub struct RestoredGroup {
    /// Spelled as it was kept.
    pub key: GroupingKey,
    /// Each with when it was pushed.
    pub families: Vec<(PreparedFamily, Timestamp)>,
    pub times: GroupTimes,
}

/// What of a group could not be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Nothing of it: no such tenant is open.
    #[error("the tenant is not there")]
    NoTenant,
    /// Nothing of it: a group of that key is there already.
    #[error("the group is there already")]
    Twice,
    /// These families, by their names as they are compared, and why: they contradict what was restored before. The rest of
    /// the group is there.
    #[error("families that contradict others: {0:?}")]
    Families(Vec<(FamilyName, String)>),
}

impl Store {
    /// Puts back a group of a tenant that is open. Quotas do not matter: what was accepted once stays. To be called before
    /// the tenant is served; the journal is told nothing.
    pub fn restore(&self, tenant: &TenantId, group: RestoredGroup) -> Result<(), RestoreError> {
        let shelf = self.shelf_of(tenant).map_err(|_| RestoreError::NoTenant)?;
        shelf.restore(self, group)
    }
}

impl Shelf {
    fn restore(&self, store: &Store, group: RestoredGroup) -> Result<(), RestoreError> {
        let mut contents = self.open().map_err(|_| RestoreError::NoTenant)?;
        let Contents { state, space, .. } = &mut *contents;
        let before = state.usage();
        space.changes();
        let RestoredGroup { key, families, times } = group;
        if state.has_group(&key) {
            return Err(RestoreError::Twice);
        }
        let stored = Arc::new(key.clone());
        state.restore_group(&stored, times, store.own_gauge);
        let mut changing = store.claims.changing();
        let mut alone = Push { key, method: Method::Merge, families: Vec::new(), at: Timestamp::default() };
        let mut left_out = Vec::new();
        // One by one, so that those of one group are held against each other too.
        for (family, at) in families {
            let name = family.escaped_name().clone();
            (alone.families, alone.at) = (vec![Arc::new(family)], at);
            let judged = check_alone(&alone, state).and_then(|()| state.judge(&alone, &BOUNDLESS, true));
            match judged {
                Ok(after) => state.restore_families(&stored, &alone, after, &mut changing),
                Err(refusal) => left_out.push((name, refusal.to_string())),
            }
        }
        space.changed(before, state.usage());
        if left_out.is_empty() { Ok(()) } else { Err(RestoreError::Families(left_out)) }
    }
}

/// What was seen to when the family was prepared: that it holds something, and no series twice. And that it comes once.
fn check_alone(alone: &Push, state: &State) -> Result<(), Refusal> {
    let why = alone.families.iter().find_map(|family| {
        let mut seen = HashSet::with_capacity(family.series().len());
        if family.is_empty() {
            return Some("it holds nothing");
        }
        if !family.series().iter().all(|id| seen.insert(*id)) {
            return Some("it holds a series twice");
        }
        state.holds(&alone.key, family.escaped_name()).then_some("it comes twice")
    });
    why.map_or(Ok(()), |why| Err(Refusal::Inconsistent(why.to_owned())))
}
