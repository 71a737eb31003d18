//! Why a write is not accepted.

use crate::model::QuotaKind;
use std::fmt;

/// Why a write is refused. Nothing of it is stored; what is noted of it is said with each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It contradicts what the tenant already holds. Noted as a failure of the group.
    #[error("{0}")]
    Inconsistent(String),
    /// It would take more than the tenant may keep. Noted if the group exists. What would be needed tells how much the
    /// whole tenant holds, as does what is used now, so they are only there for whoever can see all of that.
    #[error("the tenant's quota is full: {kind} is {limit}, {}", OfUse(*.used, *.needed))]
    QuotaFull { kind: QuotaKind, limit: u64, used: Option<u64>, needed: Option<u64> },
    /// All tenants together take what they may, or nearly so and this one more than its fair share. Not noted.
    #[error(
        "the gateway is full: gateway.stored_bytes_max is {limit}, and from 80 % of it on a tenant may have {share}"
    )]
    GatewayFull { limit: u64, share: u64 },
    /// The group does not exist for this scope. Not noted.
    #[error("the group is not within this credential's scope")]
    OutOfScope,
    /// The tenant went while the write was under way. Not noted.
    #[error("the tenant is not there any more")]
    NoTenant,
    /// The journal did not take it. Not noted.
    #[error("the storage did not accept the write")]
    Unavailable,
}

/// What is used and what would be needed, where they may be told.
struct OfUse(Option<u64>, Option<u64>);

impl fmt::Display for OfUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(used) = self.0 {
            write!(f, "in use are {used}, ")?;
        }
        match self.1 {
            Some(needed) => write!(f, "and this would make it {needed}"),
            None => f.write_str("and this would be over it"),
        }
    }
}
