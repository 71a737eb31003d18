//! HTTP/1.1 by hand: a test sees, and withholds, every byte.

use crate::program::DEADLINE;
use pushward::testkit::TestCert;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::ConfigBuilder;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::client::WantsClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
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
    Arc::new(trusting(ca_file).with_no_client_auth())
}

/// The same with a certificate of its own.
pub(crate) fn tls_client_with(ca_file: &Path, cert: &TestCert) -> Arc<ClientConfig> {
    let config = trusting(ca_file).with_client_auth_cert(cert.chain_der.clone(), cert.key_der());
    Arc::new(config.unwrap())
}

fn trusting(ca_file: &Path) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
}

pub(crate) fn connect_as(port: u16, client: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let server = ServerName::try_from("127.0.0.1").unwrap();
    StreamOwned::new(ClientConnection::new(client.clone(), server).unwrap(), connect(port))
}

/// A request's head: what `authorization` says, if anything, and a body of `length` bytes to come.
pub(crate) fn head(method: &str, path: &str, authorization: &str, length: usize) -> String {
    let authorization = header(authorization);
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Length: {length}\r\n\
         Connection: close\r\n"
    )
}

fn header(authorization: &str) -> String {
    match authorization {
        "" => String::new(),
        value => format!("Authorization: {value}\r\n"),
    }
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

/// Of a good answer the body as it was before it was sent in chunks.
pub(crate) fn body_of((status, answer): (u16, String)) -> String {
    assert_eq!(status, 200, "{answer}");
    let (mut whole, mut rest) = (String::new(), answer.split_once("\r\n\r\n").unwrap().1);
    while let Some((length, behind)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole += &behind[..length];
        rest = behind[length..].strip_prefix("\r\n").unwrap();
    }
    whole
}

/// A connection on which one request follows another.
pub(crate) struct Open<S>(BufReader<S>);

impl Open<TcpStream> {
    pub(crate) fn plain(port: u16) -> Self {
        Self::try_plain(port).unwrap()
    }

    /// The same where nobody may be listening.
    pub(crate) fn try_plain(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }
}

impl<S: Read + Write> Open<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) fn put(&mut self, path: &str, authorization: &str, body: &str) -> u16 {
        self.send("PUT", path, authorization, body).unwrap()
    }

    /// The status of the answer, which was read whole. An error if the connection ended before.
    pub(crate) fn send(&mut self, method: &str, path: &str, authorization: &str, body: &str) -> io::Result<u16> {
        let length = body.len();
        let authorization = header(authorization);
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{authorization}Content-Length: {length}\r\n\r\n{body}");
        self.0.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let mut length = 0;
        loop {
            let line = self.line()?;
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        self.0.read_exact(&mut vec![0; length])?;
        Ok(status.split(' ').nth(1).unwrap().parse().unwrap())
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        if line.ends_with('\n') { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}
