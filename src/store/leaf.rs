//! A page, which of its rows live, and what is rare of those.

use super::blocks::Blocks;
use super::moving::Moved;
use super::moving::Moving;
use super::page::Page;
use super::row::Flags;
use super::row::Lines;
use super::row::Rare;
use super::row::Row;
use crate::model::FamilyName;
use crate::model::FamilyView;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use std::ops::Range;
use std::sync::Arc;

/// A page, which of its rows live, and what is rare of those.
#[derive(Debug)]
#[repr(C)] // What writing over lines reads stands together, in front.
pub(super) struct Leaf {
    page: Arc<Page>,
    /// Those of all rows.
    flags: Flags,
    pub(super) blocks: Blocks,
    /// By row; shorter than the rows where the last ones have nothing rare. None of a row that is dead.
    rare: Vec<Option<Arc<Rare>>>,
    rare_bytes: usize,
    /// A bit for each row, set where it is dead; shorter where the last rows live.
    dead: Vec<u64>,
    dead_rows: u32,
    dead_bytes: usize,
}

/// A row as it was laid.
#[derive(Debug)]
pub(super) struct Laid {
    /// Its place among the rows.
    pub(super) at: u32,
    /// Where its lines stand.
    pub(super) range: Range<usize>,
    /// Whether it has nothing rare, and its lines can be written over.
    pub(super) is_plain: bool,
    pub(super) lines: usize,
}

impl Clone for Leaf {
    fn clone(&self) -> Self {
        let (page, rare, dead) = (self.page.clone(), self.rare.clone(), self.dead.clone());
        // It is copied to be changed, and then what was compressed is not what is there.
        Self { page, rare, dead, blocks: self.blocks.cleared(), ..*self }
    }
}

impl Leaf {
    /// A page that begins with this row. One that will be `filled` has all its room at once.
    pub(super) fn beginning(row: Row<'_>, flags: Flags, filled: bool) -> (Self, Laid) {
        let mut leaf = Self::of(Page::beginning(&row, filled), flags);
        let laid = leaf.laid(0, &row);
        note(&mut leaf.rare, &mut leaf.rare_bytes, 0, row.rare);
        (leaf, laid)
    }

    /// A page for these rows; one that will be `filled` has all its room at once.
    pub(super) fn empty(flags: Flags, rows: &Moving, filled: bool) -> Self {
        Self::of(Page::empty(rows.count(), rows.bytes(), filled), flags)
    }

    fn of(page: Page, flags: Flags) -> Self {
        let (rare, dead, blocks) = (Vec::new(), Vec::new(), Blocks::default());
        Self { page: Arc::new(page), flags, blocks, rare, rare_bytes: 0, dead, dead_rows: 0, dead_bytes: 0 }
    }

    /// Adds a row that the page takes, and says how many there were. The page is copied first if a reader holds it.
    pub(super) fn add(&mut self, row: Row<'_>) -> Laid {
        self.blocks.clear();
        let at = Arc::make_mut(&mut self.page).add(&row);
        let laid = self.laid(at, &row);
        note(&mut self.rare, &mut self.rare_bytes, at, row.rare);
        laid
    }

    fn laid(&self, at: u32, row: &Row<'_>) -> Laid {
        let is_plain = row.rare.is_none() && !self.page.is_one_rows();
        Laid { at, range: self.page.range(at), is_plain, lines: row.lines.count() }
    }

    /// Takes as many of the rows as the page takes, and of an empty page the first in any case; `laid` is told the number of each,
    /// its place among the rows now, and where its lines begin. The page is copied first if a reader holds it.
    pub(super) fn take(&mut self, rows: &mut Moving, mut laid: impl FnMut(u32, u32, usize)) {
        self.blocks.clear();
        let page = Arc::make_mut(&mut self.page);
        while let Some(len) = rows.next_len()
            && (page.takes(len) || page.rows() == 0)
            && let Some(Moved { entry, lines, rare }) = rows.next()
        {
            let (number, start) = (entry.row, page.text().len());
            let at = page.append(lines, entry.key, number);
            note(&mut self.rare, &mut self.rare_bytes, at, rare);
            laid(number, at, start);
        }
    }

