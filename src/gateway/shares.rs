//! The limits in force beside what is taken of them: the configuration, the store and the buckets, asked together.

use super::reload::Reloader;
use crate::config::Amount;
use crate::config::Config;
use crate::config::Limits;
use crate::model::Quota;
use crate::model::QuotaKind;
use crate::model::TenantId;
use crate::store::Store;
use crate::store::Usage;
use crate::telemetry::Share;
use crate::telemetry::Shares;
use crate::telemetry::Who;
use std::fmt;
use std::sync::Arc;

/// Whose pace is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Paced<'a> {
    Tenant(&'a TenantId),
    Operator(&'a str),
}

/// What is taken of a party's pace, by the keys of the limits. What is not named is not counted.
pub(super) type PaceTaken = Box<dyn Fn(Paced<'_>) -> Vec<(&'static str, u64)> + Send + Sync>;

/// What a gateway gives out.
pub(super) struct InForce {
    pub(super) reloader: Reloader,
    pub(super) store: Arc<Store>,
    pub(super) pace: PaceTaken,
}

impl Shares for InForce {
    fn of_tenants(&self, wanted: &dyn Fn(&TenantId) -> bool) -> Vec<(TenantId, Vec<Share>)> {
        let config = self.reloader.in_force();
        let shares = |(tenant, usage, quota)| {
            let limits = limits_of(&config, &tenant, quota)?;
            let mut taken = (self.pace)(Paced::Tenant(&tenant));
            taken.extend(stored(usage));
            Some((tenant, beside(limits.by_name(), &taken)))
        };
        self.store.usage_of(wanted).into_iter().filter_map(shares).collect()
    }

    fn of_operator(&self, operator: &str) -> Vec<Share> {
        let config = self.reloader.in_force();
        let limits = config.operators.get(operator).map(|operator| operator.limits.by_name());
        beside(limits.unwrap_or_default(), &(self.pace)(Paced::Operator(operator)))
    }

    fn of_credential(&self, _: &Who) -> Vec<Share> {
        // The configuration gives none of its own to a credential.
        Vec::new()
    }

    fn of_gateway(&self) -> Vec<Share> {
        // Nor has it a ceiling over all tenants.
        Vec::new()
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InForce").finish_non_exhaustive()
    }
}

/// The quota is the store's, which has it a moment earlier than the configuration is in force.
fn limits_of(config: &Config, tenant: &TenantId, quota: Quota) -> Option<Limits> {
    config.tenants.get(tenant).map(|tenant| Limits { quota, ..tenant.limits })
}

fn stored(usage: Usage) -> [(&'static str, u64); 3] {
    [
        (QuotaKind::Groups.key(), usage.groups),
        (QuotaKind::Series.key(), usage.series),
        (QuotaKind::StoredBytes.key(), usage.stored_bytes),
    ]
}

fn beside(limits: Vec<(&'static str, Amount)>, taken: &[(&'static str, u64)]) -> Vec<Share> {
    let used = |key| taken.iter().find(|(taken, _)| *taken == key).map(|(_, used)| *used);
    limits.into_iter().map(|(key, limit)| Share { key, limit, used: used(key) }).collect()
}
