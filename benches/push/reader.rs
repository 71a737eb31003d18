//! A client that scrapes: one connection that is kept, of which it counts the bytes or keeps them.

use super::server::Door;
use super::tls;
use super::tls::Exchange;
use super::tls::Terms;
use rustls::ClientConnection;
use rustls::StreamOwned;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

/// As much as is read at one time.
const BUFFER: usize = 256 * 1024;

trait Wire: Read + Write + Send {}

impl<T: Read + Write + Send> Wire for T {}

pub(crate) struct Reader {
    stream: Box<dyn Wire>,
    buffer: Vec<u8>,
}

/// What a scrape came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scrape {
    /// From the request to the first byte of the body, and to its end.
    pub(crate) first: Duration,
    pub(crate) total: Duration,
    /// Of the body.
    pub(crate) bytes: u64,
}

impl Reader {
    pub(crate) fn connect(door: Door) -> Self {
        let tcp = TcpStream::connect(("127.0.0.1", door.port)).unwrap();
        tcp.set_nodelay(true).unwrap();
        let stream: Box<dyn Wire> = if door.secure {
            let terms = Terms { exchange: Exchange::X25519, resumed: false, certificate: None };
            let mut connection = ClientConnection::new(tls::config(terms), tls::name()).unwrap();
            // Records are decrypted one by one, so no more of them has to be held.
            connection.set_buffer_limit(None);
            Box::new(StreamOwned::new(connection, tcp))
        } else {
            Box::new(tcp)
        };
        Self { stream, buffer: vec![0; BUFFER] }
    }

    /// `GET /metrics`; what comes of the body is handed on.
    pub(crate) fn scrape(&mut self, authorization: &str, gzip: bool, mut take: impl FnMut(&[u8])) -> Scrape {
        let encoding = if gzip { "gzip" } else { "identity" };
        let request = format!(
            "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\nAccept-Encoding: {encoding}\r\n\r\n"
        );
        let began = Instant::now();
        self.stream.write_all(request.as_bytes()).unwrap();
        self.stream.flush().unwrap();
        let mut head = Vec::new();
        let end = loop {
            let read = self.read();
            head.extend_from_slice(&self.buffer[..read]);
            if let Some(end) = head.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let body = head.split_off(end);
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert_eq!(head.contains("content-encoding: gzip"), gzip, "{head}");
        let mut frame = match head.split_once("content-length: ") {
            Some((_, rest)) => Frame::Length(rest.lines().next().unwrap().parse().unwrap()),
            None => Frame::Head(Vec::new()),
        };
        let (mut bytes, mut first) = (0, None);
        let mut take = |data: &[u8]| {
            bytes += data.len() as u64;
            first.get_or_insert_with(|| began.elapsed());
            take(data);
        };
        frame.take(&body, &mut take);
        while !frame.is_over() {
            let read = self.read();
            frame.take(&self.buffer[..read], &mut take);
        }
        let total = began.elapsed();
        Scrape { first: first.unwrap_or(total), total, bytes }
    }

    /// The whole body.
    pub(crate) fn fetch(&mut self, authorization: &str, gzip: bool) -> Vec<u8> {
        let mut body = Vec::new();
        self.scrape(authorization, gzip, |data| body.extend_from_slice(data));
        body
    }

    fn read(&mut self) -> usize {
        let read = self.stream.read(&mut self.buffer).unwrap();
        assert!(read > 0, "the server closed the connection");
        read
    }
}

/// Where in a body the next byte stands.
enum Frame {
    /// So many bytes are to come.
    Length(u64),
    /// Chunked: in a chunk's size, of which this is there.
    Head(Vec<u8>),
    /// In a chunk of which so many bytes are to come, with the line end behind it.
    Chunk(u64),
    /// In the line end behind the last chunk, of which so many bytes are there.
    Last(u8),
    Over,
}

impl Frame {
    fn is_over(&self) -> bool {
        matches!(self, Self::Over | Self::Length(0))
    }

    fn take(&mut self, mut read: &[u8], take: &mut impl FnMut(&[u8])) {
        while !read.is_empty() && !self.is_over() {
            match self {
                Self::Length(left) => {
                    let (data, rest) = read.split_at(read.len().min(*left as usize));
                    take(data);
                    (*left, read) = (*left - data.len() as u64, rest);
                }
                Self::Head(line) => {
                    line.push(read[0]);
                    read = &read[1..];
                    if line.ends_with(b"\r\n") && line.len() > 2 {
                        let size = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
                        let size = u64::from_str_radix(size, 16).unwrap();
                        *self = if size == 0 { Self::Last(0) } else { Self::Chunk(size + 2) };
                    }
                }
                Self::Chunk(left) => {
                    let (data, rest) = read.split_at(read.len().min(*left as usize));
                    let of_body = data.len().min(left.saturating_sub(2) as usize);
                    if of_body > 0 {
                        take(&data[..of_body]);
                    }
                    (*left, read) = (*left - data.len() as u64, rest);
                    if *left == 0 {
                        *self = Self::Head(Vec::new());
                    }
                }
                Self::Last(seen) => {
                    read = &read[1..];
                    *self = if *seen == 1 { Self::Over } else { Self::Last(1) };
                }
                Self::Over => {}
            }
        }
    }
}
