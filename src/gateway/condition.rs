//! How the configuration in force came about, as metrics and health tell it.

use crate::config::PartFault;
use crate::identity::Registry;
use crate::model::Timestamp;
use crate::telemetry::Health;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The faults of the configuration as its files are now, and of the keys that were fetched for it. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    known: Arc<Mutex<Known>>,
    health: Health,
    registry: Arc<ArcSwap<Registry>>,
}

#[derive(Debug, Default)]
struct Known {
    faults: Vec<PartFault>,
    last_success: Timestamp,
    restart_needed: bool,
}

impl Condition {
    pub(super) fn new(health: Health, registry: Arc<ArcSwap<Registry>>) -> Self {
        Self { known: Arc::default(), health, registry }
    }

    /// After a start or a reload at `now`: what is not in force as its file says. Whether that is other than before.
    pub(super) fn set(&self, faults: Vec<PartFault>, restart_needed: bool, now: Timestamp) -> bool {
        self.health.set_degraded("config_kept", faults.iter().any(|fault| !fault.closed));
        self.health.set_degraded("config_closed", faults.iter().any(|fault| fault.closed));
        let mut known = self.known.lock();
        if faults.is_empty() {
            known.last_success = now;
        }
        known.restart_needed = restart_needed;
        let other = known.faults != faults;
        known.faults = faults;
        other
    }

    /// One more part is not as its file says, and all else is as it was.
    pub(super) fn keep(&self, fault: PartFault) {
        self.health.set_degraded("config_kept", true);
        let mut known = self.known.lock();
        known.faults.retain(|other| other.part != fault.part);
        known.faults.push(fault);
    }
}

impl Collector for Condition {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let known = self.known.lock();
        let help = "Whether all of the configuration is in force as its files said when they were last read";
        let successful = ConstGauge::new(i64::from(known.faults.is_empty()));
        gauge(&mut encoder, "pushward_config_last_reload_successful", help, &successful)?;
        let help = "When that was last so, in Unix seconds";
        let name = "pushward_config_last_reload_success_timestamp_seconds";
        gauge(&mut encoder, name, help, &ConstGauge::new(known.last_success.as_unix_seconds_f64()))?;
        let help = "Whether the configuration says something that waits for a restart";
        let needed = ConstGauge::new(i64::from(known.restart_needed));
        gauge(&mut encoder, "pushward_config_restart_needed", help, &needed)?;
        let help = "Parts of the configuration that are not in force as their files say";
        let mut family = encoder.encode_descriptor("pushward_config_fault", help, None, MetricType::Gauge)?;
        // An issuer's faults come and go without a reload.
        let of_keys = self.registry.load().faults();
        let parts = known.faults.iter().map(|fault| fault.part.as_str());
        for part in parts.chain(of_keys.iter().map(|(part, _)| part.as_str())).collect::<BTreeSet<_>>() {
            ConstGauge::new(1_i64).encode(family.encode_family(&[("part", part)])?)?;
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: &impl EncodeMetric,
) -> Result<(), fmt::Error> {
    value.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}
