//! The processes of a case: started on free loopback ports with directories of their own, ended when dropped.

use crate::http;
use crate::http::Answer;
use pushward::model::PlainToken;
use std::fs::File;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use tempfile::TempDir;

/// How often another is tried when a port that was free a moment ago is taken.
const ATTEMPTS: usize = 5;
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A gateway under test and how to speak to it.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    authorization: Option<String>,
    process: Running,
    directory: TempDir,
}

/// A child that does not outlive the test.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let log = File::create(log).expect("a log file in a directory of our own");
        let errors = log.try_clone().expect("a second handle of the log");
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; run ./tests/run"));
        Self { child }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone is what we want, too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian's Pushgateway, in memory, with its consistency check on and with its wipe.
pub(crate) fn pushgateway() -> Gateway {
    start(None, |address, directory| {
        let mut command = Command::new("prometheus-pushgateway");
        command.arg(format!("--web.listen-address={address}")).arg("--web.enable-admin-api");
        // Nothing is written so soon, but its name tells this one from any other.
        command.arg(format!("--persistence.file={}", directory.display())).arg("--persistence.interval=24h");
        command
    })
}

/// Ours: one tenant, one token that may do all a tenant may, plaintext on loopback. `text` is the tenant's dialect.
pub(crate) fn pushward(text: &str) -> Gateway {
    let token = PlainToken::generate("").expect("a random source");
    let scopes = "[push, delete, read, admin]";
    pushward_of(&format!("tenants:\n  demo:\n    text: {text}\n{}", entry(&token, scopes)), &token)
}

/// Ours with these tenants and operators. What it is asked, it is asked with `token`.
pub(crate) fn pushward_of(people: &str, token: &PlainToken) -> Gateway {
    start(Some(bearer(token)), |address, directory| {
        let ops = free_address();
        let doors = format!("listener: {{ address: \"{address}\" }}\nops: {{ address: \"{ops}\" }}\n");
        let config = format!("{doors}storage: {{ durability: memory }}\n{people}");
        let file = directory.join("pushward.yml");
        std::fs::write(&file, config).expect("a file in a directory of our own");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pushward"));
        command.arg("serve").arg("--config").arg(file);
        command
    })
}

pub(crate) fn bearer(token: &PlainToken) -> String {
    format!("Bearer {}", token.reveal())
}

/// The `tokens` of a tenant or an operator, as the configuration has them.
pub(crate) fn entry(token: &PlainToken, scopes: &str) -> String {
    let (id, sha256) = (token.id(), token.digest().to_hex());
    format!("    tokens: [ {{ id: \"{id}\", sha256: \"{sha256}\", scopes: {scopes} }} ]\n")
}

fn start(authorization: Option<String>, command: impl Fn(SocketAddr, &Path) -> Command) -> Gateway {
    let mut last_log = String::new();
    for _ in 0..ATTEMPTS {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let address = free_address();
        let log = directory.path().join("log");
        let process = Running::start(command(address, directory.path()), &log);
        let authorization = authorization.clone();
        let mut gateway = Gateway { address, authorization, process, directory };
        if gateway.becomes_ready() {
            return gateway;
        }
        last_log = std::fs::read_to_string(log).unwrap_or_default();
    }
    panic!("the gateway ended before it was ready:\n{last_log}");
}

impl Gateway {
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The value of the header that ours is asked with.
    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Answer> {
        let mut headers = headers.to_vec();
        if let Some(authorization) = &self.authorization {
            headers.push(("Authorization", authorization));
        }
        http::send(self.address, method, path, &headers, body)
    }

    pub(crate) fn scrape(&self) -> Answer {
        self.send("GET", "/metrics", &[], b"")
    }

    /// False where the process ended instead, as it does when somebody else took its port.
    fn becomes_ready(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < READY_WITHIN {
            let ready = self.try_send("GET", "/-/ready", &[], b"").is_ok_and(|answer| answer.status == 200);
            if self.process.has_ended() {
                return false;
            }
            if ready && self.is_this_one() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("not ready within {READY_WITHIN:?}");
    }
}

impl Gateway {
    /// Another process may have taken the port, and answers while ours has not yet found out.
    fn is_this_one(&self) -> bool {
        let path = if self.authorization.is_some() { "/metrics" } else { "/api/v1/status" };
        let Ok(answer) = self.try_send("GET", path, &[], b"") else { return false };
        let directory = self.directory.path().display().to_string();
        if self.authorization.is_some() { answer.status == 200 } else { answer.text().contains(&directory) }
    }
}

/// A loopback address that nobody listened on a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
    listener.local_addr().expect("the address it was bound to")
}

/// Asks again and again until the answer is `Some`; what it waits for goes into the failure.
pub(crate) fn eventually<T>(what: &str, within: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        thread::sleep(Duration::from_millis(50));
    }
}
