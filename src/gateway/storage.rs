//! What is kept on the disk, and how it comes back into the store.

use super::live::durability_of;
use crate::config::Config;
use crate::exposition;
use crate::exposition::KeptFamily;
use crate::model::Durability;
use crate::model::PreparedFamily;
use crate::model::SeriesHasher;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::persistence::DiskJournal;
use crate::persistence::LoadError;
use crate::persistence::Loaded;
use crate::persistence::OpenError;
use crate::persistence::Restoring;
use crate::persistence::StoredFamily;
use crate::store::Journal;
use crate::store::MemoryJournal;
use crate::store::Store;
use crate::telemetry::Health;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The journal of a gateway, and what it takes to read it. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    /// `None`: everything is kept in memory alone.
    journal: Option<DiskJournal>,
    hasher: SeriesHasher,
    namespace_label: String,
}

impl Storage {
    /// Takes the directory that `storage` names, unless everything is kept in memory alone. Blocks on the disk.
    pub(super) fn open(
        config: &Config,
        hasher: SeriesHasher,
        clock: &SharedClock,
        health: &Health,
    ) -> Result<Self, OpenError> {
        let storage = &config.storage;
        let journal = match storage.durability {
            Durability::Memory => {
                // There is nothing that anybody could wait for.
                health.set_loaded();
                None
            }
            Durability::Os | Durability::Fsync => {
                Some(DiskJournal::open(&storage.path, storage.orphans_keep, clock.clone(), health.clone())?)
            }
        };
        Ok(Self { journal, hasher, namespace_label: config.namespace.label.clone() })
    }

    /// What the store writes through.
    pub(super) fn journal(&self) -> Arc<dyn Journal> {
        match &self.journal {
            Some(journal) => Arc::new(journal.clone()),
            None => Arc::new(MemoryJournal),
        }
    }

    /// Puts everything that was kept for the tenants of `config` back into the store. Blocks on the disk.
    pub(super) fn load(&self, store: &Store, config: &Config) -> Result<(), LoadError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let tenants = config.tenants.iter().filter(|(_, tenant)| durability_of(config, tenant) > Durability::Memory);
        let tenants: BTreeSet<TenantId> = tenants.map(|(id, _)| id.clone()).collect();
        let Loaded { groups, families, damaged } =
            self.restoring(store, |restoring| journal.load(&tenants, restoring))?;
        tracing::info!(groups, families, damaged, "loaded what was pushed before");
        Ok(())
    }

    /// Puts back what those tenants left behind who are named again, into their empty shelves; of whom it could not be read, and
    /// why. Their shelves hold nothing that may be shown. Blocks on the disk.
    pub(super) fn bring_back(&self, store: &Store, config: &Config, named: &[TenantId]) -> Vec<(TenantId, LoadError)> {
        let Some(journal) = self.journal.as_ref().filter(|_| !named.is_empty()) else { return Vec::new() };
        // What was pushed before the tenant went may only now reach the disk: read too early, it would be there after the
        // next start and not before.
        store.settle();
        let is_kept = |id: &&TenantId| {
            config.tenants.get(*id).is_some_and(|tenant| durability_of(config, tenant) > Durability::Memory)
        };
        let kept: Vec<_> = named.iter().filter(is_kept).cloned().collect();
        let mut unread = Vec::new();
        for (tenant, brought) in self.restoring(store, |restoring| journal.bring_back(&kept, restoring)) {
            match brought {
                Ok(Loaded { groups, .. }) => {
                    tracing::info!(tenant = tenant.as_str(), groups, "the tenant is back, with what it pushed before");
                }
                Err(error) => unread.push((tenant, error)),
            }
        }
        unread
    }

    /// What these tenants pushed is kept for a while, and served to nobody.
    pub(super) fn set_aside<'t>(&self, tenants: impl IntoIterator<Item = &'t TenantId>) {
        if let Some(journal) = &self.journal {
            journal.set_aside(tenants);
        }
    }

    /// Nothing is written any more. Blocks on the disk.
    pub(super) fn close(&self) {
        if let Some(journal) = &self.journal {
            journal.close();
        }
    }

    fn restoring<T>(&self, store: &Store, with: impl FnOnce(&Restoring<'_>) -> T) -> T {
        let revive = |family: StoredFamily| -> Option<PreparedFamily> {
            let StoredFamily { name, kind, help, lines, proto } = family;
            exposition::revive(KeptFamily { name, kind, help, lines, proto }, &self.hasher, &self.namespace_label)
        };
        let restore = |tenant: &TenantId, group| store.restore(tenant, group);
        with(&Restoring { revive: &revive, restore: &restore })
    }
}
