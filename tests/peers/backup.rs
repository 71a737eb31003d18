//! A backup that pushes how it went, the alerts quickstart writes, and a real Prometheus that raises them.

use crate::process::eventually;
use crate::prometheus::Prometheus;
use crate::prometheus::SEEN_WITHIN;
use crate::quickstart::Quickstart;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;
use std::time::SystemTime;

const DAY: u64 = 86_400;

/// The job as cron runs it. `ended` stands for the end of its last run.
fn run(files: &Quickstart, job: &str, command: &[&str], ended: Option<u64>) {
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/backup_job.py"));
    python.args([job, "db1"]).args(command);
    python.env("GATEWAY", files.url("")).env("TOKEN_FILE", files.file("push.token"));
    python.env("SSL_CERT_FILE", files.file("ca.pem"));
    python.envs(ended.map(|ended| ("ENDED", ended.to_string())));
    let output = python.output().expect("python3 is installed");
    assert!(output.status.success(), "{python:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Alert, job, instance, tenant and severity of all that fires.
fn firing(prometheus: &Prometheus) -> BTreeSet<String> {
    let answer = prometheus.get("/api/v1/alerts", &[]).unwrap_or_default();
    let alerts = answer.pointer("/data/alerts").and_then(Value::as_array).cloned().unwrap_or_default();
    let fires = alerts.iter().filter(|alert| alert["state"] == "firing");
    fires
        .map(|alert| {
            let labels = ["alertname", "job", "instance", "tenant", "severity"];
            labels.map(|name| alert["labels"][name].as_str().unwrap_or_default()).join(" ")
        })
        .collect()
}

fn fires_exactly(prometheus: &Prometheus, alerts: &[&str]) {
    let expected: BTreeSet<String> = alerts.iter().map(|&alert| alert.to_owned()).collect();
    let mut last = BTreeSet::new();
    eventually(&format!("firing: {alerts:?}"), SEEN_WITHIN, || {
        let now = firing(prometheus);
        if now != last {
            println!("firing: {now:?}");
            last.clone_from(&now);
        }
        (now == expected).then_some(())
    });
}

#[test]
#[ignore = "needs prometheus, curl and Python's prometheus_client: ./tests/run"]
fn a_backup_that_fails_and_one_that_is_missing_raise_their_alerts_and_a_good_one_raises_none() {
    let files = Quickstart::start();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    run(&files, "good", &["echo", "1048576"], None);
    run(&files, "failed", &["false"], None);
    run(&files, "missing", &["echo", "7"], Some(now - DAY - 60));
    // An hour is left.
    run(&files, "yesterday", &["echo", "7"], Some(now - DAY + 3600));
    let prometheus = Prometheus::start(&files);
    for (query, expected) in [
        ("backup_success{job=\"good\",instance=\"db1\",tenant=\"demo\"}", "1"),
        ("backup_success{job=\"failed\",instance=\"db1\",tenant=\"demo\"}", "0"),
        ("backup_size_bytes{job=\"good\"}", "1048576"),
        ("backup_duration_seconds{job=\"good\"} < bool 60", "1"),
        ("time() - backup_last_timestamp{job=\"good\"} < bool 3600", "1"),
    ] {
        assert_eq!(prometheus.one(query).1, expected, "{query}");
    }
    fires_exactly(&prometheus, &["BackupFailed failed db1 demo critical", "BackupMissing missing db1 demo warning"]);
    // The next runs are well, and both alerts end; the one that was well fails.
    run(&files, "failed", &["echo", "7"], None);
    run(&files, "missing", &["echo", "7"], None);
    run(&files, "good", &["false"], None);
    fires_exactly(&prometheus, &["BackupFailed good db1 demo critical"]);
}
