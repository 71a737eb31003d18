//! When each credential was used last and when it expires, how old the keys of issuers are, and when revocation
//! lists end: asked of the registry in
//! force when the metrics are read.

use crate::identity::Registry;
use arc_swap::ArcSwap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;

/// `pushward_credential_last_used_timestamp_seconds` of those that were used since the process began, and
/// `pushward_credential_expiry_timestamp_seconds` of those that expire, `tenant` being empty for an operator's;
/// `pushward_jwks_last_success_timestamp_seconds` of each issuer; `pushward_crl_next_update_timestamp_seconds` of each CA that
/// names a revocation list.
#[derive(Debug)]
pub struct CredentialMetrics(pub Arc<ArcSwap<Registry>>);

impl Collector for CredentialMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let registry = self.0.load_full();
        let help = "When a credential was last used since the process began, in Unix seconds";
        let name = "pushward_credential_last_used_timestamp_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for times in registry.credential_times() {
            if let Some(at) = times.last_used {
                let labels = [("tenant", times.tenant), ("credential", times.credential)];
                ConstGauge::new(at.unix_seconds()).encode(family.encode_family(&labels)?)?;
            }
        }
        let help = "When a credential expires, in Unix seconds";
        let name = "pushward_credential_expiry_timestamp_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for times in registry.credential_times() {
            if let Some(at) = times.expires {
                let labels = [("tenant", times.tenant), ("credential", times.credential)];
                ConstGauge::new(at.unix_seconds()).encode(family.encode_family(&labels)?)?;
            }
        }
        let help = "When an issuer's keys were last read, in Unix seconds";
        let name = "pushward_jwks_last_success_timestamp_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (issuer, at) in registry.key_ages() {
            if let Some(at) = at {
                ConstGauge::new(at.unix_seconds()).encode(family.encode_family(&[("issuer", issuer)])?)?;
            }
        }
        let help =
            "When the first of a client CA's revocation lists ends, in Unix seconds: nobody of it is let in then";
        let name = "pushward_crl_next_update_timestamp_seconds";
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (ca, at) in registry.crl_next_updates() {
            ConstGauge::new(at.unix_seconds()).encode(family.encode_family(&[("ca", ca)])?)?;
        }
        Ok(())
    }
}
