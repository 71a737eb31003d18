//! A whole gateway in process, from the request stack inwards: no sockets, no TLS, a clock that stands still.

use super::MockClock;
use crate::config::Config;
use crate::config::Limits;
use crate::config::Operator;
use crate::config::OperatorGrant;
use crate::config::Tenant;
use crate::config::TenantGrant;
use crate::config::Token;
use crate::gateway;
use crate::listener::ClientChain;
use crate::listener::Peer;
use crate::model::OperatorScope;
use crate::model::PlainToken;
use crate::model::TenantId;
use crate::model::Verb;
use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
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
}

/// A gateway that answers requests. Clients are named as their tokens.
#[derive(Clone, Debug)]
pub struct TestGateway {
    pub clock: MockClock,
    /// The listeners by their names, in the order of the configuration.
    listeners: Vec<(String, Router)>,
    ops: (String, Router),
    tokens: BTreeMap<String, String>,
}

/// Somebody who sends requests.
#[derive(Clone, Debug)]
pub struct Client {
    app: Router,
    /// The name of the listener.
    listener: String,
    chain: Option<Arc<ClientChain>>,
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

impl GatewayBuilder {
    /// Defaults, without anybody.
    pub fn new() -> Self {
        let text = "listener: { address: \"127.0.0.1:0\" }\nops: { address: \"127.0.0.1:0\" }\n";
        let config = Config::parse(text, Path::new("test.yml")).expect("the defaults are good");
        Self { config, tokens: BTreeMap::new() }
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
        let mut grant = TenantGrant {
            name: name.to_owned(),
            scopes: scopes.iter().copied().collect(),
            jobs: None,
            labels: BTreeMap::new(),
            networks: None,
            expires: None,
        };
        change(&mut grant);
        let token = Token { id: plain.id(), digest: plain.digest(), grant };
        self.config.tenants.get_mut(tenant).expect("the tenant comes first").tokens.push(token);
        self.tokens.insert(name.to_owned(), plain.reveal().to_owned());
        self
    }

    /// An operator with one token of its own name.
    #[must_use]
    pub fn operator(mut self, name: &str, scopes: &[OperatorScope], change: impl FnOnce(&mut OperatorGrant)) -> Self {
        let plain = PlainToken::generate("").expect("the system has random numbers");
        let mut grant = OperatorGrant {
            name: name.to_owned(),
            scopes: scopes.iter().copied().collect(),
            tenants: None,
            networks: None,
            expires: None,
        };
        change(&mut grant);
        let token = Token { id: plain.id(), digest: plain.digest(), grant };
        let operator = Operator {
            name: name.to_owned(),
            tokens: vec![token],
            users: Vec::new(),
            certificates: Vec::new(),
            limits: Default::default(),
        };
        self.config.operators.insert(name.to_owned(), operator);
        self.tokens.insert(name.to_owned(), plain.reveal().to_owned());
        self
    }

    /// What `start` would begin with, for whoever brings the sockets along: the configuration, and the tokens by name.
    pub fn into_parts(self) -> (Config, BTreeMap<String, String>) {
        (self.config, self.tokens)
    }

    pub fn start(self) -> TestGateway {
        let clock = MockClock::new();
        let (listeners, ops) = gateway::apps(&self.config, Arc::new(clock.clone())).expect("the parts can be made");
        let ops = (self.config.ops.listener.name.clone(), ops);
        TestGateway { clock, listeners, ops, tokens: self.tokens }
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
        let (name, app) = self.listeners.first().expect("a configuration has a listener");
        Client { app: app.clone(), listener: name.clone(), chain: None, headers: HeaderMap::new(), address }
    }

    /// The holder of the token `name`.
    pub fn client(&self, name: &str) -> Client {
        self.stranger().with("authorization", &format!("Bearer {}", self.token(name)))
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

    /// The same over a connection on which these certificates were shown.
    #[must_use]
    pub fn with_certificate(mut self, chain: Arc<ClientChain>) -> Self {
        self.chain = Some(chain);
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
        let peer = Peer::invented(self.address, true).invented_at(&self.listener);
        let peer = self.chain.iter().fold(peer, |peer, chain| peer.invented_with(chain.clone()));
        request.extensions_mut().insert(peer);
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
