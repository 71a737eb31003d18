//! One address: a guesser with a thousand wrong tries a second of every kind, and good clients beside him.

use super::body;
use super::load::Client;
use super::server::Server;
use super::users;
use pushward::model::PlainToken;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

/// Wrong tries a second, and the connections they come on: under the default cap of one address.
const TRIES: u64 = 1_000;
const CONNECTIONS: usize = 200;
/// Pushes a second of each good client.
const PUSHES: u64 = 50;
/// user-0 is warm, user-1 comes when the flood has begun, user-2 and on are guessed at.
const GUESSED: u64 = 5;

pub(crate) fn measure(folder: &Path, time: Duration) {
    let server = users::start(folder, "requests_per_second: 1000", 2 + GUESSED as usize);
    let body = body::text(10, 1);
    println!("quiet");
    let quiet = good_clients(&server, &body, time / 3);
    println!("{TRIES} wrong tries a second, for {} s", time.as_secs());
    let ((flood, cold), (answers, held)) = std::thread::scope(|scope| {
        let attack = scope.spawn(|| attack(&server, time));
        let cold = scope.spawn(|| {
            std::thread::sleep(time / 3);
            cold(&server, &body)
        });
        let flood = good_clients(&server, &body, time);
        ((flood, cold.join().unwrap()), attack.join().unwrap())
    });
    println!("  the guesser: {answers:?}, the slowest answer after {:.1} s", held.as_secs_f64());
    for ((what, quiet), (_, flood)) in quiet.iter().zip(&flood) {
        println!("  p99 of the {what}: {:.2} of quiet", flood.as_secs_f64() / quiet.as_secs_f64());
    }
    println!("  a cold password was in after {:.2} s and {} refusals", cold.0.as_secs_f64(), cold.1);
}

/// Pushes of the holder of the token and of a warm user at a steady rate; their p99.
fn good_clients(server: &Server, body: &str, time: Duration) -> [(&'static str, Duration); 2] {
    let token = server.authorizations().to_vec();
    let warm = vec![users::right(0)];
    let both = [("token", token), ("warm password", warm)];
    std::thread::scope(|scope| {
        let of = both.map(|(what, authorizations)| {
            let pushes = scope.spawn(move || steady(&Client::new(&server.target(&authorizations, body, 1)), time));
            (what, pushes)
        });
        of.map(|(what, pushes)| {
            let mut latencies = pushes.join().unwrap();
            latencies.sort();
            let at = |share: usize| latencies[latencies.len() * share / 1000];
            let [p50, p99, worst] = [at(500), at(990), at(999)];
            println!("  {what}: {} pushes, all 200; p50 {p50:.2?} p99 {p99:.2?} p99.9 {worst:.2?}", latencies.len());
            (what, p99)
        })
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn steady(client: &Client, time: Duration) -> Vec<Duration> {
    runtime().block_on(async {
        let mut stream = client.connect().await;
        // The first of a warm user is cold.
        assert_eq!(client.status(&mut stream, client.request()).await, 200);
        let began = Instant::now();
        let mut latencies = Vec::new();
        for n in 0.. {
            let due = began + Duration::from_secs(1) * n / PUSHES as u32;
            if due > began + time {
                return latencies;
            }
            tokio::time::sleep_until(due.into()).await;
            let sent = Instant::now();
            assert_eq!(client.status(&mut stream, client.request()).await, 200);
            latencies.push(sent.elapsed());
        }
        unreachable!()
    })
}

/// Tries until it is let in, each a second after the last: how long it took, and how often it was refused.
fn cold(server: &Server, body: &str) -> (Duration, u32) {
    let right = vec![users::right(1)];
    let client = Client::new(&server.target(&right, body, 1));
    let began = Instant::now();
    runtime().block_on(async {
        let mut stream = client.connect().await;
        for refused in 0.. {
            match client.status(&mut stream, client.request()).await {
                200 => return (began.elapsed(), refused),
                status => assert_eq!(status, 429),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        unreachable!()
    })
}

/// How the guesser was answered, by status, and his slowest answer.
fn attack(server: &Server, time: Duration) -> (Vec<(u16, u64)>, Duration) {
    let nothing = [String::new()];
    let client = Arc::new(Client::new(&server.target(&nothing, "m 1\n", 1)));
    let (ticket, slowest) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let answers = runtime().block_on(async {
        let mut connections = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (client, ticket, slowest) = (client.clone(), ticket.clone(), slowest.clone());
            connections.spawn(async move {
                let mut answers = Vec::new();
                let mut stream = client.connect().await;
                loop {
                    let n = ticket.fetch_add(1, Ordering::Relaxed);
                    let due = began + Duration::from_secs(1) * u32::try_from(n).unwrap() / TRIES as u32;
                    if due > began + time {
                        return answers;
                    }
                    tokio::time::sleep_until(due.into()).await;
                    let sent = Instant::now();
                    answers.push(client.status(&mut stream, &client.request_as(&wrong(n))).await);
                    slowest.fetch_max(u64::try_from(sent.elapsed().as_millis()).unwrap(), Ordering::Relaxed);
                }
            });
        }
        connections.join_all().await
    });
    let mut by_status: Vec<(u16, u64)> = Vec::new();
    for status in answers.into_iter().flatten() {
        match by_status.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => by_status.push((status, 1)),
        }
    }
    (by_status, Duration::from_millis(slowest.load(Ordering::Relaxed)))
}

/// The n-th wrong try: tokens that are nobody's, JWTs that are nothing, names that are nobody's, and names of users.
fn wrong(n: u64) -> String {
    match n % 5 {
        0 => format!("Bearer {}", PlainToken::generate("").unwrap().reveal()),
        1 => format!("Bearer eyJhbGciOiJSUzI1NiJ9.{n}.AAAA"),
        2 => users::basic(&format!("nobody-{n}"), "wrong"),
        3 => users::basic(&format!("user-{}", 2 + n / 5 % GUESSED), &format!("wrong-{n}")),
        _ => users::basic(&format!("user-{}", 2 + n / 5 % GUESSED), "an old password"),
    }
}
