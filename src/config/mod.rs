//! The configuration, as types that cannot hold a bad value: one file for each section, named as the folder it
//! configures.

mod limits;
mod listener;
mod log;
mod namespace;
mod ops;
mod storage;
mod tenants;

pub use limits::Limits;
pub use limits::OperatorLimits;
pub use listener::AddressRule;
pub use listener::Deadlines;
pub use listener::Listener;
pub use listener::Tls;
pub use listener::TlsProfile;
pub use log::Log;
pub use log::LogFormat;
pub use namespace::JobLabel;
pub use namespace::NamePattern;
pub use namespace::Namespace;
pub use ops::Ops;
pub use ops::OpsAuth;
pub use storage::Durability;
pub use storage::Storage;
pub use tenants::Operator;
pub use tenants::OperatorToken;
pub use tenants::Tenant;
pub use tenants::TenantToken;

use crate::model::TenantId;
use std::collections::BTreeMap;

/// A whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub listener: Listener,
    /// Where health with reasons and the gateway's own metrics are served.
    pub ops: Ops,
    pub storage: Storage,
    pub namespace: Namespace,
    pub log: Log,
    pub tenants: BTreeMap<TenantId, Tenant>,
    pub operators: BTreeMap<String, Operator>,
}
