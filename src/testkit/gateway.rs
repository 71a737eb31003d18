//! A whole gateway in process, from the request stack inwards: no sockets, no TLS, a clock that stands still.

use super::MockClock;
use super::TestIssuer;
use super::audit::AuditLines;
use super::audit::AuditWriter;
use crate::config::ClaimValue;
use crate::config::Config;
use crate::config::Issuer;
use crate::config::JwtRule;
use crate::config::Limits;
use crate::config::Operator;
use crate::config::OperatorGrant;
use crate::config::PasswordHash;
use crate::config::Tenant;
use crate::config::TenantGrant;
use crate::config::Token;
use crate::config::User;
use crate::gateway;
use crate::listener::Peer;
use crate::model::OperatorScope;
use crate::model::Pattern;
use crate::model::PlainToken;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::model::Verb;
use crate::telemetry::Audit;
use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHasher;
use argon2::Version;
use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::Request;
use http::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tower::ServiceExt;

/// A configuration in the making, and the tokens that go with it.
#[derive(Debug)]
pub struct GatewayBuilder {
    pub config: Config,
    tokens: BTreeMap<String, String>,
    audit: Option<AuditWriter>,
}

/// A gateway that answers requests. Clients are named as their tokens.
#[derive(Clone, Debug)]
pub struct TestGateway {
    pub clock: MockClock,
    /// The listeners by their names, in the order of the configuration.
    listeners: Vec<(String, Router)>,
    ops: Router,
    tokens: BTreeMap<String, String>,
    audit: Audit,
    audited: AuditLines,
}

/// Somebody who sends requests.
#[derive(Clone, Debug)]
pub struct Client {
    app: Router,
    headers: HeaderMap,
    address: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub reason: Option<String>,
    pub body: Bytes,
}

fn tenant_id(name: &str) -> TenantId {
    TenantId::parse(name).expect("a test names a good tenant")
}

fn tenant_grant(name: &str, scopes: &[Verb]) -> TenantGrant {
    TenantGrant {
        name: name.to_owned(),
        scopes: scopes.iter().copied().collect(),
        jobs: None,
        labels: BTreeMap::new(),
        networks: None,
        expires: None,
    }
}

fn operator_grant(name: &str, scopes: &[OperatorScope]) -> OperatorGrant {
    OperatorGrant {
        name: name.to_owned(),
        scopes: scopes.iter().copied().collect(),
        tenants: None,
        networks: None,
        expires: None,
    }
}

/// The argon2id hash of a password for 8 KiB of memory and one pass, the least there is.
pub fn cheap_hash(password: &str) -> String {
    let params = Params::new(8, 1, 1, None).expect("the least there is");
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = hasher.hash_password_with_salt(password.as_bytes(), b"a test's salt").expect("a good salt");
    hash.to_string()
}

impl GatewayBuilder {
    /// Defaults, without anybody.
    pub fn new() -> Self {
        let text = "listener: { address: \"127.0.0.1:0\" }\nops: { address: \"127.0.0.1:0\" }\n";
        let config = Config::parse(text, Path::new("test.yml")).expect("the defaults are good");
        Self { config, tokens: BTreeMap::new(), audit: None }
    }

    /// A tenant with the default limits and a token of its own name with all scopes.
    #[must_use]
    pub fn tenant(self, name: &str) -> Self {
        self.tenant_with(name, |_| {}).token(name, name, &Verb::ALL, |_| {})
    }

    /// A tenant without tokens.
    #[must_use]
    pub fn tenant_with(mut self, name: &str, change: impl FnOnce(&mut Tenant)) -> Self {
        let id = tenant_id(name);
        let mut tenant = Tenant::without_credentials(id.clone(), Limits::default());
        change(&mut tenant);
        self.config.tenants.insert(id, tenant);
        self
    }

