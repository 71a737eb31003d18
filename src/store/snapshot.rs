//! What one scope sees, at one instant.

use super::column::Column;
use super::index::Columns;
use super::sheet::Sheet;
use crate::model::MetricKind;
use crate::namespace::Narrowing;
use std::sync::Arc;

/// A tenant's groups as they were at one instant, read family by family. Holding it blocks no push.
#[derive(Debug)]
pub struct Snapshot {
    columns: Columns,
    /// `None`: everything may be seen.
    narrowing: Option<Arc<Narrowing>>,
    /// The next column, in the order of names.
    next: usize,
    /// The column being read, and the next page in it.
    open: Option<(Arc<Column>, usize)>,
}

/// A step of reading a [`Snapshot`].
#[derive(Debug)]
pub enum Piece<'a> {
    /// A family begins. Families come in the order of their names, each once, and none without lines.
    Family { name: &'a str, kind: MetricKind, help: &'a str },
    /// What some groups hold of it; something may be seen of it.
    Lines(Sheet),
}

impl Snapshot {
    pub(super) fn new(columns: Columns, narrowing: &Arc<Narrowing>) -> Self {
        let narrowing = (!narrowing.is_everything()).then(|| narrowing.clone());
        Self { columns, narrowing, next: 0, open: None }
    }

    /// The next step, or the end.
    pub fn read(&mut self) -> Option<Piece<'_>> {
        match self.lines() {
            Some(sheet) => Some(Piece::Lines(sheet)),
            None => self.open_next(),
        }
    }

    /// The next lines of the family that is being read; none at its end.
    pub fn lines(&mut self) -> Option<Sheet> {
        let (column, page) = self.open.as_mut()?;
        let (sheet, at) = visible_from(column, *page, self.narrowing.as_ref())?;
        *page = at + 1;
        Some(sheet)
    }

    /// Goes back to where the lines of the family begin that is being read.
    pub fn again(&mut self) {
        if let Some((_, page)) = &mut self.open {
            *page = 0;
        }
    }

    /// The bytes of all lines of the family that is being read and of what is kept of it as protobuf, at most.
    pub fn family_bytes(&self) -> usize {
        self.open.as_ref().map_or(0, |(column, _)| column.bytes())
    }

    fn open_next(&mut self) -> Option<Piece<'_>> {
        loop {
            let column = self.columns.get(self.next)?;
            self.next += 1;
            if visible_from(column, 0, self.narrowing.as_ref()).is_some() {
                let (column, _) = self.open.insert((column.clone(), 0));
                let help = visible_help(column, self.narrowing.as_ref());
                return Some(Piece::Family { name: &column.name, kind: column.kind, help });
            }
        }
    }
}

/// The first page at or behind `at` that holds something the narrowing lets through.
fn visible_from(column: &Arc<Column>, at: usize, narrowing: Option<&Arc<Narrowing>>) -> Option<(Sheet, usize)> {
    (at..column.pages().count()).find_map(|at| {
        let leaf = column.pages().leaf(at)?;
        let sheet = Sheet { column: column.clone(), leaf: leaf.clone(), narrowing: narrowing.cloned() };
        (sheet.is_whole() || sheet.run(0).is_some()).then_some((sheet, at))
    })
}

/// The help of the visible group whose key sorts first: another group's text is none of a narrowed credential's business.
fn visible_help<'a>(column: &'a Column, narrowing: Option<&Arc<Narrowing>>) -> &'a str {
    let Some(narrowing) = narrowing else { return column.help() };
    let rows = column.pages().leaves().flat_map(|leaf| leaf.living().map(move |at| (leaf, at)));
    let keyed = rows.filter_map(|(leaf, at)| Some((leaf.key(at)?, leaf, at)));
    let first = keyed.filter(|(key, ..)| narrowing.admits(key)).min_by(|(one, ..), (other, ..)| one.cmp(other));
    first.map_or("", |(_, leaf, at)| column.view_of(leaf, at..at + 1).help)
}
