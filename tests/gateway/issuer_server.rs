//! A real HTTPS server that publishes an issuer's keys, well or badly.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use pushward::config::KeySource;
use pushward::testkit::TestCa;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// How it answers.
#[derive(Clone)]
pub(super) enum Manner {
    Keys(String),
    /// To whoever brings this bearer token; 401 to others.
    KeysFor(&'static str, String),
    /// 302 to this place, with keys as its body.
    Redirect(String, String),
    Status(u16, String),
    /// The head at once, and of the body never the end.
    Stalled,
    Silent,
    /// Closes the connection before TLS.
    HangUp,
}

struct Seen {
    manner: Manner,
    connections: usize,
    paths: Vec<String>,
}

pub(super) struct IssuerServer {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    folder: TempDir,
    pub(super) ca: TestCa,
    _tasks: TaskTracker,
}

impl IssuerServer {
    pub(super) async fn start(manner: Manner) -> Self {
        let ca = TestCa::new();
        let (certificate, key) = ca.server(&["localhost"]);
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen { manner, connections: 0, paths: Vec::new() }));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        let tasks = TaskTracker::new();
        tasks.spawn(serve(listener, acceptor, seen.clone(), tasks.clone()));
        Self { address, seen, folder, ca, _tasks: tasks }
    }

    /// Its keys, believed by its own CA alone.
    pub(super) fn source(&self) -> KeySource {
        self.source_at("/jwks")
    }

    pub(super) fn source_at(&self, path: &str) -> KeySource {
        KeySource::Url { url: self.url(path), ca_file: Some(self.file("ca.pem")), token_file: None }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// A file in a folder that lives as long as the server.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn becomes(&self, manner: Manner) {
        self.seen.lock().manner = manner;
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.lock().connections
    }

    /// What was asked for, in order.
    pub(super) fn paths(&self) -> Vec<String> {
        self.seen.lock().paths.clone()
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, seen: Arc<Mutex<Seen>>, tasks: TaskTracker) {
    while let Ok((socket, _)) = listener.accept().await {
        let manner = {
            let mut seen = seen.lock();
            seen.connections += 1;
            seen.manner.clone()
        };
        if matches!(manner, Manner::HangUp) {
            continue;
        }
        let (acceptor, seen) = (acceptor.clone(), seen.clone());
        tasks.spawn(async move {
            // A client that does not believe the certificate goes away here.
            let Ok(stream) = acceptor.accept(socket).await else {
                return;
            };
            let service = service_fn(move |request| answer(manner.clone(), seen.clone(), request));
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn answer(
    manner: Manner,
    seen: Arc<Mutex<Seen>>,
    request: http::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    seen.lock().paths.push(request.uri().path().to_owned());
    let with = |status: u16, body: String| Response::builder().status(status).body(Full::from(body)).unwrap();
    Ok(match manner {
        Manner::Keys(keys) => with(200, keys),
        Manner::KeysFor(token, keys) => {
            let is_his = request.headers().get("authorization").is_some_and(|it| *it == *format!("Bearer {token}"));
            if is_his { with(200, keys) } else { with(401, String::new()) }
        }
        Manner::Redirect(to, keys) => {
            let mut answer = with(302, keys);
            answer.headers_mut().insert("location", to.parse().unwrap());
            answer
        }
        Manner::Status(status, body) => with(status, body),
        Manner::Stalled => {
            let mut answer = with(200, "{".to_owned());
            answer.headers_mut().insert("content-length", "9".parse().unwrap());
            answer
        }
        Manner::Silent | Manner::HangUp => std::future::pending().await,
    })
}
