//! The clients people use with a certificate in place of a token, beside the real program with what `certs dev` prints.

use crate::process;
use crate::process::Running;
use crate::process::eventually;
use pushward::model::PlainToken;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A program that pushes: its arguments are URL, file of a token or nothing, verb, name, value and a grouping value.
struct Client {
    name: &'static str,
    command: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// Whether it shows the body of a refusal, or its reason phrase alone.
    shows_bodies: bool,
    /// What it shows of a handshake that was ended.
    shows_of_alerts: &'static str,
}

const PYTHON: Client = Client {
    name: "python",
    command: &["python3", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/clients/python.py")],
    environment: &[],
    shows_bodies: false,
    shows_of_alerts: "alert",
};

const NODE: Client = Client {
    name: "node",
    command: &["node", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/clients/node.cjs")],
    environment: &[],
    shows_bodies: true,
    shows_of_alerts: "alert",
};

const GO: Client =
    Client { name: "go", command: &["go-client"], environment: &[], shows_bodies: true, shows_of_alerts: "tls: " };

/// An edge site's gateway: its configuration is what `certs dev` printed, with addresses and a token that reads.
struct Site {
    address: SocketAddr,
    home: TempDir,
    token: PlainToken,
    _process: Running,
}

fn certs_dev(directory: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushward"));
    let output = command.args(["certs", "dev", "--dir"]).arg(directory).output().expect("our own program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

impl Site {
    fn start(client_auth: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let printed = certs_dev(&home.path().join("certs"));
        certs_dev(&home.path().join("others"));
        let (_, printed) = printed.split_once("\nlistener:\n").expect("a configuration is printed");
        let printed = printed.replace("client_auth: optional", &format!("client_auth: {client_auth}"));
        let token = PlainToken::generate("").expect("a random source");
        let (address, ops) = (process::free_address(), process::free_address());
        let config = format!(
            "ops: {{ address: \"{ops}\" }}\nstorage: {{ durability: memory }}\nlistener:\n  address: \"{address}\"\n{printed}{}",
            process::entry(&token, "[push, read, delete]"),
        );
        let file = home.path().join("pushward.yml");
        std::fs::write(&file, config).expect("a file in a directory of our own");
        std::fs::write(home.path().join("token"), token.reveal()).expect("a file in a directory of our own");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pushward"));
        command.arg("serve").arg("--config").arg(&file);
        let log = home.path().join("log");
        let mut process = Running::start(command, &log);
        eventually("the gateway is ready", Duration::from_secs(30), || {
            assert!(!process.has_ended(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
            std::net::TcpStream::connect(address).ok()
        });
        Self { address, home, token, _process: process }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// What curl writes: the body, the status, and its own error.
    fn curl(&self, certificate: Option<&str>, arguments: &[&str]) -> String {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--write-out", "%{http_code}", "--cacert"]);
        command.arg(self.file("certs/ca.pem"));
        if let Some(name) = certificate {
            command.arg("--cert").arg(self.file(&format!("{name}.pem")));
            command.arg("--key").arg(self.file(&format!("{name}-key.pem")));
        }
        let output = command.args(arguments).output().expect("curl is installed");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// What the tenant holds but for `push_*`, for who may connect without a certificate.
    fn stored(&self) -> Vec<String> {
        let header = format!("Authorization: {}", process::bearer(&self.token));
        let scrape = self.curl(None, &["--header", &header, &self.url("/metrics")]);
        let lines = scrape.lines().filter(|line| !line.starts_with('#') && !line.starts_with("push_"));
        lines.filter(|line| line.contains('{')).map(str::to_owned).collect()
    }

    /// One call: whether it succeeded, and what it wrote.
    fn call(&self, client: &Client, certificate: Option<&str>, token: bool, verb: &str) -> (bool, String) {
        let ca = self.file("certs/ca.pem");
        let mut command = Command::new(client.command[0]);
        command.args(&client.command[1..]).env("SSL_CERT_FILE", &ca).env("NODE_EXTRA_CA_CERTS", &ca);
        command.envs(client.environment.iter().copied());
        if let Some(name) = certificate {
            command.env("CERT", self.file(&format!("{name}.pem"))).env("KEY", self.file(&format!("{name}-key.pem")));
        }
        let token = if token { self.file("token") } else { PathBuf::new() };
        command.arg(self.url("")).arg(token).args([verb, "m", "1", "x"]);
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run ./tests/run"));
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }
}

/// What both gateways make of it.
fn works(client: &Client) {
    let name = client.name;
    let site = Site::start("optional");
    for verb in ["push", "add"] {
        let (good, text) = site.call(client, Some("certs/edge-1"), false, verb);
        assert!(good, "{name} {verb}: {text}");
        let mine = r#"m{grouped="x",instance="",job="library",site="site-1"} 1"#;
        assert_eq!(site.stored(), [mine], "{name} {verb}");
    }
    let refused = |certificate, verb, code: &str, body: &str| {
        let (good, text) = site.call(client, certificate, false, verb);
        let shown = if client.shows_bodies { body } else { code };
        assert!(!good && text.contains(shown), "{name} {verb} as {certificate:?}, expected {shown:?}: {text}");
    };
    let revoked = "the credential of this certificate was revoked [credential_revoked]";
    refused(Some("certs/edge-2"), "push", "HTTP Error 401: credential_revoked", revoked);
    let nobody = "credentials are missing, unknown or wrong [unauthenticated]";
    refused(None, "push", "HTTP Error 401: unauthenticated", nobody);
    let scope = "this credential has not the scope delete [scope_refused]";
    refused(Some("certs/edge-1"), "delete", "HTTP Error 403: scope_refused", scope);

    let strict = Site::start("required");
    let (good, text) = strict.call(client, Some("certs/edge-1"), false, "push");
    assert!(good, "{name}: {text}");
    for (site, certificate, token) in
        [(&site, Some("others/edge-1"), false), (&strict, Some("others/edge-1"), false), (&strict, None, true)]
    {
        let (good, text) = site.call(client, certificate, token, "push");
        assert!(!good && text.contains(client.shows_of_alerts), "{name} as {certificate:?}: {text}");
    }
}

#[test]
#[ignore = "needs curl and Python's prometheus_client: ./tests/run"]
fn python_pushes_with_a_certificate_alone_and_shows_why_another_is_refused() {
    works(&PYTHON);
}

#[test]
#[ignore = "needs curl, node and prom-client: ./tests/run"]
fn node_pushes_with_a_certificate_alone_and_shows_why_another_is_refused() {
    works(&NODE);
}

#[test]
#[ignore = "needs curl and go-client: ./tests/run"]
fn go_pushes_with_a_certificate_alone_and_shows_why_another_is_refused() {
    works(&GO);
    works(&Client { environment: &[("HTTP", "1")], ..GO });
}

#[test]
#[ignore = "needs curl: ./tests/run"]
fn curl_pushes_with_a_certificate_alone_and_shows_why_another_is_refused() {
    let (site, strict) = (Site::start("optional"), Site::start("required"));
    let push = |site: &Site, version: &str, certificate: Option<&str>, more: &[&str], path: &str| {
        let url = site.url(&format!("/metrics/job/{path}"));
        let mut arguments = vec![version, "--request", "PUT", "--data-binary", "m 1\n", &url];
        arguments.extend(more);
        site.curl(certificate, &arguments)
    };
    for version in ["--http1.1", "--http2"] {
        for tls in [&["--tlsv1.3"][..], &["--tls-max", "1.2"]] {
            for site in [&site, &strict] {
                assert_eq!(push(site, version, Some("certs/edge-1"), tls, "curl"), "200", "{version} {tls:?}");
                let text = push(site, version, Some("certs/edge-1"), tls, "curl/site/site-2");
                assert!(text.contains("[label_refused]") && text.ends_with("\n403"), "{version} {tls:?}: {text}");
                let text = push(site, version, Some("certs/edge-2"), tls, "curl");
                assert!(text.contains("[credential_revoked]") && text.ends_with("\n401"), "{version} {tls:?}: {text}");
                let text = push(site, version, Some("others/edge-1"), tls, "curl");
                assert!(text.starts_with("000curl: (") && text.contains("alert"), "{version} {tls:?}: {text}");
            }
            let text = push(&site, version, None, tls, "curl");
            assert!(text.contains("[unauthenticated]") && text.ends_with("\n401"), "{version} {tls:?}: {text}");
            let text = push(&strict, version, None, tls, "curl");
            assert!(text.starts_with("000curl: (") && text.contains("alert"), "{version} {tls:?}: {text}");
            assert_eq!(site.stored(), [r#"m{instance="",job="curl",site="site-1"} 1"#], "{version} {tls:?}");
        }
    }
}
