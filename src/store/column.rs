//! A column: one family across all groups of a tenant.
//!
//! Its cells stand in [`Chunks`]: a snapshot costs a pointer, and a push between two snapshots copies nothing.

use super::chunks::Chunks;
use super::usage::Usage;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use std::sync::Arc;

/// What the store accounts for a column besides its cells: this struct, its entries in the indices and what they claim, and
/// the first of its chunks. Held to what is measured by `tests/accounting.rs`.
const OVERHEAD: usize = 700;

/// What there being a column of this name takes, however many groups share it: its name twice, since the one it was opened
/// with stays when every holder has been replaced.
pub(super) fn column_usage(escaped: &str) -> Usage {
    Usage { stored_bytes: (2 * escaped.len() + OVERHEAD) as u64, ..Usage::default() }
}

/// A column's number within its tenant. Numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ColumnId(pub(super) u32);

/// Where a family of a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) column: ColumnId,
    pub(super) row: u32,
}

/// A family of one group.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) key: Arc<GroupingKey>,
    pub(super) family: Arc<PreparedFamily>,
}

/// One family across groups.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// As it is shown.
    pub(super) name: FamilyName,
    /// As it is compared.
    pub(super) escaped: FamilyName,
    pub(super) kind: MetricKind,
    /// That of the group whose key sorts first: [`Helps`](super::helps::Helps) sees to it.
    pub(super) help: Arc<str>,
    rows: Chunks<Cell>,
}

impl Column {
    /// For families like this one; it is not put in yet.
    pub(super) fn new(family: &PreparedFamily) -> Self {
        let (name, escaped, kind) = (family.name().clone(), family.escaped_name().clone(), family.kind());
        Self { name, escaped, kind, help: "".into(), rows: Chunks::default() }
    }

    /// Whether the family has the column's name, spelled as there, and its type.
    pub(super) fn takes(&self, family: &PreparedFamily) -> bool {
        self.name == *family.name() && self.kind == family.kind()
    }

    /// How many groups hold the family.
    pub(super) fn holders(&self) -> u32 {
        self.rows.len()
    }

    pub(super) fn help(&self) -> &str {
        &self.help
    }

    /// Every cell, in the order of rows.
    pub(super) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter()
    }

    pub(super) fn cell(&self, row: u32) -> Option<&Cell> {
        self.rows.get(row)
    }

    /// What stays in memory for readers alone once `row` is changed, since it is copied then.
    pub(super) fn copied_by(&self, row: u32) -> u64 {
        self.rows.copied_by(row)
    }

    /// The same with the family that stands there now.
    pub(super) fn put_aside_by(&self, row: u32) -> u64 {
        let family = self.rows.get(row).map_or(0, |cell| cell.family.stored_bytes());
        self.copied_by(row).saturating_add(family)
    }

    /// Gives a new holder a row.
    pub(super) fn insert(&mut self, cell: Cell) -> u32 {
        self.rows.insert(cell)
    }

    /// Puts another family of the same group in its row.
    pub(super) fn replace(&mut self, row: u32, cell: Cell) {
        self.rows.replace(row, cell);
    }

    /// Takes a holder away. The last row comes in its place; whose that is, is handed back.
    pub(super) fn remove(&mut self, row: u32) -> Option<Arc<GroupingKey>> {
        self.rows.swap_remove(row);
        self.rows.get(row).map(|moved| moved.key.clone())
    }
}
