//! One address: a guesser with a thousand wrong tries a second of every kind, and good clients beside him.

use super::body;
use super::load::Client;
use super::server::Server;
use super::users;
use pushward::model::PlainToken;
use pushward::testkit::TestIssuer;
use serde_json::Value;
use serde_json::json;
use std::fs;
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
/// user-0 is warm, user-1 comes when the flood has begun, user-2 and on are guessed at, and the first of them comes too.
const GUESSED: u64 = 5;
/// So long is waited for a password that is being guessed at.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with users and an issuer of JWTs.
fn start(folder: &Path, issuer: &TestIssuer) -> Server {
    Server::configured(&folder.join("flood"), "requests_per_second: 1000", |file| {
        fs::write(file.with_file_name("keys.json"), issuer.jwks()).unwrap();
        let text = fs::read_to_string(file).unwrap();
        let ci = format!(
            "issuers: {{ ci: {{ issuer: \"https://ci.example\", audiences: [\"{}\"], algorithms: [ES256, RS256], \
             jwks_file: keys.json, tenants: [bench] }} }}\n",
            TestIssuer::AUDIENCE
        );
        let rule = "scopes: [push, read] } ], jwts: [ { issuer: ci, claims: { sub: ci }, scopes: [push] } ]";
        fs::write(file, text.replace("scopes: [push, read] } ]", rule) + &ci).unwrap();
        users::command(file, 2 + GUESSED as usize)
    })
}

pub(crate) fn measure(folder: &Path, time: Duration) {
    let (issuer, forger) = (TestIssuer::new("ci"), Arc::new(TestIssuer::new("ci")));
    let server = start(folder, &issuer);
    let body = body::text(10, 1);
    println!("quiet");
    let quiet = good_clients(&server, &issuer, &body, time / 3);
    println!("{TRIES} wrong tries a second, for {} s", time.as_secs());
    let ((flood, came), (answers, held)) = std::thread::scope(|scope| {
        let attack = scope.spawn(|| attack(&server, &forger, time));
        let come = |user: usize| {
            let (server, body) = (&server, &body);
            scope.spawn(move || {
                std::thread::sleep(time / 3);
                cold(server, body, user)
            })
        };
        let came = [("of a name that nobody guesses at", come(1)), ("of a name that is guessed at", come(2))];
        let flood = good_clients(&server, &issuer, &body, time);
        ((flood, came.map(|(what, came)| (what, came.join().unwrap()))), attack.join().unwrap())
    });
    println!("  the guesser: {answers:?}, the slowest answer after {:.1} s", held.as_secs_f64());
    for ((what, quiet), (_, flood)) in quiet.iter().zip(&flood) {
        println!("  p99 of the {what}: {:.2} of quiet", flood.as_secs_f64() / quiet.as_secs_f64());
    }
    for (what, (took, refused)) in came {
        match took {
            Some(took) => {
                println!("  a cold password {what}: in after {:.2} s, {refused} refusals", took.as_secs_f64())
            }
            None => println!("  a cold password {what}: not in within {} s, {refused} refusals", PATIENCE.as_secs()),
        }
    }
}

/// Pushes of the holders of the token and of JWTs, each push with one of its own, and of a warm user, at a steady rate; their
/// p99.
fn good_clients(server: &Server, issuer: &TestIssuer, body: &str, time: Duration) -> [(&'static str, Duration); 3] {
    let token = server.authorizations().to_vec();
    let warm = vec![users::right(0)];
    let jwts = (0..PUSHES * (time.as_secs() + 1)).map(|n| json!({ "sub": "ci", "jti": n.to_string() }));
    let jwts = jwts.map(|claims| format!("Bearer {}", issuer.sign(&claims))).collect();
    let all = [("token", token), ("JWT", jwts), ("warm password", warm)];
    std::thread::scope(|scope| {
        let of = all.map(|(what, authorizations)| {
            let pushes = scope.spawn(move || steady(server, &authorizations, body, time));
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

fn steady(server: &Server, authorizations: &[String], body: &str, time: Duration) -> Vec<Duration> {
    let clients = authorizations.iter().map(|one| {
        let one = std::slice::from_ref(one);
        Client::new(&server.target(one, body, 1)).request()
    });
    let requests: Vec<_> = clients.collect();
    let client = Client::new(&server.target(authorizations, body, 1));
    runtime().block_on(async {
        let mut stream = client.connect().await;
        // The first of a warm user is cold.
        assert_eq!(client.status(&mut stream, &requests[0]).await, 200);
        let began = Instant::now();
        let mut latencies = Vec::new();
        for n in 0.. {
            let due = began + Duration::from_secs(1) * n / PUSHES as u32;
            if due > began + time {
                return latencies;
            }
            tokio::time::sleep_until(due.into()).await;
            let request = &requests[n as usize % requests.len()];
            let sent = Instant::now();
            assert_eq!(client.status(&mut stream, request).await, 200);
            latencies.push(sent.elapsed());
        }
        unreachable!()
    })
}

/// Tries until it is let in, each a second after the last: how long it took, if it did not take too long, and how often it
/// was refused.
fn cold(server: &Server, body: &str, user: usize) -> (Option<Duration>, u32) {
    let right = vec![users::right(user)];
    let client = Client::new(&server.target(&right, body, 1));
    let began = Instant::now();
    runtime().block_on(async {
        let mut stream = client.connect().await;
        for refused in 0.. {
            match client.status(&mut stream, &client.request()).await {
                200 => return (Some(began.elapsed()), refused),
                status => assert_eq!(status, 429),
            }
            if began.elapsed() > PATIENCE {
                return (None, refused + 1);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        unreachable!()
    })
}

/// How the guesser was answered, by status, and his slowest answer.
fn attack(server: &Server, forger: &Arc<TestIssuer>, time: Duration) -> (Vec<(u16, u64)>, Duration) {
    let nothing = [String::new()];
    let client = Arc::new(Client::new(&server.target(&nothing, "m 1\n", 1)));
    let (ticket, slowest) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let forger = forger.clone();
    let answers = runtime().block_on(async {
        let mut connections = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (client, forger, ticket, slowest) = (client.clone(), forger.clone(), ticket.clone(), slowest.clone());
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
                    answers.push(client.status(&mut stream, &client.request_as(&wrong(&forger, n))).await);
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

/// The n-th wrong try: tokens that are nobody's; JWTs that are nothing, that fit and are forged, that name a key that is not
/// there, and that are over; names that are nobody's, and names of users.
fn wrong(forger: &TestIssuer, n: u64) -> String {
    let jwt = |header: Value, claims: Value| format!("Bearer {}", forger.sign_with_header(&header, &claims));
    let user = users::basic(&format!("user-{}", 2 + n / 8 % GUESSED), &format!("wrong-{n}"));
    match n % 8 {
        0 => format!("Bearer {}", PlainToken::generate("").unwrap().reveal()),
        1 => format!("Bearer eyJhbGciOiJSUzI1NiJ9.{n}.AAAA"),
        2 => users::basic(&format!("nobody-{n}"), "wrong"),
        3 => user,
        4 => jwt(json!({}), json!({ "sub": "ci", "jti": n })),
        5 => jwt(json!({ "kid": format!("unknown-{n}") }), json!({ "sub": "ci" })),
        6 => jwt(json!({}), json!({ "sub": "ci", "exp": n })),
        _ => users::basic(&format!("user-{}", 2 + n / 8 % GUESSED), "an old password"),
    }
}
