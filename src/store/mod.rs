//! The store: every tenant's groups, in memory, written through a [`Journal`].
//!
//! Takes a [`Scope`] or [`FleetScope`], hands on a [`Snapshot`] or [`FleetSnapshot`]. A write is *judged* (consistency,
//! quota) on the state as it would be after it, *journalled*, and only then *shown*, whole. What it costs grows with what it
//! carries, not with what is stored.
//!
//! | file | its one idea |
//! |---|---|
//! | `push` | what a push brings, and what it takes away |
//! | `write` | a write, what comes of it, and the answer to whoever waits |
//! | `shelf` | one tenant's state behind one lock: judge, rehearse, show |
//! | `committer` | the one thread that has the writes of all tenants journalled, batch by batch |
//! | `state` | what stands on a shelf, and how an accepted write changes it |
//! | `holding` | families come to their group, and go |
//! | `undo` | how that is taken back, where it was rehearsed |
//! | `restore` | what was kept comes back, unseen where others are served |
//! | `judge` | may this write be? a pure reading of the state |
//! | `index` | family names: who holds them, as what, and which line names they claim |
//! | `identities` | which series are held, where two groups could hold the same |
//! | `chunks` | rows that a snapshot shares and a write copies piece by piece |
//! | `column` | a family across groups |
//! | `pages` | the pages of one column, and where each row stands |
//! | `spot` | where a row stands, and what is asked of it most |
//! | `row` | a family of one group on its way into a page |
//! | `lengths` | how long the lines of a page are, found once for all who read it |
//! | `group` | what one group holds, and when it was pushed |
//! | `page` | lines of many groups, one behind the other |
//! | `leaf` | a page, and which of its rows live |
//! | `moving` | rows of a page that was given up |
//! | `blocks` | what a page is compressed to |
//! | `sheet` | a page as a reader is handed it |
//! | `helps` | the help texts of families whose groups do not agree on one |
//! | `groups` | the groups by their keys |
//! | `catalogue` | what a scope sees, group by group |
//! | `claims` | which line names the families of all tenants claim |
//! | `refusal` | why a write is not accepted |
//! | `usage` | what a tenant takes of its quota |
//! | `pins` | what readers of the store are told besides |
//! | `space` | what all tenants take together, and what readers keep alive |

mod blocks;
mod catalogue;
mod chunks;
mod claims;
mod column;
mod committer;
mod fleet;
mod group;
mod groups;
mod helps;
mod holding;
mod identities;
mod index;
mod journal;
mod judge;
mod leaf;
mod lengths;
mod moving;
mod page;
mod pages;
mod pins;
mod push;
mod refusal;
mod restore;
mod row;
mod sheet;
mod shelf;
mod snapshot;
mod space;
mod spot;
mod state;
mod undo;
mod usage;
mod write;

#[cfg(test)]
mod tests;

pub use blocks::Block;
pub use blocks::KeptBlock;
pub use catalogue::Catalogue;
pub use catalogue::GroupView;
pub use committer::Journalling;
pub use fleet::FleetPiece;
pub use fleet::FleetSnapshot;
pub use group::GroupTimes;
pub use journal::Entry;
pub use journal::Gone;
pub use journal::Journal;
pub use journal::JournalError;
pub use journal::MemoryJournal;
pub use lengths::Reached;
pub use push::Method;
pub use push::Push;
pub use refusal::Refusal;
pub use restore::RestoreError;
pub use restore::RestoredGroup;
pub use restore::Returning;
pub use sheet::Sheet;
pub use snapshot::Piece;
pub use snapshot::Snapshot;
pub use space::Pin;
pub use usage::Usage;
pub use write::Written;

use self::claims::Claims;
use self::committer::Committer;
use self::committer::Means;
use self::shelf::Shelf;
use self::space::Space;
use self::write::Write;
use crate::config::NamePattern;
use crate::model::Durability;
use crate::model::GroupingKey;
use crate::model::IdentifySeries;
use crate::model::Quota;
use crate::model::QuotaKind;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::WriteOwnGauge;
use crate::namespace::FleetScope;
use crate::namespace::Scope;
use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

/// What a tenant may keep, and how well it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantTerms {
    pub quota: Quota,
    /// That of a tenant whose shelf is there stays what it was when the shelf was made.
    pub durability: Durability,
}

/// All shelves. Tenants come and go with the configuration; nothing a client sends makes one.
#[derive(Debug)]
pub struct Store {
    /// Swapped whole, so that a push finds its shelf without a lock.
    shelves: ArcSwap<Standing>,
    claims: Arc<Claims>,
    space: Space,
    committer: Committer,
    own_gauge: WriteOwnGauge,
    identify: Arc<dyn IdentifySeries>,
}

type Shelves = BTreeMap<TenantId, Arc<Shelf>>;

/// The shelves in the order of the tenants, and to be found by one look however many there are: a push looks three times.
#[derive(Debug, Default)]
struct Standing {
    shelves: Shelves,
    by_tenant: HashMap<TenantId, Arc<Shelf>>,
}

