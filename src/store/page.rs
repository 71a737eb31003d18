//! A page: lines of one family, of many groups, one behind the other.
//!
//! As texts of their own, lines would cost an allocation and a pointer each, and a scrape a jump through memory for each:
//! copying a million of them takes 21 ms out of small texts and 8 ms out of pages. A page is only ever added to, and only
//! while it is its column's youngest; what is replaced stays in it as a hole. Which rows live is not the page's business but
//! its [`Leaf`](super::leaf::Leaf)'s, so that a reader keeps the text while pushes go on marking.

use super::lengths::LineLengths;
use super::row::Lines;
use super::row::Row;
use super::spot::ROWS_MAX;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// A page of so many bytes is closed. Chosen: what is compressed at one time, and what is copied at one time where a reader
/// holds the youngest page.
pub(super) const PAGE: usize = 64 << 10;

/// The lines of a family that alone are as many are not copied but shared with the push they came by.
pub(super) const LARGE: usize = PAGE / 4;
const _: () = assert!(LARGE >= PreparedFamily::OWN_LINES, "fewer lines may keep a whole push alive");

/// What a row weighs besides its lines, where it is asked how much of a page is dead. Chosen: near what laying one costs, as
/// bytes that are copied, so that many tiny rows are not moved for a large one that dies among them.
const ROW: usize = 100;

/// Lines of one family, row by row.
#[derive(Clone, Debug)]
#[repr(C)] // As in its leaf.
pub(super) struct Page {
    text: Text,
    entries: Vec<Entry>,
    lengths: LineLengths,
}

#[derive(Clone, Debug)]
pub(super) enum Text {
    Gathered(Vec<u8>),
    /// One row's.
    Whole(Bytes),
}

/// What one group holds.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Arc<GroupingKey>,
    /// Where its lines end; those of the one before end where they begin.
    pub(super) end: u32,
    /// Its number in the column.
    pub(super) row: u32,
}

impl Text {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Gathered(text) => text,
            Self::Whole(text) => text,
        }
    }
}

impl Page {
    /// A page that begins with this row. One that will be `filled` has all its room at once.
    pub(super) fn beginning(row: &Row<'_>, filled: bool) -> Self {
        if let Lines::Pushed { shared, .. } = row.lines
            && row.lines.stand_alone()
        {
            let (text, lengths) = (Text::Whole(shared.clone()), LineLengths::default());
            let mut page = Self { text, entries: Vec::new(), lengths };
            page.enter(row.key.clone(), row.number);
            return page;
        }
        let mut page = Self::empty(1, row.lines.len(), filled);
        page.add(row);
        page
    }

    /// A page for so many rows of so many bytes.
    pub(super) fn empty(rows: usize, bytes: usize, filled: bool) -> Self {
        let (mut text, mut entries) = (Vec::with_capacity(if filled { PAGE } else { 0 }), Vec::new());
        grow(&mut text, bytes.min(PAGE));
        if filled {
            entries.reserve_exact(rows_expected(rows, bytes).max(rows));
        }
        grow(&mut entries, rows);
        Self { text: Text::Gathered(text), entries, lengths: LineLengths::default() }
    }

    /// Whether so many bytes may be added.
    pub(super) fn takes(&self, more: usize) -> bool {
        let has_room = |text: &Vec<u8>| text.len().saturating_add(more) <= PAGE && self.entries.len() < ROWS_MAX;
        matches!(&self.text, Text::Gathered(text) if more < LARGE && has_room(text))
    }

    /// Adds a row that the page takes, and says how many there were.
    pub(super) fn add(&mut self, row: &Row<'_>) -> u32 {
        self.append(row.lines.bytes(), row.key.clone(), row.number)
    }

