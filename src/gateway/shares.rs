//! The limits in force beside what is taken of them: the configuration, the store and the buckets, asked together.

use super::reload::Reloader;
use crate::config::Amount;
use crate::config::Config;
use crate::config::Limits;
use crate::limits::Buckets;
use crate::limits::Ceiling;
use crate::limits::Ceilings;
use crate::limits::PaceUsage;
use crate::limits::PlacesUsage;
use crate::limits::RateKind;
use crate::limits::RateUsage;
use crate::model::Quota;
use crate::model::QuotaKind;
use crate::model::TenantId;
use crate::store::Store;
use crate::store::Usage;
use crate::telemetry::Share;
use crate::telemetry::Shares;
use crate::telemetry::Who;
use arc_swap::ArcSwap;
use std::fmt;
use std::sync::Arc;

/// What a gateway gives out.
pub(super) struct InForce {
    pub(super) reloader: Reloader,
    pub(super) store: Arc<Store>,
    pub(super) buckets: Arc<ArcSwap<Buckets>>,
    pub(super) ceilings: Ceilings,
}

impl Shares for InForce {
    fn of_tenants(&self, wanted: &dyn Fn(&TenantId) -> bool) -> Vec<(TenantId, Vec<Share>)> {
        let config = self.reloader.in_force();
        let buckets = self.buckets.load();
        let shares = |(tenant, usage, quota)| {
            let limits = limits_of(&config, &tenant, quota)?;
            let mut taken = paced(buckets.usage(&tenant));
            taken.extend(stored(usage));
            Some((tenant, beside(limits.by_name(), &taken)))
        };
        self.store.usage_of(wanted).into_iter().filter_map(shares).collect()
    }

    fn of_operator(&self, operator: &str) -> Vec<Share> {
        let config = self.reloader.in_force();
        let limits = config.operators.get(operator).map(|operator| operator.limits.by_name());
        beside(limits.unwrap_or_default(), &paced(self.buckets.load().usage_of_operator(operator)))
    }

    fn of_credential(&self, who: &Who) -> Vec<Share> {
        let Some(tenant) = &who.tenant else {
            return Vec::new();
        };
        let usage = self.buckets.load().usage_of_credential(tenant, &who.credential);
        usage.map(own).unwrap_or_default()
    }

    fn of_gateway(&self) -> Vec<Share> {
        let limits = self.reloader.in_force().gateway;
        let (bodies, scrapes) = self.ceilings.usage();
        let share = |key, limit, used| Share { key, limit, used: Some(used) };
        vec![
            share("stored_bytes_max", Amount::Bytes(limits.stored_bytes_max), self.store.stored_bytes()),
            share(Ceiling::Bodies.key(), Amount::Bytes(limits.bodies_in_flight_bytes_max), bodies),
            share(Ceiling::Scrapes.key(), Amount::Count(limits.scrapes_in_flight_max.into()), scrapes),
        ]
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

/// What is taken of a pace, by the keys of the limits: of a rate, what is missing of its burst.
fn paced(usage: Option<PaceUsage>) -> Vec<(&'static str, u64)> {
    let Some(usage) = usage else {
        return Vec::new();
    };
    let rates =
        rates(&usage).into_iter().filter_map(|(kind, rate)| rate.map(|rate| (kind.burst_key(), missing(&rate))));
    let places = places(&usage).map(|(key, places)| (key, u64::from(places.now)));
    rates.chain(places).collect()
}

/// The limits of a credential's own, beside what is taken of them.
fn own(usage: PaceUsage) -> Vec<Share> {
    let amount = |kind, value| match kind {
        RateKind::Bytes => Amount::Bytes(value),
        RateKind::Requests | RateKind::Samples => Amount::Count(value),
    };
    let rate = |(kind, rate): (RateKind, Option<RateUsage>)| {
        let rate = rate?;
        let per_second = Share { key: kind.key(), limit: amount(kind, rate.limit), used: None };
        let burst = Share { key: kind.burst_key(), limit: amount(kind, rate.burst), used: Some(missing(&rate)) };
        Some([per_second, burst])
    };
    let PlacesUsage { now, max } = usage.in_flight;
    let in_flight = Share { key: "in_flight_max", limit: Amount::Count(max.into()), used: Some(now.into()) };
    let rates = rates(&usage).into_iter().filter_map(rate).flatten();
    rates.chain((max != u32::MAX).then_some(in_flight)).collect()
}

fn rates(usage: &PaceUsage) -> [(RateKind, Option<RateUsage>); 3] {
    [(RateKind::Requests, usage.requests), (RateKind::Bytes, usage.bytes), (RateKind::Samples, usage.samples)]
}

fn places(usage: &PaceUsage) -> [(&'static str, PlacesUsage); 3] {
    [
        ("in_flight_max", usage.in_flight),
        ("scrapes_in_flight_max", usage.scrapes_in_flight),
        ("waiting_max", usage.waiting),
    ]
}

const fn missing(rate: &RateUsage) -> u64 {
    rate.burst.saturating_sub(rate.left)
}
