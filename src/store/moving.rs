//! Rows of a page that was given up, on their way into others.
//!
//! They take their keys along: whoever would count another holder of each, and one less where they stood, would look for every
//! key in memory, which is most of what moving a row costs where there are many groups.

use super::page::Entry;
use super::page::Page;
use super::page::Text;
use super::row::Rare;
use std::sync::Arc;
use std::vec;

/// Those that live and have not been taken yet.
#[derive(Debug)]
pub(super) struct Moving {
    text: Text,
    entries: vec::IntoIter<Entry>,
    rare: Vec<Option<Arc<Rare>>>,
    dead: Vec<u64>,
    /// The first that is left, and where its lines begin.
    at: u32,
    start: usize,
    count: usize,
    bytes: usize,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Moved<'m> {
    pub(super) entry: Entry,
    pub(super) lines: &'m [u8],
    pub(super) rare: Option<Arc<Rare>>,
}

impl Moving {
    /// All of a page but those that are `dead`, of which `count` with so many bytes of lines live.
    pub(super) fn new(page: Page, rare: Vec<Option<Arc<Rare>>>, dead: Vec<u64>, count: usize, bytes: usize) -> Self {
        let (text, entries) = page.into_parts();
        Self { text, entries: entries.into_iter(), rare, dead, at: 0, start: 0, count, bytes }
    }

    /// How many are left.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The bytes of their lines.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes of the next one's lines.
    pub(super) fn next_len(&mut self) -> Option<usize> {
        while let Some(entry) = self.entries.as_slice().first() {
            let end = entry.end as usize;
            let bits = self.dead.get(self.at as usize / 64).copied().unwrap_or_default();
            if bits & (1 << (self.at % 64)) == 0 {
                return Some(end.saturating_sub(self.start));
            }
            self.entries.next();
            (self.at, self.start) = (self.at.saturating_add(1), end);
        }
        None
    }

    pub(super) fn next(&mut self) -> Option<Moved<'_>> {
        let len = self.next_len()?;
        let entry = self.entries.next()?;
        let rare = self.rare.get_mut(self.at as usize).and_then(Option::take);
        let lines = self.start..entry.end as usize;
        (self.at, self.start) = (self.at.saturating_add(1), lines.end);
        (self.count, self.bytes) = (self.count.saturating_sub(1), self.bytes.saturating_sub(len));
        Some(Moved { entry, lines: self.text.bytes().get(lines).unwrap_or_default(), rare })
    }
}
