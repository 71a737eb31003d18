use super::Audit;
use super::AuditEvent;
use super::RECORD_WAIT_MAX;
use super::writer::QUEUE_MAX;
use crate::config;
use crate::config::AuditPushes;
use crate::model::SharedClock;
use crate::testkit::MockClock;
use crate::testkit::StalledDisk;
use std::fs;
use std::io;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

fn of_file(path: &Path) -> Audit {
    let clock: SharedClock = Arc::new(MockClock::new());
    Audit::open(&config::Audit { file: Some(path.to_owned()), pushes: AuditPushes::Off }, &clock).unwrap()
}

fn events(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let event = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["event"].as_str().unwrap().to_owned()
    };
    text.lines().map(event).collect()
}

#[tokio::test]
async fn the_file_is_for_its_owner_alone_and_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    of_file(&path).record(AuditEvent::new("first")).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    of_file(&path).record(AuditEvent::new("second")).await.unwrap();
    assert_eq!(events(&path), ["first", "second"]);
}

#[tokio::test]
async fn a_file_that_ends_amid_a_line_costs_that_line_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    fs::write(&path, "{\"time\":\"20").unwrap();
    of_file(&path).record(AuditEvent::new("after")).await.unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\"time\":\"20\n{\"time\":\"2030"), "{text}");
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let clock: SharedClock = Arc::new(MockClock::new());
    let config = config::Audit { file: Some(folder.path().to_owned()), pushes: AuditPushes::Off };
    let error = Audit::open(&config, &clock).unwrap_err().to_string();
    assert!(error.starts_with(&format!("audit.file {} cannot be opened: ", folder.path().display())), "{error}");
}

#[tokio::test]
async fn after_a_rotation_lines_go_to_a_file_of_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"));
    let audit = of_file(&path);
    audit.record(AuditEvent::new("before")).await.unwrap();
    fs::rename(&path, &old).unwrap();
    audit.record(AuditEvent::new("between")).await.unwrap();
    audit.reopen();
    audit.record(AuditEvent::new("after")).await.unwrap();
    assert_eq!((events(&old), events(&path)), (vec!["before".into(), "between".into()], vec!["after".into()]));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // A name that cannot be opened loses nothing.
    fs::rename(&path, folder.path().join("audit.jsonl.2")).unwrap();
    fs::create_dir(&path).unwrap();
    audit.reopen();
    audit.record(AuditEvent::new("kept")).await.unwrap();
    assert_eq!(events(&folder.path().join("audit.jsonl.2")), ["after", "kept"]);
}

#[tokio::test]
async fn a_full_queue_drops_and_counts_and_never_waits() {
    let (writer, has_begun, let_on) = StalledDisk::new();
    let clock: SharedClock = Arc::new(MockClock::new());
    let audit = Audit::to(writer, AuditPushes::Off, &clock).unwrap();
    audit.note(&AuditEvent::new("being_written"));
    has_begun.recv().unwrap();
    for _ in 0..QUEUE_MAX + 7 {
        audit.note(&AuditEvent::new("push"));
    }
    assert_eq!(audit.dropped().get(), 7);
    drop(let_on);
    audit.flush();
    audit.record(AuditEvent::new("later")).await.unwrap();
    assert_eq!(audit.dropped().get(), 7);
}

#[tokio::test]
async fn who_waited_too_long_is_told_that_it_was_not_written_and_it_is_not_written_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("written");
    let (stalled, has_begun, let_on) = StalledDisk::new();
    struct Both(StalledDisk, fs::File);
    impl Write for Both {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)?;
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let clock = MockClock::new();
    let shared: SharedClock = Arc::new(clock.clone());
    let audit = Audit::to(Both(stalled, fs::File::create(&path).unwrap()), AuditPushes::Off, &shared).unwrap();
    audit.note(&AuditEvent::new("being_written"));
    has_begun.recv().unwrap();
    let (refused, ()) = tokio::join!(audit.record(AuditEvent::new("wipe")), async { clock.advance(RECORD_WAIT_MAX) });
    assert!(refused.is_err());
    drop(let_on);
    audit.record(AuditEvent::new("later")).await.unwrap();
    assert_eq!(events(&path), ["being_written", "later"]);
}
