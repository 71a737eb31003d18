//! The gateway that is attacked, as a process on a core of its own, and what the kernel and its own metrics say of it.

use crate::program::PROGRAM;
use crate::program::Program;
use crate::program::wait_for;
use crate::wire;
use crate::wire::Line;
use pushward::model::PlainToken;
use pushward::testkit::TestCa;
use pushward::testkit::cheap_hash;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpStream;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;

/// The clock of `/proc/PID/stat`: hundredths of a second (`USER_HZ`), on all platforms of today.
const TICKS_PER_SECOND: u64 = 100;
const SHORT_DEADLINES: &str = "deadlines: { handshake: 1s, first_request: 1s, headers: 1s, body: 1s, stalled_write: 1s, \
                               answer: 2s, idle: 1s, drain: 1s }";

/// A gateway with two tenants: one is good, one is not.
pub(crate) struct Target {
    pub(crate) port: u16,
    ops: u16,
    process: Program,
    pub(crate) directory: TempDir,
    /// `Bearer …` of the good tenant, who pushes and reads.
    pub(crate) good: String,
    /// And of the one who may do everything with what is his.
    pub(crate) bad: String,
    pub(crate) tls: wire::Client,
}

/// How a gateway is to be configured.
pub(crate) struct Setup {
    /// Of the listener, after its address and TLS.
    pub(crate) listener: &'static str,
    /// `intermediate` or `modern`.
    pub(crate) profile: &'static str,
    /// Of the bad tenant.
    pub(crate) limits: &'static str,
}

impl Setup {
    /// As it comes, but with so few connections that three addresses are enough to take all of them.
    pub(crate) const FEW: Self = Self { listener: "connections_max: 500", ..Self::DEFAULT };
    /// As it comes.
    pub(crate) const DEFAULT: Self = Self { listener: "", profile: "intermediate", limits: "" };
    /// A second for everything, and a quota that is reached in that time.
    pub(crate) const SHORT: Self =
        Self { listener: SHORT_DEADLINES, profile: "intermediate", limits: "groups_max: 200, wait_max: 500ms" };
    pub(crate) const SHORT_AND_FEW: Self =
        Self { listener: "connections_max: 500, deadlines: { handshake: 1s, idle: 1s, drain: 1s }", ..Self::SHORT };
}

/// Runs on this core where there are two.
fn pinned(core: &str) -> Option<Command> {
    let two = std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
    let taskset = || Command::new("taskset").arg("-V").stdout(Stdio::null()).status().is_ok();
    (two && taskset()).then(|| {
        let mut command = Command::new("taskset");
        command.args(["-c", core]);
        command
    })
}

/// The gateway's command, pinned to the first core; everything of this process goes to the second.
fn command() -> Command {
    let Some(mut command) = pinned("0") else { return Command::new(PROGRAM) };
    let all_threads = ["-a", "-p", "-c", "1", &std::process::id().to_string()].map(str::to_owned);
    let moved = Command::new("taskset").args(all_threads).stdout(Stdio::null()).status();
    assert!(moved.is_ok_and(|status| status.success()), "taskset");
    command.arg(PROGRAM);
    command
}

impl Target {
    pub(crate) fn start(setup: &Setup) -> Self {
        let directory = TempDir::new().unwrap();
        let file = |name: &str| directory.path().join(name);
        let ca = TestCa::new();
        let (certificate, key) = ca.server(&["localhost", "127.0.0.1"]);
        fs::write(file("ca.pem"), ca.pem()).unwrap();
        fs::write(file("server.pem"), certificate).unwrap();
        fs::write(file("server-key.pem"), key).unwrap();
        let [good, bad] = [(); 2].map(|()| PlainToken::generate("").unwrap());
        fs::write(file("pushward.yml"), configuration(setup, &good, &bad)).unwrap();
        let process = Program::spawn(command().args(["serve", "--config"]).arg(file("pushward.yml")));
        let [good, bad] = [good, bad].map(|token| format!("Bearer {}", token.reveal()));
        let tls = wire::Client::new(&ca.der());
        let (port, ops) = (process.port(), process.ops_port());
        Self { port, ops, process, directory, good, bad, tls }
    }

    /// A connection as an attacker makes it, from the usual address.
    pub(crate) fn attack(&self, alpn: &'static str) -> std::io::Result<Line> {
        self.tls.connect(Ipv4Addr::LOCALHOST, self.port, alpn)
    }

    /// User and system time of the process until now.
    pub(crate) fn cpu(&self) -> Duration {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // Behind the name, which may hold anything: the twelfth and the thirteenth field.
        let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = [11, 12].map(|field| fields[field].parse::<u64>().unwrap()).into_iter().sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }

    /// How long its threads were ready to run, and something else ran on their core.
    pub(crate) fn kept_waiting(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).unwrap();
        let of_task = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split(' ').nth(1)?.parse::<u64>().ok()
        };
        Duration::from_nanos(tasks.flatten().filter_map(of_task).sum())
    }

    /// Resident memory now, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most there was since [`Self::forget_peak`], in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    /// proc(5): 5 resets the high-water mark.
    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").unwrap();
    }

    fn status_kib(&self, field: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// The sum of the main listener's series of a family of the gateway's own metrics that have `label` among theirs.
    pub(crate) fn metric(&self, family: &str, label: &str) -> u64 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ops)).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let series = text.lines().filter(|line| line.starts_with(&format!("{family}{{")));
        let wanted = series.filter(|line| line.contains("listener=\"public\"") && line.contains(label));
        wanted.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// How many connections have ended for this reason.
    pub(crate) fn closed(&self, reason: &str) -> u64 {
        self.metric("pushward_connections_closed_total", &format!("reason=\"{reason}\""))
    }

    /// Returns when no connection is open any more.
    #[track_caller]
    pub(crate) fn is_left_alone(&self) {
        let open = || self.metric("pushward_connections", "");
        wait_for(|| format!("{} connections are open", open()), || (open() == 0).then_some(()));
    }
}

fn configuration(setup: &Setup, good: &PlainToken, bad: &PlainToken) -> String {
    let Setup { listener, profile, limits } = setup;
    let token = |token: &PlainToken, scopes: &str| {
        format!("[ {{ id: \"{}\", sha256: \"{}\", scopes: [{scopes}] }} ]", token.id(), token.digest().to_hex())
    };
    format!(
        "listener: {{ name: public, address: \"127.0.0.1:0\", tls: {{ certificate_file: server.pem, \
         key_file: server-key.pem, profile: {profile} }}, {listener} }}\n\
         ops: {{ address: \"127.0.0.1:0\" }}\n\
         storage: {{ durability: memory }}\n\
         tenants:\n  good:\n    tokens: {}\n    users: [ {{ name: alice, password_hash: \"{}\", scopes: [push] }} ]\n  \
         bad:\n    limits: {{ {limits} }}\n    tokens: {}\n",
        token(good, "push, read"),
        cheap_hash("a password that nobody guesses"),
        token(bad, "push, delete, read, admin"),
    )
}
