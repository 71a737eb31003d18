//! The limit: hyper over the same TLS, which reads a body and answers 202.

use bytes::Bytes;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Serves on the address for ever; certificate and key are in the folder. A `client-ca.pem` there makes it require
/// certificates of that CA, without asking for revocation.
pub(crate) fn serve(address: &str, folder: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let acceptor = TlsAcceptor::from(Arc::new(config(folder)));
        let listener = TcpListener::bind(address).await.unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(accepted)).await;
                }
            });
        }
    });
}

async fn accepted(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = http::StatusCode::ACCEPTED;
    Ok(answer)
}

fn config(folder: &str) -> rustls::ServerConfig {
    let chain = CertificateDer::pem_file_iter(format!("{folder}/server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/server-key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = match CertificateDer::from_pem_file(format!("{folder}/client-ca.pem")) {
        Ok(root) => {
            let mut roots = RootCertStore::empty();
            roots.add(root).unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap()
        }
        Err(_) => WebPkiClientVerifier::no_client_auth(),
    };
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap()
}