    /// One more token of a tenant.
    #[must_use]
    pub fn token(mut self, tenant: &str, name: &str, scopes: &[Verb], change: impl FnOnce(&mut TenantGrant)) -> Self {
        let plain = PlainToken::generate("").expect("the system has random numbers");
        let mut grant = tenant_grant(name, scopes);
        change(&mut grant);
        let token = Token { id: plain.id(), digest: plain.digest(), grant };
        self.config.tenants.get_mut(tenant).expect("the tenant comes first").tokens.push(token);
        self.tokens.insert(name.to_owned(), plain.reveal().to_owned());
        self
    }

    /// A user of a tenant, with a hash that costs next to nothing. The password is that of [`TestGateway::basic`].
    #[must_use]
    pub fn user(
        self,
        tenant: &str,
        name: &str,
        password: &str,
        scopes: &[Verb],
        change: impl FnOnce(&mut TenantGrant),
    ) -> Self {
        self.user_with_hash(tenant, name, &cheap_hash(password), scopes, change)
    }

    /// The same with a hash from elsewhere.
    #[must_use]
    pub fn user_with_hash(
        mut self,
        tenant: &str,
        name: &str,
        hash: &str,
        scopes: &[Verb],
        change: impl FnOnce(&mut TenantGrant),
    ) -> Self {
        let mut grant = tenant_grant(name, scopes);
        change(&mut grant);
        let hash = PasswordHash::parse(hash).expect("a test brings a good hash");
        self.config.tenants.get_mut(tenant).expect("the tenant comes first").users.push(User { hash, grant });
        self
    }

    /// A user of an operator, who comes first.
    #[must_use]
    pub fn operator_user(mut self, operator: &str, name: &str, password: &str, scopes: &[OperatorScope]) -> Self {
        let hash = PasswordHash::parse(&cheap_hash(password)).expect("a hash that was just made");
        let user = User { hash, grant: operator_grant(name, scopes) };
        self.config.operators.get_mut(operator).expect("the operator comes first").users.push(user);
        self
    }

    /// An operator with one token of its own name.
    #[must_use]
    pub fn operator(mut self, name: &str, scopes: &[OperatorScope], change: impl FnOnce(&mut OperatorGrant)) -> Self {
        let plain = PlainToken::generate("").expect("the system has random numbers");
        let mut grant = operator_grant(name, scopes);
        change(&mut grant);
        let token = Token { id: plain.id(), digest: plain.digest(), grant };
        let operator =
            Operator { name: name.to_owned(), tokens: vec![token], users: Vec::new(), limits: Default::default() };
        self.config.operators.insert(name.to_owned(), operator);
        self.tokens.insert(name.to_owned(), plain.reveal().to_owned());
        self
    }

    /// An issuer whose keys are in its file, on whose tokens these tenants may write rules.
    #[must_use]
    pub fn issuer(mut self, issuer: &TestIssuer, tenants: &[&str], change: impl FnOnce(&mut Issuer)) -> Self {
        let mut config = issuer.config();
        config.tenants = tenants.iter().map(|name| tenant_id(name)).collect();
        change(&mut config);
        self.config.issuers.insert(config.name.clone(), config);
        self
    }

    /// A rule of a tenant, by which tokens with these texts as claims may do everything.
    #[must_use]
    pub fn jwt_rule(
        mut self,
        tenant: &str,
        issuer: &str,
        claims: &[(&str, &str)],
        change: impl FnOnce(&mut JwtRule),
    ) -> Self {
        let value = |text: &str| vec![ClaimValue::Text(Pattern::parse(text).expect("a pattern"))];
        let mut rule = JwtRule {
            issuer: issuer.to_owned(),
            claims: claims.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect(),
            labels: BTreeMap::new(),
            grant: TenantGrant {
                name: format!("{tenant}-{issuer}"),
                scopes: Verb::ALL.into(),
                jobs: None,
                labels: BTreeMap::new(),
                networks: None,
                expires: None,
            },
        };
        change(&mut rule);
        self.config.tenants.get_mut(tenant).expect("the tenant comes first").jwts.push(rule);
        self
    }

