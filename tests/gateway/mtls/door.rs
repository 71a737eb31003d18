//! A gateway whose listener asks for certificates, and clients that show some.

use crate::certificates::site::Site;
use crate::sockets::SOON;
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use pushward::config::ClientAuth;
use pushward::config::Config;
use pushward::config::TlsProfile;
use pushward::gateway::Beginning;
use pushward::gateway::Gateway;
use pushward::gateway::Reloaded;
use pushward::gateway::Reloader;
use pushward::gateway::StartError;
use pushward::gateway::Trigger;
use pushward::model::SharedClock;
use pushward::model::SystemClock;
use pushward::testkit::TestCa;
use pushward::testkit::TestCert;
use rustls::ClientConfig;
use rustls::HandshakeKind;
use rustls::RootCertStore;
use rustls::SupportedProtocolVersion;
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS12;
use rustls::version::TLS13;
use std::error::Error;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

pub(super) const ASKING: [ClientAuth; 2] = [ClientAuth::Optional, ClientAuth::Required];
pub(super) const PROTOCOLS: [&str; 2] = ["http/1.1", "h2"];
pub(super) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A running gateway. Ends with this value.
pub(super) struct Running {
    pub(super) site: Site,
    server_ca: TestCa,
    address: SocketAddr,
    ops: SocketAddr,
    reloader: Reloader,
    _stop: DropGuard,
}

impl Running {
    pub(super) fn start(site: Site, auth: ClientAuth) -> Self {
        Self::try_start(site, auth, SystemClock::shared()).unwrap()
    }

    /// What the injected clock says is what identity goes by, and every deadline.
    pub(super) fn try_start(mut site: Site, auth: ClientAuth, clock: SharedClock) -> Result<Self, StartError> {
        let server_ca = TestCa::named("of servers");
        let (certificate, key) = server_ca.server(&["localhost"]);
        let (certificate_file, key_file) = (site.file("server.pem", certificate), site.file("server-key.pem", key));
        let config = &mut site.builder.config;
        let listener = &mut config.listeners[0];
        listener.connections_per_address_max = 1000;
        let tls = listener.tls.as_mut().unwrap();
        (tls.certificate_file, tls.key_file) = (certificate_file, key_file);
        (tls.profile, tls.client_auth) = (TlsProfile::Intermediate, auth);
        for tenant in config.tenants.values_mut() {
            let plenty = NonZeroU32::new(1_000_000).unwrap();
            (tenant.limits.pace.requests.per_second, tenant.limits.pace.requests.burst) = (plenty, plenty);
        }
        let gateway = Gateway::bind(site.builder.config.clone(), clock)?;
        let (address, ops) = (gateway.addresses()[0], gateway.ops_addresses()[0]);
        let (stop, reloader) = (CancellationToken::new(), gateway.reloader());
        TaskTracker::new().spawn(gateway.run(stop.clone()));
        Ok(Self { site, server_ca, address, ops, reloader, _stop: stop.drop_guard() })
    }

    /// Puts a changed configuration in force; the site's is that one from then on.
    pub(super) async fn change(&mut self, change: impl FnOnce(&mut Config)) -> Reloaded {
        change(&mut self.site.builder.config);
        let reading = Beginning::from(self.site.builder.config.clone()).reading;
        self.reloader.take(reading).await.unwrap()
    }

    /// Reads the files of the configuration in force again.
    pub(super) async fn reload(&self) -> Reloaded {
        self.reloader.reload(Trigger::Signal).await.unwrap()
    }

    pub(super) fn bearer(&self, name: &str) -> String {
        let (_, tokens) = self.site.builder.clone().into_parts();
        format!("Bearer {}", tokens[name])
    }

    /// A program that keeps its sessions, with this certificate or none.
    pub(super) fn client(&self, protocol: &str, cert: Option<&TestCert>) -> Client {
        self.client_of(&TLS13, protocol, cert)
    }

    pub(super) fn client_of(
        &self,
        version: &'static SupportedProtocolVersion,
        protocol: &str,
        cert: Option<&TestCert>,
    ) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.server_ca.der()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = builder.with_no_client_auth();
        if let Some(cert) = cert {
            // Not `with_client_auth_cert`, which refuses certificates that a server is to refuse.
            let key = aws_lc_rs::sign::any_supported_type(&cert.key_der()).unwrap();
            let shown = SingleCertAndKey::from(CertifiedKey::new(cert.chain_der.clone(), key));
            config.client_auth_cert_resolver = Arc::new(shown);
        }
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        Client { connector, address: self.address, header: String::new(), authorizations: Vec::new() }
    }

    /// What the operator's listener says.
    pub(super) async fn metrics(&self) -> String {
        let stream = TcpStream::connect(self.ops).await.unwrap();
        crate::sockets::ask(stream, "GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await
    }
}

