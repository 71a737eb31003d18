//! What a reload replaces: one value for each stage, swapped whole, read by requests without a lock.
//!
//! All of it is made first, which may take time and fail; putting it in force takes some instructions and cannot. The
//! order is that no credential ever opens more than one of the two configurations lets it:
//!
//! 1. *room*: shelves and quotas of the tenants there will be, and what those pushed before who are named again: an operator
//!    sees all of it at once, or nothing. Nobody is let in to a new one yet, and nobody will be to one whose data cannot be
//!    read;
//! 2. *the inner stages*: reading, names of tenants, buckets. Whoever is to go is refused from here on, as a party
//!    without a bucket;
//! 3. *the registry*: in one instant the withdrawn credentials are unknown and the new ones known, on open connections
//!    too, since every request is authenticated anew;
//! 4. *certificates*, for connections to come;
//! 5. *clearing*: what tenants that are gone have pushed. Nobody can reach it any more; a push under way that still holds
//!    the shelf is refused there.

use super::certificates::Certificates;
use super::certificates::Loaded;
use super::storage::Storage;
use crate::api::Readings;
use crate::config::Config;
use crate::config::ConfigErrors;
use crate::config::Fault;
use crate::config::PartFault;
use crate::config::Tenant;
use crate::identity::Registry;
use crate::limits::Buckets;
use crate::limits::Ceilings;
use crate::model::Durability;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::persistence::LoadError;
use crate::store::Store;
use crate::store::TenantTerms;
use crate::telemetry::Metrics;
use arc_swap::ArcSwap;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The parts of a gateway that follow the configuration.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) registry: Arc<ArcSwap<Registry>>,
    pub(super) buckets: Arc<ArcSwap<Buckets>>,
    pub(super) tenants: Arc<ArcSwap<BTreeSet<TenantId>>>,
    pub(super) readings: Readings,
    pub(super) store: Arc<Store>,
    pub(super) ceilings: Ceilings,
    pub(super) storage: Storage,
    pub(super) certificates: Certificates,
}

/// The same for another configuration, made and not yet in force.
#[derive(Debug)]
pub(super) struct Next {
    registry: Registry,
    buckets: Buckets,
    tenants: BTreeSet<TenantId>,
    certificates: Loaded,
}

impl Next {
    /// What of it is not as its files say.
    pub(super) fn faults(&self) -> impl Iterator<Item = PartFault> {
        self.registry.unread().into_iter().chain(self.certificates.faults.clone())
    }
}

impl Live {
    /// The first of it, for a start.
    pub(super) fn new(
        config: &Config,
        store: Arc<Store>,
        storage: Storage,
        certificates: Certificates,
        clock: &SharedClock,
    ) -> Self {
        let registry = Registry::new(config, clock, None);
        registry.keep_keys_fresh();
        Self {
            registry: Arc::new(ArcSwap::from_pointee(registry)),
            buckets: Arc::new(ArcSwap::from_pointee(Buckets::new(config, None, clock))),
            tenants: Arc::new(ArcSwap::from_pointee(tenants(config))),
            readings: Readings::new(config),
            store,
            ceilings: Ceilings::new(&config.gateway, config.tenants.len(), clock),
            storage,
            certificates,
        }
    }

    /// Puts back what those pushed before whom `config` names and who were not there; to be called before anybody can speak for
    /// them. Of whom it cannot be read is taken out of `config`, as if it did not name them, so that the next reload tries
    /// again: served empty, they would be told that what they were promised is gone. Blocks on the disk.
    pub(super) fn bring_back(&self, config: &mut Config) -> Vec<PartFault> {
        let before = self.tenants.load_full();
        let named: Vec<_> = config.tenants.keys().filter(|tenant| !before.contains(*tenant)).cloned().collect();
        let returning = self.store.returning(terms(config).filter(|(tenant, _)| !before.contains(tenant)));
        let unread = self.storage.bring_back(&self.store, &returning, config, &named);
        returning.let_in(|tenant| unread.iter().all(|(other, _)| other != tenant));
        let fault = |(tenant, error): (TenantId, LoadError)| {
            config.tenants.remove(&tenant);
            let text = format!("what it pushed before is kept and cannot be read, so nobody is let in to it: {error}");
            let errors = ConfigErrors::from(Fault::new(&config.storage.path, None, "", text));
            PartFault { part: format!("tenant:{tenant}"), errors, closed: true }
        };
        unread.into_iter().map(fault).collect()
    }

    /// Makes what `config` asks for. What is known of credentials and rates that stay is taken over. Blocks on the disk.
    pub(super) fn next(&self, config: &Config, clock: &SharedClock) -> Next {
        Next {
            registry: Registry::new(config, clock, Some(&self.registry.load())),
            buckets: Buckets::new(config, Some(&self.buckets.load()), clock),
            tenants: tenants(config),
            certificates: self.certificates.load_others(config, clock.now()),
        }
    }

    /// Puts it in force, in the order above; which certificates are new. One caller at a time.
    pub(super) fn put_in_force(&self, next: Next, config: &Config, metrics: &Metrics) -> Vec<String> {
        let before = self.tenants.load_full();
        self.store.open(terms(config));
        self.store.set_stored_bytes_max(config.gateway.stored_bytes_max);
        self.ceilings.resize(&config.gateway, config.tenants.len());
        self.readings.replace(config);
        let stays = Arc::new(next.tenants);
        self.tenants.store(stays.clone());
        self.buckets.store(Arc::new(next.buckets));
        let registry = Arc::new(next.registry);
        self.registry.store(registry.clone());
        registry.keep_keys_fresh();
        let certificates = self.certificates.replace(next.certificates, metrics);
        for (tenant, usage) in self.store.close_all_but(|tenant| stays.contains(tenant)) {
            let (groups, series, bytes) = (usage.groups, usage.series, usage.stored_bytes);
            tracing::info!(tenant = tenant.as_str(), groups, series, bytes, "the tenant is gone, with what it pushed");
        }
        self.storage.set_aside(before.difference(&stays));
        certificates
    }
}

/// What each tenant may keep, and how well. One that is closed keeps its shelf.
pub(super) fn terms(config: &Config) -> impl Iterator<Item = (TenantId, TenantTerms)> {
    config.tenants.iter().map(|(id, tenant)| {
        let durability = durability_of(config, tenant);
        (id.clone(), TenantTerms { quota: tenant.limits.quota, durability })
    })
}

/// What a tenant is promised.
pub(super) fn durability_of(config: &Config, tenant: &Tenant) -> Durability {
    tenant.durability.map_or(config.storage.durability, |asked| asked.min(config.storage.durability))
}

fn tenants(config: &Config) -> BTreeSet<TenantId> {
    config.tenants.keys().cloned().collect()
}
