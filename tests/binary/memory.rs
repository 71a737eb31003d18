//! The memory of a gateway of which everybody takes all they can: no more than `docs/` says, and nobody who takes little is
//! the worse for it.

use crate::client::connect;
use crate::client::exchange;
use crate::client::head;
use crate::program::Program;
use crate::program::run;
use socket2::Domain;
use socket2::Socket;
use socket2::Type;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use tempfile::TempDir;

const BAD: usize = 4;
const STORED_MAX: u64 = 24 << 20;
const BODIES_MAX: u64 = 16 << 20;
const BODY_MAX: u64 = 1 << 20;
const QUOTA: u64 = 8 << 20;
const SCRAPES_MAX: u64 = 16;
const TRICKLING: u64 = 256;
const STALLED: usize = 100;

/// The memory that a gateway of these limits needs, in bytes.
fn documented() -> u64 {
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    // The program by itself, its threads and what an allocator keeps for them; a debug build's.
    let base = 48 << 20;
    // What jobs push again and again, of each of six tenants.
    let moulds = 6 << 20;
    let stored = (STORED_MAX + STORED_MAX / 2 + STORED_MAX / 8) * 5 / 4;
    // A body that is being read, parsed and prepared: itself, its parts, and what is to be stored.
    let at_work = processors * (8 * BODY_MAX + 2 * QUOTA);
    base + moulds + stored + BODIES_MAX + at_work + SCRAPES_MAX * (2 << 20) + (TRICKLING + STALLED as u64) * (64 << 10)
}

/// A gateway with `BAD` tenants of one kind, two of another, and a token of each.
fn site() -> (TempDir, Vec<String>, Vec<String>) {
    let dir = TempDir::new().unwrap();
    let mut text = format!(
        "listener: {{ address: \"127.0.0.1:0\", connections_per_address_max: 5000 }}\nops: {{ address: \"127.0.0.1:0\" }}\n\
         gateway: {{ stored_bytes_max: {STORED_MAX}, bodies_in_flight_bytes_max: {BODIES_MAX}, scrapes_in_flight_max: {SCRAPES_MAX} }}\n\
         limits: {{ stored_bytes_max: {QUOTA}, body_bytes_max: {BODY_MAX}, in_flight_max: 500, scrapes_in_flight_max: 100,\n\
         requests_per_second: 100000, requests_burst: 100000, bytes_per_second: 1GiB, bytes_burst: 1GiB,\n\
         samples_per_second: 100000000, samples_burst: 100000000 }}\ntenants:\n"
    );
    let mut tokens = Vec::new();
    for tenant in ["a", "b", "c", "d", "good", "best"] {
        let made = run(&["token", "new", "--tenant", tenant, "--scope", "push", "--scope", "read", "--scope", "admin"]);
        let made = String::from_utf8(made.stdout).unwrap();
        let (token, entry) = made.split_once("\n\n").unwrap();
        write!(text, "  {tenant}:\n    tokens:\n{entry}").unwrap();
        tokens.push(format!("Bearer {token}"));
    }
    fs::write(dir.path().join("pushward.yml"), text).unwrap();
    let good = tokens.split_off(BAD);
    (dir, tokens, good)
}

/// Some 64 KiB as stored.
fn body(round: usize) -> String {
    (0..400).fold(String::new(), |mut body, n| {
        writeln!(body, "m{{n=\"{n}\",text=\"{}\"}} {round}", "x".repeat(40)).unwrap();
        body
    })
}

/// Asks for a scrape and takes nothing of it, with hardly any room for it on our side.
fn stalled(port: u16, token: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.write_all(format!("{}\r\n", head("GET", "/metrics", token, 0)).as_bytes()).unwrap();
    stream
}

/// Asks for a push of 1 MiB, of which 16 KiB come.
fn trickling(port: u16, token: &str) -> TcpStream {
    let mut stream = connect(port);
    let head = head("PUT", "/metrics/job/trickle", token, 1 << 20);
    stream.write_all(format!("{head}\r\n{}", "# nothing yet\n".repeat(1170)).as_bytes()).unwrap();
    stream
}

#[test]
#[cfg(target_os = "linux")]
fn everybody_at_all_their_limits_stays_within_the_documented_memory_and_harms_nobody() {
    let (dir, bad, good) = site();
    let file = dir.path().join("pushward.yml");
    let mut program = Program::limited(documented() >> 10, &["serve", "--config", file.to_str().unwrap()]);
    let port = program.port();
    let put = |token: &str, job: &str, body: &str| {
        exchange(connect(port), "PUT", &format!("/metrics/job/{job}"), token, body)
    };
    // Everybody at its quota, or at what the gateway has for them.
    let (mut groups, mut told) = (Vec::new(), String::new());
    for token in &bad {
        for n in 0.. {
            let job = format!("j{n}");
            let (status, answer) = put(token, &job, &body(0));
            match status {
                200 => groups.push((token, job)),
                403 => break,
                503 => {
                    told = answer;
                    break;
                }
                other => panic!("{other}: {answer}"),
            }
        }
    }
    assert!(told.starts_with("HTTP/1.1 503 gateway_full gateway.stored_bytes_max="), "{told}");
    assert!(told.contains(&format!("gateway.stored_bytes_max is {STORED_MAX}")), "{told}");
    let trickling: Vec<_> = (0..TRICKLING as usize).map(|n| trickling(port, &bad[n % BAD])).collect();
    let mut unread = Vec::new();
    for round in 1..=4 {
        unread.extend((0..STALLED / 4).map(|n| stalled(port, &bad[n % BAD])));
        for (token, job) in &groups {
            let (status, answer) = put(token, job, &body(round));
            assert_eq!(status, 200, "round {round}: {answer}");
        }
        for (n, token) in good.iter().enumerate() {
            let (status, answer) = put(token, "small", &format!("good {round}\n"));
            assert_eq!(status, 200, "{answer}");
            let (status, answer) = exchange(connect(port), "GET", "/metrics", token, "");
            assert_eq!(status, 200, "good tenant {n} in round {round}: {answer}");
            assert!(answer.contains(&format!("}} {round}\n")), "{answer}");
        }
    }
    program.line_with("it kept alive too much");
    assert!(!program.is_over(), "{}", program.said());
    let (high, resident) = (memory(&program, "VmHWM"), memory(&program, "VmRSS"));
    println!("at most {} KiB, now {}, documented {}", high >> 10, resident >> 10, documented() >> 10);
    assert!(high < documented(), "{} KiB, documented are {}", high >> 10, documented() >> 10);
    for mut stream in unread {
        let _ = stream.read(&mut [0; 16]);
    }
    drop(trickling);
}

/// A line of the process's status, in bytes.
fn memory(program: &Program, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap() << 10
}
