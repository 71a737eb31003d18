//! The limit: hyper over the same TLS, which reads a body and answers 202, or answers bytes that are ready.

use bytes::Bytes;
use http::Method;
use http::Request;
use http::Response;
use http::header::ACCEPT_ENCODING;
use http::header::CONTENT_ENCODING;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use std::convert::Infallible;
use std::fs;
use std::sync::Arc;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a GET is answered, by itself and in gzip.
#[derive(Debug)]
struct Ready {
    identity: Bytes,
    gzip: Bytes,
}

/// Serves for ever, with TLS on one port and without on the other; certificate and key are in the folder. A `client-ca.pem`
/// there makes it require certificates of that CA, without asking for revocation.
pub(crate) fn serve(secure: u16, plain: u16, folder: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let read = |name: &str| Bytes::from(fs::read(format!("{folder}/{name}")).unwrap_or_default());
    let ready = Arc::new(Ready { identity: read("identity"), gzip: read("gzip") });
    runtime.block_on(async {
        let acceptor = TlsAcceptor::from(Arc::new(config(folder)));
        let secure = accept(secure, Some(acceptor), ready.clone());
        tokio::join!(secure, accept(plain, None, ready));
    });
}

async fn accept(port: u16, acceptor: Option<TlsAcceptor>, ready: Arc<Ready>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            match acceptor {
                None => speak(stream, ready).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        speak(stream, ready).await;
                    }
                }
            }
        });
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, ready: Arc<Ready>) {
    let service = service_fn(|request| answer(request, &ready));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, ready: &Ready) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::GET {
        let gzip = request.headers().get(ACCEPT_ENCODING).is_some_and(|value| value == "gzip");
        let mut answer = Response::new(Full::new(if gzip { ready.gzip.clone() } else { ready.identity.clone() }));
        if gzip {
            answer.headers_mut().insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        }
        return Ok(answer);
    }
    let _ = request.into_body().collect().await;
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = http::StatusCode::ACCEPTED;
    Ok(answer)
}

/// As ours, so that neither does less: the same protocols by ALPN, and as many tickets of the same kind.
fn config(folder: &str) -> rustls::ServerConfig {
    let chain = CertificateDer::pem_file_iter(format!("{folder}/server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/server-key.pem")).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = match CertificateDer::from_pem_file(format!("{folder}/client-ca.pem")) {
        Ok(root) => {
            let mut roots = RootCertStore::empty();
            roots.add(root).unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap()
        }
        Err(_) => WebPkiClientVerifier::no_client_auth(),
    };
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = aws_lc_rs::Ticketer::new().unwrap();
    config.send_tls13_tickets = 1;
    config
}
