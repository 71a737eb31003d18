//! The operator's listener: health with reasons, and the gateway's own metrics. GET only; never a tenant's data, never a
//! verb.

mod doors;
mod listener;
mod store;

pub use doors::Ops;
pub use doors::doors;
pub use listener::ListenerMetrics;
pub use store::StoreUsage;