    /// Its rows, to be laid elsewhere.
    pub(super) fn into_rows(self) -> Moving {
        let living = self.page.rows().saturating_sub(self.dead_rows as usize);
        let (bytes, page) = (self.living_bytes(), Arc::unwrap_or_clone(self.page));
        Moving::new(page, self.rare, self.dead, living, bytes)
    }

    /// Where lines are to be written over those there, which are all of a row that has nothing rare: if they are of this kind and the
    /// page was never compressed. No reader may have the leaf.
    pub(super) fn lines_to_overwrite(&mut self, range: Range<usize>, flags: Flags) -> Option<&mut [u8]> {
        if self.blocks.ever() || self.flags != flags {
            return None;
        }
        Arc::get_mut(&mut self.page)?.lines_to_overwrite(range)
    }

    /// Puts the lines in the place of those of the only row, which stand for themselves, as these do; the same holds of the row.
    pub(super) fn replace_whole(&mut self, at: u32, lines: Lines<'_>) -> bool {
        let plain = self.lives(at) && self.rare(at).is_none() && !self.blocks.ever();
        plain && Arc::get_mut(&mut self.page).is_some_and(|page| page.replace_whole(lines))
    }

    /// Gives back the room that is for more, unless a reader has it.
    pub(super) fn close(&mut self) {
        if let Some(page) = Arc::get_mut(&mut self.page) {
            page.close();
        }
        self.rare.shrink_to_fit();
    }

    /// What is true of all its rows.
    pub(super) fn flags(&self) -> Flags {
        self.flags
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
        self.dead_rows as usize >= self.page.rows()
    }

    /// Whether so much of it is dead that what lives is to be gathered elsewhere: a sixth by weight, which all pages come to
    /// where groups are pushed in turn. So five bytes are copied for each that is pushed, at most, and memory stays near the
    /// text.
    pub(super) fn is_sparse(&self) -> bool {
        let all = Page::weight(self.page.rows(), self.page.text().len());
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
        (at as usize) < self.page.rows() && bits & (1 << (at % 64)) == 0
    }

    /// The rows that live, from `at` on.
    pub(super) fn living(&self) -> impl Iterator<Item = u32> {
        (0..u32::try_from(self.page.rows()).unwrap_or(u32::MAX)).filter(|at| self.lives(*at))
    }

    pub(super) fn key(&self, at: u32) -> Option<&Arc<GroupingKey>> {
        self.page.key(at)
    }

    /// The number of the row in its column.
    pub(super) fn number(&self, at: u32) -> Option<u32> {
        self.page.number(at)
    }

    /// Gives each row that lives another number than it has. The page is copied first if a reader holds it.
    pub(super) fn renumber(&mut self, mut other: impl FnMut(u32) -> u32) {
        let living: Vec<u32> = self.living().collect();
        let page = Arc::make_mut(&mut self.page);
        for at in living {
            if let Some(number) = page.number(at) {
                page.set_number(at, other(number));
            }
        }
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
        let count = u32::try_from(self.page.rows()).unwrap_or(u32::MAX);
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
        plain.then(|| 0..u32::try_from(self.page.rows()).unwrap_or(u32::MAX))
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
        let Flags { renamed, utf8 } = self.flags;
        FamilyView { name, kind, help, lines: self.lines(rows), renamed, proto, utf8 }
    }
}

/// Takes down what is rare of a row, behind nothing for all that lie between.
fn note(list: &mut Vec<Option<Arc<Rare>>>, bytes: &mut usize, at: u32, rare: Option<Arc<Rare>>) {
    if let Some(rare) = rare {
        *bytes = bytes.saturating_add(rare.bytes());
        list.resize(at as usize, None);
        list.push(Some(rare));
    }
}
