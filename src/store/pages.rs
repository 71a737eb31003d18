//! The pages of one column, and where each of its rows stands in them.
//!
//! A push lays its lines at the end of the youngest page and leaves holes where they stood before, so what a group pushes
//! again and again gathers there, while pages of groups that rest stay as they are, and stay compressed. What is pushed after
//! a scrape begins a page of its own, so that the next scrape finds all that is new together. A page of which a
//! sixth is holes, by weight, is given up: what lives of it is laid at the end of the youngest page again. So a push costs what it
//! carries and at most five times that of others, and never more than one page at a time for each family.
//!
//! Where nobody reads a page and it was never compressed, lines of as many bytes and as many lines as those before them are written
//! over them, if the row has nothing rare: then there is no hole, and nothing to gather. That spares a push that comes again before the next scrape three quarters of
//! what laying it costs.

use super::chunks::Chunks;
use super::leaf::Leaf;
use super::row::Flags;
use super::row::Lines;
use super::row::Row;
use super::spot::Plain;
use super::spot::Spot;
use crate::model::GroupingKey;
use std::sync::Arc;

/// No row, and no page.
const NONE: u32 = u32::MAX;

/// A list of no more spots is left as it is: three quarters of a KiB, in one chunk.
const FEW: u32 = 64;

/// A page of so many bytes that is read or was compressed takes no more. Chosen: compressing it takes some tens of microseconds.
const WORTH: usize = 8 << 10;

/// Rows whose spots are copied at one time. Chosen: 3 KiB, and of a hundred thousand rows the list of chunks is 6 KiB, which a
/// cache keeps for all columns.
const CHUNK: usize = 256;

/// One column's pages.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// Behind an `Arc` that a snapshot shares: the first push afterwards copies the list. `None`: a page that was given up.
    leaves: Arc<Vec<Option<Arc<Leaf>>>>,
    free_leaves: Vec<u32>,
    /// The youngest page of each kind, to which rows are added.
    youngest: [u32; Flags::COUNT],
    /// By number. Numbers are used again, and where the list is four times as long as it has to be, all are given anew
    /// ([`Pages::renumber`]): no quota counts it.
    spots: Chunks<Spot, CHUNK>,
    free_spot: u32,
    held: u32,
}

impl Default for Pages {
    fn default() -> Self {
        let (leaves, free_leaves, spots) = (Arc::default(), Vec::new(), Chunks::default());
        Self { leaves, free_leaves, youngest: [NONE; Flags::COUNT], spots, free_spot: NONE, held: 0 }
    }
}

impl Pages {
    /// How many rows live.
    pub(super) fn held(&self) -> u32 {
        self.held
    }

    /// The pages, in no order that means anything.
    pub(super) fn leaves(&self) -> impl Iterator<Item = &Arc<Leaf>> {
        self.leaves.iter().flatten()
    }

    /// The `nth` page, if there is one; [`Pages::count`] is behind the last.
    pub(super) fn leaf(&self, nth: usize) -> Option<&Arc<Leaf>> {
        self.leaves.get(nth)?.as_ref()
    }

