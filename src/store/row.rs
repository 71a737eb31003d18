//! A family of one group on its way into a page.

use super::page::LARGE;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use bytes::Bytes;
use std::sync::Arc;

/// What few families have. It stands in the leaf and not in the page, since it may be much more than its row's lines: it goes
/// when the row does, and not when its page is given up.
#[derive(Debug)]
pub(super) struct Rare {
    /// Where it is not the one that the column was opened with.
    pub(super) help: Option<Arc<str>>,
    /// Where text does not say its metrics in full.
    pub(super) proto: Box<[u8]>,
}

/// What is true of all rows of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) renamed: bool,
    pub(super) utf8: bool,
}

impl Rare {
    pub(super) fn bytes(&self) -> usize {
        self.help.as_ref().map_or(0, |help| help.len()) + self.proto.len()
    }
}

impl Flags {
    /// As many as there are different ones.
    pub(super) const COUNT: usize = 4;

    pub(super) fn of(family: &PreparedFamily) -> Self {
        Self { renamed: family.renamed(), utf8: family.utf8() }
    }

    /// A number below [`Flags::COUNT`].
    pub(super) fn number(self) -> usize {
        usize::from(self.renamed) + 2 * usize::from(self.utf8)
    }
}

/// A family of one group on its way into a page.
#[derive(Debug)]
pub(super) struct Row<'r> {
    pub(super) key: &'r Arc<GroupingKey>,
    pub(super) lines: Lines<'r>,
    pub(super) rare: Option<Arc<Rare>>,
    /// Its number in the column.
    pub(super) number: u32,
}

/// Lines on their way into a page.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lines<'r> {
    /// Shared with their push, which says how many there are.
    Pushed {
        shared: &'r Bytes,
        count: u32,
    },
    Written(&'r [u8]),
}

impl<'r> Lines<'r> {
    pub(super) fn of(family: &'r PreparedFamily) -> Self {
        Self::Pushed { shared: family.shared_lines(), count: family.line_count() }
    }

    pub(super) fn bytes(self) -> &'r [u8] {
        match self {
            Self::Pushed { shared, .. } => shared,
            Self::Written(bytes) => bytes,
        }
    }

    /// Whether they are so many that they are a page, which shares them with the push.
    pub(super) fn stand_alone(self) -> bool {
        matches!(self, Self::Pushed { shared, .. } if shared.len() >= LARGE)
    }

    pub(super) fn len(self) -> usize {
        self.bytes().len()
    }

    /// How many there are.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Pushed { count, .. } => count as usize,
            Self::Written(lines) => count_lines(lines),
        }
    }
}

/// How many lines there are. Most families have one, which is seen at its end and not counted.
pub(super) fn count_lines(lines: &[u8]) -> usize {
    match memchr::memchr(b'\n', lines) {
        Some(feed) if feed + 1 == lines.len() => 1,
        _ => memchr::memchr_iter(b'\n', lines).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::count_lines;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_are_counted_by_their_ends(lines in "[a\n]{0,200}") {
            prop_assert_eq!(count_lines(lines.as_bytes()), lines.matches('\n').count());
        }
    }
}
