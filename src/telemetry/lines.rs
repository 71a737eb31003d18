//! The thread that writes the log, and the bytes on their way to it. Nobody else waits for whoever reads stderr: a pipe that
//! is not emptied, a terminal that was paused.

use parking_lot::Condvar;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait to be written, some ten thousand lines; a line that finds no room is dropped. As much again may be under
/// way.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// What is no matter of taste waits for the reader: the audit's own thread writes it, and tells whoever may go on only then.
const WAITS: &str = "pushward::audit";

/// The way to the thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Lines {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    /// There is something to write, or never again.
    more: Condvar,
    /// Nothing is on its way any more.
    written: Condvar,
    dropped: Counter,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    writing: bool,
    ended: bool,
}

impl Lines {
    /// Starts the thread.
    pub(super) fn to(writer: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let written = Arc::clone(&shared);
        std::thread::Builder::new().name("log".into()).spawn(move || written.write(writer))?;
        Ok(Self { shared })
    }

    /// Lines that were not written: too many were waiting, or they could not be.
    pub(super) fn dropped(&self) -> Counter {
        self.shared.dropped.clone()
    }

    /// Waits until all is written, for so long at most, and says whether it is.
    pub(super) fn flush(&self, wait_max: Duration) -> bool {
        let mut pending = self.shared.pending.lock();
        let on_its_way = |pending: &mut Pending| pending.writing || !pending.bytes.is_empty();
        !self.shared.written.wait_while_for(&mut pending, on_its_way, wait_max).timed_out()
    }

    fn take(&self, line: &[u8]) {
        let mut pending = self.shared.pending.lock();
        if pending.bytes.len().saturating_add(line.len()) > WAITING_BYTES_MAX {
            self.shared.dropped.inc();
            return;
        }
        pending.bytes.extend_from_slice(line);
        let asleep = !pending.writing;
        drop(pending);
        if asleep {
            self.shared.more.notify_one();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.pending.lock().ended = true;
        self.shared.more.notify_one();
    }
}

impl Shared {
    fn write(&self, mut writer: impl Write) {
        let mut batch = Vec::new();
        let mut pending = self.pending.lock();
        loop {
            self.more.wait_while(&mut pending, |pending| pending.bytes.is_empty() && !pending.ended);
            if pending.bytes.is_empty() {
                return;
            }
            std::mem::swap(&mut pending.bytes, &mut batch);
            pending.writing = true;
            drop(pending);
            if writer.write_all(&batch).and_then(|()| writer.flush()).is_err() {
                // There is nobody to tell.
                self.dropped.inc_by(memchr::memchr_iter(b'\n', &batch).count() as u64);
            }
            batch.clear();
            pending = self.pending.lock();
            pending.writing = false;
            if pending.bytes.is_empty() {
                self.written.notify_all();
            }
        }
    }
}

impl<'a> MakeWriter<'a> for &'static Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line::Soon(self)
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        if meta.target() == WAITS { Line::Now } else { Line::Soon(self) }
    }
}

/// Where a line goes. Each write is a whole one.
pub(super) enum Line {
    Soon(&'static Lines),
    Now,
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self {
            Self::Soon(lines) => lines.take(line),
            Self::Now => io::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use super::WAITING_BYTES_MAX;
    use crate::testkit::StalledDisk;
    use parking_lot::Mutex;
    use std::io;
    use std::io::Write;
    use std::sync::Arc;
    use std::time::Duration;

    /// Chosen: longer than any write here takes.
    const LONG: Duration = Duration::from_secs(30);

    /// Stalls in its first write, and keeps what is written.
    struct Kept(Option<StalledDisk>, Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(mut stalled) = self.0.take() {
                stalled.write(bytes)?;
            }
            self.1.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_who_has_stalled_and_what_was_dropped_is_counted() {
        let (stalled, has_begun, let_on) = StalledDisk::new();
        let kept = Arc::default();
        let lines = Lines::to(Kept(Some(stalled), Arc::clone(&kept))).unwrap();
        let line = |n: usize| format!("{n:0>99}\n");
        lines.take(line(0).as_bytes());
        has_begun.recv().unwrap();
        let room = WAITING_BYTES_MAX / 100;
        for n in 1..=room + 7 {
            lines.take(line(n).as_bytes());
        }
        assert_eq!(lines.dropped().get(), 7);
        assert!(!lines.flush(Duration::from_millis(1)), "it is not written");
        let_on.send(()).unwrap();
        assert!(lines.flush(LONG));
        let expected: String = (0..=room).map(line).collect();
        assert!(*kept.lock() == expected.as_bytes());
        lines.take(b"and on\n");
        assert!(lines.flush(LONG));
        assert!(kept.lock().ends_with(b"\nand on\n"));
        assert_eq!(lines.dropped().get(), 7);
    }

    #[test]
    fn what_cannot_be_written_is_counted_by_the_line() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let lines = Lines::to(Closed).unwrap();
        for _ in 0..3 {
            lines.take(b"a line\n");
        }
        assert!(lines.flush(LONG));
        assert_eq!(lines.dropped().get(), 3);
    }
}
