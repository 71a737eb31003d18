//! How hard an attack is, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

/// The bounds of an attack. It stops at the first that is met.
#[derive(Clone, Copy)]
pub(crate) struct Force {
    began: Instant,
    pub(crate) time: Duration,
    /// Tries in all.
    most: u64,
    /// Connections at one time, where the attack is one of many connections.
    pub(crate) lines: usize,
    /// Whether the attacker's last connections are kept until we end them, however long that takes.
    pub(crate) stays: bool,
}

impl Force {
    pub(crate) fn new(time: Duration, most: u64, lines: usize) -> Self {
        Self { began: Instant::now(), time, most, lines, stays: false }
    }

    /// The same, with an attacker who stays.
    pub(crate) fn staying(self) -> Self {
        Self { stays: true, ..self }
    }

    /// The same, from now on.
    pub(crate) fn begun(self) -> Self {
        Self { began: Instant::now(), ..self }
    }

    pub(crate) fn goes_on(&self, tally: &Tally) -> bool {
        tally.tries < self.most && self.began.elapsed() < self.time
    }
}

/// What an attacker has seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Connections, requests or frames: whatever the attack is made of.
    pub(crate) tries: u64,
    /// Bytes sent above TCP and TLS.
    pub(crate) bytes: u64,
    /// Connections that were made, where they are counted.
    pub(crate) opened: u64,
    /// Connections that the gateway ended.
    pub(crate) closed: u64,
    /// Answers by status.
    pub(crate) answers: BTreeMap<u16, u64>,
}

impl Tally {
    pub(crate) fn answered(&mut self, status: u16) {
        *self.answers.entry(status).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.tries += other.tries;
        self.bytes += other.bytes;
        self.closed += other.closed;
        self.opened += other.opened;
        for (status, count) in other.answers {
            *self.answers.entry(status).or_default() += count;
        }
    }
}
