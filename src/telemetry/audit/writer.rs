//! The thread that writes, and the queue that leads to it. Nobody else ever waits for a disk.

use super::AuditEvent;
use super::Sampling;
use super::line;
use super::sampling::WINDOW;
use super::sink::Sink;
use crate::model::SharedClock;
use crate::model::Timestamp;
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

/// Events that wait to be written; one more is dropped. An event is at most about 2 KiB, so this is 16 MiB at the very most,
/// and commonly 2; a disk that rests for a second is bridged at 8,000 events a second.
pub(super) const QUEUE_MAX: usize = 8192;

/// Events written at one time: few calls of the system under a flood, and little memory.
const BATCH_MAX: usize = 256;

/// An event at its time, with nothing in it that is too long or secret.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) event: AuditEvent,
}

impl Entry {
    pub(super) fn new(event: &AuditEvent, at: Timestamp) -> Self {
        let details = event.details.iter().map(|(name, text)| (*name, line::safe(text))).collect();
        let AuditEvent { event, request, peer, who, code, .. } = event;
        let (event, request, peer, who, code) = (*event, *request, *peer, who.clone(), *code);
        Self { at, event: AuditEvent { event, request, peer, who, code, details } }
    }
}

/// What comes to the writer.
pub(super) enum Message {
    Note(Entry),
    /// Somebody waits to be told whether it was written.
    Record(Entry, oneshot::Sender<bool>),
    /// There is something else to look at.
    Wake,
    #[cfg(any(test, feature = "testkit"))]
    Flush(std::sync::mpsc::Sender<()>),
}

/// What the writer and those who write share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: SharedClock,
    pub(super) sampling: Sampling,
    pub(super) dropped: Counter,
    pub(super) failing: AtomicBool,
    pub(super) reopen: AtomicBool,
}

impl State {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            sampling: Sampling::new(),
            dropped: Counter::default(),
            failing: AtomicBool::new(false),
            reopen: AtomicBool::new(false),
        }
    }
}

/// Starts the thread. It ends when every sender of its queue is gone.
pub(super) fn start(sink: Sink, state: Arc<State>) -> io::Result<mpsc::Sender<Message>> {
    let (sender, messages) = mpsc::channel(QUEUE_MAX);
    // A runtime of its own, so that waiting for the disk keeps nobody else's tasks from running.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let thread = std::thread::Builder::new().name("audit".into());
    thread.spawn(move || runtime.block_on(Writer { sink, state }.run(messages)))?;
    Ok(sender)
}

struct Writer {
    sink: Sink,
    state: Arc<State>,
}

impl Writer {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let clock = self.state.clock.clone();
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            tokio::select! {
                biased;
                received = messages.recv_many(&mut batch, BATCH_MAX) => if received == 0 { return },
                // What was left out is told even if nothing else happens.
                () = clock.sleep_until(clock.tick().after(WINDOW)) => {}
            }
            if self.state.reopen.swap(false, Ordering::AcqRel) {
                self.sink.reopen();
            }
            let now = clock.now();
            let summaries: Vec<_> =
                self.state.sampling.over(clock.tick()).map(|event| Message::Note(Entry::new(&event, now))).collect();
            batch.splice(..0, summaries);
            self.write(&mut batch);
        }
    }

    fn write(&mut self, batch: &mut Vec<Message>) {
        // Who waits no longer was told that it was not written.
        batch.retain(|message| !matches!(message, Message::Record(_, ack) if ack.is_closed()));
        let entries = || {
            batch.iter().filter_map(|message| match message {
                Message::Note(entry) | Message::Record(entry, _) => Some(entry),
                _ => None,
            })
        };
        let written = self.sink.write(entries());
        if entries().next().is_some() {
            let was_failing = self.state.failing.swap(written.is_err(), Ordering::Relaxed);
            if let (Err(error), false) = (&written, was_failing) {
                tracing::error!(%error, "the audit cannot be written: events are dropped and counted, operators refused");
            }
        }
        for message in batch.drain(..) {
            match message {
                Message::Note(_) if written.is_err() => drop(self.state.dropped.inc()),
                Message::Record(_, ack) => drop(ack.send(written.is_ok())),
                Message::Note(_) | Message::Wake => {}
                #[cfg(any(test, feature = "testkit"))]
                Message::Flush(ack) => drop(ack.send(())),
            }
        }
    }
}
