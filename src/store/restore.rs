//! What was kept comes back: at the start before anybody is served, later on shelves that nobody finds until all of it is there.

use super::Method;
use super::Push;
use super::Refusal;
use super::Shelves;
use super::Store;
use super::TenantTerms;
use super::claims::Changing;
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
use crate::model::WriteOwnGauge;
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
        shelf.restore(group, self.own_gauge, &mut self.claims.changing())
    }

    /// Empty shelves for those of `tenants` who have none, while others are served.
    pub fn returning(&self, tenants: impl IntoIterator<Item = (TenantId, TenantTerms)>) -> Returning<'_> {
        let standing = self.shelves.load();
        let new = tenants.into_iter().filter(|(tenant, _)| !standing.contains_key(tenant));
        let shelf = |terms, tenant| Shelf::new(tenant, terms, &self.space, self.identify.clone());
        let shelves = new.map(|(tenant, terms)| (tenant.clone(), Arc::new(shelf(terms, tenant)))).collect();
        Returning { store: self, shelves }
    }
}

/// Tenants who come back while others are served. Until they are let in, nobody finds their shelves and their families claim
/// nothing, so no operator sees a part of what they pushed, nor it change how others' families are shown. Of what all tenants
/// together may take it has its part from the first group on: it is in memory. Dropped, all of it is gone.
#[derive(Debug)]
pub struct Returning<'s> {
    store: &'s Store,
    shelves: Shelves,
}

impl Returning<'_> {
    /// As [`Store::restore`], on the shelf that nobody finds yet.
    pub fn restore(&self, tenant: &TenantId, group: RestoredGroup) -> Result<(), RestoreError> {
        let shelf = self.shelves.get(tenant).ok_or(RestoreError::NoTenant)?;
        shelf.restore(group, self.store.own_gauge, &mut Changing::unseen())
    }

    /// Those for whom `is_back` holds are there from now on, all at one instant; of the others nothing ever was. One caller at a
    /// time, and none of [`Store::open`] meanwhile.
    pub fn let_in(mut self, is_back: impl Fn(&TenantId) -> bool) {
        let (back, gone): (Shelves, Shelves) =
            std::mem::take(&mut self.shelves).into_iter().partition(|(tenant, _)| is_back(tenant));
        self.shelves = gone;
        if back.is_empty() {
            // Views that were kept stay good: most reloads bring nobody.
            return;
        }
        let store = self.store;
        // Until the shelves are there: a scrape that sees the claims and not the families, or these alone, looks for itself.
        let mut changing = store.claims.changing();
        for shelf in back.values() {
            shelf.claim(&mut changing);
        }
        let mut shelves = Shelves::clone(&store.shelves.load());
        shelves.extend(back);
        store.space.set_tenants(shelves.len());
        store.shelves.store(Arc::new(shelves.into()));
        // Behind it, as whoever learns the version and looks afterwards is to see them.
        store.space.changes();
    }
}

impl Drop for Returning<'_> {
    fn drop(&mut self) {
        for shelf in self.shelves.values() {
            shelf.withdraw(&mut Changing::unseen());
        }
    }
}

impl Shelf {
    fn restore(
        &self,
        group: RestoredGroup,
        own_gauge: WriteOwnGauge,
        claims: &mut Changing<'_>,
    ) -> Result<(), RestoreError> {
        let mut contents = self.open().map_err(|_| RestoreError::NoTenant)?;
        let Contents { state, space, .. } = &mut *contents;
        let before = state.usage();
        space.changes();
        let RestoredGroup { key, families, times } = group;
        if state.has_group(&key) {
            return Err(RestoreError::Twice);
        }
        let stored = Arc::new(key.clone());
        state.restore_group(&stored, times, own_gauge);
        let mut alone = Push { key, method: Method::Merge, families: Arc::default(), at: Timestamp::default() };
        let mut left_out = Vec::new();
        // One by one, so that those of one group are held against each other too.
        for (family, at) in families {
            let name = FamilyName::from(family.escaped_name());
            (alone.families, alone.at) = ([family].into(), at);
            let judged = check_alone(&alone, state).and_then(|()| state.judge(&alone, &BOUNDLESS, true));
            match judged {
                Ok(after) => state.restore_families(&stored, &alone, after, claims),
                Err(refusal) => left_out.push((name, refusal.to_string())),
            }
        }
        space.changed(before, state.usage());
        if left_out.is_empty() { Ok(()) } else { Err(RestoreError::Families(left_out)) }
    }

    /// What its families claim, for a shelf that was filled unseen.
    fn claim(&self, claims: &mut Changing<'_>) {
        if let Ok(contents) = self.open() {
            contents.state.claim(claims);
        }
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
