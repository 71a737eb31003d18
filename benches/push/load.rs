//! Clients that push: HTTP/1.1, from one thread, with requests that are nearly ready, so that they are not what is measured.

use super::server::Door;
use super::tls;
use super::tls::Exchange;
use super::tls::Terms;
use pushward::testkit::TestCert;
use rustls::HandshakeKind;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Whether a client keeps its connection, and if not, whether it remembers the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    KeepAlive,
    Fresh,
    Resumed,
}

/// Whom to push what.
#[derive(Clone)]
pub(crate) struct Target<'a> {
    pub(crate) door: Door,
    pub(crate) exchange: Exchange,
    /// Values of `Authorization`, which the requests have in turn; an empty one is not sent.
    pub(crate) authorizations: &'a [String],
    /// Whether there are `groups` for each of them, and not for all together.
    pub(crate) each_has_groups: bool,
    /// What the clients show in every handshake.
    pub(crate) certificate: Option<&'a TestCert>,
    /// In turn, too.
    pub(crate) bodies: Vec<&'a [u8]>,
    pub(crate) protobuf: bool,
    pub(crate) groups: usize,
}

/// With TLS or without.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

pub(crate) type Stream = Box<dyn Wire>;

pub(crate) struct Client {
    connector: Option<TlsConnector>,
    port: u16,
    requests: Requests,
    /// Connections made, and those of them that took up an earlier session.
    made: AtomicU64,
    resumed: AtomicU64,
}

/// A group's number in a path has so many digits, so that it can be written over.
const DIGITS: usize = 6;
/// One group after the other of many, in an order in which no cache has them: a prime.
const STEP: usize = 7919;

/// Requests but for their groups.
struct Requests {
    heads: Vec<(Vec<u8>, Range<usize>)>,
    tails: Vec<Vec<u8>>,
    groups: usize,
    each_has_groups: bool,
}

impl Requests {
    fn of(target: &Target<'_>) -> Self {
        let content = if target.protobuf { super::body::DELIMITED } else { "text/plain; version=0.0.4" };
        let head = |authorization: &String| {
            let before = "PUT /metrics/job/bench/instance/";
            let authorization = match authorization.as_str() {
                "" => String::new(),
                value => format!("Authorization: {value}\r\n"),
            };
            let head = format!(
                "{before}{:0DIGITS$} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: {content}\r\n",
                0
            );
            (head.into_bytes(), before.len()..before.len() + DIGITS)
        };
        Self {
            heads: target.authorizations.iter().map(head).collect(),
            tails: target.bodies.iter().map(|body| tail(body)).collect(),
            groups: target.groups,
            each_has_groups: target.each_has_groups,
        }
    }

    /// How many differ in credential or group.
    fn len(&self) -> usize {
        if self.each_has_groups { self.heads.len() * self.groups } else { self.groups.max(self.heads.len()) }
    }

    /// With the body that is the turn's.
    fn write(&self, request: usize, turn: usize, into: &mut Vec<u8>) {
        self.write_with(request, &self.tails[turn % self.tails.len()], into);
    }

    fn write_with(&self, request: usize, tail: &[u8], into: &mut Vec<u8>) {
        let (head, digits) = &self.heads[request % self.heads.len()];
        let mut group = if self.each_has_groups { request / self.heads.len() } else { request } % self.groups;
        into.clear();
        into.extend_from_slice(head);
        for digit in into[digits.clone()].iter_mut().rev() {
            *digit = b'0' + (group % 10) as u8;
            group /= 10;
        }
        into.extend_from_slice(tail);
    }
}