impl Deref for Standing {
    type Target = Shelves;

    fn deref(&self) -> &Shelves {
        &self.shelves
    }
}

impl From<Shelves> for Standing {
    fn from(shelves: Shelves) -> Self {
        let by_tenant = shelves.iter().map(|(tenant, shelf)| (tenant.clone(), shelf.clone())).collect();
        Self { shelves, by_tenant }
    }
}

impl Store {
    /// Empty shelves for `tenants`, and no ceiling over all of them. Families named as `reserved` are kept out of the fleet's view.
    pub fn new(
        tenants: impl IntoIterator<Item = (TenantId, TenantTerms)>,
        reserved: &[NamePattern],
        journal: Arc<dyn Journal>,
        own_gauge: WriteOwnGauge,
        identify: Arc<dyn IdentifySeries>,
    ) -> Self {
        let claims = Arc::new(Claims::new(reserved));
        let committer = Committer::new(Means { journal, claims: claims.clone(), own_gauge });
        let (shelves, space) = (ArcSwap::default(), Space::default());
        let store = Self { shelves, claims, space, committer, own_gauge, identify };
        store.open(tenants);
        store
    }

    /// Makes an empty shelf for each of `tenants` that has none, and gives all of them these quotas. One caller at a time.
    pub fn open(&self, tenants: impl IntoIterator<Item = (TenantId, TenantTerms)>) {
        let mut shelves = Shelves::clone(&self.shelves.load());
        for (tenant, terms) in tenants {
            match shelves.get(&tenant) {
                Some(shelf) => shelf.set_quota(terms.quota),
                None => {
                    let shelf = Shelf::new(tenant.clone(), terms, &self.space, self.identify.clone());
                    shelves.insert(tenant, Arc::new(shelf));
                }
            }
        }
        self.space.set_tenants(shelves.len());
        self.shelves.store(Arc::new(shelves.into()));
    }

    /// What all tenants together may take from now on. What stands there stays, also where it is more.
    pub fn set_stored_bytes_max(&self, bytes: u64) {
        self.space.set_max(bytes);
    }

    /// Takes away the shelves of all but those whom `stays` names, with everything on them; whose they were and what stood
    /// there. One caller at a time.
    pub fn close_all_but(&self, stays: impl Fn(&TenantId) -> bool) -> Vec<(TenantId, Usage)> {
        let before = self.shelves.load_full();
        let (stay, go): (Shelves, Shelves) =
            before.iter().map(|(tenant, shelf)| (tenant.clone(), shelf.clone())).partition(|(tenant, _)| stays(tenant));
        self.space.set_tenants(stay.len());
        self.shelves.store(Arc::new(stay.into()));
        go.into_iter().map(|(tenant, shelf)| (tenant, shelf.withdraw(&mut self.claims.changing()))).collect()
    }

    /// Replaces or merges a group, whole or not at all.
    pub fn push(&self, scope: &Scope, push: Push) -> Written {
        let all_visible = scope.narrowing().is_everything();
        self.write(self.shelf(scope, &push.key), Write::Push { push, all_visible })
    }

    /// `key` as the group holds it: with the empty labels of the push that created it. `key` itself if there is no group.
    pub fn spelling(&self, scope: &Scope, key: GroupingKey) -> GroupingKey {
        let shelf = self.shelf(scope, &key).ok();
        match shelf.and_then(|shelf| shelf.other_spelling(&key)) {
            Some(stored) => (*stored).clone(),
            None => key,
        }
    }

    /// Removes exactly this group. A group that is not there is no error.
    pub fn delete(&self, scope: &Scope, key: &GroupingKey) -> Written {
        self.write(self.shelf(scope, key), Write::Delete { key: key.clone() })
    }

    /// Removes every group that the scope can see, all at one instant. Takes as long as there are groups; where nothing is
    /// journalled, before it returns.
    pub fn wipe(&self, scope: &Scope) -> Written {
        self.write(self.shelf_of(scope.tenant()), Write::Wipe { narrowing: scope.narrowing().clone() })
    }

    /// As [`Store::wipe`], of every group of the one tenant that an operator has named; without that it is refused.
    pub fn wipe_named(&self, scope: &FleetScope) -> Written {
        let shelf = scope.named_tenant().ok_or(Refusal::OutOfScope).and_then(|tenant| self.shelf_of(tenant));
        self.write(shelf, Write::Wipe { narrowing: Arc::default() }).by_operator()
    }

    /// The refusal of a push that was judged before it came here, for what the store judges: it is noted in the group as the
    /// store's own, and is what is written then.
    pub fn refuse(&self, scope: &Scope, key: &GroupingKey, at: Timestamp, refusal: Refusal) -> Written {
        self.write(self.shelf(scope, key), Write::Refused { key: key.clone(), at, refusal })
    }

    /// More than this no push of the tenant may take: it could not be accepted, whatever it replaced.
    pub fn push_bytes_max(&self, scope: &Scope) -> Result<u64, Refusal> {
        // A tenant that has just gone has no full quota: it may be there again when somebody looks.
        let shelf = self.shelf_of(scope.tenant())?;
        Ok(shelf.quota().stored_bytes_max.max(shelf.usage().stored_bytes))
    }