    /// What `start` would begin with, for whoever brings the sockets along: the configuration, and the tokens by name.
    pub fn into_parts(self) -> (Config, BTreeMap<String, String>) {
        (self.config, self.tokens)
    }

    /// The audit goes there, and not to where [`TestGateway::audit`] reads it.
    #[must_use]
    pub fn audit_to(mut self, writer: impl std::io::Write + Send + 'static) -> Self {
        self.audit = Some(AuditWriter(Box::new(writer)));
        self
    }

    /// The audit goes to `audit.file` if there is one, else to where [`TestGateway::audit`] reads it.
    pub fn start(self) -> TestGateway {
        let clock = MockClock::new();
        let shared: SharedClock = Arc::new(clock.clone());
        let audited = AuditLines::default();
        let config = &self.config.audit;
        let audit = match self.audit {
            Some(AuditWriter(writer)) => Audit::to(writer, config.pushes, &shared),
            None if config.file.is_some() => Audit::open(config, &shared),
            None => Audit::to(audited.clone(), config.pushes, &shared),
        };
        let audit = audit.expect("the audit can be opened");
        let (listeners, ops) = gateway::apps(&self.config, shared, audit.clone()).expect("the parts can be made");
        TestGateway { clock, listeners, ops, tokens: self.tokens, audit, audited }
    }
}

impl Default for GatewayBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TestGateway {
    /// Somebody without credentials, at the first listener.
    pub fn stranger(&self) -> Client {
        let address = SocketAddr::from(([127, 0, 0, 1], 40_000));
        let (_, app) = self.listeners.first().expect("a configuration has a listener");
        Client { app: app.clone(), headers: HeaderMap::new(), address }
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
        let (_, app) = self.listeners.iter().find(|(name, _)| name == listener).expect("a listener of this name");
        Client { app: app.clone(), ..client.clone() }
    }

    /// Somebody at the operator's listener.
    pub fn at_ops(&self, client: &Client) -> Client {
        Client { app: self.ops.clone(), ..client.clone() }
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

impl Client {
    /// One more header on every request.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().expect("a test sends a good header"));
        self
    }

    /// The same from elsewhere.
    #[must_use]
    pub fn from_address(mut self, address: &str) -> Self {
        self.address = SocketAddr::new(address.parse().expect("a test names a good address"), 40_000);
        self
    }

    /// Sends a request and reads nothing of the answer but its head: it is under way until it is dropped.
    pub async fn begin(&self, method: &str, path: &str, body: impl Into<Body>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).body(body.into()).expect("a good request");
        request.headers_mut().extend(self.headers.clone());
        request.extensions_mut().insert(Peer::invented(self.address, true));
        self.app.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let (head, body) = self.begin(method, path, body).await.into_parts();
        let body = body.collect().await.expect("an answer in process does not break").to_bytes();
        let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
        let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        Answer { status: head.status, headers: head.headers, reason, body }
    }

    pub async fn put(&self, path: &str, body: &str) -> Answer {
        self.send("PUT", path, body.to_owned()).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, body.to_owned()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "").await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    /// The lines of a scrape without comments and without the gateway's own gauges.
    pub async fn scrape(&self) -> Vec<String> {
        let text = self.get("/metrics").await.ok().text();
        let pushed = |line: &&str| !line.starts_with('#') && !line.starts_with("push_");
        text.lines().filter(pushed).map(str::to_owned).collect()
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of a refusal, as its body names it.
    pub fn code(&self) -> String {
        let text = self.text();
        let code = text.rsplit_once(" [").and_then(|(_, tail)| tail.split_once(']'));
        code.map(|(code, _)| code.to_owned()).unwrap_or_default()
    }

    /// This answer, which must be a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        self
    }

    /// This answer, which must be this refusal.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.code().as_str()), (status, code), "{}", self.text());
        self
    }
}
