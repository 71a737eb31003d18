//! What the audit is told of a request when it is answered.

use crate::config::AuditPushes;
use crate::rejection::Rejection;
use crate::rejection::Subject;
use crate::telemetry::Audit;
use crate::telemetry::AuditEvent;
use crate::telemetry::Initiator;
use http::Method;

/// What the paths of groups begin with in the table of routes.
const GROUPS: &str = "/metrics/job";

/// A request that is not answered yet.
pub(super) struct Underway<'a> {
    audit: &'a Audit,
    initiator: &'a Initiator,
    method: &'a Method,
    answered: bool,
}

impl<'a> Underway<'a> {
    pub(super) fn new(audit: &'a Audit, initiator: &'a Initiator, method: &'a Method) -> Self {
        Self { audit, initiator, method, answered: false }
    }

    /// Notes a refusal of proof or of authority, and a push where pushes are noted. `route`: as the metrics call it.
    pub(super) fn answered(mut self, route: &str, rejection: Option<&Rejection>) {
        self.answered = true;
        let is_push = (self.method == Method::PUT || self.method == Method::POST) && route.starts_with(GROUPS);
        let event = match rejection.map(|rejection| (rejection, rejection.subject())) {
            Some((_, Subject::Proof)) => self.event("authentication_failed").with("route", route),
            Some((refusal, Subject::Authority)) => {
                self.event("refused").with("route", route).with("reason", refusal.to_string())
            }
            Some((_, Subject::Request)) if is_push && self.audit.pushes() != AuditPushes::Off => self.push("refused"),
            None if is_push && self.audit.pushes() == AuditPushes::All => self.push("accepted"),
            _ => return,
        };
        self.audit.note(&AuditEvent { code: rejection.map(Rejection::code), ..event });
    }

    fn push(&self, outcome: &'static str) -> AuditEvent {
        let event = self.event("push").with("outcome", outcome);
        match self.initiator.group() {
            Some(group) => event.with_group(group),
            None => event,
        }
    }

    fn event(&self, name: &'static str) -> AuditEvent {
        AuditEvent::by(name, self.initiator).with("method", named(self.method))
    }
}

/// A client that left cannot take its push back: whether it was stored is not known here.
impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if !self.answered && self.audit.pushes() == AuditPushes::All && self.initiator.group().is_some() {
            self.audit.note(&self.push("abandoned"));
        }
    }
}

/// A method of HTTP by its name; any other is a client's text.
fn named(method: &Method) -> &str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::POST,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
        Method::CONNECT,
        Method::TRACE,
    ];
    if known.contains(method) { method.as_str() } else { "other" }
}
