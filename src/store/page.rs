//! A page: lines of one family, of many groups, one behind the other.
//!
//! As texts of their own, lines would cost an allocation and a pointer each, and a scrape a jump through memory for each:
//! copying a million of them takes 21 ms out of small texts and 8 ms out of pages. A page is only ever added to, and only
//! while it is its column's youngest; what is replaced stays in it as a hole. Which rows live is not the page's business but
//! its [`Leaf`]'s, so that a reader keeps the text while pushes go on marking.

use super::blocks::Blocks;
use super::row::Flags;
use super::row::Lines;
use super::row::Rare;
use super::row::Row;
use crate::model::FamilyName;
use crate::model::FamilyView;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// A page of so many bytes is closed. Chosen: what is compressed at one time, and what is copied at one time where a reader
/// holds the youngest page.
pub(super) const PAGE: usize = 64 << 10;

/// The lines of a family that alone are as many are not copied but shared with the push they came by.
const LARGE: usize = PAGE / 4;
const _: () = assert!(LARGE >= PreparedFamily::OWN_LINES, "fewer lines may keep a whole push alive");

/// What a row weighs besides its lines, where it is asked how much of a page is dead. Chosen: near what laying one costs, as
/// bytes that are copied, so that many tiny rows are not moved for a large one that dies among them.
const ROW: usize = 100;

/// Lines of one family, row by row.
#[derive(Clone, Debug)]
pub(super) struct Page {
    text: Text,
    entries: Vec<Entry>,
    flags: Flags,
}

#[derive(Clone, Debug)]
enum Text {
    Gathered(Vec<u8>),
    /// One row's.
    Whole(Bytes),
}

/// What one group holds.
#[derive(Clone, Debug)]
struct Entry {
    key: Arc<GroupingKey>,
    /// Where its lines end; those of the one before end where they begin.
    end: u32,
    /// Its number in the column.
    row: u32,
}

impl Page {
    /// A page that begins with this row. Where its column has `others`, it will be filled as well and has all its room at once.
    fn beginning(row: &Row<'_>, flags: Flags, others: bool) -> Self {
        let lines = match row.lines {
            Lines::Pushed(lines) if lines.len() >= LARGE => {
                let mut page = Self { text: Text::Whole(lines.clone()), entries: Vec::new(), flags };
                page.enter(row);
                return page;
            }
            Lines::Pushed(lines) => lines.as_ref(),
            Lines::Gathered(lines) => lines,
        };
        let mut text = Vec::with_capacity(if others { PAGE } else { 0 });
        grow(&mut text, lines.len());
        text.extend_from_slice(lines);
        let mut page = Self { text: Text::Gathered(text), entries: Vec::new(), flags };
        page.enter(row);
        page
    }

    /// Whether so many bytes may be added.
    pub(super) fn takes(&self, more: usize) -> bool {
        matches!(&self.text, Text::Gathered(text) if more < LARGE && text.len().saturating_add(more) <= PAGE)
    }

    /// Adds a row that the page takes, and says how many there were.
    fn add(&mut self, row: &Row<'_>) -> u32 {
        let lines = match row.lines {
            Lines::Pushed(lines) => lines.as_ref(),
            Lines::Gathered(lines) => lines,
        };
        if let Text::Gathered(text) = &mut self.text {
            grow(text, lines.len());
            text.extend_from_slice(lines);
        }
        let count = self.entries.len();
        grow(&mut self.entries, 1);
        self.enter(row);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn enter(&mut self, row: &Row<'_>) {
        // A page of more bytes has one row, whose end is that of the page.
        let end = u32::try_from(self.text().len()).unwrap_or(u32::MAX);
        self.entries.push(Entry { key: row.key.clone(), end, row: row.number });
    }

    fn text(&self) -> &[u8] {
        match &self.text {
            Text::Gathered(text) => text,
            Text::Whole(text) => text,
        }
    }

    pub(super) fn flags(&self) -> Flags {
        self.flags
    }

    /// Gives back the room that is for more, where it is worth it: a page of the size of all pages is used again.
    fn close(&mut self) {
        if let Text::Gathered(text) = &mut self.text
            && text.len() < text.capacity() / 8 * 7
        {
            text.shrink_to_fit();
        }
        self.entries.shrink_to_fit();
    }

    /// What a copy of it takes.
    pub(super) fn bytes(&self) -> u64 {
        (size_of::<Self>() + self.text().len() + self.entries.len() * size_of::<Entry>()) as u64
    }

    fn range(&self, at: u32) -> Range<usize> {
        let at = at as usize;
        let end = self.entries.get(at).map_or(0, |entry| entry.end as usize);
        let end = if at + 1 == self.entries.len() { self.text().len() } else { end };
        let start = at.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |entry| entry.end as usize);
        start..end
    }

