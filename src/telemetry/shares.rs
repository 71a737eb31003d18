//! What somebody may take and takes, as it is told: to whoever asks, in the metrics, in the log.

use super::Who;
use crate::config::Amount;
use crate::model::TenantId;
use std::fmt;
use std::sync::Arc;

/// One limit, and how much of it is taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The configuration's key.
    pub key: &'static str,
    pub limit: Amount,
    /// In the units of the limit; of a burst, what of it is spent and not there again yet. `None`: nothing adds up, as with
    /// the bounds of one push.
    pub used: Option<u64>,
}

/// Whoever knows all limits in force and what is taken of them. Asking costs a look at each tenant that is asked for.
pub trait Shares: fmt::Debug + Send + Sync {
    /// Each tenant that is `wanted`, in the order of their names, with every limit in the order of the configuration.
    fn of_tenants(&self, wanted: &dyn Fn(&TenantId) -> bool) -> Vec<(TenantId, Vec<Share>)>;

    /// An operator's. None: there is no such operator.
    fn of_operator(&self, operator: &str) -> Vec<Share>;

    /// A credential's own, beside those of its side. None: it has none.
    fn of_credential(&self, who: &Who) -> Vec<Share>;

    /// The ceilings over all tenants, by their keys below `gateway`.
    fn of_gateway(&self) -> Vec<Share>;
}

/// Shares as they are handed around.
pub type SharedShares = Arc<dyn Shares>;
