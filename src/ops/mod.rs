//! The operator's listener: health with reasons, and the gateway's own metrics. GET only; never a tenant's data, never a
//! verb.

mod credentials;
mod doors;
mod expiry;
mod fullness;
mod listener;
mod shares;

pub use credentials::CredentialMetrics;
pub use doors::Ops;
pub use doors::OpsDoors;
pub use doors::doors;
pub use expiry::warn_of_expiries;
pub use fullness::warn_of_fullness;
pub use listener::ListenerMetrics;
pub use shares::TenantShares;