    /// What so many rows with so many bytes of lines weigh.
    fn weight(rows: usize, lines: usize) -> usize {
        rows.saturating_mul(ROW).saturating_add(lines)
    }
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

/// A page, which of its rows live, and what is rare of those.
#[derive(Debug)]
pub(super) struct Leaf {
    page: Arc<Page>,
    /// By row; shorter than the rows where the last ones have nothing rare. None of a row that is dead.
    rare: Vec<Option<Arc<Rare>>>,
    rare_bytes: usize,
    /// A bit for each row, set where it is dead; shorter where the last rows live.
    dead: Vec<u64>,
    dead_rows: u32,
    dead_bytes: usize,
    pub(super) blocks: Blocks,
}

impl Clone for Leaf {
    fn clone(&self) -> Self {
        let (page, rare, dead) = (self.page.clone(), self.rare.clone(), self.dead.clone());
        // It is copied to be changed, and then what was compressed is not what is there.
        Self { page, rare, dead, blocks: Blocks::default(), ..*self }
    }
}

impl Leaf {
    /// A page that begins with this row. Where its column has `others`, it will be filled as well and has all its room at once.
    pub(super) fn beginning(row: Row<'_>, flags: Flags, others: bool) -> Self {
        let page = Arc::new(Page::beginning(&row, flags, others));
        let (rare, dead, blocks) = (Vec::new(), Vec::new(), Blocks::default());
        let mut leaf = Self { page, rare, rare_bytes: 0, dead, dead_rows: 0, dead_bytes: 0, blocks };
        leaf.note(0, row.rare);
        leaf
    }

    /// Adds a row that the page takes, and says how many there were. The page is copied first if a reader holds it.
    pub(super) fn add(&mut self, row: Row<'_>) -> u32 {
        self.blocks.clear();
        let at = Arc::make_mut(&mut self.page).add(&row);
        self.note(at, row.rare);
        at
    }

    fn note(&mut self, at: u32, rare: Option<Arc<Rare>>) {
        if let Some(rare) = rare {
            self.rare_bytes = self.rare_bytes.saturating_add(rare.bytes());
            self.rare.resize(at as usize, None);
            self.rare.push(Some(rare));
        }
    }

    /// Gives back the room that is for more, unless a reader has it.
    pub(super) fn close(&mut self) {
        if let Some(page) = Arc::get_mut(&mut self.page) {
            page.close();
        }
        self.rare.shrink_to_fit();
    }

    pub(super) fn page(&self) -> &Page {
        &self.page
    }

    /// What a copy of the page would take, where a reader holds it.
    pub(super) fn page_shared(&self) -> u64 {
        if Arc::strong_count(&self.page) > 1 { self.page.bytes() } else { 0 }
    }

    /// What a copy of it takes, its page aside.
    pub(super) fn bytes(&self) -> u64 {
        (size_of::<Self>() + size_of_val(&*self.dead) + size_of_val(&*self.rare)) as u64
    }

    /// Notes that the row is not held any more, and lets go of what it has that is rare.
    pub(super) fn kill(&mut self, at: u32) {
        let (word, bit) = (at as usize / 64, 1_u64 << (at % 64));
        if self.dead.len() <= word {
            self.dead.resize(word + 1, 0);
        }
        if let Some(bits) = self.dead.get_mut(word).filter(|bits| **bits & bit == 0) {
            *bits |= bit;
            self.dead_rows = self.dead_rows.saturating_add(1);
            self.dead_bytes = self.dead_bytes.saturating_add(self.page.range(at).len());
            let rare = self.rare.get_mut(at as usize).and_then(Option::take);
            self.rare_bytes = self.rare_bytes.saturating_sub(rare.map_or(0, |rare| rare.bytes()));
        }
        self.blocks.clear();
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead_rows as usize >= self.page.entries.len()
    }

    /// Whether so much of it is dead that what lives is to be gathered elsewhere: a sixth by weight, which all pages come to
    /// where groups are pushed in turn. So five bytes are copied for each that is pushed, at most, and memory stays near the
    /// text.
    pub(super) fn is_sparse(&self) -> bool {
        let all = Page::weight(self.page.entries.len(), self.page.text().len());
        Page::weight(self.dead_rows as usize, self.dead_bytes).saturating_mul(6) > all
    }

