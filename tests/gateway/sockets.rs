//! The whole gateway over real sockets: what a client's library does to HTTP, in both versions.

use http::Request;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use pushward::config::Listener;
use pushward::config::ProxyProtocol;
use pushward::config::Tls;
use pushward::config::TlsProfile;
use pushward::gateway::Gateway;
use pushward::model::Service;
use pushward::model::SystemClock;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestCa;
use rustls::ClientConfig;
use rustls::RootCertStore;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

/// Longer than anybody's patience, and enough for a machine that is busy.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A gateway that listens, until it is dropped.
pub(crate) struct Running {
    pub(crate) addresses: Vec<SocketAddr>,
    tokens: BTreeMap<String, String>,
    ca: TestCa,
    _stop: DropGuard,
    _files: tempfile::TempDir,
}

impl Running {
    /// Every listener under TLS.
    pub(crate) fn secure(builder: GatewayBuilder) -> Self {
        Self::start(builder, true)
    }

    pub(crate) fn plain(builder: GatewayBuilder) -> Self {
        Self::start(builder, false)
    }

    fn start(builder: GatewayBuilder, secure: bool) -> Self {
        let (mut config, tokens) = builder.into_parts();
        let ca = TestCa::new();
        let files = tempfile::tempdir().unwrap();
        if secure {
            let (certificate, key) = ca.server(&["localhost"]);
            let (certificate_file, key_file) = (files.path().join("server.pem"), files.path().join("server-key.pem"));
            std::fs::write(&certificate_file, certificate).unwrap();
            std::fs::write(&key_file, key).unwrap();
            let tls = Tls::of_server(certificate_file, key_file, TlsProfile::Intermediate);
            for listener in &mut config.listeners {
                listener.tls = Some(tls.clone());
            }
        }
        let gateway = Gateway::bind(config, SystemClock::shared()).unwrap();
        let addresses = gateway.addresses();
        let stop = CancellationToken::new();
        TaskTracker::new().spawn(gateway.run(stop.clone()));
        Self { addresses, tokens, ca, _stop: stop.drop_guard(), _files: files }
    }

    pub(crate) fn bearer(&self, name: &str) -> String {
        format!("Bearer {}", self.tokens[name])
    }

    pub(crate) async fn tcp(&self, nth: usize) -> TcpStream {
        TcpStream::connect(self.addresses[nth]).await.unwrap()
    }

    pub(crate) async fn tls(&self, stream: TcpStream, protocol: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap()
    }
}

/// Sends what is to be sent and reads to the end of the connection.
pub(crate) async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    rest_of(stream).await
}

pub(crate) async fn rest_of(mut stream: impl AsyncRead + Unpin) -> String {
    let mut got = Vec::new();
    let mut chunk = [0; 4096];
    let reading = async {
        loop {
            match stream.read(&mut chunk).await {
                Ok(read) if read > 0 => got.extend_from_slice(&chunk[..read]),
                // A reset is an end as well.
                _ => break,
            }
        }
    };
    tokio::time::timeout(SOON, reading).await.expect("the connection ends");
    String::from_utf8_lossy(&got).into_owned()
}

