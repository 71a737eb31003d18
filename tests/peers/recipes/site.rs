//! A gateway as the recipes suppose it: TLS, a main file, `tenants.d`, an audit, an operator.

use crate::process;
use crate::process::Running;
use crate::process::eventually;
use pushward::model::PlainToken;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::time::Duration;
use tempfile::TempDir;

/// What the recipes call the gateway.
const NAME: &str = "https://push.example.org:9091";
/// A look each second, a second's rest, and a machine that others use, too.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

pub(super) struct Site {
    address: SocketAddr,
    ops: SocketAddr,
    home: TempDir,
    process: Option<Running>,
}

/// What a push was told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: String,
    pub(super) text: String,
}

impl Site {
    /// All files but those of tenants, in a directory where the recipes' commands are typed.
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (address, ops) = (process::free_address(), process::free_address());
        let site = Self { address, ops, home, process: None };
        site.types("sh", "pushward certs dev --dir certs && cp certs/ca.pem . && mkdir tenants.d");
        let token = PlainToken::generate("").expect("a random source");
        site.write("operator.token", token.reveal());
        let entry = process::entry(&token, "[\"fleet:read\", \"fleet:admin\"]");
        let tls = "{ certificate_file: certs/server.pem, key_file: certs/server-key.pem }";
        let doors = format!("listener: {{ address: \"{address}\", tls: {tls} }}\nops: {{ address: \"{ops}\" }}\n");
        let files = "tenants_dir: tenants.d\naudit: { file: audit.jsonl }\n";
        site.write("pushward.yml", &format!("{doors}{files}operators:\n  ops:\n{entry}"));
        site
    }

    /// Adds a block of a recipe to the main file.
    pub(super) fn with(self, block: &str) -> Self {
        self.add_to_main(block);
        self
    }

    /// The main file with a recipe's own block in the place of its listener, and where that really listens.
    pub(super) fn with_listener(self, block: &str) -> Self {
        let (anywhere, here) = ("address: \":9091\"", format!("address: \"{}\"", self.address));
        assert!(block.contains(anywhere), "{block}");
        let main = self.read("pushward.yml");
        let (listener, rest) = main.split_once('\n').expect("a line for each key");
        assert!(listener.starts_with("listener: "), "{listener}");
        self.write("pushward.yml", &(rest.to_owned() + &block.replace(anywhere, &here)));
        self
    }

    pub(super) fn add_to_main(&self, block: &str) {
        let main = self.read("pushward.yml") + &self.here(block);
        self.write("new.yml", &main);
        self.rename("new.yml", "pushward.yml");
    }

    /// Serves, and is ready.
    pub(super) fn start(self) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pushward"));
        command.args(["serve", "--config", "pushward.yml"]);
        self.start_by(command)
    }

    /// The same by another command, which is run where the recipes' are.
    pub(super) fn start_by(mut self, mut command: Command) -> Self {
        command.current_dir(self.home());
        self.process = Some(Running::start(command, &self.file("log")));
        eventually("the gateway is ready", WITHIN, || {
            let ended = self.process.as_mut().is_some_and(Running::has_ended);
            assert!(!ended, "the gateway ended: {}", std::fs::read_to_string(self.file("log")).unwrap_or_default());
            let ready = "curl --silent --fail https://push.example.org:9091/-/ready";
            self.shell("sh", ready, &[]).status.success().then_some(())
        });
        self
    }

    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("the directory is ours");
        std::fs::write(path, text).expect("the directory is ours");
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.file(from), self.file(to)).expect("both are ours");
    }

    /// Where it really listens.
    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Where the gateway's own metrics are.
    pub(super) fn ops(&self) -> SocketAddr {
        self.ops
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends it as a power cut would, so that it can be started again.
    pub(super) fn killed(mut self) -> Self {
        self.process = None;
        self
    }

    /// A recipe's text with the gateway where it really is.
    pub(super) fn here(&self, text: &str) -> String {
        text.replace(NAME, &self.url())
    }

    /// A block as it would be typed, with our program and our CA at hand.
    pub(super) fn shell(&self, shell: &str, block: &str, environment: &[(&str, &str)]) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_pushward"));
        let ours = program.parent().expect("a file is in a directory");
        let path = format!("{}:{}", ours.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(shell);
        command.current_dir(self.home()).env("PATH", path).env("CURL_CA_BUNDLE", self.file("ca.pem"));
        command.envs(environment.iter().copied()).arg("-ec").arg(self.here(block));
        command.output().unwrap_or_else(|error| panic!("{shell}: {error}"))
    }

    /// The same, which is to succeed; its standard output.
    pub(super) fn types(&self, shell: &str, block: &str) -> String {
        let output = self.shell(shell, block, &[]);
        assert!(output.status.success(), "{block}\n{}\n{}", output.status, said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Pushes with the token in this file.
    pub(super) fn push(&self, token: &str) -> Told {
        let header = format!("Authorization: Bearer {}", self.read(token));
        self.curl(&["--header", &header, "--data-binary", "pushed 1\n"], "/metrics/job/recipe")
    }

    pub(super) fn curl(&self, arguments: &[&str], path: &str) -> Told {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--write-out", "%{stderr}%{http_code}"]);
        command.arg("--cacert").arg(self.file("ca.pem")).args(arguments).arg(self.url() + path);
        let output = command.output().expect("curl is installed");
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Told { status: text(&output.stderr), text: text(&output.stdout) }
    }

    /// Waits until a push with the token in this file is answered like this.
    pub(super) fn until(&self, token: &str, status: &str) -> Told {
        eventually(&format!("{token}: {status}"), WITHIN, || {
            let told = self.push(token);
            (told.status == status).then_some(told)
        })
    }

    /// The operator's scrape.
    pub(super) fn scrape(&self) -> String {
        let header = format!("Authorization: Bearer {}", self.read("operator.token"));
        let told = self.curl(&["--header", &header], "/metrics");
        assert_eq!(told.status, "200", "{told:?}");
        told.text
    }

    /// The gateway's own metrics.
    pub(super) fn own_metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.ops);
        let output = Command::new("curl").args(["--silent", &url]).output().expect("curl is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Both outputs of a command.
pub(super) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}
