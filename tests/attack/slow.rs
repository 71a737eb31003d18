//! Slowloris: many connections, each of which keeps a part of what it owes; and those that take no answer.

use crate::attack::Attack;
use crate::attack::attacks;
use crate::force::Force;
use crate::force::Tally;
use crate::frames;
use crate::program::DEADLINE;
use crate::target::Target;
use crate::wire;
use crate::wire::AsTcp;
use crate::wire::HTTP1;
use crate::wire::HTTP2;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// How often each connection is looked at, and gets its next byte.
const BEAT: Duration = Duration::from_millis(50);
/// What a receiver that is not reading makes room for.
const SMALL_WINDOW: usize = 4096;
/// What a stored answer is read in, group by group: far more than the kernel takes on behalf of a client.
const LARGE: usize = 6 << 20;

/// Of a connection that is to be closed at its deadline: the time of one deadline, and as much for doing so.
const SLOW: Attack =
    Attack { time: Duration::from_secs(2), memory_mib: 48, cpu_millis_each: 10, lines: [16, 250], ..Attack::COMMON };

attacks! {
    a_connection_that_says_nothing_is_closed_by_its_deadline:
        Attack { name: "connects and says nothing", run: silent, closed_for: Some("handshake"), ..SLOW };
    half_a_hello_is_closed_by_its_deadline:
        Attack { name: "half a ClientHello", run: half_a_hello, closed_for: Some("handshake"), ..SLOW };
    a_hello_in_drops_is_closed_by_its_deadline:
        Attack { name: "a ClientHello byte by byte", run: dripping_hello, closed_for: Some("handshake"), ..SLOW };
    a_handshake_and_no_request_is_closed_by_its_deadline:
        Attack { name: "a handshake and no request", run: silent_in_tls, closed_for: Some("first_request"), ..SLOW };
    half_a_request_line_is_closed_by_its_deadline:
        Attack { name: "half a request line", run: half_a_request_line, closed_for: Some("headers"), ..SLOW };
    a_head_in_drops_is_closed_by_its_deadline:
        Attack { name: "a head byte by byte", run: dripping_head, closed_for: Some("headers"), ..SLOW };
    a_strangers_body_in_drops_is_not_waited_for:
        Attack { name: "a body byte by byte", run: dripping_body_of_a_stranger, answers: &[401], ..SLOW };
    a_tenants_body_in_drops_is_refused_by_its_deadline: Attack {
        name: "a body byte by byte",
        by: "tenant",
        run: dripping_body_of_a_tenant,
        answers: &[408, 429],
        ..SLOW
    };
    a_preface_and_no_request_is_closed_by_its_deadline:
        Attack { name: "an HTTP/2 preface and no request", run: silent_in_http2, closed_for: Some("first_request"), ..SLOW };
    a_hundred_bodies_that_do_not_come_are_refused: Attack {
        name: "100 HTTP/2 bodies that do not come, on each connection",
        by: "tenant",
        run: silent_bodies_in_http2,
        lines: [16, 64],
        cpu_millis_each: 100,
        ..SLOW
    };
    a_scrape_that_nobody_reads_is_cut: Attack {
        name: "a scrape in a small window, unread",
        by: "tenant",
        run: unread_scrape,
        prepare: store_much,
        memory_mib: 96,
        cpu_millis_each: 200,
        lines: [16, 250],
        ..SLOW
    };
    a_window_that_stays_shut_holds_no_answers: Attack {
        name: "100 scrapes and no HTTP/2 window, on each connection",
        by: "tenant",
        run: scrapes_without_window,
        prepare: store_much,
        memory_mib: 96,
        cpu_millis_each: 200,
        lines: [16, 64],
        ..SLOW
    };
}

/// Sends nothing.
pub(crate) fn silent(target: &Target, force: Force) -> Tally {
    held(force, || tcp(target), b"", b"")
}

/// The beginning of a ClientHello.
pub(crate) fn half_a_hello(target: &Target, force: Force) -> Tally {
    let hello = hello(target);
    held(force, || tcp(target), &hello[..hello.len() / 2], b"")
}

/// A ClientHello byte by byte.
pub(crate) fn dripping_hello(target: &Target, force: Force) -> Tally {
    let hello = hello(target);
    held(force, || tcp(target), &hello[..1], &hello[1..])
}

/// A handshake, and then nothing.
pub(crate) fn silent_in_tls(target: &Target, force: Force) -> Tally {
    held(force, || target.attack(HTTP1), b"", b"")
}

pub(crate) fn half_a_request_line(target: &Target, force: Force) -> Tally {
    held(force, || target.attack(HTTP1), b"PUT /metrics/jo", b"")
}

/// A head byte by byte, of which no end is to be seen.
pub(crate) fn dripping_head(target: &Target, force: Force) -> Tally {
    let head = wire::head("GET", "/metrics", "", &["X-Long: and longer"; 100]);
    held(force, || target.attack(HTTP1), &head.as_bytes()[..1], &head.as_bytes()[1..])
}

/// A stranger's body byte by byte, whose head is refused at once.
pub(crate) fn dripping_body_of_a_stranger(target: &Target, force: Force) -> Tally {
    dripping_body(target, force, "")
}

/// A tenant's.
pub(crate) fn dripping_body_of_a_tenant(target: &Target, force: Force) -> Tally {
    dripping_body(target, force, &target.bad)
}

