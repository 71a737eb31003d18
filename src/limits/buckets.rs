//! The buckets of everybody in a configuration.

use super::bucket::Bucket;
use super::bucket::Size;
use super::meter::Meter;
use super::usage::PaceUsage;
use crate::config::Config;
use crate::config::Operator;
use crate::config::Tenant;
use crate::config::TenantGrant;
use crate::identity::Party;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::model::TenantMap;
use std::collections::HashMap;
use std::sync::Arc;

/// The buckets of everybody in a configuration. Strangers have none: they never get this far.
#[derive(Debug)]
pub struct Buckets {
    tenants: TenantMap<OfTenant>,
    operators: HashMap<String, Arc<Bucket>>,
    clock: SharedClock,
}

#[derive(Debug)]
struct OfTenant {
    bucket: Arc<Bucket>,
    /// Of credentials with limits of their own, by their names. One rule's bucket is that of all whom it lets in.
    credentials: HashMap<String, Arc<Bucket>>,
}

impl OfTenant {
    fn after(before: Option<&Self>, tenant: &Tenant, clock: &SharedClock) -> Self {
        let pace = &tenant.limits.pace;
        let of_credential = |grant: &TenantGrant| {
            let size = Size::of_credential(grant.limits.as_ref()?, pace);
            let before = before.and_then(|before| before.credentials.get(&grant.name));
            Some((grant.name.clone(), Bucket::after(before, size, clock)))
        };
        Self {
            bucket: Bucket::after(before.map(|before| &before.bucket), Size::from(pace), clock),
            credentials: tenant.grants().filter_map(of_credential).collect(),
        }
    }
}

impl Buckets {
    /// `before`: the buckets in force. Without them all are full: a restart gives everybody the whole burst.
    pub fn new(config: &Config, before: Option<&Self>, clock: &SharedClock) -> Self {
        let of_tenant = |(id, tenant): (&TenantId, &Tenant)| {
            let before = before.and_then(|before| before.tenants.get(id));
            (id.clone(), OfTenant::after(before, tenant, clock))
        };
        let of_operator = |(name, operator): (&String, &Operator)| {
            let before = before.and_then(|before| before.operators.get(name));
            (name.clone(), Bucket::after(before, Size::from(&operator.limits), clock))
        };
        Self {
            tenants: config.tenants.iter().map(of_tenant).collect(),
            operators: config.operators.iter().map(of_operator).collect(),
            clock: clock.clone(),
        }
    }

    /// What a request of this party is charged to. `None`: there is no such party, so nothing is admitted.
    pub(super) fn meter(&self, party: &Party) -> Option<Meter> {
        let (own, bucket) = match party {
            Party::Tenant(grant) => {
                let of_tenant = self.tenants.get(&grant.tenant)?;
                // A credential without a bucket has lost its limits with a reload, or is about to be unknown.
                let own = grant.paced.iter().filter_map(|name| of_tenant.credentials.get(&**name).cloned());
                (own.collect(), &of_tenant.bucket)
            }
            Party::Operator(grant) => (Vec::new(), self.operators.get(&grant.operator)?),
        };
        Some(Meter::new(own, bucket.clone(), self.clock.clone()))
    }

    /// What a tenant has taken of its pace by now. `None`: there is no such tenant. Some atomic reads, no lock.
    pub fn usage(&self, tenant: &TenantId) -> Option<PaceUsage> {
        self.tenants.get(tenant).map(|of_tenant| of_tenant.bucket.usage(self.clock.tick()))
    }

    /// The same of one of its credentials. `None`: it has no limits of its own.
    pub fn usage_of_credential(&self, tenant: &TenantId, credential: &str) -> Option<PaceUsage> {
        let bucket = self.tenants.get(tenant)?.credentials.get(credential)?;
        Some(bucket.usage(self.clock.tick()))
    }

    /// The same of an operator.
    pub fn usage_of_operator(&self, operator: &str) -> Option<PaceUsage> {
        self.operators.get(operator).map(|bucket| bucket.usage(self.clock.tick()))
    }
}
