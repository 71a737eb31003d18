//! A listener with a small app behind it, and clients that misbehave.

use crate::config::Deadlines;
use crate::config::Listener;
use crate::config::Tls;
use crate::config::TlsProfile;
use crate::listener::Answers;
use crate::listener::Asked;
use crate::listener::BodyTooSlow;
use crate::listener::Cap;
use crate::listener::CapsLayer;
use crate::listener::CloseReason;
use crate::listener::CurrentTls;
use crate::listener::DeadlineLayer;
use crate::listener::Handshake;
use crate::listener::HttpService;
use crate::listener::ListenerEvents;
use crate::listener::PassedSockets;
use crate::listener::Peer;
use crate::listener::ProxyLayer;
use crate::listener::RequestBody;
use crate::listener::ServerTls;
use crate::listener::TlsError;
use crate::listener::TlsLayer;
use crate::listener::bind;
use crate::listener::serve;
use crate::model::SystemClock;
use crate::testkit::TestCa;
use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use axum::routing::post;
use bytes::Bytes;
use http::Request;
use http::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::RootCertStore;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceBuilder;
use tower::ServiceExt;

/// Longer than any deadline here, shorter than anybody's patience, and enough for a machine that is busy.
pub(super) const SOON: Duration = Duration::from_secs(10);
/// More than the kernel's buffers take for a client that does not read.
pub(super) const BIG: usize = 64 << 20;

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn short() -> Deadlines {
    Deadlines {
        handshake: millis(3000),
        first_request: millis(300),
        headers: millis(300),
        body: millis(400),
        stalled_write: millis(300),
        answer: millis(5000),
        idle: millis(300),
        connection_age: Duration::from_secs(3600),
        drain: millis(500),
    }
}

pub(super) fn listener() -> Listener {
    Listener {
        name: "test".to_owned(),
        addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        serves: crate::model::Service::ALL.into(),
        route_prefix: String::new(),
        tls: None,
        proxy_protocol: None,
        connections_max: 100,
        connections_per_address_max: 100,
        connections_wait_max: millis(200),
        address_rules: Vec::new(),
        deadlines: short(),
    }
}

/// What the listener told of itself.
#[derive(Default)]
pub(super) struct Told(Mutex<Vec<String>>);

impl Told {
    fn note(&self, what: String) {
        self.0.lock().push(what);
    }

    pub(super) fn has(&self, what: &str) -> bool {
        self.0.lock().iter().any(|told| told == what)
    }

    pub(super) async fn will_have(&self, what: &str) {
        let until = tokio::time::Instant::now() + SOON;
        while !self.has(what) {
            assert!(tokio::time::Instant::now() < until, "no {what:?} among {:?}", self.0.lock());
            tokio::time::sleep(millis(5)).await;
        }
    }
}

impl ListenerEvents for Told {
    fn connection_opened(&self) {
        self.note("opened".to_owned());
    }
    fn connection_closed(&self, why: CloseReason) {
        self.note(format!("closed: {why}"));
    }
    fn connection_refused(&self, cap: Cap) {
        self.note(format!("refused: {}", cap.as_str()));
    }
    fn handshake(&self, result: Handshake) {
        self.note(format!("handshake: {}", result.as_str()));
    }
    fn token_in_clear(&self, credential: &str) {
        self.note(format!("in clear: {credential}"));
    }
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) told: Arc<Told>,
    pub(super) shutdown: CancellationToken,
    pub(super) tracker: TaskTracker,
    pub(super) ca: TestCa,
    pub(super) tls: Option<CurrentTls>,
    running: TaskTracker,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Server {
    pub(super) fn plain(config: Listener) -> Self {
        Self::start(config, None)
    }

    pub(super) fn secure(config: Listener) -> Self {
        Self::start(config, Some(TlsProfile::Intermediate))
    }

    pub(super) fn start(config: Listener, profile: Option<TlsProfile>) -> Self {
        let ca = TestCa::new();
        let tls = profile.map(|profile| server_tls(&ca, profile));
        Self::start_with(config, ca, tls)
    }

    pub(super) fn start_with(config: Listener, ca: TestCa, tls: Option<ServerTls>) -> Self {
        let tls = tls.map(CurrentTls::new);
        let listeners = bind(&config.addresses, &mut PassedSockets::default()).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let told = Arc::new(Told::default());
        let shutdown = CancellationToken::new();
        let tracker = TaskTracker::new();
        let clock = SystemClock::shared();
        let in_clear = Arc::new(|value: &str| (value == "Bearer valid").then(|| "4fQk2ZtR1a".to_owned()));
        let caps = CapsLayer::new(&config, clock.clone(), shutdown.clone(), told.clone());
        let proxy = ProxyLayer::new(&config, &caps);
        let stack = ServiceBuilder::new()
            .layer(caps)
            .layer(DeadlineLayer::new(config.deadlines, clock.clone(), shutdown.clone()))
            .layer(proxy)
            .layer(TlsLayer::new(&config.name, tls.clone(), in_clear, told.clone()))
            .service(HttpService::new(app(), tracker.clone()));
        let running = TaskTracker::new();
        running.spawn(serve(listeners, stack, shutdown.clone(), tracker.clone(), clock, told.clone()));
        running.close();
        Self { address, told, shutdown, tracker, ca, tls, running }
    }

    pub(super) async fn stopped(&self) {
        tokio::time::timeout(SOON, self.running.wait()).await.unwrap();
    }

    pub(super) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der()).unwrap();
        roots
    }

    pub(super) fn client_config(&self, alpn: &[&str]) -> ClientConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }

    pub(super) async fn tls(&self, alpn: &[&str]) -> TlsStream<TcpStream> {
        self.tls_as(self.client_config(alpn)).await.unwrap()
    }

    pub(super) async fn tls_as(&self, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        self.tls_over(self.tcp().await, config).await
    }

    pub(super) async fn tls_over(&self, tcp: TcpStream, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    }
}