    pub(super) fn append(&mut self, lines: &[u8], key: Arc<GroupingKey>, number: u32) -> u32 {
        if let Text::Gathered(text) = &mut self.text {
            grow(text, lines.len());
            text.extend_from_slice(lines);
        }
        let count = self.entries.len();
        grow(&mut self.entries, 1);
        self.enter(key, number);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn enter(&mut self, key: Arc<GroupingKey>, row: u32) {
        self.lengths.forget();
        // A page of more bytes has one row, whose end is that of the page.
        let end = u32::try_from(self.text().len()).unwrap_or(u32::MAX);
        self.entries.push(Entry { key, end, row });
    }

    /// Where lines stand that can be written over.
    pub(super) fn lines_to_overwrite(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        // As many bytes may be other lines.
        self.lengths.forget();
        match &mut self.text {
            Text::Gathered(text) => text.get_mut(range),
            Text::Whole(_) => None,
        }
    }

    /// Puts lines in the place of those of the only row, if both stand for themselves.
    pub(super) fn replace_whole(&mut self, lines: Lines<'_>) -> bool {
        self.lengths.forget();
        match (&mut self.text, lines) {
            (Text::Whole(text), Lines::Pushed { shared, .. }) if lines.stand_alone() => {
                text.clone_from(shared);
                true
            }
            _ => false,
        }
    }

    /// Whether it is one row's, and no other's.
    pub(super) fn is_one_rows(&self) -> bool {
        matches!(self.text, Text::Whole(_))
    }

    pub(super) fn text(&self) -> &[u8] {
        self.text.bytes()
    }

    /// How long its lines are, dead ones included; 0 of one that is longer than a byte says. Of a page that is larger than others
    /// nothing is known: it is not read at one time.
    pub(super) fn lengths(&self) -> &[u8] {
        if self.text().len() > PAGE { &[] } else { self.lengths.of(self.text()) }
    }

    /// Its lines, and its rows.
    pub(super) fn into_parts(self) -> (Text, Vec<Entry>) {
        (self.text, self.entries)
    }

    /// How many rows it has, dead ones included.
    pub(super) fn rows(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn key(&self, at: u32) -> Option<&Arc<GroupingKey>> {
        self.entries.get(at as usize).map(|entry| &entry.key)
    }

    /// The number of the row in its column.
    pub(super) fn number(&self, at: u32) -> Option<u32> {
        self.entries.get(at as usize).map(|entry| entry.row)
    }

    pub(super) fn set_number(&mut self, at: u32, number: u32) {
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.row = number;
        }
    }

    /// Gives back the room that is for more, where it is worth it: a page of the size of all pages is used again.
    pub(super) fn close(&mut self) {
        if let Text::Gathered(text) = &mut self.text
            && text.len() < text.capacity() / 8 * 7
        {
            text.shrink_to_fit();
        }
        if self.entries.len() < self.entries.capacity() / 8 * 7 {
            self.entries.shrink_to_fit();
        }
    }

    /// Whether more than half of its room is empty.
    pub(super) fn is_roomy(&self) -> bool {
        matches!(&self.text, Text::Gathered(text) if text.len() < text.capacity() / 2)
    }

    /// Bytes there is room for, those that are there included.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        match &self.text {
            Text::Gathered(text) => text.capacity(),
            Text::Whole(text) => text.len(),
        }
    }

    /// What a copy of it takes.
    pub(super) fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.text().len() + self.entries.len() * size_of::<Entry>()) as u64
    }

    pub(super) fn range(&self, at: u32) -> Range<usize> {
        let at = at as usize;
        let end = self.entries.get(at).map_or(0, |entry| entry.end as usize);
        let end = if at + 1 == self.entries.len() { self.text().len() } else { end };
        let start = at.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |entry| entry.end as usize);
        start..end
    }

    /// What so many rows with so many bytes of lines weigh.
    pub(super) fn weight(rows: usize, lines: usize) -> usize {
        rows.saturating_mul(ROW).saturating_add(lines)
    }
}

/// As many rows a page holds when it is full, if all are like these; in steps, so that the pages of a column have one size, and
/// what one gives back fits the next.
fn rows_expected(rows: usize, bytes: usize) -> usize {
    const STEP: usize = 64;
    /// More are not taken for granted: 16 KiB.
    const MAX: usize = 1024;
    let expected = PAGE.saturating_mul(rows).checked_div(bytes).unwrap_or(0);
    expected.next_multiple_of(STEP).min(MAX)
}

/// Room for `more`, in sizes of 2^n and half as much again: of sizes that are few and the same for all columns, what one gives
/// back fits the next, and a youngest page is a fifth empty on average and not a third.
fn grow<T>(list: &mut Vec<T>, more: usize) {
    let needed = list.len().saturating_add(more);
    if list.capacity() < needed {
        let above = (needed.max(4) * size_of::<T>()).next_power_of_two();
        let fitting = (above / 4 * 3 / size_of::<T>()).max(4);
        let room = if fitting >= needed { fitting } else { above / size_of::<T>() };
        list.reserve_exact(room.max(needed) - list.len());
    }
}

#[cfg(test)]
mod tests {
    use super::PAGE;
    use super::rows_expected;

    #[test]
    fn pages_of_rows_of_about_one_length_have_one_size_and_room_for_all_of_them() {
        let sizes: Vec<usize> = (106..=112).map(|bytes| rows_expected(1, bytes)).collect();
        assert!(sizes.iter().all(|rows| *rows == sizes[0]), "{sizes:?}");
        for bytes in 100..10_000 {
            assert!(rows_expected(1, bytes) >= PAGE / bytes);
        }
        assert!((0..100).all(|bytes| rows_expected(1, bytes) <= 1024), "however small the first row is");
    }
}