/// Somebody who connects.
#[derive(Clone)]
pub(super) struct Client {
    connector: TlsConnector,
    address: SocketAddr,
    header: String,
    authorizations: Vec<String>,
}

/// What a client saw of a request: its status and code, and whether its session was resumed. The error is the handshake's.
pub(super) type Seen = Result<(HandshakeKind, String), String>;

impl Client {
    /// One more header `Authorization`.
    pub(super) fn with(mut self, authorization: impl Into<String>) -> Self {
        self.authorizations.push(authorization.into());
        self
    }

    /// A balancer's line comes first.
    pub(super) fn behind(mut self, header: &str) -> Self {
        self.header = header.to_owned();
        self
    }

    pub(super) async fn connect(&self) -> Result<Connection, String> {
        tokio::time::timeout(SOON, self.try_connect()).await.unwrap().map_err(told)
    }

    async fn try_connect(&self) -> Result<Connection, Box<dyn Error + Send + Sync>> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(self.header.as_bytes()).await?;
        let stream = self.connector.connect("localhost".try_into().unwrap(), stream).await?;
        let (_, session) = stream.get_ref();
        let kind = session.handshake_kind().unwrap();
        let sender = if session.alpn_protocol() == Some(b"h2") {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            TaskTracker::new().spawn(connection);
            Sender::Two(sender)
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            TaskTracker::new().spawn(connection);
            Sender::One(sender)
        };
        Ok(Connection { sender, kind, authorizations: self.authorizations.clone() })
    }

    /// One push over a connection of its own.
    pub(super) async fn push(&self) -> Seen {
        let mut connection = self.connect().await?;
        let seen = connection.push("a").await?;
        Ok((connection.kind, seen))
    }

    /// The same, for who does not ask whether the session is an old one.
    pub(super) async fn pushes(&self, path: &str) -> String {
        match self.connect().await {
            Ok(mut connection) => connection.push(path).await.unwrap_or_else(|_| ENDED.to_owned()),
            Err(_) => ENDED.to_owned(),
        }
    }
}

/// What is seen of a connection that the gateway does not make.
pub(super) const ENDED: &str = "ended";

pub(super) struct Connection {
    sender: Sender,
    pub(super) kind: HandshakeKind,
    authorizations: Vec<String>,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// A push to this job: `200`, or the status and the code of the refusal.
    pub(super) async fn push(&mut self, path: &str) -> Result<String, String> {
        let (status, body) = self.ask("PUT", &format!("/metrics/job/{path}"), "m 1\n").await?;
        Ok(summary(status, &body))
    }

    pub(super) async fn ask(&mut self, method: &str, path: &str, body: &'static str) -> Result<(u16, String), String> {
        tokio::time::timeout(SOON, self.try_ask(method, path, body)).await.unwrap().map_err(told)
    }

    async fn try_ask(
        &mut self,
        method: &str,
        path: &str,
        body: &'static str,
    ) -> Result<(u16, String), Box<dyn Error + Send + Sync>> {
        let mut request = Request::builder().method(method);
        for authorization in &self.authorizations {
            request = request.header("authorization", authorization);
        }
        let body = Full::new(Bytes::from_static(body.as_bytes()));
        let answer = match &mut self.sender {
            Sender::One(sender) => {
                sender.ready().await?;
                sender.send_request(request.header("host", "localhost").uri(path).body(body)?).await?
            }
            Sender::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request.uri(format!("https://localhost{path}")).body(body)?).await?
            }
        };
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8(body.to_vec())?))
    }
}

/// `200`, or as in `401 unauthenticated`.
pub(super) fn summary(status: u16, body: &str) -> String {
    match body.rsplit_once('[').and_then(|(_, code)| code.split_once(']')) {
        Some((code, _)) if status >= 400 => format!("{status} {code}"),
        _ => status.to_string(),
    }
}

fn told(error: Box<dyn Error + Send + Sync>) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        text = format!("{text}: {deeper}");
        source = deeper.source();
    }
    text
}
