//! What each tenant may keep, and what it keeps: asked of the store when the metrics are read.

use crate::model::QuotaKind;
use crate::store::Store;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;

/// `pushward_tenant_limit` and `pushward_tenant_usage`.
#[derive(Debug)]
pub struct StoreUsage(pub Arc<Store>);

impl Collector for StoreUsage {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut limits = Vec::new();
        let mut usages = Vec::new();
        let tenants = self.0.usage();
        for (tenant, usage, quota) in &tenants {
            let kinds = [
                (QuotaKind::Groups, quota.groups_max, usage.groups),
                (QuotaKind::Series, quota.series_max, usage.series),
                (QuotaKind::StoredBytes, quota.stored_bytes_max, usage.stored_bytes),
            ];
            for (kind, limit, used) in kinds {
                limits.push((tenant.as_str(), kind.key(), limit));
                usages.push((tenant.as_str(), kind.key(), used));
            }
        }
        let help = "What a tenant may take of a limit";
        gauges(&mut encoder, "pushward_tenant_limit", help, &limits)?;
        let help = "What a tenant takes of a limit";
        gauges(&mut encoder, "pushward_tenant_usage", help, &usages)?;
        let help = "Families kept out of the operator's view for their names, over all tenants";
        let descriptor = encoder.encode_descriptor("pushward_reserved_families", help, None, MetricType::Gauge)?;
        ConstGauge::new(self.0.reserved_families()).encode(descriptor)
    }
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &[(&str, &'static str, u64)],
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (tenant, limit, value) in values {
        let labels = [("tenant", *tenant), ("limit", *limit)];
        ConstGauge::new(*value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
