//! The servers as processes: ours, configured for the bench, and the limit. Others are in `peers`.

use super::load;
use super::load::Manner;
use super::process::Account;
use super::process::Process;
use super::process::Spent;
use super::process::free_port;
use super::process::pinned;
use super::process::until_listening;
use super::tls::Exchange;
use pushward::model::Clock;
use pushward::model::PlainToken;
use pushward::model::SystemClock;
use pushward::testkit::TestCa;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A running server. Ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) processes: Vec<Process>,
    pub(crate) door: Door,
    /// The same in the clear, where it has two.
    pub(crate) plain: Option<Door>,
    /// What those send who push, one for each tenant.
    pub(crate) authorizations: Vec<String>,
    /// What Prometheus sends.
    pub(crate) operator: String,
}

/// Where a server is spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) port: u16,
    pub(crate) secure: bool,
}

/// What a round came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) pushes: u64,
    pub(crate) spent: Spent,
}

impl Round {
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.spent.cpu.as_secs_f64() * 1e6 / self.pushes as f64
    }

    pub(crate) fn rate(&self) -> f64 {
        self.pushes as f64 / self.spent.wall.as_secs_f64()
    }
}

/// Limits that nobody here meets.
pub(crate) const PLENTY: &str = "requests_per_second: 4000000000, requests_burst: 4000000000, \
                      bytes_per_second: 1024GiB, bytes_burst: 1024GiB, samples_per_second: 4000000000, \
                      samples_burst: 4000000000, groups_max: 10000000, series_max: 100000000, stored_bytes_max: 16GiB";
/// And of all tenants together.
const PLENTY_FOR_ALL: &str = "gateway: { stored_bytes_max: 16GiB }\n";

/// The program itself.
pub(crate) fn serve(file: &Path) -> Command {
    let mut command = pinned(env!("CARGO_BIN_EXE_pushward"));
    command.args(["serve", "--config"]).arg(file);
    command
}

/// This program, as a part of the bench that is a process of its own.
pub(crate) fn itself() -> Command {
    pinned(std::env::current_exe().unwrap())
}

pub(crate) fn bearer(token: &PlainToken) -> String {
    format!("Bearer {}", token.reveal())
}

/// What of our configuration differs between servers.
#[derive(Clone, Copy, Debug)]
struct Settings<'a> {
    limits: &'a str,
    tenants: usize,
    /// Behind the listener's certificate and behind the first tenant's tokens.
    tls: &'a str,
    tenant: &'a str,
    more: &'a str,
}

const USUAL: Settings<'static> = Settings { limits: PLENTY, tenants: 1, tls: "", tenant: "", more: "" };

impl Server {
    /// The quotas and rates are raised far above their defaults.
    pub(crate) fn ours(folder: &Path) -> Self {
        Self::ours_of(folder, "ours", 1)
    }

    /// The same for so many tenants, each with a token that pushes and reads.
    pub(crate) fn ours_of(folder: &Path, name: &'static str, tenants: usize) -> Self {
        let settings = Settings { tenants, more: PLENTY_FOR_ALL, ..USUAL };
        Self { name, ..Self::with(&folder.join(name), settings, serve) }
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
        let tenant = ", certificates: [ { ca: edge, uri: \"spiffe://edge.example.org/bench/*\", scopes: [push] } ]";
        Self::with(&folder, Settings { tls, tenant, ..USUAL }, serve)
    }

    /// With `limits`, as the command that is made for the configuration's file.
    pub(crate) fn configured(folder: &Path, limits: &str, command: impl FnOnce(&Path) -> Command) -> Self {
        Self::with(folder, Settings { limits, ..USUAL }, command)
    }