pub(super) fn server_tls(ca: &TestCa, profile: TlsProfile) -> ServerTls {
    server_tls_with(ca, profile, |_, _| {}).unwrap()
}

/// `change` is given the directory that the files are in.
pub(super) fn server_tls_with(
    ca: &TestCa,
    profile: TlsProfile,
    change: impl FnOnce(&mut Tls, &Path),
) -> Result<ServerTls, TlsError> {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = ca.server(&["localhost", "127.0.0.1"]);
    let file = |name: &str| directory.path().join(name);
    let mut tls = Tls::of_server(file("server.pem"), file("server-key.pem"), profile);
    std::fs::write(&tls.certificate_file, certificate).unwrap();
    std::fs::write(&tls.key_file, key).unwrap();
    change(&mut tls, directory.path());
    ServerTls::load(&tls)
}

/// A router as what answers requests.
#[derive(Clone, Debug)]
struct Routed(Router);

impl Answers for Routed {
    type Body = Body;

    async fn respond(&self, asked: Asked<RequestBody>) -> Response<Body> {
        let Asked { peer, head, body } = asked;
        let mut request = Request::from_parts(*head, Body::new(body));
        request.extensions_mut().insert(peer);
        let Ok(answer) = self.0.clone().oneshot(request).await;
        answer
    }
}

fn app() -> Routed {
    let app =
        Router::new()
            .route("/push", post(push))
            .route("/refuse", post(|| async { (StatusCode::UNAUTHORIZED, "no\n") }))
            .route("/late", post(late))
            .route("/panic", get(|| async { panic!("a handler's own") as &'static str }))
            .route("/slow", get(slow).post(slow))
            .route("/big", get(|| async { Bytes::from(vec![b'x'; BIG]) }))
            .route(
                "/address",
                get(|Extension(peer): Extension<Peer>| async move {
                    format!("{} {}", peer.address(), peer.is_for_nobody())
                }),
            )
            .route("/chain", get(chain))
            .route("/prove", get(|Extension(peer): Extension<Peer>| async move { peer.prove() }))
            .route(
                "/peer",
                get(|Extension(peer): Extension<Peer>| async move {
                    format!("{} {} {:?}", peer.listener(), peer.is_secure(), peer.protocol())
                }),
            );
    Routed(app)
}

/// `none`, or the digest of the chain.
async fn chain(Extension(peer): Extension<Peer>) -> String {
    peer.chain().map_or_else(|| "none".to_owned(), |chain| format!("{:?}", chain.digest()))
}

async fn push(body: Body) -> (StatusCode, String) {
    match body.collect().await {
        Ok(whole) => (StatusCode::OK, format!("{} bytes\n", whole.to_bytes().len())),
        Err(error) if BodyTooSlow::caused(&error) => (StatusCode::REQUEST_TIMEOUT, "too slow\n".to_owned()),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

/// Lets the body wait, as one does who stands in line for a rate, for longer than a body may be waited for.
async fn late(body: Body) -> (StatusCode, String) {
    tokio::time::sleep(millis(800)).await;
    push(body).await
}

/// Works for longer than all the short deadlines together.
async fn slow(body: Body) -> &'static str {
    let _ = body.collect().await;
    tokio::time::sleep(millis(1500)).await;
    "done\n"
}

/// What comes until the connection ends, which it must do soon. A reset is an end as well.
pub(super) async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut got = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    let reading = async {
        loop {
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(read) => got.extend_from_slice(&chunk[..read]),
            }
        }
    };
    tokio::time::timeout(SOON, reading).await.expect("the connection ends");
    got
}

/// An answer's head and as much of its body as comes with it.
pub(super) async fn head_of_answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut got = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    let reading = async {
        while !got.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut chunk).await {
                Ok(read) if read > 0 => got.extend_from_slice(&chunk[..read]),
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&got)),
            }
        }
    };
    tokio::time::timeout(SOON, reading).await.expect("an answer comes");
    String::from_utf8_lossy(&got).into_owned()
}