    /// The refusal of a push that takes more than [`Store::push_bytes_max`], noted as that of any full quota.
    pub fn refuse_too_large(&self, scope: &Scope, key: &GroupingKey, at: Timestamp) -> Written {
        let shelf = match self.shelf(scope, key) {
            Ok(shelf) => shelf,
            Err(refusal) => return Written::known(Err(refusal)),
        };
        let limit = shelf.quota().stored_bytes_max;
        let refusal = Refusal::QuotaFull { kind: QuotaKind::StoredBytes, limit, used: None, needed: None };
        self.write(Ok(shelf), Write::Refused { key: key.clone(), at, refusal })
    }

    fn write(&self, shelf: Result<Arc<Shelf>, Refusal>, write: Write) -> Written {
        match shelf {
            Err(refusal) => Written::known(Err(refusal)),
            Ok(shelf) if shelf.durability() == Durability::Memory => {
                Written::known(shelf.write(&write, &self.claims, self.own_gauge))
            }
            Ok(shelf) => self.committer.take(shelf, write),
        }
    }

    /// What is being journalled now.
    pub fn journalling(&self) -> Journalling {
        self.committer.journalling()
    }

    /// Refuses what waits behind this batch, and what comes, until the journal is done with it.
    pub fn refuse_behind(&self, batch: u64) {
        self.committer.refuse_behind(batch);
    }

    /// Returns when no write that was being journalled at the call is under way any more. Blocks as long as the journal
    /// does. What was kept of a tenant that was closed is complete afterwards, until it is opened again.
    pub fn settle(&self) {
        self.committer.settle();
    }

    /// Refuses further writes where they are journalled; ready when those that wait are committed and answered, which is as
    /// long as the journal takes.
    pub async fn finish(&self) {
        self.committer.finish().await;
    }

    /// What the scope can see, at one instant.
    pub fn snapshot(&self, scope: &Scope) -> Snapshot {
        let columns = self.shelf_of(scope.tenant()).map(|shelf| shelf.columns()).unwrap_or_default();
        Snapshot::new(columns, scope.narrowing())
    }

    /// What the operator can see: each tenant at one instant of its own. It keeps nobody waiting but, for a moment, the
    /// tenant it looks at.
    pub fn fleet_snapshot(&self, scope: &FleetScope) -> FleetSnapshot {
        let before = self.claims.settled();
        let shelves = self.shelves.load_full();
        let shelves = shelves.iter().filter(|(tenant, _)| scope.admits(tenant));
        let columns = shelves.map(|(tenant, shelf)| (tenant.clone(), shelf.columns())).collect();
        FleetSnapshot::new(columns, self.claims.view(before))
    }

    /// What the scope can see, group by group, at one instant.
    pub fn catalogue(&self, scope: &Scope) -> Catalogue {
        let groups = self.shelf_of(scope.tenant()).map(|shelf| (scope.tenant().clone(), shelf.groups()));
        Catalogue::new(groups.into_iter().collect(), scope.narrowing())
    }

    /// What the operator can see, group by group: each tenant at one instant of its own.
    pub fn fleet_catalogue(&self, scope: &FleetScope) -> Catalogue {
        let shelves = self.shelves.load_full();
        let shelves = shelves.iter().filter(|(tenant, _)| scope.admits(tenant));
        let groups = shelves.map(|(tenant, shelf)| (tenant.clone(), shelf.groups()));
        Catalogue::new(groups.collect(), &Arc::default())
    }

    /// What each tenant takes of its quota.
    pub fn usage(&self) -> Vec<(TenantId, Usage, Quota)> {
        self.usage_of(|_| true)
    }

    /// The same of those that are `wanted`: no other is looked at.
    pub fn usage_of(&self, wanted: impl Fn(&TenantId) -> bool) -> Vec<(TenantId, Usage, Quota)> {
        let shelves = self.shelves.load_full();
        let wanted = shelves.iter().filter(|(tenant, _)| wanted(tenant));
        wanted.map(|(tenant, shelf)| (tenant.clone(), shelf.usage(), shelf.quota())).collect()
    }

    /// What all tenants together take, writes under way included, in the store's account.
    pub fn stored_bytes(&self) -> u64 {
        self.space.taken()
    }

    /// How many families of how many tenants are kept out of the fleet's view for their names.
    pub fn reserved_families(&self) -> u64 {
        self.claims.reserved_families()
    }

    fn shelf_of(&self, tenant: &TenantId) -> Result<Arc<Shelf>, Refusal> {
        self.shelves.load().by_tenant.get(tenant).cloned().ok_or(Refusal::NoTenant)
    }

    fn shelf(&self, scope: &Scope, key: &GroupingKey) -> Result<Arc<Shelf>, Refusal> {
        let shelf = self.shelf_of(scope.tenant())?;
        if scope.admits(key) { Ok(shelf) } else { Err(Refusal::OutOfScope) }
    }
}
