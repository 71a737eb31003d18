//! What a reader is handed: a page of one family, as it was at the snapshot's instant.

use super::blocks::KeptBlock;
use super::column::Column;
use super::leaf::Leaf;
use super::lengths::Reached;
use crate::model::FamilyView;
use crate::model::GroupingKey;
use crate::namespace::Narrowing;
use std::sync::Arc;

/// Lines of one family and of many groups.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub(super) column: Arc<Column>,
    pub(super) leaf: Arc<Leaf>,
    /// `None`: all of it may be seen.
    pub(super) narrowing: Option<Arc<Narrowing>>,
}

impl Sheet {
    /// The rows from `from` on that can be read as one, and where to go on behind them. The first are those from 0 on. What
    /// is kept as protobuf comes by itself.
    pub fn run(&self, from: u32) -> Option<(FamilyView<'_>, u32)> {
        let whole = self.leaf.whole().filter(|_| self.narrowing.is_none() && from == 0);
        let rows = whole.or_else(|| self.leaf.run(from, |key| self.admits(key)))?;
        let next = rows.end;
        Some((self.column.view_of(&self.leaf, rows), next))
    }

    /// How long the lines are of a run of so many bytes that ends before row `next`, each with its line feed, and 0 of one that is
    /// longer than a byte says; as far as they are known, and those behind them, too. Runs are asked for in their order.
    pub fn lengths(&self, bytes: usize, next: u32, reached: &mut Reached) -> &[u8] {
        let page = self.leaf.page();
        let end = next.checked_sub(1).map_or(0, |last| page.range(last).end);
        reached.from(end.saturating_sub(bytes), page.lengths())
    }

    pub(super) fn admits(&self, key: &GroupingKey) -> bool {
        self.narrowing.as_ref().is_none_or(|narrowing| narrowing.admits(key))
    }

    /// Whether nobody is left out of it, so that what is made of it is the same for all who see it.
    pub fn is_whole(&self) -> bool {
        self.narrowing.is_none()
    }

    /// Whether some name in it may not be classic.
    pub fn is_utf8(&self) -> bool {
        self.leaf.flags().utf8
    }

    /// The bytes of its lines, those of groups that may not be seen included.
    pub fn bytes(&self) -> usize {
        self.leaf.living_bytes()
    }

    /// What it was compressed to for a view of these words, if that is kept.
    pub fn block(&self, view: &[u8]) -> Option<Arc<KeptBlock>> {
        if self.is_whole() { self.leaf.blocks.get(view) } else { None }
    }

    /// Keeps what it was compressed to.
    pub(super) fn keep(&self, kept: Arc<KeptBlock>) {
        self.leaf.blocks.put(kept);
    }
}
