//! Where a row stands, and what a push asks of the one that it replaces.
//!
//! Of very many groups nothing is in the processor's caches, and each look into memory is as long as hundreds of instructions.
//! So what is asked of nearly every row, how long its lines are and how many, is said here, and a push is judged without a look at
//! its page, the list of the page's rows, or the lines themselves; and here it says where the lines are to be written.

use super::leaf::Laid;
use super::page::LARGE;
use super::page::PAGE;
use std::ops::Range;

/// Where a row stands; of a row that is free, which one is free behind it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spot {
    /// The number of its page; of a free row, that of the next one that is free.
    leaf: u32,
    /// Its place among the rows of the page.
    at: u16,
    /// How many lines it has. [`ASK`]: only its page says what it is.
    lines: u16,
    /// Where they begin in the page.
    start: u16,
    len: u16,
}

/// Of a row that has something rare, or is a page of its own.
const ASK: u16 = 0;

/// Of a free row.
const FREE: u16 = u16::MAX;

const _: () = assert!(PAGE <= 1 << 16 && LARGE <= u16::MAX as usize, "else many rows would have to ask their page");

/// A page has no more rows.
pub(super) const ROWS_MAX: usize = FREE as usize;

/// A row that has lines and nothing besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) leaf: u32,
    pub(super) range: Range<usize>,
    pub(super) lines: u64,
}

impl Spot {
    /// Of a row that was laid in the page of this number.
    pub(super) fn of(leaf: u32, laid: &Laid) -> Self {
        let Laid { at, range, is_plain, lines } = laid;
        let at = u16::try_from(*at).unwrap_or(FREE);
        let plain = || Some((small(*lines)?, small(range.start)?, small(range.len())?));
        let (lines, start, len) = if *is_plain { plain() } else { None }.unwrap_or((ASK, 0, 0));
        Self { leaf, at, lines, start, len }
    }

    /// As it is where it is laid elsewhere.
    pub(super) fn moved(self, leaf: u32, at: u32, start: usize) -> Self {
        let at = u16::try_from(at).unwrap_or(FREE);
        match small(start) {
            Some(start) => Self { leaf, at, start, ..self },
            None => Self { leaf, at, lines: ASK, start: 0, len: 0 },
        }
    }

    pub(super) const fn free(next: u32) -> Self {
        Self { leaf: next, at: FREE, lines: ASK, start: 0, len: 0 }
    }

    /// Of a free row, the next one that is free.
    pub(super) const fn next_free(self) -> Option<u32> {
        if self.at == FREE { Some(self.leaf) } else { None }
    }

    /// The page, and the place among its rows.
    pub(super) fn place(self) -> Option<(u32, u32)> {
        (self.at != FREE).then_some((self.leaf, self.at.into()))
    }

    #[inline]
    pub(super) fn plain(self) -> Option<Plain> {
        let (start, len) = (usize::from(self.start), usize::from(self.len));
        (self.lines != ASK).then(|| Plain { leaf: self.leaf, range: start..start + len, lines: self.lines.into() })
    }
}

fn small(number: usize) -> Option<u16> {
    u16::try_from(number).ok()
}
