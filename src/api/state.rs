//! What the handlers share.

use super::ApiError;
use crate::config::Config;
use crate::config::JobLabel;
use crate::config::Tenant;
use crate::model::NameScheme;
use crate::model::SeriesHasher;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::model::TextDialect;
use crate::rejection::Rejection;
use crate::store::Store;
use crate::telemetry::Health;
use crate::telemetry::PushMetrics;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The store, and what the configuration says of reading and writing.
#[derive(Clone, Debug)]
pub struct Api {
    pub(super) store: Arc<Store>,
    pub(super) clock: SharedClock,
    pub(super) hasher: SeriesHasher,
    pub(super) reading: Arc<Reading>,
    pub(super) metrics: PushMetrics,
    pub(super) health: Health,
}

/// How bodies are read and views are written.
#[derive(Debug)]
pub(super) struct Reading {
    tenants: BTreeMap<TenantId, TenantReading>,
    pub(super) namespace_label: String,
    pub(super) prefix_job: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct TenantReading {
    pub(super) dialect: TextDialect,
    pub(super) names: NameScheme,
    pub(super) body_bytes_max: u64,
}

impl Api {
    pub fn new(
        config: &Config,
        store: Arc<Store>,
        hasher: SeriesHasher,
        clock: SharedClock,
        metrics: PushMetrics,
        health: Health,
    ) -> Self {
        let reading = |tenant: &Tenant| TenantReading {
            dialect: tenant.text,
            names: if tenant.utf8_names { NameScheme::Utf8 } else { NameScheme::Classic },
            body_bytes_max: tenant.limits.body_bytes_max,
        };
        let reading = Reading {
            tenants: config.tenants.iter().map(|(id, tenant)| (id.clone(), reading(tenant))).collect(),
            namespace_label: config.namespace.label.clone(),
            prefix_job: config.namespace.job == JobLabel::Prefix,
        };
        Self { store, clock, hasher, reading: Arc::new(reading), metrics, health }
    }

    pub(super) fn reading_of(&self, tenant: &TenantId) -> Result<TenantReading, Rejection> {
        self.reading.tenants.get(tenant).copied().ok_or(Rejection::Misassembled("a tenant without settings"))
    }
}

/// The answer to a path that is no route.
pub async fn not_found() -> Rejection {
    ApiError::NotFound.into()
}

/// The answer to a method that a route does not have. axum's own answer names those it has.
pub async fn not_allowed() -> Rejection {
    ApiError::MethodNotAllowed.into()
}