    pub(super) fn count(&self) -> usize {
        self.leaves.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<GroupingKey>> {
        self.leaves().flat_map(|leaf| leaf.living().filter_map(|at| leaf.key(at)))
    }

    /// The page in which the row stands, and where.
    pub(super) fn find(&self, row: u32) -> Option<(&Arc<Leaf>, u32)> {
        let (leaf, at) = self.spots.get(row)?.place()?;
        Some((self.leaf(leaf as usize)?, at))
    }

    /// The row, if it has lines and nothing besides; that takes one look into memory.
    #[inline]
    pub(super) fn plain(&self, row: u32) -> Option<Plain> {
        self.spots.get(row)?.plain()
    }

    /// Whether the row has so many bytes of lines, and nothing besides.
    #[inline]
    pub(super) fn fits(&self, row: u32, len: usize) -> bool {
        self.plain(row).is_some_and(|plain| plain.range.len() == len)
    }

    /// The lines of the row.
    pub(super) fn lines(&self, row: u32) -> Option<&[u8]> {
        if let Some(Plain { leaf, range, .. }) = self.plain(row) {
            return self.leaf(leaf as usize)?.page().text().get(range);
        }
        self.find(row).map(|(leaf, at)| leaf.lines(at..at + 1))
    }

    /// A byte or two of the row's lines, if they may be written over, with as many bytes if it says so: nothing but a look at
    /// whatever that takes.
    #[inline]
    pub(super) fn look_at(&self, row: u32, len: Option<usize>) -> Option<u8> {
        let fits = |plain: &Plain| len.is_none_or(|len| plain.range.len() == len);
        let Plain { leaf, range, .. } = self.plain(row).filter(fits)?;
        let leaf = self.leaf(leaf as usize).filter(|leaf| !leaf.blocks.ever())?;
        let lines = leaf.page().text().get(range)?;
        Some(lines.first()? ^ lines.last()?)
    }

    /// Lays a row that is new, whatever its number says, and says its number and what is copied since a reader holds it.
    pub(super) fn insert(&mut self, row: Row<'_>, flags: Flags) -> (u32, u64) {
        let free = self.spots.get(self.free_spot).and_then(|spot| Some((self.free_spot, spot.next_free()?)));
        let number = match free {
            Some((number, next)) => {
                self.free_spot = next;
                number
            }
            None => self.spots.insert(Spot::free(NONE)),
        };
        self.held = self.held.saturating_add(1);
        let copied = self.lay(Row { number, ..row }, flags);
        (number, copied)
    }

    /// Where lines are to be written over those of the row so numbered, if that takes no other place: they are as many bytes and as
    /// many lines, all of the row that is not lines stays, no reader has the page, and it was never compressed.
    pub(super) fn lines_to_overwrite(&mut self, number: u32, lines: Lines<'_>, flags: Flags) -> Option<&mut [u8]> {
        let plain = self.plain(number).filter(|plain| plain.range.len() == lines.len())?;
        if lines.count() as u64 != plain.lines {
            return None;
        }
        self.sole_leaf(plain.leaf)?.lines_to_overwrite(plain.range, flags)
    }

    /// Writes lines over those of the row so numbered, where they have a place ([`Pages::lines_to_overwrite`]) or the row is a page that they
    /// come to be. False: nothing is changed.
    pub(super) fn overwrite(&mut self, number: u32, lines: Lines<'_>, flags: Flags) -> bool {
        if lines.stand_alone() {
            let place = self.spots.get(number).and_then(|spot| spot.place());
            return place.is_some_and(|(leaf, at)| {
                self.sole_leaf(leaf).is_some_and(|leaf| leaf.flags() == flags && leaf.replace_whole(at, lines))
            });
        }
        self.lines_to_overwrite(number, lines, flags).is_some_and(|place| {
            place.copy_from_slice(lines.bytes());
            true
        })
    }

    /// A page, if no reader has it.
    fn sole_leaf(&mut self, number: u32) -> Option<&mut Leaf> {
        Arc::get_mut(Arc::get_mut(&mut self.leaves)?.get_mut(number as usize)?.as_mut()?)
    }

    /// Lays a row in the place of the one of its number; what is copied since a reader holds it.
    pub(super) fn replace(&mut self, row: Row<'_>, flags: Flags) -> u64 {
        let before = self.spots.get(row.number).and_then(|spot| spot.place());
        // In this order: whether the youngest page is left as it is, is asked before anything in it is taken away.
        let copied = self.lay(row, flags);
        copied.saturating_add(before.map_or(0, |place| self.kill(place)))
    }

    /// Takes a row away; what is copied since a reader holds it.
    pub(super) fn remove(&mut self, number: u32) -> u64 {
        let Some(place) = self.spots.get(number).and_then(|spot| spot.place()) else { return 0 };
        let copied = self.spots.copied_by(number);
        self.spots.replace(number, Spot::free(self.free_spot));
        self.free_spot = number;
        self.held = self.held.saturating_sub(1);
        copied.saturating_add(self.kill(place))
    }

    /// Whether its rows are worth being numbered anew.
    pub(super) fn is_wide(&self) -> bool {
        self.spots.len() > FEW && self.held < self.spots.len() / 4
    }

    /// Numbers its rows anew, without a gap; what is copied since a reader holds it. Who knows a row by its number is to be
    /// told the other ([`Pages::numbers`]).
    pub(super) fn renumber(&mut self) -> u64 {
        let (before, mut spots, mut copied) = (&self.spots, Chunks::default(), self.list_shared());
        for leaf in Arc::make_mut(&mut self.leaves).iter_mut().flatten() {
            copied = copied.saturating_add(with_page(leaf));
            Arc::make_mut(leaf).renumber(|number| spots.insert(before.get(number).copied().unwrap_or_default()));
        }
        (self.spots, self.free_spot) = (spots, NONE);
        copied
    }

    /// Whose rows there are, and their numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&Arc<GroupingKey>, u32)> {
        self.leaves().flat_map(|leaf| leaf.living().filter_map(|at| Some((leaf.key(at)?, leaf.number(at)?))))
    }