    fn with(folder: &Path, settings: Settings<'_>, command: impl FnOnce(&Path) -> Command) -> Self {
        certificates(folder);
        let [port, plain, ops] = [free_port(), free_port(), free_port()];
        let tokens: Vec<PlainToken> = (0..settings.tenants).map(|_| PlainToken::generate("").unwrap()).collect();
        let operator = PlainToken::generate("").unwrap();
        let entry = |token: &PlainToken, scopes: &str| {
            format!(
                "tokens: [ {{ id: \"{}\", sha256: \"{}\", scopes: [{scopes}] }} ]",
                token.id(),
                token.digest().to_hex()
            )
        };
        let mut config = format!(
            "listener:\n- {{ name: public, address: \"127.0.0.1:{port}\", tls: {{ certificate_file: server.pem, \
             key_file: server-key.pem{} }}, connections_per_address_max: 10000 }}\n\
             - {{ name: plain, address: \"127.0.0.1:{plain}\", connections_per_address_max: 10000 }}\n\
             ops: {{ address: \"127.0.0.1:{ops}\" }}\n\
             storage: {{ durability: memory }}\n\
             log: {{ level: error }}\n\
             audit: {{ file: audit.jsonl }}\n\
             limits: {{ {} }}\n{}\
             operators: {{ prometheus: {{ {} }} }}\n\
             tenants:\n",
            settings.tls,
            settings.limits,
            settings.more,
            entry(&operator, "\"fleet:read\""),
        );
        for (n, token) in tokens.iter().enumerate() {
            let (name, more) = match n {
                0 => ("bench".to_owned(), settings.tenant),
                n => (format!("bench-{n}"), ""),
            };
            config.push_str(&format!("  {name}: {{ {}{more} }}\n", entry(token, "push, read")));
        }
        let file = folder.join("pushward.yml");
        fs::write(&file, config).unwrap();
        Self::start(
            "ours",
            vec![Process::start(command(&file))],
            [Some(Door { port, secure: true }), Some(Door { port: plain, secure: false })],
            tokens.iter().map(bearer).collect(),
            bearer(&operator),
        )
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

    /// The limit that answers a scrape with these bytes.
    pub(crate) fn limit_with(folder: &Path, identity: &[u8], gzip: &[u8]) -> Self {
        let folder = folder.join("limit-with");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("identity"), identity).unwrap();
        fs::write(folder.join("gzip"), gzip).unwrap();
        Self::limit_in(&folder)
    }

    fn limit_in(folder: &Path) -> Self {
        certificates(folder);
        let [port, plain] = [free_port(), free_port()];
        let mut command = itself();
        command.args(["limit".to_owned(), port.to_string(), plain.to_string()]).arg(folder);
        let doors = [Some(Door { port, secure: true }), Some(Door { port: plain, secure: false })];
        let token = || bearer(&PlainToken::generate("").unwrap());
        Self::start("limit", vec![Process::start(command)], doors, vec![token()], token())
    }

    /// Returns when it listens.
    pub(crate) fn start(
        name: &'static str,
        processes: Vec<Process>,
        doors: [Option<Door>; 2],
        authorizations: Vec<String>,
        operator: String,
    ) -> Self {
        doors.iter().flatten().for_each(|door| until_listening(door.port));
        let [door, plain] = doors;
        let (door, plain) = (door.or(plain).unwrap(), door.and(plain));
        Self { name, processes, door, plain, authorizations, operator }
    }

    /// The same server for clients with other credentials. What this returns does not end it.
    pub(crate) fn target<'a>(&'a self, authorizations: &'a [String], body: &'a str, groups: usize) -> load::Target<'a> {
        load::Target {
            door: self.door,
            exchange: Exchange::X25519,
            authorizations,
            each_has_groups: false,
            certificate: None,
            bodies: vec![body.as_bytes()],
            protobuf: false,
            groups,
        }
    }

    /// For the holders of its own tokens.
    pub(crate) fn pushes<'a>(&'a self, bodies: &'a [Vec<u8>], groups: usize) -> load::Target<'a> {
        let bodies = bodies.iter().map(Vec::as_slice).collect();
        load::Target { bodies, ..self.target(&self.authorizations, "", groups) }
    }

    pub(crate) fn id(&self) -> u32 {
        self.processes[0].id()
    }

    /// What the token's holder sends.
    pub(crate) fn authorizations(&self) -> &[String] {
        &self.authorizations
    }

    /// Pushes for as long as a round is.
    pub(crate) fn load_as(
        &self,
        target: &load::Target<'_>,
        manner: Manner,
        connections: usize,
        round: Duration,
    ) -> Round {
        // A short round first: caches, connections, the allocator.
        load::run(target, manner, connections, round.min(Duration::from_millis(200)));
        let before = self.account();
        let pushes = load::run(target, manner, connections, round);
        Round { pushes, spent: before.until(&self.account()) }
    }

    pub(crate) fn account(&self) -> Account {
        Account::of(&self.processes)
    }
}

/// A server's certificate and key in `folder`, P-256, signed by a CA of its own.
pub(crate) fn certificates(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let (certificate, key) = TestCa::new().server(&["localhost", "127.0.0.1"]);
    fs::write(folder.join("server.pem"), certificate).unwrap();
    fs::write(folder.join("server-key.pem"), key).unwrap();
}
