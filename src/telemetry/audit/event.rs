//! One thing that was done or refused.

use super::line::TEXT_MAX;
use crate::model::GroupingKey;
use crate::telemetry::Initiator;
use crate::telemetry::RequestId;
use crate::telemetry::Who;
use std::net::IpAddr;
use std::sync::Arc;

/// One thing that was done or refused.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// `authentication_failed`, `delete`, `reload`, …
    pub event: &'static str,
    pub request: Option<RequestId>,
    pub peer: Option<IpAddr>,
    pub who: Option<Arc<Who>>,
    /// The code of a refusal.
    pub code: Option<&'static str>,
    /// What it was done to. Texts may be a client's: they are masked, cut and escaped on their way into the line. A name is
    /// none of those above, nor `time`, `tenant`, `operator`, `credential`.
    pub details: Vec<(&'static str, String)>,
}

impl AuditEvent {
    /// An event that knows nothing but its name.
    pub fn new(event: &'static str) -> Self {
        Self { event, request: None, peer: None, who: None, code: None, details: Vec::new() }
    }

    /// Something that a request did.
    pub fn by(event: &'static str, initiator: &Initiator) -> Self {
        Self {
            request: Some(initiator.request()),
            peer: initiator.peer(),
            who: initiator.who().cloned(),
            ..Self::new(event)
        }
    }

    /// One more detail.
    #[must_use]
    pub fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.details.push((name, text.into()));
        self
    }

    /// The group it was done to: its job, and its other labels as far as they fit.
    #[must_use]
    pub fn with_group(self, key: &GroupingKey) -> Self {
        let mut labels = String::new();
        for (name, value) in key.labels().filter(|(name, _)| *name != "job") {
            // There may be thousands; the line cuts what is longer.
            if labels.len() > TEXT_MAX {
                break;
            }
            let comma = if labels.is_empty() { "" } else { "," };
            labels.push_str(&format!("{comma}{name}={value:?}"));
        }
        let event = self.with("job", key.job());
        if labels.is_empty() { event } else { event.with("group", labels) }
    }
}
