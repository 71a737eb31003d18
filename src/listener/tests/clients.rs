//! Clients with certificates and without, and the listeners that ask for them.

use super::harness::SOON;
use super::harness::Server;
use super::harness::listener;
use super::harness::server_tls_with;
use super::harness::until_closed;
use crate::config::ClientAuth;
use crate::config::ClientCa;
use crate::config::TlsProfile;
use crate::listener::ClientChain;
use crate::listener::ServerTls;
use crate::listener::TlsError;
use crate::testkit::TestCa;
use crate::testkit::TestCert;
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::HandshakeKind;
use rustls::RootCertStore;
use rustls::SupportedProtocolVersion;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS12;
use rustls::version::TLS13;
use std::collections::BTreeSet;
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub(super) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
pub(super) const PROTOCOLS: [&str; 2] = ["http/1.1", "h2"];
pub(super) const ASKING: [ClientAuth; 2] = [ClientAuth::Optional, ClientAuth::Required];

pub(super) fn client_ca(name: &str, ca_file: PathBuf) -> ClientCa {
    ClientCa {
        name: name.to_owned(),
        ca_file,
        crl_file: None,
        trust_domain: None,
        cn_allowed: false,
        tenants: BTreeSet::new(),
        operators: BTreeSet::new(),
    }
}

/// What `ServerTls::load` makes of CA files with these contents.
pub(super) fn asking(ca: &TestCa, auth: ClientAuth, files: &[&str]) -> Result<ServerTls, TlsError> {
    server_tls_with(ca, TlsProfile::Intermediate, |tls, directory| {
        tls.client_auth = auth;
        for (nth, content) in files.iter().enumerate() {
            let (name, file) = (format!("ca-{nth}"), directory.join(format!("ca-{nth}.pem")));
            std::fs::write(&file, content).unwrap();
            tls.client_cas.insert(name.clone(), client_ca(&name, file));
        }
    })
}

/// A listener that believes these CAs.
pub(super) fn listening(auth: ClientAuth, cas: &[&TestCa]) -> Server {
    let mut config = listener();
    config.deadlines.first_request = SOON;
    config.deadlines.headers = SOON;
    config.deadlines.idle = SOON;
    let (ca, files): (_, Vec<_>) = (TestCa::new(), cas.iter().map(|ca| ca.pem()).collect());
    let tls = asking(&ca, auth, &files.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    Server::start_with(config, ca, Some(tls))
}

/// A client that believes these servers' CAs.
pub(super) fn client(
    servers: &[&Server],
    version: &'static SupportedProtocolVersion,
    protocol: &str,
    cert: Option<&TestCert>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for server in servers {
        roots.add(server.ca.der()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = builder.with_no_client_auth();
    if let Some(cert) = cert {
        // Not `with_client_auth_cert`, which refuses certificates that a server is to refuse.
        let key = any_supported_type(&cert.key_der()).unwrap();
        let shown = SingleCertAndKey::from(CertifiedKey::new(cert.chain_der.clone(), key));
        config.client_auth_cert_resolver = Arc::new(shown);
    }
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    config
}

/// What `/chain` answers to whoever has shown this.
pub(super) fn shown(chain: Option<&[CertificateDer<'static>]>) -> String {
    chain.map_or_else(|| "none".to_owned(), |chain| format!("{:?}", ClientChain::invented(chain.to_vec()).digest()))
}

/// One connection with one request: how the handshake went and what `/chain` answered, or what ended it.
pub(super) async fn knock(server: &Server, config: &ClientConfig) -> Result<(HandshakeKind, String), String> {
    let knocking = async {
        let stream = server.tls_as(config.clone()).await?;
        let kind = stream.get_ref().1.handshake_kind().unwrap();
        let answer = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => over_http2(server, stream).await?,
            _ => over_http1(stream).await?,
        };
        Ok::<_, Box<dyn Error + Send + Sync>>((kind, answer))
    };
    tokio::time::timeout(SOON, knocking).await.unwrap().map_err(|error| {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(deeper) = source {
            text = format!("{text}: {deeper}");
            source = deeper.source();
        }
        text
    })
}

async fn over_http1(mut stream: TlsStream<TcpStream>) -> io::Result<String> {
    stream.write_all(b"GET /chain HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await?;
    let mut first = [0];
    stream.read_exact(&mut first).await?;
    let answer = String::from_utf8(until_closed(&mut stream).await).unwrap();
    Ok(answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

async fn over_http2(server: &Server, stream: TlsStream<TcpStream>) -> Result<String, Box<dyn Error + Send + Sync>> {
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let connection = server.tracker.spawn(connection);
    let request = Request::get("https://localhost/chain").body(Empty::<Bytes>::new()).unwrap();
    let answer = match sender.send_request(request).await {
        Ok(answer) => answer.into_body().collect().await?.to_bytes(),
        // The connection knows better why a request found no answer.
        Err(error) => return Err(connection.await?.err().unwrap_or(error).into()),
    };
    connection.abort();
    Ok(String::from_utf8(answer.to_vec()).unwrap())
}
