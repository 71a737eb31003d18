//! A column: one family across all groups of a tenant.
//!
//! Its cells stand in [`Chunks`]: a snapshot costs a pointer, and a push between two snapshots copies nothing.

use super::chunks::Chunks;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    pub(super) name: FamilyName,
    pub(super) kind: MetricKind,
    rows: Chunks<Cell>,
    holders: u32,
    help: Help,
}

/// The help texts of a column's groups.
#[derive(Clone, Debug)]
enum Help {
    /// All the same, as nearly always.
    Same(Arc<str>),
    /// Since two of them differed once: each group's, so that the group whose key sorts first can be asked.
    Differ(Arc<BTreeMap<Arc<GroupingKey>, Arc<str>>>),
}

impl Column {
    pub(super) fn new(name: FamilyName, kind: MetricKind) -> Self {
        let help = Help::Same("".into());
        Self { name, kind, rows: Chunks::default(), holders: 0, help }
    }

    pub(super) fn holders(&self) -> u32 {
        self.holders
    }

    /// The help of the group whose key sorts first.
    pub(super) fn help(&self) -> &str {
        match &self.help {
            Help::Same(help) => help,
            Help::Differ(helps) => helps.first_key_value().map_or("", |(_, help)| help),
        }
    }

    /// Every cell, in the order of rows.
    pub(super) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter()
    }

    /// The first cell at or behind `row`, and its row.
    pub(super) fn cell_from(&self, row: u32) -> Option<(u32, &Cell)> {
        self.rows.first_from(row)
    }

    /// Gives a new holder a row.
    pub(super) fn insert(&mut self, cell: Cell) -> u32 {
        self.set_help(&cell, self.holders == 0);
        self.holders = self.holders.saturating_add(1);
        self.rows.insert(cell)
    }

    /// Puts another family of the same group in its row.
    pub(super) fn replace(&mut self, row: u32, cell: Cell) {
        self.set_help(&cell, self.holders == 1);
        self.rows.replace(row, cell);
    }

    pub(super) fn remove(&mut self, row: u32, key: &GroupingKey) {
        if let Help::Differ(helps) = &mut self.help {
            Arc::make_mut(helps).remove(key);
        }
        self.rows.remove(row);
        self.holders = self.holders.saturating_sub(1);
    }

    /// `alone`: no other group holds this family.
    fn set_help(&mut self, cell: &Cell, alone: bool) {
        let pushed = cell.family.help();
        match &mut self.help {
            Help::Same(help) if **help == *pushed => {}
            Help::Same(help) if !alone => {
                let mut helps: BTreeMap<_, _> = self.rows.iter().map(|cell| (cell.key.clone(), help.clone())).collect();
                helps.insert(cell.key.clone(), pushed.into());
                self.help = Help::Differ(Arc::new(helps));
            }
            Help::Differ(helps) if !alone => {
                if helps.get(&cell.key).is_none_or(|help| **help != *pushed) {
                    Arc::make_mut(helps).insert(cell.key.clone(), pushed.into());
                }
            }
            Help::Same(_) | Help::Differ(_) => self.help = Help::Same(pushed.into()),
        }
    }
}
