//! A whole gateway in process, from the request stack inwards: no sockets, no TLS, a clock that stands still.

use super::Client;
use super::GatewayBuilder;
use super::MockClock;
use super::audit::AuditLines;
use super::audit::AuditWriter;
use crate::gateway::Apps;
use crate::gateway::Beginning;
use crate::gateway::Reloaded;
use crate::gateway::Reloader;
use crate::model::SharedClock;
use crate::stack::App;
use crate::telemetry::Audit;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// A gateway that answers requests. Clients are named as their tokens.
#[derive(Clone, Debug)]
pub struct TestGateway {
    pub clock: MockClock,
    /// The listeners by their names, in the order of the configuration.
    listeners: Vec<(String, App)>,
    ops: (String, App),
    reloader: Reloader,
    tokens: BTreeMap<String, String>,
    audit: Audit,
    audited: AuditLines,
}

impl TestGateway {
    pub(super) fn begin(beginning: Beginning, tokens: BTreeMap<String, String>, audit: Option<AuditWriter>) -> Self {
        let clock = MockClock::new();
        let shared: SharedClock = Arc::new(clock.clone());
        let audited = AuditLines::default();
        let ops_name = beginning.reading.config.ops.listener.name.clone();
        let config = &beginning.reading.config.audit;
        let audit = match audit {
            Some(writer) => Audit::to(writer, config.pushes, &shared),
            None if config.file.is_some() => Audit::open(config, &shared),
            None => Audit::to(audited.clone(), config.pushes, &shared),
        };
        let audit = audit.expect("the audit can be opened");
        let apps = Apps::new(beginning, shared, audit.clone()).expect("the parts can be made");
        let Apps { listeners, ops, reloader } = apps;
        let ops = (ops_name, ops);
        Self { clock, listeners, ops, reloader, tokens, audit, audited }
    }

    /// Puts another configuration in force, as a reload that read it would. Clients made before go on as if their
    /// connections were open; the tokens of `builder` are known besides.
    pub async fn reload(&mut self, builder: GatewayBuilder) -> Reloaded {
        self.tokens.extend(builder.tokens);
        let reading = Beginning::from(builder.config).reading;
        self.reloader.take(reading).await.expect("the reload comes to its end")
    }

    /// The way to another configuration.
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Somebody without credentials, at the first listener.
    pub fn stranger(&self) -> Client {
        let address = SocketAddr::from(([127, 0, 0, 1], 40_000));
        let (name, app) = self.listeners.first().expect("a configuration has a listener");
        Client { app: app.clone(), listener: name.clone(), chain: None, headers: HeaderMap::new(), address }
    }

    /// The holder of the token `name`.
    pub fn client(&self, name: &str) -> Client {
        self.stranger().with("authorization", &format!("Bearer {}", self.token(name)))
    }

    /// Somebody who sends a user name and a password.
    pub fn basic(&self, user: &str, password: &str) -> Client {
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        self.stranger().with("authorization", &format!("Basic {encoded}"))
    }

    /// Somebody at the listener of this name.
    pub fn at(&self, listener: &str, client: &Client) -> Client {
        let (name, app) = self.listeners.iter().find(|(name, _)| name == listener).expect("a listener of this name");
        Client { app: app.clone(), listener: name.clone(), ..client.clone() }
    }

    /// Somebody at the operator's listener.
    pub fn at_ops(&self, client: &Client) -> Client {
        let (name, app) = &self.ops;
        Client { app: app.clone(), listener: name.clone(), ..client.clone() }
    }

    /// What was audited until now, in order.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        self.audit.flush();
        self.audited.events()
    }

    /// The same as it was written.
    pub fn audit_text(&self) -> String {
        self.audit.flush();
        self.audited.text()
    }

    /// The audit itself, for what an operator does to it.
    pub fn auditing(&self) -> &Audit {
        &self.audit
    }

    /// The token itself.
    pub fn token(&self, name: &str) -> &str {
        self.tokens.get(name).expect("a token of this name was made")
    }
}