    /// Puts a row at the end of the youngest page, or of a new one.
    fn lay(&mut self, row: Row<'_>, flags: Flags) -> u64 {
        let (number, more) = (row.number, row.lines.len());
        let mut copied = self.spots.copied_by(number).saturating_add(self.list_shared());
        let alone = row.lines.stand_alone();
        let spot = match if alone { None } else { self.youngest_for(more, flags) } {
            Some(youngest) => self.leaf_mut(youngest).map(|leaf| {
                copied = copied.saturating_add(with_page(leaf));
                Spot::of(youngest, &Arc::make_mut(leaf).add(row))
            }),
            None => {
                let filled = self.will_be_filled(more, flags);
                let (leaf, laid) = Leaf::beginning(row, flags, filled);
                let leaf = self.open(leaf);
                if !alone {
                    self.is_youngest(leaf, flags);
                }
                Some(Spot::of(leaf, &laid))
            }
        };
        if let Some(spot) = spot {
            self.spots.replace(number, spot);
        }
        copied
    }

    fn leaf_mut(&mut self, number: u32) -> Option<&mut Arc<Leaf>> {
        Arc::make_mut(&mut self.leaves).get_mut(number as usize)?.as_mut()
    }

    /// The youngest page, if it takes so many bytes more; if not, it is closed. One that is read or was compressed and is worth it
    /// stays as it is: nothing is copied then, and what groups push again before the next scrape is all that this has to
    /// compress. Not one with much room left that a reader holds: it could not be given back.
    fn youngest_for(&mut self, more: usize, flags: Flags) -> Option<u32> {
        let youngest = self.youngest.get(flags.number()).copied()?;
        let leaf = self.leaf(youngest as usize)?;
        let page = leaf.page();
        let is_read = self.list_shared() > 0 || Arc::strong_count(leaf) > 1 || leaf.page_shared() > 0;
        let stays = if is_read { !page.is_roomy() } else { leaf.blocks.ever() };
        if page.takes(more) && !(stays && page.text().len() >= WORTH) {
            return Some(youngest);
        }
        // Whoever holds it has it with the room that was for more.
        if let Some(leaf) = self.leaf_mut(youngest).and_then(Arc::get_mut) {
            leaf.close();
        }
        None
    }

    /// Whether a page that is begun now will be filled, as far as can be told: there are others, and the youngest was.
    fn will_be_filled(&self, more: usize, flags: Flags) -> bool {
        let youngest = self.youngest.get(flags.number()).and_then(|youngest| self.leaf(*youngest as usize));
        self.leaves().nth(1).is_some() && youngest.is_some_and(|leaf| !leaf.page().takes(more))
    }