/// What follows a head.
fn tail(body: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

impl Client {
    pub(crate) fn new(target: &Target<'_>) -> Self {
        Self::with(target, false)
    }

    fn with(target: &Target<'_>, resumed: bool) -> Self {
        let terms = Terms { exchange: target.exchange, resumed, certificate: target.certificate };
        Self {
            connector: target.door.secure.then(|| TlsConnector::from(tls::config(terms))),
            port: target.door.port,
            requests: Requests::of(target),
            made: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
        }
    }

    pub(crate) async fn connect(&self) -> Stream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let Some(connector) = &self.connector else {
            return Box::new(stream);
        };
        let stream = connector.connect(tls::name(), stream).await.unwrap();
        self.made.fetch_add(1, Ordering::Relaxed);
        if stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) {
            self.resumed.fetch_add(1, Ordering::Relaxed);
        }
        Box::new(stream)
    }

    /// The first of its requests.
    pub(crate) fn request(&self) -> Vec<u8> {
        let mut request = Vec::new();
        self.requests.write(0, 0, &mut request);
        request
    }

    /// One like the first of somebody else, without a body.
    pub(crate) fn request_as(&self, authorization: &str) -> Vec<u8> {
        format!(
            "PUT /metrics/job/bench/instance/0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\
             Content-Type: text/plain; version=0.0.4\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes()
    }

    /// Sends a request, and reads its answer to the end.
    pub(crate) async fn status(&self, stream: &mut Stream, request: &[u8]) -> u16 {
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

/// Pushes from `connections` clients until `time` is over; returns how many pushes were answered.
pub(crate) fn run(target: &Target<'_>, manner: Manner, connections: usize, time: Duration) -> u64 {
    let resumed = manner == Manner::Resumed;
    // Who resumes has sessions of his own; the others can share what they have.
    let clients: Vec<_> =
        (0..if resumed { connections } else { 1 }).map(|_| Arc::new(Client::with(target, resumed))).collect();
    let pushes = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + time;
    runtime().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..connections {
            let client = clients[n % clients.len()].clone();
            let first = n * client.requests.len() / connections;
            tasks.spawn(push_until(end, client, manner, first, pushes.clone()));
        }
        tasks.join_all().await;
    });
    for client in clients.iter().filter(|_| resumed) {
        let (made, resumed) = (client.made.load(Ordering::Relaxed), client.resumed.load(Ordering::Relaxed));
        // The first has nothing to take up.
        assert!(resumed + 1 >= made, "{resumed} of {made} connections were resumed");
    }
    pushes.load(Ordering::Relaxed)
}

/// Pushes these requests once each, with bodies that are made for them.
pub(crate) fn fill(target: &Target<'_>, requests: &[usize], body: impl Fn(usize) -> Vec<u8> + Sync) {
    const THREADS: usize = 4;
    let (client, next) = (Client::new(target), AtomicUsize::new(0));
    let push = || async {
        let mut stream = client.connect().await;
        let mut request = Vec::new();
        while let Some(&number) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
            client.requests.write_with(number, &tail(&body(number)), &mut request);
            exchange(&mut stream, &request).await;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| runtime().block_on(push()));
        }
    });
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn push_until(end: Instant, client: Arc<Client>, manner: Manner, first: usize, pushes: Arc<AtomicU64>) {
    let mut stream = None;
    let mut request = Vec::new();
    for turn in 0.. {
        if Instant::now() >= end {
            return;
        }
        client.requests.write((first + turn * STEP) % client.requests.len(), turn, &mut request);
        let mut open = match stream.take() {
            Some(open) => open,
            None => client.connect().await,
        };
        exchange(&mut open, &request).await;
        pushes.fetch_add(1, Ordering::Relaxed);
        match manner {
            Manner::KeepAlive => stream = Some(open),
            Manner::Fresh | Manner::Resumed => drop(open.shutdown().await),
        }
    }
}

/// How long each of the pushes took that were to be sent at this rate from one connection until `time` is over. One that
/// comes late for those before it counts from when it was due.
pub(crate) fn steady(target: &Target<'_>, each_second: u32, time: Duration) -> Vec<Duration> {
    let client = Client::new(target);
    runtime().block_on(async {
        let mut stream = client.connect().await;
        let (mut request, mut took) = (Vec::new(), Vec::new());
        let began = Instant::now();
        for turn in 0.. {
            let due = began + Duration::from_secs(1) * turn / each_second;
            if due > began + time {
                break;
            }
            // Sleep is a millisecond late by itself, which is not the server's.
            let mut sent = due;
            if Instant::now() < due {
                tokio::time::sleep_until(due.into()).await;
                sent = Instant::now();
            }
            client.requests.write(turn as usize * STEP % client.requests.len(), turn as usize, &mut request);
            exchange(&mut stream, &request).await;
            took.push(sent.elapsed());
        }
        took
    })
}

/// Sends a request and reads its answer, which must be a success without a body.
async fn exchange(stream: &mut Stream, request: &[u8]) {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::with_capacity(512);
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the server closed the connection");
    }
    assert!(answer.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&answer));
}
