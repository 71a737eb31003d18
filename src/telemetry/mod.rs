//! What the gateway says of itself: metrics, log, health. Nothing a client sends becomes a label, and no stage hands it a
//! secret.

mod audit;
mod health;
mod lines;
mod log;
mod metrics;
mod process;
mod request_id;
mod shares;
mod who;

pub use audit::Audit;
pub use audit::AuditError;
pub use audit::AuditEvent;
pub use audit::AuditUnavailable;
pub use audit::RECORD_WAIT_MAX;
pub use health::Health;
pub use log::LogError;
pub use log::flush_log;
pub use log::start_log;
pub use metrics::ACCEPTED;
pub use metrics::Metrics;
pub use metrics::PushMetrics;
pub use request_id::RequestId;
pub use request_id::RequestIds;
pub use shares::Share;
pub use shares::SharedShares;
pub use shares::Shares;
pub use who::Initiator;
pub use who::Who;