fn dripping_body(target: &Target, force: Force, authorization: &str) -> Tally {
    let head = wire::head("PUT", "/metrics/job/slow", authorization, &["Content-Length: 100000\r\n"]);
    held(force, || target.attack(HTTP1), head.as_bytes(), &[b'#'; 10_000])
}

/// A preface, and no request.
pub(crate) fn silent_in_http2(target: &Target, force: Force) -> Tally {
    held(force, || target.attack(HTTP2), &frames::opening(), b"")
}

/// A hundred streams of each connection, each with a body that does not come.
pub(crate) fn silent_bodies_in_http2(target: &Target, force: Force) -> Tally {
    let streams = (0..100).map(|n| frames::request(2 * n + 1, "PUT", "/metrics/job/slow", &target.bad, true));
    let opening: Vec<u8> = frames::opening().into_iter().chain(streams.flatten()).collect();
    held(force, || target.attack(HTTP2), &opening, b"")
}

/// Asks for a large scrape in a small window, and does not read.
pub(crate) fn unread_scrape(target: &Target, force: Force) -> Tally {
    let small = || wire::tcp_with(Ipv4Addr::LOCALHOST, target.port, |socket| socket.set_recv_buffer_size(SMALL_WINDOW));
    let request = wire::request("GET", "/metrics", &target.bad, &[], b"");
    unread(force, || target.tls.secure(small()?, HTTP1), &request)
}

/// Asks for a hundred of them on each connection, with a window that is shut.
pub(crate) fn scrapes_without_window(target: &Target, force: Force) -> Tally {
    let streams = (0..100).map(|n| frames::request(2 * n + 1, "GET", "/metrics", &target.bad, false));
    let opening: Vec<u8> = frames::opening_without_window().into_iter().chain(streams.flatten()).collect();
    unread(force, || target.attack(HTTP2), &opening)
}

/// What the bad tenant has stored, for scrapes that are to be long.
pub(crate) fn store_much(target: &Target) {
    let mut line = target.attack(HTTP1).unwrap();
    for group in 0..2 {
        let value = "v".repeat(1000);
        let body: String = (0..LARGE / 1024).map(|n| format!("large_{n}{{label=\"{value}\"}} 1\n")).collect();
        let path = format!("/metrics/job/large/instance/{group}");
        let request = wire::request("PUT", &path, &target.bad, &[], body.as_bytes());
        assert_eq!(wire::exchange(&mut line, &request).unwrap().0, 200);
    }
}

fn tcp(target: &Target) -> io::Result<TcpStream> {
    wire::tcp(Ipv4Addr::LOCALHOST, target.port)
}

pub(crate) fn hello(target: &Target) -> Vec<u8> {
    let mut hello = Vec::new();
    target.tls.session(HTTP1).write_tls(&mut hello).unwrap();
    hello
}

struct Held<S> {
    stream: S,
    dripped: usize,
}

/// Opens as many connections as it may, sends `opening` on each and then a byte of `drip` at a time, and opens another
/// where one was ended.
fn held<S: Read + Write + AsTcp>(
    force: Force,
    connect: impl Fn() -> io::Result<S>,
    opening: &[u8],
    drip: &[u8],
) -> Tally {
    let mut tally = Tally::default();
    let mut open: Vec<Held<S>> = Vec::new();
    while force.goes_on(&tally) {
        let began = Instant::now();
        while open.len() < force.lines && force.goes_on(&tally) {
            tally.tries += 1;
            let Ok(mut stream) = connect() else { break };
            tally.opened += 1;
            tally.bytes += opening.len() as u64;
            if stream.write_all(opening).is_ok() {
                open.push(Held { stream, dripped: 0 });
            } else {
                tally.closed += 1;
            }
        }
        beat(&mut open, &mut tally, drip);
        thread::sleep(BEAT.saturating_sub(began.elapsed()));
    }
    let began = Instant::now();
    while force.stays && !open.is_empty() && began.elapsed() < DEADLINE {
        beat(&mut open, &mut tally, drip);
        thread::sleep(BEAT);
    }
    tally
}

/// A byte for each, and a look at what has come.
fn beat<S: Read + Write + AsTcp>(open: &mut Vec<Held<S>>, tally: &mut Tally, drip: &[u8]) {
    open.retain_mut(|held| {
        let byte = drip.get(held.dripped..=held.dripped).unwrap_or_default();
        held.dripped += 1;
        tally.bytes += byte.len() as u64;
        let sent = held.stream.write_all(byte).is_ok();
        let drained = wire::drain(&mut held.stream);
        if let Some(status) = status(&drained.bytes) {
            tally.answered(status);
        }
        let goes_on = sent && !drained.closed;
        tally.closed += u64::from(!goes_on);
        goes_on
    });
}

/// Opens as many connections as it may, asks, and looks away. What became of them, the gateway's own metrics say.
fn unread<S: Write>(force: Force, connect: impl Fn() -> io::Result<S>, opening: &[u8]) -> Tally {
    let mut tally = Tally::default();
    let mut open = Vec::new();
    while force.goes_on(&tally) {
        if open.len() < force.lines {
            tally.tries += 1;
            tally.bytes += opening.len() as u64;
            let stream = connect().and_then(|mut stream| stream.write_all(opening).map(|()| stream));
            open.extend(stream);
        } else {
            thread::sleep(BEAT);
        }
    }
    tally
}

fn status(answer: &[u8]) -> Option<u16> {
    let digits = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
