//! What each tenant may take, and what it takes: asked when the metrics are read.

use crate::config::Amount;
use crate::store::Store;
use crate::telemetry::Share;
use crate::telemetry::SharedShares;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;

/// `pushward_tenant_limit` and `pushward_tenant_usage` of every limit of which something is taken, so that each usage has a
/// limit to be divided by; and `pushward_reserved_families`.
#[derive(Debug)]
pub struct TenantShares {
    pub shares: SharedShares,
    pub store: Arc<Store>,
}

impl Collector for TenantShares {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let tenants = self.shares.of_tenants(&|_| true);
        let taken = tenants.iter().flat_map(|(tenant, shares)| {
            let countable = shares.iter().filter_map(countable);
            countable.map(|(key, limit, used)| ([("tenant", tenant.as_str()), ("limit", key)], limit, used))
        });
        let taken: Vec<_> = taken.collect();
        let help = "What a tenant may take of a limit";
        let mut family = encoder.encode_descriptor("pushward_tenant_limit", help, None, MetricType::Gauge)?;
        for (labels, limit, _) in &taken {
            ConstGauge::new(*limit).encode(family.encode_family(labels)?)?;
        }
        let help = "What a tenant takes of a limit";
        let mut family = encoder.encode_descriptor("pushward_tenant_usage", help, None, MetricType::Gauge)?;
        for (labels, _, used) in &taken {
            ConstGauge::new(*used).encode(family.encode_family(labels)?)?;
        }
        let help = "Families kept out of the operator's view for their names, over all tenants";
        let descriptor = encoder.encode_descriptor("pushward_reserved_families", help, None, MetricType::Gauge)?;
        ConstGauge::new(self.store.reserved_families()).encode(descriptor)
    }
}

fn countable(share: &Share) -> Option<(&'static str, u64, u64)> {
    match share.limit {
        Amount::Count(limit) | Amount::Bytes(limit) => share.used.map(|used| (share.key, limit, used)),
        Amount::Time(_) | Amount::Part(_) => None,
    }
}
