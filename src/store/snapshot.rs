//! What one scope sees, at one instant.

use super::column::Cell;
use super::column::Column;
use super::index::Columns;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use crate::namespace::Narrowing;
use std::sync::Arc;

/// A tenant's groups as they were at one instant, read family by family. Holding it blocks no push.
#[derive(Debug)]
pub struct Snapshot {
    columns: Columns,
    narrowing: Arc<Narrowing>,
    /// The next column, in the order of names.
    next: usize,
    /// The column being read, and the next row in it.
    open: Option<(Arc<Column>, u32)>,
}

/// A step of reading a [`Snapshot`].
#[derive(Debug)]
pub enum Piece<'a> {
    /// A family begins. Families come in the order of their names, each once, and none without lines.
    Family { name: &'a str, kind: MetricKind, help: &'a str },
    /// What one group holds of it.
    Lines(&'a Arc<PreparedFamily>),
}

impl Snapshot {
    pub(super) fn new(columns: Columns, narrowing: &Arc<Narrowing>) -> Self {
        Self { columns, narrowing: narrowing.clone(), next: 0, open: None }
    }

    /// The next step, or the end.
    pub fn read(&mut self) -> Option<Piece<'_>> {
        let narrowing = &*self.narrowing;
        let at = self.open.as_ref().and_then(|(column, row)| visible_from(column, *row, narrowing));
        match at {
            Some(at) => {
                let (column, row) = self.open.as_mut()?;
                *row = at.saturating_add(1);
                column.cell(at).map(|cell| Piece::Lines(&cell.family))
            }
            None => self.open_next(),
        }
    }

    fn open_next(&mut self) -> Option<Piece<'_>> {
        let narrowing = &*self.narrowing;
        loop {
            let column = self.columns.get(self.next)?;
            self.next += 1;
            if visible_from(column, 0, narrowing).is_some() {
                let (column, _) = self.open.insert((column.clone(), 0));
                let help = visible_help(column, narrowing);
                return Some(Piece::Family { name: &column.name, kind: column.kind, help });
            }
        }
    }
}

/// The first row at or behind `row` that holds something the narrowing lets through.
fn visible_from(column: &Column, mut row: u32, narrowing: &Narrowing) -> Option<u32> {
    loop {
        if is_visible(column.cell(row)?, narrowing) {
            return Some(row);
        }
        row = row.saturating_add(1);
    }
}

fn is_visible(cell: &Cell, narrowing: &Narrowing) -> bool {
    narrowing.is_everything() || narrowing.admits(&cell.key)
}

/// The help of the visible group whose key sorts first: another group's text is none of a narrowed credential's business.
fn visible_help<'a>(column: &'a Column, narrowing: &Narrowing) -> &'a str {
    if narrowing.is_everything() {
        return column.help();
    }
    let visible = column.cells().filter(|cell| is_visible(cell, narrowing));
    visible.min_by(|a, b| a.key.cmp(&b.key)).map_or("", |cell| cell.family.help())
}
