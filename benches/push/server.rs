//! The two servers as processes, and what the kernel says they spent.

use super::load;
use super::load::Manner;
use pushward::model::Clock;
use pushward::model::PlainToken;
use pushward::model::SystemClock;
use pushward::testkit::TestCa;
use std::fs;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

/// A running server. Ends with this value.
pub(crate) struct Server {
    process: Child,
    port: u16,
    ca: String,
    authorizations: Vec<String>,
}

/// What a round came to.
pub(crate) struct Round {
    pushes: u64,
    wall: Duration,
    cpu: Duration,
}

impl Round {
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.pushes as f64
    }

    pub(crate) fn rate(&self) -> f64 {
        self.pushes as f64 / self.wall.as_secs_f64()
    }
}

pub(crate) const PLENTY: &str = "requests_per_second: 4000000000, requests_burst: 4000000000, groups_max: 10000000, \
                      series_max: 100000000, stored_bytes_max: 16GiB";

/// The program itself.
pub(crate) fn serve(file: &Path) -> Command {
    let mut command = pinned(env!("CARGO_BIN_EXE_pushward"));
    command.args(["serve", "--config"]).arg(file);
    command
}

fn bearer(token: &PlainToken) -> String {
    format!("Bearer {}", token.reveal())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// On the second core where there is one, so that the load does not sit on the server's.
pub(crate) fn pinned(program: &str) -> Command {
    let two = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    if two && Command::new("taskset").arg("-V").stdout(Stdio::null()).status().is_ok() {
        let mut command = Command::new("taskset");
        command.args(["-c", "1", program]);
        return command;
    }
    Command::new(program)
}

impl Server {
    /// The quotas and rates are raised far above their defaults.
    pub(crate) fn ours(folder: &Path) -> Self {
        Self::configured(&folder.join("ours"), PLENTY, serve)
    }

    /// The same, asking for certificates of this CA: those of the trust domain `edge.example.org` push, unless a list of
    /// the CA names them.
    pub(crate) fn ours_asking(folder: &Path, clients: &TestCa) -> Self {
        let folder = folder.join("ours-asking");
        fs::create_dir_all(&folder).unwrap();
        let tomorrow = SystemClock::new().now().saturating_add(Duration::from_secs(86_400));
        fs::write(folder.join("client-ca.pem"), clients.pem()).unwrap();
        fs::write(folder.join("client.crl"), clients.crl(&[&[0x51]], tomorrow).pem).unwrap();
        let tls = ", client_auth: optional, client_cas: { edge: { ca_file: client-ca.pem, crl_file: client.crl, \
                   trust_domain: edge.example.org, tenants: [bench] } }";
        let rules = ", certificates: [ { ca: edge, uri: \"spiffe://edge.example.org/bench/*\", scopes: [push] } ]";
        Self::with_sections(&folder, PLENTY, [tls, rules], serve)
    }

    /// With `limits`, as the command that is made for the configuration's file.
    pub(crate) fn configured(folder: &Path, limits: &str, command: impl FnOnce(&Path) -> Command) -> Self {
        Self::with_sections(folder, limits, ["", ""], command)
    }

    fn with_sections(
        folder: &Path,
        limits: &str,
        [tls, tenant]: [&str; 2],
        command: impl FnOnce(&Path) -> Command,
    ) -> Self {
        let ca = certificates(folder);
        let (port, ops) = (free_port(), free_port());
        let token = PlainToken::generate("").unwrap();
        let config = format!(
            "listener: {{ address: \"127.0.0.1:{port}\", tls: {{ certificate_file: server.pem, key_file: server-key.pem{tls} }}, \
             connections_per_address_max: 10000 }}\n\
             ops: {{ address: \"127.0.0.1:{ops}\" }}\n\
             storage: {{ durability: memory }}\n\
             limits: {{ {limits} }}\n\
             tenants: {{ bench: {{ tokens: [ {{ id: \"{}\", sha256: \"{}\", scopes: [push] }} ]{tenant} }} }}\n",
            token.id(),
            token.digest().to_hex(),
        );
        let file = folder.join("pushward.yml");
        fs::write(&file, config).unwrap();
        Self::start(command(&file), port, ca, bearer(&token))
    }

    /// The same server for clients with other credentials. What this returns does not end it.
    pub(crate) fn target<'a>(&'a self, authorizations: &'a [String], body: &'a str, groups: usize) -> load::Target<'a> {
        load::Target { port: self.port, ca: &self.ca, authorizations, certificate: None, body, groups }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What the token's holder sends.
    pub(crate) fn authorizations(&self) -> &[String] {
        &self.authorizations
    }

    pub(crate) fn limit(folder: &Path) -> Self {
        Self::limit_in(&folder.join("limit"))
    }

    /// The limit for clients who must show a certificate of this CA.
    pub(crate) fn limit_requiring(folder: &Path, clients: &TestCa) -> Self {
        let folder = folder.join("limit-requiring");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("client-ca.pem"), clients.pem()).unwrap();
        Self::limit_in(&folder)
    }

    fn limit_in(folder: &Path) -> Self {
        let ca = certificates(folder);
        let port = free_port();
        let itself = std::env::current_exe().unwrap();
        let mut command = pinned(itself.to_str().unwrap());
        command.args(["limit", &format!("127.0.0.1:{port}")]).arg(folder);
        Self::start(command, port, ca, bearer(&PlainToken::generate("").unwrap()))
    }

    fn start(mut command: Command, port: u16, ca: String, authorization: String) -> Self {
        let process = command.stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, port, ca, authorizations: vec![authorization] }
    }

    /// Pushes `body` to `groups` groups in turn for as long as a round is.
    pub(crate) fn load(&self, manner: Manner, connections: usize, body: &str, groups: usize, round: Duration) -> Round {
        self.load_as(&self.target(&self.authorizations, body, groups), manner, connections, round)
    }

    pub(crate) fn load_as(
        &self,
        target: &load::Target<'_>,
        manner: Manner,
        connections: usize,
        round: Duration,
    ) -> Round {
        // A short round first: caches, connections, the allocator.
        load::run(target, manner, connections, Duration::from_millis(200));
        let (began, spent) = (Instant::now(), self.cpu());
        let pushes = load::run(target, manner, connections, round);
        Round { pushes, wall: began.elapsed(), cpu: self.cpu().saturating_sub(spent) }
    }

    /// Makes groups until there are so many.
    pub(crate) fn fill(&self, groups: usize, body: &str) {
        load::fill(&self.target(&self.authorizations, body, groups));
    }

    /// The CPU time of all threads, to the nanosecond.
    fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let of_task = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        Duration::from_nanos(tasks.flatten().filter_map(of_task).sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server's certificate and key in `folder`; returns the CA.
fn certificates(folder: &Path) -> String {
    fs::create_dir_all(folder).unwrap();
    let ca = TestCa::new();
    let (certificate, key) = ca.server(&["localhost", "127.0.0.1"]);
    fs::write(folder.join("server.pem"), certificate).unwrap();
    fs::write(folder.join("server-key.pem"), key).unwrap();
    ca.pem()
}
