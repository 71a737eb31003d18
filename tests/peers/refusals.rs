//! A body of 10 MB that is refused before it is read: the client sees our status, never a reset.

use crate::quickstart::Quickstart;
use std::process::Command;

/// A reset depends on timing: once is not enough.
const TIMES: usize = 5;

fn prints_the_status(who: &str, mut command: Command) {
    for time in 1..=TIMES {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let text = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(text.starts_with("status 401"), "{who}, time {time}: {text}{errors}");
        assert!(output.status.success(), "{who}, time {time}: {}\n{errors}", output.status);
    }
}

#[test]
#[ignore = "needs curl, node and Python's prometheus_client: ./tests/run"]
fn python_sees_the_status_of_a_large_push_refused_early() {
    let files = Quickstart::start();
    let mut python = Command::new("python3");
    python.env("SSL_CERT_FILE", files.file("ca.pem"));
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/refused.py")).arg(files.url(""));
    prints_the_status("prometheus_client", python);
}

#[test]
#[ignore = "needs curl, node and Python's prometheus_client: ./tests/run"]
fn node_sees_the_status_of_a_large_push_refused_early() {
    let files = Quickstart::start();
    let mut node = Command::new("node");
    node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/refused.mjs"));
    node.arg(files.url("")).arg(files.file("ca.pem"));
    prints_the_status("node", node);
}

#[test]
#[ignore = "needs curl, node and Python's prometheus_client: ./tests/run"]
fn curl_sees_the_status_of_a_large_push_refused_early() {
    let files = Quickstart::start();
    let large = files.file("large");
    std::fs::write(&large, "m 1\n".repeat(2_500_000)).unwrap();
    for version in ["--http1.1", "--http2"] {
        for expect in ["Expect: 100-continue", "Expect:"] {
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--show-error", "--output", "/dev/null", "--write-out", "status %{http_code}"]);
            curl.arg("--cacert").arg(files.file("ca.pem")).arg(version);
            curl.args(["--header", "Authorization: Bearer wrong", "--header", expect]);
            curl.arg("--data-binary").arg(format!("@{}", large.display())).arg(files.url("/metrics/job/large"));
            prints_the_status(&format!("curl {version} {expect}"), curl);
        }
    }
}
