//! Tickets go with the first answer.
//!
//! When a client has said its last word in a handshake of TLS 1.3, all that the server has left to say is a ticket, for
//! another time. By itself that is a system call, a packet and a wake of the client, on every connection, and most jobs make
//! one for each push. So it is kept back until there is more to say: a twentieth of what such a connection costs.
//!
//! No client waits for a ticket. One that never asks for anything gets none.

use std::fmt;
use std::io::IoSlice;

/// The length of a record's header.
const HEADER: u8 = 5;
/// The type of a record that is encrypted in TLS 1.3. In the handshake of TLS 1.2 there is none of it.
const ENCRYPTED: u8 = 23;

/// What of a handshake's end is kept back.
pub(super) struct Tickets {
    stage: Stage,
    records: Records,
    kept: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was written.
    Silent,
    /// The server's part of the handshake was.
    Said,
    /// After it something encrypted has come, so what is written now is no part of the handshake.
    Heard,
    /// There is no handshake (any more).
    Over,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("stage", &self.stage).field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

impl Tickets {
    /// Of a connection whose handshake is to come.
    pub(super) fn awaited() -> Self {
        Self { stage: Stage::Silent, ..Self::none() }
    }

    /// Of one without TLS.
    pub(super) fn none() -> Self {
        Self { stage: Stage::Over, records: Records::default(), kept: Vec::new() }
    }

    /// These bytes have come from the client.
    pub(super) fn came(&mut self, bytes: &[u8]) {
        if matches!(self.stage, Stage::Silent | Stage::Said)
            && self.records.begins(bytes, ENCRYPTED)
            && self.stage == Stage::Said
        {
            self.stage = Stage::Heard;
        }
    }

    /// Something was written.
    pub(super) fn wrote(&mut self) {
        if self.stage == Stage::Silent {
            self.stage = Stage::Said;
        }
    }

    /// Keeps these back if they are to be; how many bytes that were.
    pub(super) fn keep(&mut self, bytes: &[IoSlice<'_>]) -> Option<usize> {
        if self.stage != Stage::Heard {
            return None;
        }
        let before = self.kept.len();
        bytes.iter().for_each(|bytes| self.kept.extend_from_slice(bytes));
        Some(self.kept.len().saturating_sub(before))
    }

    /// The handshake is over: what was kept goes before what is written next.
    pub(super) fn over(&mut self) {
        self.stage = Stage::Over;
        self.records = Records::default();
    }

    /// What is to be written before anything else.
    pub(super) fn kept(&self) -> &[u8] {
        if self.stage == Stage::Over { &self.kept } else { &[] }
    }

    /// So many bytes were written, of those kept first; returns how many were others.
    pub(super) fn written(&mut self, bytes: usize) -> usize {
        let kept = bytes.min(self.kept.len());
        if kept == self.kept.len() {
            self.kept = Vec::new();
        } else {
            self.kept.drain(..kept);
        }
        bytes.saturating_sub(kept)
    }
}

/// Where in the client's records the next byte stands.
#[derive(Clone, Copy, Debug, Default)]
struct Records {
    /// How many bytes of a header have come, and of them the type and the upper half of the length.
    header: u8,
    kind: u8,
    high: u8,
    /// How many bytes of the record are to come.
    left: usize,
}

impl Records {
    /// Whether a record of this type begins in what comes next.
    fn begins(&mut self, mut bytes: &[u8], wanted: u8) -> bool {
        let mut begins = false;
        loop {
            let (record, rest) = bytes.split_at(self.left.min(bytes.len()));
            self.left = self.left.saturating_sub(record.len());
            let Some((&byte, rest)) = rest.split_first() else { return begins };
            bytes = rest;
            match self.header {
                0 => self.kind = byte,
                3 => self.high = byte,
                _ => {}
            }
            self.header = (self.header + 1) % HEADER;
            if self.header == 0 {
                begins |= self.kind == wanted;
                self.left = usize::from(u16::from_be_bytes([self.high, byte]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of these types, each with two bytes in it.
    fn records(kinds: &[u8]) -> Vec<u8> {
        kinds.iter().flat_map(|kind| [*kind, 3, 3, 0, 2, ENCRYPTED, ENCRYPTED]).collect()
    }

    fn written(tickets: &mut Tickets, bytes: &[u8]) -> bool {
        let kept = tickets.keep(&[IoSlice::new(bytes)]).is_some();
        if !kept {
            tickets.wrote();
        }
        !kept
    }

    #[test]
    fn what_follows_the_clients_last_word_is_kept_however_that_comes_in_pieces() {
        let hello = records(&[22]);
        let last = records(&[20, 23]);
        for piece in 1..=last.len() {
            let mut tickets = Tickets::awaited();
            tickets.came(&hello);
            assert!(written(&mut tickets, b"server hello"));
            last.chunks(piece).for_each(|piece| tickets.came(piece));
            assert!(!written(&mut tickets, b"one") && !written(&mut tickets, b"two"), "{piece}");
            assert_eq!(tickets.kept(), b"");
            tickets.over();
            assert_eq!(tickets.kept(), b"onetwo");
            assert_eq!((tickets.written(2), tickets.kept()), (0, &b"etwo"[..]));
            assert_eq!((tickets.written(9), tickets.kept()), (5, &b""[..]));
        }
    }

    #[test]
    fn nothing_that_a_handshake_waits_for_is_kept() {
        let mut tickets = Tickets::awaited();
        // Early data that was not asked for, behind a first hello, and then a second one.
        tickets.came(&records(&[22, 23, 23]));
        assert!(written(&mut tickets, b"try again"));
        tickets.came(&records(&[20, 22]));
        assert!(written(&mut tickets, b"server hello"));
        // TLS 1.2 to its end.
        tickets.came(&records(&[22, 20, 22]));
        assert!(written(&mut tickets, b"ticket, finished"));
    }
}
