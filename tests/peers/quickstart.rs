//! `pushward quickstart` as a newcomer runs it, in a directory of its own and on ports of its own.

use crate::process;
use crate::process::Running;
use crate::process::eventually;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Where quickstart puts `ops`, unless the file says otherwise.
const OPS_PORT: &str = ":9191";
/// What the tests use of what it writes.
const FILES: &[&str] = &[
    "pushward.yml",
    "ca.pem",
    "push.token",
    "push.header",
    "read.token",
    "prometheus.token",
    "prometheus.yml",
    "rules.yml",
];

pub(crate) struct Quickstart {
    pub(crate) address: SocketAddr,
    home: TempDir,
    _process: Running,
}

impl Quickstart {
    /// Runs it twice: the first run writes the files, the second serves what is there, with `ops` moved to a free port so
    /// that two of these, or one and the user's own, can stand side by side.
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let address = process::free_address();
        let directory = directory_in(&home);
        let mut first = spawn(&home, address);
        eventually("quickstart writes its files", Duration::from_secs(30), || {
            // Which of them is written last is not ours to know: all are asked for.
            let written =
                FILES.iter().all(|file| std::fs::metadata(directory.join(file)).is_ok_and(|file| file.len() > 0));
            assert!(written || !first.has_ended(), "quickstart ended: {}", log(&home));
            written.then_some(())
        });
        drop(first);
        let ops = format!(":{}", process::free_address().port());
        for file in ["pushward.yml", "prometheus.yml"] {
            replace(&directory.join(file), OPS_PORT, &ops);
        }
        let process = spawn(&home, address);
        let started = Self { address, home, _process: process };
        eventually("quickstart is ready", Duration::from_secs(30), || {
            let answer = started.curl(&["--silent", "--fail", &started.url("/-/ready")]);
            (answer == "OK\n" || answer == "OK").then_some(())
        });
        started
    }

    pub(crate) fn directory(&self) -> PathBuf {
        directory_in(&self.home)
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// What curl writes to its standard output, trusting quickstart's CA.
    pub(crate) fn curl(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("curl");
        command.arg("--cacert").arg(self.file("ca.pem")).args(arguments);
        let output = command.output().expect("curl is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The header that a token of this file makes.
    pub(crate) fn bearer(&self, token: &str) -> String {
        let token = std::fs::read_to_string(self.file(token)).expect("quickstart wrote it");
        format!("Authorization: Bearer {}", token.trim())
    }

    /// What the tenant itself sees.
    pub(crate) fn scrape(&self) -> String {
        let header = self.bearer("read.token");
        self.curl(&["--silent", "--show-error", "--fail", "--header", &header, &self.url("/metrics")])
    }

    /// A command as it stands in the README, with this port for the one printed there.
    pub(crate) fn as_typed(&self, text: &str) -> String {
        text.replace(":9091", &format!(":{}", self.address.port()))
    }
}

fn directory_in(home: &TempDir) -> PathBuf {
    home.path().join("pushward-quickstart")
}

fn spawn(home: &TempDir, address: SocketAddr) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushward"));
    command.current_dir(home.path()).arg("quickstart").arg("--address").arg(address.to_string());
    Running::start(command, &home.path().join("quickstart.log"))
}

fn log(home: &TempDir) -> String {
    std::fs::read_to_string(home.path().join("quickstart.log")).unwrap_or_default()
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).expect("quickstart wrote it");
    std::fs::write(file, text.replace(from, to)).expect("it is ours");
}
