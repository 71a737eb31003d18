//! A column: one family across all groups of a tenant.
//!
//! Its cells stand in chunks behind `Arc`s. A snapshot shares the chunks; the first push that touches a chunk afterwards
//! copies that chunk alone. So a snapshot costs a pointer, and a push between two snapshots copies nothing.

use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Cells in one chunk: copying one is a few hundred nanoseconds, and a million cells are some 16,000 pointers.
const CHUNK: usize = 64;

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

type Chunk = Vec<Option<Cell>>;

/// One family across groups.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// As it is shown.
    pub(super) name: FamilyName,
    /// As it is compared.
    pub(super) escaped: FamilyName,
    pub(super) kind: MetricKind,
    /// Each of [`CHUNK`] cells but the last.
    chunks: Arc<Vec<Arc<Chunk>>>,
    /// Rows that are empty, to be used again.
    free: Vec<u32>,
    rows: u32,
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
    /// For families like this one; it is not put in yet.
    pub(super) fn new(family: &PreparedFamily) -> Self {
        let help = Help::Same("".into());
        let (name, escaped, kind) = (family.name().clone(), family.escaped_name().clone(), family.kind());
        Self { name, escaped, kind, chunks: Arc::default(), free: Vec::new(), rows: 0, holders: 0, help }
    }

    /// Whether the family has the column's name, spelled as there, and its type.
    pub(super) fn takes(&self, family: &PreparedFamily) -> bool {
        self.name == *family.name() && self.kind == family.kind()
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
        self.chunks.iter().flat_map(|chunk| chunk.iter().flatten())
    }

    /// The first cell at or behind `row`, and its row.
    pub(super) fn cell_from(&self, row: u32) -> Option<(u32, &Cell)> {
        (row..self.rows).find_map(|row| {
            let chunk = self.chunks.get(row as usize / CHUNK)?;
            Some((row, chunk.get(row as usize % CHUNK)?.as_ref()?))
        })
    }

    /// Gives a new holder a row.
    pub(super) fn insert(&mut self, cell: Cell) -> u32 {
        self.set_help(&cell, self.holders == 0);
        self.holders = self.holders.saturating_add(1);
        let row = self.free.pop().unwrap_or(self.rows);
        self.rows = self.rows.max(row.saturating_add(1));
        self.write(row, Some(cell));
        row
    }

    /// Puts another family of the same group in its row.
    pub(super) fn replace(&mut self, row: u32, cell: Cell) {
        self.set_help(&cell, self.holders == 1);
        self.write(row, Some(cell));
    }

    pub(super) fn remove(&mut self, row: u32, key: &GroupingKey) {
        if let Help::Differ(helps) = &mut self.help {
            Arc::make_mut(helps).remove(key);
        }
        self.write(row, None);
        self.free.push(row);
        self.holders = self.holders.saturating_sub(1);
    }

    fn write(&mut self, row: u32, cell: Option<Cell>) {
        let chunks = Arc::make_mut(&mut self.chunks);
        let at = row as usize / CHUNK;
        if at == chunks.len() {
            chunks.push(Arc::new(Vec::new()));
        }
        let Some(chunk) = chunks.get_mut(at).map(Arc::make_mut) else {
            return;
        };
        let at = row as usize % CHUNK;
        if at == chunk.len() {
            chunk.push(cell);
        } else if let Some(slot) = chunk.get_mut(at) {
            *slot = cell;
        }
    }

    /// `alone`: no other group holds this family.
    fn set_help(&mut self, cell: &Cell, alone: bool) {
        let pushed = cell.family.help();
        match &mut self.help {
            Help::Same(help) if **help == *pushed => {}
            Help::Same(help) if !alone => {
                let cells = self.chunks.iter().flat_map(|chunk| chunk.iter().flatten());
                let mut helps: BTreeMap<_, _> = cells.map(|cell| (cell.key.clone(), help.clone())).collect();
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
