//! Clients: HTTP/1.1 over TLS 1.3 without resumption, as jobs that start anew are.

use pushward::testkit::TestCert;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whether a client keeps its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    KeepAlive,
    Fresh,
}

/// Whom to push what.
pub(crate) struct Target<'a> {
    pub(crate) port: u16,
    pub(crate) ca: &'a str,
    /// Values of `Authorization`, which the requests have in turn; an empty one is not sent.
    pub(crate) authorizations: &'a [String],
    /// What the clients show in every handshake.
    pub(crate) certificate: Option<&'a TestCert>,
    pub(crate) body: &'a str,
    pub(crate) groups: usize,
}

pub(crate) struct Client {
    connector: TlsConnector,
    port: u16,
    /// One request for each of up to so many groups; further groups are written when they come.
    requests: Vec<Vec<u8>>,
}

/// Requests that are ready: more groups than that would only fill the cache of the load.
const READY: usize = 1000;

impl Client {
    pub(crate) fn new(target: &Target<'_>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(target.ca.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match target.certificate {
            Some(cert) => config.with_client_auth_cert(cert.chain_der.clone(), cert.key_der()).unwrap(),
            None => config.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        let step = target.groups.div_ceil(READY.max(target.authorizations.len())).max(1);
        let requests = (0..target.groups).step_by(step).map(|group| request(target, group)).collect();
        Self { connector: TlsConnector::from(Arc::new(config)), port: target.port, requests }
    }

    pub(crate) async fn connect(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        self.connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
    }

    /// The first of its requests.
    pub(crate) fn request(&self) -> &[u8] {
        &self.requests[0]
    }

    /// One like the first of somebody else.
    pub(crate) fn request_as(&self, authorization: &str) -> Vec<u8> {
        let authorizations = &[authorization.to_owned()];
        request(&Target { port: self.port, ca: "", authorizations, certificate: None, body: "", groups: 1 }, 0)
    }

    /// Sends a request, and reads its answer to the end.
    pub(crate) async fn status(&self, stream: &mut TlsStream<TcpStream>, request: &[u8]) -> u16 {
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::with_capacity(1024);
        loop {
            if let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
                let length = text.split_once("content-length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap());
                if answer.len() >= head + 4 + length.parse::<usize>().unwrap() {
                    return text[9..12].parse().unwrap();
                }
            }
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the server closed the connection");
        }
    }
}

fn request(target: &Target<'_>, group: usize) -> Vec<u8> {
    let (authorization, body) = (&target.authorizations[group % target.authorizations.len()], target.body);
    let authorization = match authorization.as_str() {
        "" => String::new(),
        value => format!("Authorization: {value}\r\n"),
    };
    format!(
        "PUT /metrics/job/bench/instance/{group} HTTP/1.1\r\nHost: localhost\r\n{authorization}\
         Content-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Pushes from `connections` clients until `time` is over; returns how many pushes were answered.
pub(crate) fn run(target: &Target<'_>, manner: Manner, connections: usize, time: Duration) -> u64 {
    let client = Arc::new(Client::new(target));
    let pushes = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + time;
    runtime().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for first in 0..connections {
            tasks.spawn(push_until(end, client.clone(), manner, first * 7, pushes.clone()));
        }
        tasks.join_all().await;
    });
    pushes.load(Ordering::Relaxed)
}

/// Pushes once to each group.
pub(crate) fn fill(target: &Target<'_>) {
    let client = Client::new(&Target { groups: 1, ..*target });
    runtime().block_on(async {
        let mut stream = client.connect().await;
        for group in 0..target.groups {
            exchange(&mut stream, &request(target, group)).await;
        }
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn push_until(end: Instant, client: Arc<Client>, manner: Manner, first: usize, pushes: Arc<AtomicU64>) {
    let mut stream = None;
    for request in client.requests.iter().cycle().skip(first % client.requests.len()) {
        if Instant::now() >= end {
            return;
        }
        let open = match stream.take() {
            Some(open) => open,
            None => client.connect().await,
        };
        let mut open = open;
        exchange(&mut open, request).await;
        pushes.fetch_add(1, Ordering::Relaxed);
        match manner {
            Manner::KeepAlive => stream = Some(open),
            Manner::Fresh => drop(open.shutdown().await),
        }
    }
}

/// Sends a request and reads its answer, which must be a success without a body.
async fn exchange(stream: &mut TlsStream<TcpStream>, request: &[u8]) {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::with_capacity(512);
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the server closed the connection");
    }
    assert!(answer.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&answer));
}
