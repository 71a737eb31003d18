//! Connections by hand: TLS without resumption, HTTP/1.1 as bytes.

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use socket2::Domain;
use socket2::Socket;
use socket2::Type;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// Less than the clients of this protocol have by default.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const HTTP1: &str = "http/1.1";
pub(crate) const HTTP2: &str = "h2";

/// Somebody who trusts the gateway's CA and keeps no session.
pub(crate) struct Client {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

pub(crate) type Line = StreamOwned<ClientConnection, TcpStream>;

/// What there was to be read without waiting.
pub(crate) struct Drained {
    pub(crate) bytes: Vec<u8>,
    pub(crate) closed: bool,
}

impl Client {
    pub(crate) fn new(ca: &CertificateDer<'static>) -> Self {
        let config = |alpn: &str| {
            let mut roots = RootCertStore::empty();
            roots.add(ca.clone()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
            let mut config = versions.unwrap().with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
            config.resumption = Resumption::disabled();
            Arc::new(config)
        };
        Self { http1: config(HTTP1), http2: config(HTTP2) }
    }

    /// A handshake that is done, from this address of ours.
    pub(crate) fn connect(&self, from: Ipv4Addr, port: u16, alpn: &str) -> io::Result<Line> {
        self.secure(tcp(from, port)?, alpn)
    }

    pub(crate) fn secure(&self, mut stream: TcpStream, alpn: &str) -> io::Result<Line> {
        let mut session = self.session(alpn);
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(session, stream))
    }

    /// One that has yet to say hello.
    pub(crate) fn session(&self, alpn: &str) -> ClientConnection {
        let config = if alpn == HTTP2 { &self.http2 } else { &self.http1 };
        ClientConnection::new(config.clone(), ServerName::try_from("127.0.0.1").unwrap()).unwrap()
    }
}

pub(crate) fn tcp(from: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
    tcp_with(from, port, |_| Ok(()))
}

/// `change` comes before the connection, where the size of a window is agreed on.
pub(crate) fn tcp_with(
    from: Ipv4Addr,
    port: u16,
    change: impl FnOnce(&Socket) -> io::Result<()>,
) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    change(&socket)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into(), PATIENCE)?;
    // A reset at the end: nothing is left waiting in the kernel, so no flood runs out of ports.
    socket.set_linger(Some(Duration::ZERO))?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads what is there.
pub(crate) fn drain(stream: &mut (impl Read + AsTcp)) -> Drained {
    let mut drained = Drained { bytes: Vec::new(), closed: stream.tcp().set_nonblocking(true).is_err() };
    let mut chunk = [0; 16 * 1024];
    while !drained.closed && drained.bytes.len() < 1 << 20 {
        match stream.read(&mut chunk) {
            Ok(read @ 1..) => drained.bytes.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Ok(0) | Err(_) => drained.closed = true,
        }
    }
    drained.closed |= stream.tcp().set_nonblocking(false).is_err();
    drained
}

/// With TLS or without.
pub(crate) trait AsTcp {
    fn tcp(&self) -> &TcpStream;
}

impl AsTcp for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl AsTcp for Line {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

/// A request's head; `more` are whole lines.
pub(crate) fn head(method: &str, path: &str, authorization: &str, more: &[&str]) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    if !authorization.is_empty() {
        head += &format!("Authorization: {authorization}\r\n");
    }
    for line in more {
        head += &format!("{line}\r\n");
    }
    head
}

/// A whole request with a body.
pub(crate) fn request(method: &str, path: &str, authorization: &str, more: &[&str], body: &[u8]) -> Vec<u8> {
    let head = head(method, path, authorization, more);
    let mut bytes = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Sends a request and reads its answer to the end: the status, and whether the connection may be used again. An answer
/// that comes while the request is still being sent is read, too.
pub(crate) fn exchange(line: &mut Line, request: &[u8]) -> io::Result<(u16, bool)> {
    let sent = line.write_all(request).and_then(|()| line.flush());
    match answer(line) {
        Ok((status, kept)) => Ok((status, kept && sent.is_ok())),
        Err(error) => Err(sent.err().unwrap_or(error)),
    }
}

fn answer(line: &mut Line) -> io::Result<(u16, bool)> {
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut got = Vec::with_capacity(4096);
    let mut chunk = [0; 32 * 1024];
    let head = loop {
        if let Some(head) = got.windows(4).position(|end| end == b"\r\n\r\n") {
            break head + 4;
        }
        match line.read(&mut chunk)? {
            0 => return Err(ended()),
            read => got.extend_from_slice(&chunk[..read]),
        }
    };
    let text = String::from_utf8_lossy(&got[..head]).to_ascii_lowercase();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(ended)?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let length: Option<usize> = field("content-length:").and_then(|length| length.parse().ok());
    let chunked = field("transfer-encoding:") == Some("chunked");
    let mut body = got.len() - head;
    let mut tail = got[head..].to_vec();
    while length.map_or(chunked && !tail.ends_with(b"0\r\n\r\n"), |length| body < length) {
        let read = line.read(&mut chunk)?;
        if read == 0 {
            return Err(ended());
        }
        body += read;
        tail.extend_from_slice(&chunk[..read]);
        tail.drain(..tail.len().saturating_sub(5));
    }
    Ok((status, field("connection:") != Some("close")))
}

/// Reads on until the other side has ended the connection; false if it has not in [`PATIENCE`], or within so many reads.
pub(crate) fn read_until_closed(stream: &mut impl Read, reads_max: usize) -> bool {
    let mut chunk = [0; 16 * 1024];
    for _ in 0..reads_max {
        match stream.read(&mut chunk) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Ok(0) | Err(_) => return true,
        }
    }
    false
}