fn red() -> GatewayBuilder {
    GatewayBuilder::new().tenant("red")
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let gateway = Running::plain(red());
    let auth = gateway.bearer("red");
    let put = format!("PUT /metrics/job/a HTTP/1.0\r\nauthorization: {auth}\r\ncontent-length: 4\r\n\r\nm 1\n");
    let answer = ask(gateway.tcp(0).await, &put).await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && !answer.contains("chunked"), "{answer}");
    let get = format!("GET /metrics HTTP/1.0\r\nauthorization: {auth}\r\n\r\n");
    let answer = ask(gateway.tcp(0).await, &get).await;
    assert!(answer.contains("\nm{instance=\"\",job=\"a\"} 1\n"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_is_read_over_http_1() {
    let gateway = Running::secure(red());
    let auth = gateway.bearer("red");
    let stream = gateway.tls(gateway.tcp(0).await, "http/1.1").await;
    let put = format!(
        "PUT /metrics/job/a HTTP/1.1\r\nhost: localhost\r\nauthorization: {auth}\r\ntransfer-encoding: chunked\r\n\
         connection: close\r\n\r\n2\r\nm \r\n2\r\n1\n\r\n0\r\n\r\n"
    );
    let answer = ask(stream, &put).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let stream = gateway.tls(gateway.tcp(0).await, "http/1.1").await;
    let head = format!("HEAD /metrics HTTP/1.1\r\nhost: a\r\nauthorization: {auth}\r\nconnection: close\r\n\r\n");
    let answer = ask(stream, &head).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_client_that_asks_is_told_to_continue_or_refused_before_it_sends() {
    let gateway = Running::plain(red());
    let head = |authorization: &str| {
        format!(
            "PUT /metrics/job/a HTTP/1.1\r\nhost: a\r\nauthorization: {authorization}\r\nexpect: 100-continue\r\n\
             content-length: 4\r\nconnection: close\r\n\r\n"
        )
    };
    let mut stream = gateway.tcp(0).await;
    stream.write_all(head(&gateway.bearer("red")).as_bytes()).await.unwrap();
    let mut told = [0; 25];
    tokio::time::timeout(SOON, stream.read_exact(&mut told)).await.unwrap().unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    let answer = ask(stream, "m 1\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let mut stream = gateway.tcp(0).await;
    stream.write_all(head("Bearer nonsense").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = rest_of(stream).await;
    assert!(answer.starts_with("HTTP/1.1 401 unauthenticated\r\n"), "{answer}");
}

#[tokio::test]
async fn a_redirect_names_a_path_and_no_host() {
    let gateway = Running::plain(red());
    let auth = gateway.bearer("red");
    let get = |authorization: &str| {
        format!(
            "GET //evil.example/x?y HTTP/1.1\r\nhost: a\r\nauthorization: {authorization}\r\nconnection: close\r\n\r\n"
        )
    };
    let answer = ask(gateway.tcp(0).await, &get(&auth)).await;
    assert!(answer.starts_with("HTTP/1.1 307 ") && answer.contains("\r\nlocation: /evil.example/x?y\r\n"), "{answer}");
    let answer = ask(gateway.tcp(0).await, &get("Bearer x")).await;
    assert!(answer.starts_with("HTTP/1.1 401 ") && !answer.contains("location"), "{answer}");
    // A whole address as the target, as a client of a proxy sends it.
    let get =
        format!("GET http://other//metrics HTTP/1.1\r\nhost: a\r\nauthorization: {auth}\r\nconnection: close\r\n\r\n");
    let answer = ask(gateway.tcp(0).await, &get).await;
    assert!(answer.contains("\r\nlocation: /metrics\r\n"), "{answer}");
}

#[tokio::test]
async fn http_2_does_all_of_it() {
    let gateway = Running::secure(red());
    let stream = gateway.tls(gateway.tcp(0).await, "h2").await;
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    TaskTracker::new().spawn(connection);
    let auth = gateway.bearer("red");
    for (method, path, body, status) in [
        ("PUT", "/metrics/job/a", "m 1\n", 200),
        ("PUT", "/metrics/job%40base64/YS9i", "m 1\n", 200),
        ("PUT", "/metrics//job/a", "m 1\n", 307),
        ("GET", "/metrics/", "", 301),
        ("HEAD", "/metrics", "", 200),
        ("OPTIONS", "/metrics/job/a", "", 200),
        ("GET", "/metrics", "", 200),
        ("GET", "/nothing", "", 404),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"))
            .header("authorization", &auth)
            .header("expect", "100-continue")
            .body(Full::new(bytes::Bytes::from_static(body.as_bytes())))
            .unwrap();
        let answer = tokio::time::timeout(SOON, sender.send_request(request)).await.unwrap().unwrap();
        assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        if method == "OPTIONS" {
            assert_eq!(answer.headers()["allow"], "DELETE, OPTIONS, POST, PUT");
        }
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(String::from_utf8_lossy(&body).contains("m{instance"), (method, path) == ("GET", "/metrics"));
    }
}

#[tokio::test]
async fn a_proxy_that_speaks_for_nobody_reaches_health_alone() {
    let mut builder = red();
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    builder.config.listeners[0].proxy_protocol = Some(ProxyProtocol { trusted, required: true });
    let gateway = Running::plain(builder);
    let auth = gateway.bearer("red");
    for (header, path, status) in [
        ("PROXY UNKNOWN", "/-/healthy", "200 OK"),
        ("PROXY UNKNOWN", "/-/ready", "200 OK"),
        ("PROXY UNKNOWN", "/metrics", "401 unauthenticated"),
        ("PROXY UNKNOWN", "/nothing", "401 unauthenticated"),
        ("PROXY UNKNOWN", "//metrics", "401 unauthenticated"),
        ("PROXY TCP4 192.0.2.1 198.51.100.1 1 2", "/metrics", "200 OK"),
    ] {
        let get =
            format!("{header}\r\nGET {path} HTTP/1.1\r\nhost: a\r\nauthorization: {auth}\r\nconnection: close\r\n\r\n");
        let answer = ask(gateway.tcp(0).await, &get).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{header} {path}: {answer}");
    }
}

#[tokio::test]
async fn the_networks_of_a_credential_are_those_of_the_client_that_is_named() {
    let mut builder = red().token("red", "near", &[Verb::Read], |token| {
        token.networks = Some(vec!["192.0.2.0/24".parse().unwrap()]);
    });
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    builder.config.listeners[0].proxy_protocol = Some(ProxyProtocol { trusted, required: false });
    let gateway = Running::secure(builder);
    let auth = gateway.bearer("near");
    for (header, status) in [
        ("PROXY TCP4 192.0.2.9 198.51.100.1 1 2\r\n", "200 OK"),
        ("PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n", "200 OK"),
        ("PROXY TCP4 192.0.3.9 198.51.100.1 1 2\r\n", "403 network_refused"),
        ("", "403 network_refused"),
    ] {
        let mut stream = gateway.tcp(0).await;
        stream.write_all(header.as_bytes()).await.unwrap();
        let stream = gateway.tls(stream, "http/1.1").await;
        let get = format!("GET /metrics HTTP/1.1\r\nhost: a\r\nauthorization: {auth}\r\nconnection: close\r\n\r\n");
        let answer = ask(stream, &get).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{header:?}: {answer}");
    }
}

#[tokio::test]
async fn every_listener_has_sockets_and_tls_sessions_of_its_own() {
    let mut builder = red();
    let first = builder.config.listeners[0].clone();
    builder.config.listeners.push(Listener { name: "second".to_owned(), serves: [Service::Health].into(), ..first });
    let gateway = Running::secure(builder);
    assert_eq!(gateway.addresses.len(), 2);
    let auth = gateway.bearer("red");
    for (nth, status) in [(0, "200 OK"), (1, "404 not_found")] {
        let stream = gateway.tls(gateway.tcp(nth).await, "http/1.1").await;
        let get = format!("GET /metrics HTTP/1.1\r\nhost: a\r\nauthorization: {auth}\r\nconnection: close\r\n\r\n");
        let answer = ask(stream, &get).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{nth}: {answer}");
    }
}

#[tokio::test]
async fn whoever_has_pushed_keeps_the_slot_that_a_newcomer_waits_for() {
    let mut builder = red();
    builder.config.listeners[0].connections_max = 2;
    builder.config.listeners[0].connections_wait_max = Duration::from_millis(300);
    let gateway = Running::plain(builder);
    let auth = gateway.bearer("red");
    let get = format!("GET /api/v1/status HTTP/1.1\r\nhost: a\r\nauthorization: {auth}\r\n\r\n");
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = gateway.tcp(0).await;
        stream.write_all(get.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        kept.push(stream);
    }
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
    let newcomer = socket.connect(gateway.addresses[0]).await.unwrap();
    assert_eq!(rest_of(newcomer).await, "", "nobody goes for it");
    for stream in kept {
        let last = get.replace("host: a", "host: a\r\nconnection: close");
        let answers = ask(stream, &last).await;
        assert!(answers.contains("HTTP/1.1 200 OK"), "{answers}");
    }
}
