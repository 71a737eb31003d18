//! How long the lines of a page are, found once for all who read it.
//!
//! An operator's label is put into each line, and to look for where a line ends takes as long as to copy it. A page is read many
//! times before it changes, so what was found is kept beside it: a byte for each line.

use std::sync::OnceLock;

/// The lengths of a page's lines, once somebody has asked.
#[derive(Debug, Default)]
pub(super) struct LineLengths(OnceLock<Box<[u8]>>);

impl Clone for LineLengths {
    fn clone(&self) -> Self {
        // A page is copied to be changed.
        Self::default()
    }
}

impl LineLengths {
    /// Those of the lines of `text`, line feeds included; 0 of one that is longer than a byte says. The text is what it was when
    /// this was asked last, or they were forgotten since.
    pub(super) fn of(&self, text: &[u8]) -> &[u8] {
        self.0.get_or_init(|| measured(text))
    }

    /// The text changes.
    pub(super) fn forget(&mut self) {
        self.0.take();
    }
}

/// How far somebody has read the lengths of a page: so many lines, which are so many bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reached {
    line: usize,
    bytes: usize,
}

impl Reached {
    /// The lengths of the lines from byte `start` of their page on, which is none of those that were asked for before; nothing if
    /// a line before it is too long to be known.
    pub(super) fn from<'l>(&mut self, start: usize, lengths: &'l [u8]) -> &'l [u8] {
        while self.bytes < start {
            match lengths.get(self.line) {
                Some(length) if *length > 0 => self.bytes += usize::from(*length),
                _ => return &[],
            }
            self.line += 1;
        }
        lengths.get(self.line..).unwrap_or_default()
    }
}

fn measured(text: &[u8]) -> Box<[u8]> {
    // Counted first, so that it takes no more than it is to keep.
    let mut lengths = Vec::with_capacity(memchr::memchr_iter(b'\n', text).count());
    let mut from = 0;
    for feed in memchr::memchr_iter(b'\n', text) {
        lengths.push(u8::try_from(feed + 1 - from).unwrap_or(0));
        from = feed + 1;
    }
    lengths.into()
}
