//! The audit: who did what, one JSON line for each, by a bounded queue that never delays a push.
//!
//! A line is written when it has been handed to the operating system: it survives the end of this process, not the end of
//! the machine (no fsync). A scrape by an operator would otherwise cost one.

mod event;
mod line;
mod sampling;
mod sink;
mod writer;

#[cfg(test)]
mod tests;

pub use event::AuditEvent;
pub use sink::AuditError;

use self::sampling::Sampling;
use self::sink::Sink;
use self::writer::Entry;
use self::writer::Message;
use self::writer::State;
use crate::config;
use crate::config::AuditPushes;
use crate::model::SharedClock;
use arc_swap::ArcSwap;
use prometheus_client::metrics::counter::Counter;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

/// How long [`Audit::record`] waits for its line. Chosen: a disk that takes longer is no disk to rely on, and an operator's
/// scrape still fits into Prometheus' default timeout of 10 s.
pub const RECORD_WAIT_MAX: Duration = Duration::from_secs(2);

/// Something that must not happen unseen cannot be written down now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this cannot be written to the audit now, so it was not done")]
pub struct AuditUnavailable;

/// The way into the audit. Clones share it; with the last of them its thread ends.
#[derive(Clone)]
pub struct Audit {
    queue: mpsc::Sender<Message>,
    state: Arc<State>,
    pushes: Arc<ArcSwap<AuditPushes>>,
}

impl Audit {
    /// Opens `audit.file`, which is made with mode 0600 where there is none and appended to where there is one, and starts
    /// the thread that writes. Without a file the audit goes into the log. Blocks on the disk.
    pub fn open(config: &config::Audit, clock: &SharedClock) -> Result<Self, AuditError> {
        let sink = match &config.file {
            Some(path) => Sink::file(path)?,
            None => Sink::Log,
        };
        Self::start(sink, config.pushes, clock)
    }

    /// An audit whose lines go to `writer`, each write being one or more whole lines.
    pub fn to(
        writer: impl Write + Send + 'static,
        pushes: AuditPushes,
        clock: &SharedClock,
    ) -> Result<Self, AuditError> {
        Self::start(Sink::Writer(Box::new(writer)), pushes, clock)
    }

    fn start(sink: Sink, pushes: AuditPushes, clock: &SharedClock) -> Result<Self, AuditError> {
        let state = Arc::new(State::new(clock.clone()));
        let queue = writer::start(sink, state.clone()).map_err(AuditError::Thread)?;
        Ok(Self { queue, state, pushes: Arc::new(ArcSwap::from_pointee(pushes)) })
    }

    /// Writes it down soon. Never waits: when the queue is full, or the line cannot be written, it is counted instead.
    ///
    /// Events of which anybody can cause any number (`authentication_failed`, `refused`) are sampled, and what was left out
    /// is counted in a line of its own.
    pub fn note(&self, event: &AuditEvent) {
        if self.state.sampling.admits(event.event, event.peer, self.state.clock.tick()) {
            self.enqueue(event);
        }
    }

    /// Writes it down now, for what must not happen unseen: whoever is refused here does nothing.
    ///
    /// Waits for at most [`RECORD_WAIT_MAX`]. A line that could not be written in time is not written later, but for one
    /// that was being written at that very moment: it then tells of an attempt.
    pub async fn record(&self, event: AuditEvent) -> Result<(), AuditUnavailable> {
        let clock = &self.state.clock;
        let (ack, written) = oneshot::channel();
        let entry = Entry::new(&event, clock.now());
        let recorded = async {
            self.queue.send(Message::Record(entry, ack)).await.map_err(|_| AuditUnavailable)?;
            match written.await {
                Ok(true) => Ok(()),
                Ok(false) | Err(_) => Err(AuditUnavailable),
            }
        };
        tokio::select! {
            biased;
            outcome = recorded => outcome,
            () = clock.sleep_until(clock.tick().after(RECORD_WAIT_MAX)) => Err(AuditUnavailable),
        }
    }

    /// Opens `audit.file` anew by its name, as after a rotation has renamed it. Returns at once; lines noted from now on go to
    /// the new file. Where it cannot be opened the old one is kept, and the log says so. Of an audit without a file: nothing.
    pub fn reopen(&self) {
        self.state.reopen.store(true, Ordering::Release);
        // A full queue wakes the writer just as well.
        let _ = self.queue.try_send(Message::Wake);
    }

    /// The last line: `stop`, behind all that was noted before it. Waits as [`Audit::record`] does.
    pub async fn stop(&self) -> Result<(), AuditUnavailable> {
        for summary in self.state.sampling.all() {
            self.enqueue(&summary);
        }
        self.record(AuditEvent::new("stop")).await
    }

    /// Which pushes are written down.
    pub fn pushes(&self) -> AuditPushes {
        **self.pushes.load()
    }

    /// From now on these pushes are written down.
    pub fn write_down(&self, pushes: AuditPushes) {
        self.pushes.store(Arc::new(pushes));
    }

    /// Counts the events that were noted and not written.
    pub fn dropped(&self) -> Counter {
        self.state.dropped.clone()
    }

    /// Whether the last attempt to write failed.
    pub fn is_failing(&self) -> bool {
        self.state.failing.load(Ordering::Relaxed)
    }

    fn enqueue(&self, event: &AuditEvent) {
        if self.queue.try_send(Message::Note(Entry::new(event, self.state.clock.now()))).is_err() {
            self.state.dropped.inc();
        }
    }

    /// Returns when everything noted before was written, or could not be. Blocks.
    #[cfg(any(test, feature = "testkit"))]
    pub fn flush(&self) {
        let (ack, flushed) = std::sync::mpsc::channel();
        let mut message = Message::Flush(ack);
        while let Err(mpsc::error::TrySendError::Full(back)) = self.queue.try_send(message) {
            message = back;
            std::thread::yield_now();
        }
        let _ = flushed.recv();
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit").field("pushes", &self.pushes()).finish_non_exhaustive()
    }
}
