//! A real Prometheus with the files quickstart wrote, and what curl and Python's client pushed as the README says.

mod fleet;
mod twins;

use crate::process;
use crate::process::Running;
use crate::process::eventually;
use crate::quickstart::Quickstart;
use crate::readme::from_readme;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A scrape a second, and a machine that others use, too.
pub(crate) const SEEN_WITHIN: Duration = Duration::from_secs(60);

/// Of the block that pushes with curl.
const PUSH: &str = "--data-binary @- https://localhost:9091";

pub(crate) struct Prometheus {
    address: SocketAddr,
    _process: Running,
}

impl Prometheus {
    /// On the file quickstart wrote; only its intervals are shortened, so that the test does not wait for them.
    pub(crate) fn start(files: &Quickstart) -> Self {
        let text = std::fs::read_to_string(files.file("prometheus.yml")).expect("quickstart wrote it");
        let lines = text.lines().map(|line| {
            let (key, value) = line.split_once(':').unwrap_or((line, ""));
            let is_interval = ["scrape_interval", "scrape_timeout", "evaluation_interval"].contains(&key.trim());
            if is_interval && !value.is_empty() { format!("{key}: 1s\n") } else { format!("{line}\n") }
        });
        let config = files.file("prometheus-each-second.yml");
        std::fs::write(&config, lines.collect::<String>()).expect("the directory is ours");
        Self::on(&config, files.home(), &[])
    }

    /// On any file, with its data and its log in `home`, and with further flags.
    pub(crate) fn on(config: &Path, home: &Path, flags: &[&str]) -> Self {
        let address = process::free_address();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", home.join("tsdb").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(flags);
        let process = Running::start(command, &home.join("prometheus.log"));
        Self { address, _process: process }
    }

    pub(crate) fn get(&self, path: &str, arguments: &[&str]) -> Option<Value> {
        let mut command = Command::new("curl");
        command.args(["--silent", "--get"]).args(arguments).arg(format!("http://{}{path}", self.address));
        let output = command.output().expect("curl is installed");
        serde_json::from_slice(&output.stdout).ok()
    }

    /// The result vector of an instant query.
    fn query(&self, query: &str) -> Vec<Value> {
        let answer = self.get("/api/v1/query", &["--data-urlencode", &format!("query={query}")]);
        let result = answer.and_then(|answer| answer.pointer("/data/result").and_then(Value::as_array).cloned());
        result.unwrap_or_default()
    }

    /// Waits until the query has exactly one series, and returns its labels and value.
    pub(crate) fn one(&self, query: &str) -> (Value, String) {
        let series = eventually(query, SEEN_WITHIN, || match self.query(query).as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        });
        (series["metric"].clone(), series["value"][1].as_str().unwrap_or_default().to_owned())
    }

    fn none(&self, query: &str) {
        eventually(&format!("no {query}"), SEEN_WITHIN, || self.query(query).is_empty().then_some(()));
    }
}

fn succeeds(mut command: Command, directory: &Path) {
    let output = command.current_dir(directory).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&text));
}

/// A block of shell from the README, typed where quickstart was run.
fn type_in(files: &Quickstart, block: &str) {
    let mut shell = Command::new("sh");
    shell.arg("-ec").arg(files.as_typed(&from_readme(block)));
    succeeds(shell, files.home());
}

#[test]
fn the_readme_holds_each_command_that_is_typed_from_it() {
    for what in [PUSH, "--request DELETE", "push_to_gateway", "SSL_CERT_FILE"] {
        assert!(from_readme(what).len() > what.len(), "{what}");
    }
}

#[test]
#[ignore = "needs prometheus, curl and Python's prometheus_client: ./tests/run"]
fn promtool_accepts_the_files_quickstart_wrote() {
    let files = Quickstart::start();
    for (check, file) in [("config", "prometheus.yml"), ("rules", "rules.yml")] {
        let mut promtool = Command::new("promtool");
        promtool.arg("check").arg(check).arg(files.file(file));
        succeeds(promtool, &files.directory());
    }
}

#[test]
#[ignore = "needs prometheus, curl and Python's prometheus_client: ./tests/run"]
fn a_real_prometheus_finds_what_curl_pushed_as_the_readme_says() {
    let files = Quickstart::start();
    type_in(&files, PUSH);
    let prometheus = Prometheus::start(&files);
    let (labels, value) = prometheus.one("backup_last_success_timestamp_seconds");
    assert!(value.parse::<f64>().is_ok_and(|time| time > 1.7e9), "{value}");
    for (name, expected) in [("job", "backup"), ("instance", "db1"), ("tenant", "demo")] {
        assert_eq!(labels[name], expected, "{labels}");
    }
    for name in ["exported_job", "exported_instance", "exported_tenant"] {
        assert_eq!(labels.get(name), None, "honor_labels keeps what was pushed: {labels}");
    }
    eventually("the operator's view and ops are up", SEEN_WITHIN, || {
        let targets = prometheus.query("up");
        let all_up = targets.iter().all(|target| target["value"][1] == "1");
        (targets.len() >= 2 && all_up).then_some(())
    });
    prometheus.one("pushward_build_info");
    prometheus.one("push_time_seconds{job=\"backup\",tenant=\"demo\"} > 1.7e9");
    prometheus.one("push_failure_time_seconds{job=\"backup\",tenant=\"demo\"} == 0");
    eventually("the rules are loaded", SEEN_WITHIN, || {
        let rules = prometheus.get("/api/v1/rules", &[])?.to_string();
        ["BackupFailed", "BackupMissing"].iter().all(|rule| rules.contains(rule)).then_some(())
    });
    type_in(&files, "--request DELETE");
    prometheus.none("{job=\"backup\",tenant=\"demo\"}");
}

#[test]
#[ignore = "needs prometheus, curl and Python's prometheus_client: ./tests/run"]
fn a_real_prometheus_finds_what_python_pushed_as_the_readme_says() {
    let files = Quickstart::start();
    let job = files.as_typed(&from_readme("push_to_gateway"));
    std::fs::write(files.home().join("job.py"), job).unwrap();
    type_in(&files, "SSL_CERT_FILE");
    let prometheus = Prometheus::start(&files);
    let (labels, _) = prometheus.one("report_rows");
    for (name, expected) in [("job", "report"), ("instance", "db1"), ("tenant", "demo")] {
        assert_eq!(labels[name], expected, "{labels}");
    }
    python(&files, "add", "added 1");
    prometheus.one("added{job=\"library\",grouped=\"a/b \",tenant=\"demo\"} == 1");
    python(&files, "add", "more 2");
    prometheus.one("more{job=\"library\",grouped=\"a/b \",tenant=\"demo\"} == 2");
    prometheus.one("added{job=\"library\",grouped=\"a/b \",tenant=\"demo\"} == 1");
    python(&files, "push", "replaced 3");
    prometheus.one("replaced{job=\"library\",grouped=\"a/b \",tenant=\"demo\"} == 3");
    prometheus.none("{__name__=~\"added|more\"}");
    python(&files, "delete", "nothing 0");
    prometheus.none("{job=\"library\"}");
    prometheus.one("report_rows");
}

/// Python's prometheus_client: `push`, `add` or `delete` of one gauge, over TLS, the token as password.
fn python(files: &Quickstart, verb: &str, sample: &str) {
    let mut python = Command::new("python3");
    python
        .env("SSL_CERT_FILE", files.file("ca.pem"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/clients/python.py"))
        .arg(files.url(""))
        .arg(files.file("push.token"))
        .arg(verb)
        .args(sample.split(' '))
        .arg("a/b ");
    succeeds(python, files.home());
}
