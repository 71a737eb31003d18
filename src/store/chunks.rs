//! Rows in chunks that a reader shares: what a snapshot is made of.
//!
//! The chunks stand behind `Arc`s. Sharing them all is one pointer; the first write afterwards copies the list of chunks
//! and the one chunk it touches, every further write to a chunk already copied copies nothing.
//!
//! No row is empty: were there gaps, a list that was long once would take its room and a reader's time for ever, and no
//! quota counts them. So the last row comes in the place of one that is taken away.

use std::sync::Arc;

/// As many rows the first chunk has room for at first: most lists are short.
const FIRST: usize = 4;

/// Rows in one piece of memory, so that whoever looks for one finds it with one look. Behind those that are there it has
/// default ones, in a first chunk of 2^n rows and else of `CHUNK`, which is 2^n, too.
type Chunk<T> = [T];

/// A list of rows, so many in one chunk. A row keeps its number until another is taken away.
#[derive(Clone, Debug)]
pub(super) struct Chunks<T, const CHUNK: usize> {
    /// Each of `CHUNK` rows but the last, which is not empty.
    chunks: Arc<Vec<Arc<Chunk<T>>>>,
    len: u32,
}

/// The rows as they were at one instant.
#[derive(Clone, Debug)]
pub(super) struct Shared<T, const CHUNK: usize> {
    chunks: Arc<Vec<Arc<Chunk<T>>>>,
    len: u32,
}

/// The rows, to be changed one after the other.
#[derive(Debug)]
pub(super) struct RowsMut<'c, T, const CHUNK: usize> {
    chunks: &'c mut Vec<Arc<Chunk<T>>>,
    copied: u64,
}

impl<T, const CHUNK: usize> Default for Chunks<T, CHUNK> {
    fn default() -> Self {
        Self { chunks: Arc::default(), len: 0 }
    }
}

impl<T, const CHUNK: usize> Shared<T, CHUNK> {
    pub(super) fn get(&self, row: u32) -> Option<&T> {
        cell::<_, CHUNK>(&self.chunks, self.len, row)
    }

    /// Every row, with its number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..self.len).zip(self.chunks.iter().flat_map(|chunk| chunk.iter()))
    }
}

fn cell<T, const CHUNK: usize>(chunks: &[Arc<Chunk<T>>], len: u32, row: u32) -> Option<&T> {
    if row >= len {
        return None;
    }
    chunks.get(row as usize / CHUNK)?.get(row as usize % CHUNK)
}

/// What a copy of a chunk takes.
fn bytes_of<T>(chunk: &Arc<Chunk<T>>) -> usize {
    2 * size_of::<usize>() + size_of_val(&**chunk)
}

impl<T, const CHUNK: usize> Chunks<T, CHUNK> {
    pub(super) fn share(&self) -> Shared<T, CHUNK> {
        Shared { chunks: self.chunks.clone(), len: self.len }
    }

    #[inline]
    pub(super) fn get(&self, row: u32) -> Option<&T> {
        cell::<_, CHUNK>(&self.chunks, self.len, row)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).take(self.len as usize)
    }

    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The bytes that a change of `row` will copy because a reader shares them. Of a row behind the last: those of the list.
    pub(super) fn copied_by(&self, row: u32) -> u64 {
        let chunk = self.chunks.get(row as usize / CHUNK);
        let list_shared = Arc::strong_count(&self.chunks) > 1;
        let list = if list_shared { self.chunks.len() * size_of::<Arc<Chunk<T>>>() } else { 0 };
        let shared = chunk.filter(|chunk| list_shared || Arc::strong_count(chunk) > 1);
        (list + shared.map_or(0, bytes_of)) as u64
    }
}