    fn open(&mut self, leaf: Leaf) -> u32 {
        let leaves = Arc::make_mut(&mut self.leaves);
        let leaf = Some(Arc::new(leaf));
        // A tenant's pages are bounded by its bytes, and so by far less than 2^32.
        let number = self.free_leaves.pop().unwrap_or(u32::try_from(leaves.len()).unwrap_or(NONE));
        match leaves.get_mut(number as usize) {
            Some(place) => *place = leaf,
            None => {
                if leaves.len() == leaves.capacity() {
                    leaves.reserve_exact((leaves.len() / 4).max(1));
                }
                leaves.push(leaf);
            }
        }
        number
    }

    fn is_youngest(&mut self, leaf: u32, flags: Flags) {
        if let Some(youngest) = self.youngest.get_mut(flags.number()) {
            *youngest = leaf;
        }
    }

    /// What stood there is not held any more. If too much of its page is dead then, the rest is gathered.
    fn kill(&mut self, (number, at): (u32, u32)) -> u64 {
        let list = self.list_shared();
        let leaves = Arc::make_mut(&mut self.leaves);
        let Some(place) = leaves.get_mut(number as usize) else { return list };
        let Some(leaf) = place else { return list };
        let copied = list.saturating_add(shared(leaf));
        let changed = Arc::make_mut(leaf);
        changed.kill(at);
        if !changed.is_dead() && !changed.is_sparse() {
            return copied;
        }
        let given_up = place.take();
        for youngest in self.youngest.iter_mut().filter(|youngest| **youngest == number) {
            *youngest = NONE;
        }
        self.free_leaves.push(number);
        copied.saturating_add(given_up.map_or(0, |leaf| self.gather(leaf)))
    }

    /// Lays what lives of a page that was given up behind what was pushed last: as many rows at one time as a page takes, since
    /// one by one they would cost five times as much as the push that gave it up.
    fn gather(&mut self, leaf: Arc<Leaf>) -> u64 {
        if leaf.is_dead() {
            return 0;
        }
        let mut copied = if leaf.page_shared() > 0 { leaf.living_bytes() as u64 } else { 0 };
        let flags = leaf.flags();
        let mut rest = Arc::unwrap_or_clone(leaf).into_rows();
        while let Some(more) = rest.next_len() {
            copied = copied.saturating_add(self.list_shared());
            let number = self.youngest_for(more, flags).unwrap_or_else(|| {
                let filled = self.will_be_filled(more, flags);
                let opened = self.open(Leaf::empty(flags, &rest, filled));
                self.is_youngest(opened, flags);
                opened
            });
            let (leaves, mut spots) = (Arc::make_mut(&mut self.leaves), self.spots.rows_mut());
            let Some(leaf) = leaves.get_mut(number as usize).and_then(Option::as_mut) else { return copied };
            copied = copied.saturating_add(with_page(leaf));
            Arc::make_mut(leaf)
                .take(&mut rest, |row, at, start| spots.change(row, |spot| *spot = spot.moved(number, at, start)));
            copied = copied.saturating_add(spots.copied());
        }
        copied
    }

    fn list_shared(&self) -> u64 {
        let shared = Arc::strong_count(&self.leaves) > 1;
        if shared { (self.leaves.len() * size_of::<Option<Arc<Leaf>>>()) as u64 } else { 0 }
    }
}

/// What a change of it copies since a reader holds it.
fn shared(leaf: &Arc<Leaf>) -> u64 {
    if Arc::strong_count(leaf) > 1 { leaf.bytes() } else { 0 }
}

/// The same of a change of its page too: whoever holds the leaf holds that.
fn with_page(leaf: &Arc<Leaf>) -> u64 {
    let page = if shared(leaf) > 0 { leaf.page().bytes() } else { leaf.page_shared() };
    shared(leaf).saturating_add(page)
}
