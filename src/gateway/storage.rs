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
use crate::store::RestoreError;
use crate::store::RestoredGroup;
use crate::store::Returning;
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
        let Loaded { groups, families, damaged } = self
            .restoring(&|tenant, group| store.restore(tenant, group), |restoring| journal.load(&tenants, restoring))?;
        tracing::info!(groups, families, damaged, "loaded what was pushed before");
        Ok(())
    }

    /// Puts back what those tenants left behind who are named again, into the shelves of `returning`; of whom it could not be
    /// read, and why. Their shelves hold nothing that may be shown. To be called with nobody too: who was wanted before and is not
    /// named any more is kept no longer than others. Blocks on the disk.
    pub(super) fn bring_back(
        &self,
        store: &Store,
        returning: &Returning<'_>,
        config: &Config,
        named: &[TenantId],
    ) -> Vec<(TenantId, LoadError)> {
        let Some(journal) = &self.journal else { return Vec::new() };
        // What was pushed before the tenant went may only now reach the disk: read too early, it would be there after the
        // next start and not before.
        if !named.is_empty() {
            store.settle();
        }
        let is_kept = |id: &&TenantId| {
            config.tenants.get(*id).is_some_and(|tenant| durability_of(config, tenant) > Durability::Memory)
        };
        let kept: Vec<_> = named.iter().filter(is_kept).cloned().collect();
        let mut unread = Vec::new();
        let restore = |tenant: &TenantId, group| returning.restore(tenant, group);
        for (tenant, brought) in self.restoring(&restore, |restoring| journal.bring_back(&kept, restoring)) {
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

    fn restoring<T>(
        &self,
        restore: &(dyn Fn(&TenantId, RestoredGroup) -> Result<(), RestoreError> + Sync),
        with: impl FnOnce(&Restoring<'_>) -> T,
    ) -> T {
        let revive = |family: StoredFamily| -> Option<PreparedFamily> {
            let StoredFamily { name, kind, help, lines, proto } = family;
            exposition::revive(KeptFamily { name, kind, help, lines, proto }, &self.hasher, &self.namespace_label)
        };
        with(&Restoring { revive: &revive, restore })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::config::Tenant;
    use crate::testkit::MockClock;
    use std::fs;

    #[test]
    fn who_was_closed_and_is_named_no_more_is_not_wanted_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let (mut config, clock) =
            (Config::parse("listener: { plaintext_allowed: true }", dir.path()).unwrap(), MockClock::new());
        config.storage.path = dir.path().to_path_buf();
        let (hasher, clock): (_, SharedClock) = (SeriesHasher::with_key([3; 16]), Arc::new(clock));
        let storage = Storage::open(&config, hasher.clone(), &clock, &Health::default()).unwrap();
        let store =
            Store::new([], &[], storage.journal(), exposition::OWN_GAUGES, Arc::new(exposition::StoredSeries(hasher)));
        storage.load(&store, &config).unwrap();
        let red = TenantId::parse("red").unwrap();
        storage.set_aside([&red]);
        // A directory of its name cannot be read as the log can.
        let log = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
        let log = log.into_iter().find(|path| path.extension().is_some_and(|it| it == "pushward")).unwrap();
        fs::rename(&log, log.with_extension("aside")).unwrap();
        fs::create_dir(&log).unwrap();
        let wanted = || storage.journal.as_ref().unwrap().wanted();
        config.tenants.insert(red.clone(), Tenant::without_credentials(red.clone(), Limits::default()));
        let unread = storage.bring_back(&store, &store.returning([]), &config, std::slice::from_ref(&red));
        assert_eq!((unread.len(), wanted()), (1, vec![red.clone()]));
        config.tenants.remove(&red);
        assert!(storage.bring_back(&store, &store.returning([]), &config, &[]).is_empty());
        assert!(wanted().is_empty(), "kept for ever");
    }
}
