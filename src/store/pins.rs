//! What whoever reads the store is told besides: what it keeps alive, whether anything has changed, and what is kept of its
//! own work.

use super::Block;
use super::KeptBlock;
use super::Pin;
use super::Sheet;
use super::Store;
use crate::namespace::FleetScope;
use crate::namespace::Scope;
use std::sync::Arc;

impl Store {
    /// What a reader of the scope's tenant, who begins now, will keep alive of what is replaced.
    pub fn pin(&self, scope: &Scope) -> Pin {
        self.shelf_of(scope.tenant()).map_or_else(|_| self.space.pin(0), |shelf| shelf.pin())
    }

    /// The same of an operator who reads the tenants in view.
    pub fn fleet_pin(&self, scope: &FleetScope) -> Pin {
        let shelves = self.shelves.load_full();
        let shelves = shelves.iter().filter(|(tenant, _)| scope.admits(tenant));
        self.space.pin(shelves.map(|(_, shelf)| shelf.usage().stored_bytes).sum())
    }

    /// That of a reader who holds nothing of what is stored.
    pub fn no_pin(&self) -> Pin {
        self.space.pin(0)
    }

    /// A number that is another one once anything that a view shows has changed. To be asked before a snapshot is taken.
    pub fn version(&self) -> u64 {
        self.space.version()
    }

    /// Keeps a block, beside the page it was made of if it was made of one, for as long as somebody holds it or that page
    /// stays as it is. It is handed back where all blocks take an eighth of what is stored already.
    pub fn keep_block(&self, page: Option<&Sheet>, block: Block) -> Result<Arc<KeptBlock>, Block> {
        let kept = self.space.keep(block)?;
        page.into_iter().for_each(|page| page.keep(kept.clone()));
        Ok(kept)
    }

    /// How much all [`Pin`]s together may be before one of them is to go.
    pub fn pinned_max(&self) -> u64 {
        self.space.pinned_max()
    }
}
