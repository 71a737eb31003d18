//! What the listeners count.

use crate::listener::Cap;
use crate::listener::CloseReason;
use crate::listener::Handshake;
use crate::listener::ListenerEvents;
use crate::telemetry::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Listener {
    listener: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    listener: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeResult {
    result: &'static str,
}

/// The counters of all listeners.
#[derive(Clone, Debug, Default)]
pub struct ListenerMetrics {
    connections: Family<Listener, Gauge>,
    closed: Family<Why, Counter>,
    handshakes: Family<HandshakeResult, Counter>,
    accept_failures: Counter,
}

impl ListenerMetrics {
    pub fn register(metrics: &Metrics) -> Self {
        let own = Self::default();
        metrics.register("pushward_connections", "Connections open now", own.connections.clone());
        let help = "Connections that ended, by why; and sockets closed at a cap";
        metrics.register("pushward_connections_closed", help, own.closed.clone());
        metrics.register("pushward_tls_handshakes", "TLS handshakes, by result", own.handshakes.clone());
        metrics.register("pushward_accept_failures", "Errors of accept(2)", own.accept_failures.clone());
        own
    }

    /// The events of the listener `name`.
    pub fn of(&self, name: &str) -> Arc<dyn ListenerEvents> {
        Arc::new(Events { name: name.to_owned(), metrics: self.clone() })
    }
}

struct Events {
    name: String,
    metrics: ListenerMetrics,
}

impl Events {
    fn ended(&self, reason: &'static str) {
        self.metrics.closed.get_or_create(&Why { listener: self.name.clone(), reason }).inc();
    }
}

impl ListenerEvents for Events {
    fn connection_opened(&self) {
        self.metrics.connections.get_or_create(&Listener { listener: self.name.clone() }).inc();
    }

    fn connection_closed(&self, why: CloseReason) {
        self.metrics.connections.get_or_create(&Listener { listener: self.name.clone() }).dec();
        self.ended(why.as_str());
    }

    fn connection_refused(&self, cap: Cap) {
        self.ended(cap.as_str());
    }

    fn handshake(&self, result: Handshake) {
        self.metrics.handshakes.get_or_create(&HandshakeResult { result: result.as_str() }).inc();
    }

    fn accept_failed(&self) {
        self.metrics.accept_failures.inc();
    }

    fn token_in_clear(&self, credential: &str) {
        tracing::warn!(
            listener = self.name,
            credential,
            "a valid token was sent in clear: it may have been read on the way, replace it"
        );
    }
}
