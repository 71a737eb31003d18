//! Where the audit cannot be written, or is written anew: pushes never wait for it, and what must not be unseen does not happen.

use super::WIPE;
use parking_lot::Mutex;
use pushward::config::AuditPushes;
use pushward::config::OpsAuth;
use pushward::model::OperatorScope;
use pushward::telemetry::AuditEvent;
use pushward::telemetry::RECORD_WAIT_MAX;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::StalledDisk;
use std::io;
use std::io::Write;
use std::sync::Arc;

/// A disk that does what a test says.
#[derive(Clone, Default)]
struct Disk {
    full: Arc<Mutex<bool>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if *self.full.lock() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.written.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn with_operators() -> GatewayBuilder {
    let scopes = [OperatorScope::FleetRead, OperatorScope::FleetAdmin, OperatorScope::OpsRead];
    GatewayBuilder::new().tenant("red").operator("o", &scopes, |_| {})
}

#[tokio::test]
async fn where_the_audit_cannot_be_written_pushes_go_on_and_wipes_and_operators_are_refused() {
    let disk = Disk::default();
    let mut builder = with_operators().audit_to(disk.clone());
    builder.config.ops.auth = OpsAuth::Operators;
    let gateway = builder.start();
    let (red, o) = (gateway.client("red"), gateway.client("o"));
    red.put("/metrics/job/a", "m 1\n").await.ok();
    gateway.auditing().flush();
    *disk.full.lock() = true;
    red.put("/metrics/job/b", "m 2\n").await.ok();
    red.delete("/metrics/job/b").await.ok();
    gateway.auditing().flush();
    assert_eq!(gateway.auditing().dropped().get(), 1);
    let operators_wipe = format!("{WIPE}?tenant=red");
    for (client, method, path) in
        [(&red, "PUT", WIPE), (&o, "PUT", &operators_wipe), (&o, "GET", "/metrics"), (&o, "GET", "/api/v1/status")]
    {
        let answer = client.send(method, path, "").await.refused(503, "audit_unavailable");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    gateway.at_ops(&o).get("/metrics").await.refused(503, "audit_unavailable");
    assert_eq!(red.scrape().await, ["m{instance=\"\",job=\"a\"} 1"], "nothing was wiped");
    gateway.auditing().flush();
    *disk.full.lock() = false;
    let text = gateway.at_ops(&o).get("/metrics").await.ok().text();
    // The delete, the operator's first use, and five refusals for want of an audit.
    assert!(text.contains("pushward_audit_dropped_total 7\n"), "{text}");
    o.put(&operators_wipe, "").await.ok();
    assert!(red.scrape().await.is_empty());
    let written = String::from_utf8(disk.written.lock().clone()).unwrap();
    assert_eq!(written.lines().filter(|line| line.contains(r#""event":"wipe""#)).count(), 1, "{written}");
}

#[tokio::test]
async fn while_the_audit_cannot_be_written_the_gateway_says_that_it_is_degraded_and_stays_ready() {
    let disk = Disk::default();
    let gateway = with_operators().audit_to(disk.clone()).start();
    let ops = gateway.at_ops(&gateway.stranger());
    let degraded = "pushward_degraded{reason=\"audit\"} 1";
    assert!(!ops.get("/metrics").await.text().contains(degraded));
    *disk.full.lock() = true;
    gateway.client("red").put("/metrics/job/a", "m 1\n").await.ok();
    gateway.auditing().flush();
    assert!(ops.get("/metrics").await.text().contains(degraded));
    ops.get("/-/ready").await.ok();
    *disk.full.lock() = false;
    gateway.client("red").delete("/metrics/job/a").await.ok();
    gateway.auditing().flush();
    assert!(!ops.get("/metrics").await.text().contains(degraded));
}

#[tokio::test]
async fn a_disk_that_does_not_answer_delays_no_push_and_lets_no_wipe_happen() {
    let (disk, has_begun, let_on) = StalledDisk::new();
    let mut builder = with_operators().audit_to(disk);
    builder.config.audit.pushes = AuditPushes::All;
    let gateway = builder.start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "m 1\n").await.ok();
    has_begun.recv().unwrap();
    // More than the queue takes.
    for _ in 0..10_000 {
        gateway.auditing().note(&AuditEvent::new("something"));
    }
    let dropped = gateway.auditing().dropped().get();
    // Not one of these waits, as no time passes here.
    for _ in 0..100 {
        red.put("/metrics/job/a", "").await.ok();
    }
    assert_eq!(gateway.auditing().dropped().get(), dropped + 100);
    red.put("/metrics/job/a", "m 2\n").await.ok();
    let wipe = red.put(WIPE, "");
    let (answer, ()) = tokio::join!(wipe, async { gateway.clock.advance(RECORD_WAIT_MAX) });
    answer.refused(503, "audit_unavailable");
    assert_eq!(red.scrape().await, ["m{instance=\"\",job=\"a\"} 2"]);
    drop(let_on);
    gateway.auditing().flush();
    red.put(WIPE, "").await.ok();
    assert!(red.scrape().await.is_empty());
}

#[tokio::test]
async fn the_file_of_the_configuration_is_written_and_after_a_rotation_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"));
    let mut builder = GatewayBuilder::new().tenant("red");
    builder.config.audit.file = Some(path.clone());
    let gateway = builder.start();
    let red = gateway.client("red");
    red.put(WIPE, "").await.ok();
    std::fs::rename(&path, &old).unwrap();
    gateway.auditing().reopen();
    red.put(WIPE, "").await.ok();
    for file in [&path, &old] {
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text.lines().filter(|line| line.contains(r#""event":"wipe""#)).count(), 1, "{text}");
    }
}