impl<T: Clone + Default, const CHUNK: usize> Chunks<T, CHUNK> {
    /// Adds a row behind the others and returns its number.
    pub(super) fn insert(&mut self, new: T) -> u32 {
        let row = self.len;
        let (nth, at) = (row as usize / CHUNK, row as usize % CHUNK);
        let chunks = Arc::make_mut(&mut self.chunks);
        let is_first = nth == 0;
        match chunks.get_mut(nth) {
            None => chunks.push(roomy(&[], if is_first { FIRST } else { CHUNK })),
            Some(full) if full.len() == at => *full = roomy(full, (2 * at).min(CHUNK)),
            Some(_) => {}
        }
        if let Some(cell) = chunks.get_mut(nth).and_then(|chunk| Arc::make_mut(chunk).get_mut(at)) {
            *cell = new;
        }
        self.len = row.saturating_add(1);
        row
    }

    /// For whoever changes many rows: the list is looked at once.
    pub(super) fn rows_mut(&mut self) -> RowsMut<'_, T, CHUNK> {
        let list_shared = Arc::strong_count(&self.chunks) > 1;
        let copied = if list_shared { self.chunks.len() * size_of::<Arc<Chunk<T>>>() } else { 0 };
        RowsMut { chunks: Arc::make_mut(&mut self.chunks), copied: copied as u64 }
    }

    pub(super) fn replace(&mut self, row: u32, new: T) -> Option<T> {
        self.get_mut(row).map(|old| std::mem::replace(old, new))
    }

    pub(super) fn get_mut(&mut self, row: u32) -> Option<&mut T> {
        if row >= self.len {
            return None;
        }
        let chunk = Arc::make_mut(&mut self.chunks).get_mut(row as usize / CHUNK)?;
        Arc::make_mut(chunk).get_mut(row as usize % CHUNK)
    }

    /// Takes a row away. What was the last row has its number now, unless it was the last itself.
    pub(super) fn swap_remove(&mut self, row: u32) -> Option<T> {
        self.get(row)?;
        let last = self.len.saturating_sub(1);
        let taken = self.get_mut(last).map(std::mem::take)?;
        if (last as usize).is_multiple_of(CHUNK) {
            Arc::make_mut(&mut self.chunks).pop();
        }
        self.len = last;
        if row == last { Some(taken) } else { self.replace(row, taken) }
    }
}

/// A chunk of these rows and room for others.
fn roomy<T: Clone + Default>(rows: &[T], room: usize) -> Arc<Chunk<T>> {
    let more = room.saturating_sub(rows.len());
    rows.iter().cloned().chain(std::iter::repeat_with(T::default).take(more)).collect()
}

impl<T: Clone, const CHUNK: usize> RowsMut<'_, T, CHUNK> {
    pub(super) fn change(&mut self, row: u32, change: impl FnOnce(&mut T)) {
        let Some(chunk) = self.chunks.get_mut(row as usize / CHUNK) else { return };
        if Arc::strong_count(chunk) > 1 {
            self.copied += bytes_of(chunk) as u64;
        }
        if let Some(cell) = Arc::make_mut(chunk).get_mut(row as usize % CHUNK) {
            change(cell);
        }
    }

    /// The bytes that were copied since a reader shares them.
    pub(super) fn copied(&self) -> u64 {
        self.copied
    }
}

#[cfg(test)]
mod tests {
    use super::Chunks;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn chunks_are_a_list_and_a_reader_keeps_what_it_shared(
            ops in prop::collection::vec((any::<bool>(), any::<u16>()), 1..400),
        ) {
            let (mut chunks, mut list) = (Chunks::<_, 8>::default(), Vec::new());
            let mut kept = (chunks.share(), list.clone());
            for (at, (grow, pick)) in ops.into_iter().enumerate() {
                if at % 50 == 0 {
                    kept = (chunks.share(), list.clone());
                }
                if grow || list.is_empty() {
                    prop_assert_eq!(chunks.insert(pick) as usize, list.len());
                    list.push(pick);
                } else {
                    let row = usize::from(pick) % list.len();
                    prop_assert_eq!(chunks.swap_remove(row as u32), Some(list.swap_remove(row)));
                }
                prop_assert_eq!(chunks.iter().copied().collect::<Vec<_>>(), list.clone());
                prop_assert_eq!(kept.0.iter().map(|(_, row)| *row).collect::<Vec<_>>(), kept.1.clone());
                prop_assert_eq!((chunks.len() as usize, chunks.swap_remove(chunks.len())), (list.len(), None));
            }
        }
    }
}
