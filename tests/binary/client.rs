//! HTTP/1.1 by hand: a test sees, and withholds, every byte.

use crate::program::DEADLINE;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// A port that was free a moment ago. For what must know its port before it starts; everything else takes port 0.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A connection on which nothing is waited for longer than the deadline.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// The same under TLS, if the certificate is of the CA in `ca_file` and for 127.0.0.1.
pub(crate) fn connect_tls(port: u16, ca_file: &Path) -> StreamOwned<ClientConnection, TcpStream> {
    connect_as(port, &tls_client(ca_file))
}

/// Somebody who trusts that CA, and remembers TLS sessions from one connection to the next.
pub(crate) fn tls_client(ca_file: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

pub(crate) fn connect_as(port: u16, client: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let server = ServerName::try_from("127.0.0.1").unwrap();
    StreamOwned::new(ClientConnection::new(client.clone(), server).unwrap(), connect(port))
}

/// A request's head: what `authorization` says, and a body of `length` bytes to come.
pub(crate) fn head(method: &str, path: &str, authorization: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n"
    )
}

/// Sends a whole request and reads the whole answer, head and body as they come.
pub(crate) fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    authorization: &str,
    body: &str,
) -> (u16, String) {
    let head = head(method, path, authorization, body.len());
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    answer(stream)
}

/// The rest of what comes: its status, and all of it.
pub(crate) fn answer(mut stream: impl Read) -> (u16, String) {
    let mut bytes = Vec::new();
    // A peer that ends without saying so in TLS has still said what it had to say.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_default(), text)
}