    /// The bytes of what few families have, of the rows that live.
    pub(super) fn rare_bytes(&self) -> usize {
        self.rare_bytes
    }

    /// The bytes of the lines that live.
    pub(super) fn living_bytes(&self) -> usize {
        self.page.text().len().saturating_sub(self.dead_bytes)
    }

    pub(super) fn lives(&self, at: u32) -> bool {
        let bits = self.dead.get(at as usize / 64).copied().unwrap_or_default();
        (at as usize) < self.page.entries.len() && bits & (1 << (at % 64)) == 0
    }

    /// The rows that live, from `at` on.
    pub(super) fn living(&self) -> impl Iterator<Item = u32> {
        (0..u32::try_from(self.page.entries.len()).unwrap_or(u32::MAX)).filter(|at| self.lives(*at))
    }

    pub(super) fn key(&self, at: u32) -> Option<&Arc<GroupingKey>> {
        self.page.entries.get(at as usize).map(|entry| &entry.key)
    }

    /// The number of the row in its column.
    pub(super) fn number(&self, at: u32) -> Option<u32> {
        self.page.entries.get(at as usize).map(|entry| entry.row)
    }

    /// Gives each row that lives another number. The page is copied first if a reader holds it.
    pub(super) fn renumber(&mut self, mut number: impl FnMut(u32) -> u32) {
        let living: Vec<u32> = self.living().collect();
        let page = Arc::make_mut(&mut self.page);
        for at in living {
            if let Some(entry) = page.entries.get_mut(at as usize) {
                entry.row = number(at);
            }
        }
    }

    /// The row as it is to be laid into another page.
    pub(super) fn row(&self, at: u32) -> Option<Row<'_>> {
        let entry = self.page.entries.get(at as usize)?;
        let lines = Lines::Gathered(self.lines(at..at.saturating_add(1)));
        Some(Row { key: &entry.key, lines, rare: self.rare(at).cloned(), number: entry.row })
    }

    /// The lines of neighbours.
    pub(super) fn lines(&self, rows: Range<u32>) -> &[u8] {
        let Some(last) = rows.end.checked_sub(1).filter(|last| *last >= rows.start) else { return &[] };
        self.page.text().get(self.page.range(rows.start).start..self.page.range(last).end).unwrap_or_default()
    }

    pub(super) fn rare(&self, at: u32) -> Option<&Arc<Rare>> {
        self.rare.get(at as usize)?.as_ref()
    }

    /// The first rows from `from` on that stand together and of which one can be read with the others: all that `wanted`
    /// lets through, up to one with metrics kept as protobuf, which stands alone.
    pub(super) fn run(&self, from: u32, wanted: impl Fn(&GroupingKey) -> bool) -> Option<Range<u32>> {
        let count = u32::try_from(self.page.entries.len()).unwrap_or(u32::MAX);
        let is_wanted = |at: &u32| self.lives(*at) && self.key(*at).is_some_and(|key| wanted(key));
        let start = (from..count).find(is_wanted)?;
        if self.stands_alone(start) {
            return Some(start..start + 1);
        }
        let end = (start + 1..count).find(|at| !is_wanted(at) || self.stands_alone(*at)).unwrap_or(count);
        Some(start..end)
    }

    /// Of whom nobody can be left out: all that live, where all do.
    pub(super) fn whole(&self) -> Option<Range<u32>> {
        let plain = self.dead_rows == 0 && self.rare.is_empty();
        plain.then(|| 0..u32::try_from(self.page.entries.len()).unwrap_or(u32::MAX))
    }

    fn stands_alone(&self, at: u32) -> bool {
        self.rare(at).is_some_and(|rare| !rare.proto.is_empty())
    }

    /// These rows of a family so called.
    pub(super) fn view<'v>(
        &'v self,
        rows: Range<u32>,
        name: &'v FamilyName,
        kind: MetricKind,
        opened_with: &'v str,
    ) -> FamilyView<'v> {
        let rare = self.rare(rows.start);
        let help = rare.and_then(|rare| rare.help.as_deref()).unwrap_or(opened_with);
        let proto: &[u8] = rare.map(|rare| &*rare.proto).unwrap_or_default();
        let Flags { renamed, utf8 } = self.page.flags();
        FamilyView { name, kind, help, lines: self.lines(rows), renamed, proto, utf8 }
    }
}
