//! Where a test reads what was audited.

use parking_lot::Mutex;
use serde_json::Value;
use std::fmt;
use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::channel;

/// What was audited, in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct AuditLines(Arc<Mutex<Vec<u8>>>);

impl AuditLines {
    /// As it was written.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).expect("the audit is UTF-8")
    }

    /// Line by line, each of which must be an object of JSON.
    pub(super) fn events(&self) -> Vec<Value> {
        let text = self.text();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end: {text}");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of the audit is JSON")).collect()
    }
}

impl Write for AuditLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Another place that a test has chosen. Clones share it.
#[derive(Clone)]
pub(super) struct AuditWriter(Arc<Mutex<dyn Write + Send>>);

impl AuditWriter {
    pub(super) fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }
}

impl Write for AuditWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().flush()
    }
}

impl fmt::Debug for AuditWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditWriter(..)")
    }
}

/// A disk that does not answer: each write says that it began, and ends when it is let on, or when nobody can any more.
#[derive(Debug)]
pub struct StalledDisk {
    began: Sender<()>,
    go_on: Receiver<()>,
}

impl StalledDisk {
    /// With where it says so, and what lets it on.
    pub fn new() -> (Self, Receiver<()>, Sender<()>) {
        let ((began, has_begun), (let_on, go_on)) = (channel(), channel());
        (Self { began, go_on }, has_begun, let_on)
    }
}

impl Write for StalledDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.began.send(());
        let _ = self.go_on.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
