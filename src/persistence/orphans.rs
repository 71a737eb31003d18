//! What tenants pushed whom the configuration does not name: kept for a while, so that one who comes back has it again.

#[cfg(test)]
use super::journal::DiskJournal;
use super::journal::Inner;
use super::record::Record;
use super::record::write_mark_of_tenant;
use crate::model::Durability;
use crate::model::TenantId;
use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

/// Those who are gone, and since when.
#[derive(Debug)]
pub(super) struct Orphans {
    keep: Duration,
    gone: BTreeMap<TenantId, Timestamp>,
    /// Those of them whom the configuration names again, while what they pushed cannot be read.
    wanted: BTreeSet<TenantId>,
}

impl Orphans {
    pub(super) fn kept_for(keep: Duration) -> Self {
        Self { keep, gone: BTreeMap::new(), wanted: BTreeSet::new() }
    }

    /// Those of `named` who are gone: what they pushed is wanted, and nobody else's of those who are gone.
    pub(super) fn want(&mut self, named: &[TenantId]) -> Vec<TenantId> {
        let wanted: Vec<_> = named.iter().filter(|tenant| self.gone.contains_key(*tenant)).cloned().collect();
        self.wanted = wanted.iter().cloned().collect();
        wanted
    }

    /// Those whose time is over, and whom nobody wants.
    fn over(&self, now: Timestamp) -> Vec<TenantId> {
        let over = |tenant: &TenantId, since: &Timestamp| {
            since.saturating_add(self.keep) <= now && !self.wanted.contains(tenant)
        };
        self.gone.iter().filter(|(tenant, since)| over(tenant, since)).map(|(tenant, _)| tenant.clone()).collect()
    }
}

#[cfg(test)]
impl DiskJournal {
    /// Those who are gone and kept for as long as they are wanted.
    pub(crate) fn wanted(&self) -> Vec<TenantId> {
        self.inner.orphans.lock().wanted.iter().cloned().collect()
    }
}

impl Inner {
    /// The configuration does not name the tenant: since now, or for as long as the files say.
    pub(super) fn gone(&self, tenant: &TenantId, since: Option<Timestamp>) {
        let at = since.unwrap_or_else(|| self.clock.now());
        self.orphans.lock().gone.insert(tenant.clone(), at);
        if since.is_none() {
            self.mark(&Record::TenantGone { tenant: tenant.clone(), at });
        }
    }

    /// The configuration names the tenant again.
    pub(super) fn back(&self, tenant: &TenantId) {
        let was_gone = {
            let mut orphans = self.orphans.lock();
            orphans.wanted.remove(tenant);
            orphans.gone.remove(tenant).is_some()
        };
        if was_gone {
            self.mark(&Record::TenantBack { tenant: tenant.clone() });
        }
    }

    /// Forgets what those pushed who are gone for longer than it is kept.
    pub(super) fn forget_long_gone(&self) {
        // Nobody comes back meanwhile.
        let _files = self.files.lock();
        let over = self.orphans.lock().over(self.clock.now());
        for tenant in over {
            if self.mark(&Record::TenantForgotten { tenant: tenant.clone() }) {
                self.orphans.lock().gone.remove(&tenant);
                tracing::info!(tenant = tenant.as_str(), "what the tenant pushed is forgotten: it is gone for long");
            }
        }
    }

    /// Writes what became of a tenant; if that fails, the next start finds out again.
    fn mark(&self, record: &Record<'_>) -> bool {
        self.append(Durability::Fsync, |out, mark| write_mark_of_tenant(out, mark, record)).is_ok()
    }
}
