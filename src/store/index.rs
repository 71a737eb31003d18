//! The index by family name: which column it is, and which line names are claimed by whom. Names are those that are
//! compared.

use super::column::Cell;
use super::column::Column;
use super::column::ColumnId;
use super::column::Place;
use super::helps::Helps;
use super::space::Churn;
use super::state::Coming;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

/// As many rows are numbered anew by a write that takes none away. Chosen: some tenths of a millisecond.
const RENUMBERED: u32 = 1000;

/// The columns of one tenant, as a snapshot shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    all: Arc<Vec<Option<Arc<Column>>>>,
    /// In the order of their names.
    order: Arc<Vec<ColumnId>>,
}

impl Columns {
    /// The `nth` column in the order of their names.
    pub(super) fn get(&self, nth: usize) -> Option<&Arc<Column>> {
        self.by_id(*self.order.get(nth)?)
    }

    pub(super) fn by_id(&self, id: ColumnId) -> Option<&Arc<Column>> {
        self.all.get(id.0 as usize)?.as_ref()
    }
}

/// A column, and what one group holds in it: where that stands among its families.
pub(super) struct Found<'i> {
    pub(super) column: &'i Column,
    pub(super) held: Option<(usize, Place)>,
}

/// A tenant's columns, found by name or by a claimed line name.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Behind an `Arc` that a snapshot shares: the first push afterwards copies the list, not the columns.
    columns: Arc<Vec<Option<Arc<Column>>>>,
    free: Vec<ColumnId>,
    by_name: BTreeMap<FamilyName, ColumnId>,
    /// Line names with something behind the family's name (`x_bucket`): who claims them. The bare name is in `by_name`.
    claimed: HashMap<Box<str>, ColumnId>,
    helps: Helps,
    /// The order of names as the last snapshot saw it, until a column comes or goes.
    order: Option<Arc<Vec<ColumnId>>>,
    /// Columns that had far more rows than they have, until those are numbered anew.
    wide: BTreeSet<ColumnId>,
    /// The rows that were taken away since that was last done.
    removed: u32,
    /// What is put aside here: families, and rows that are copied since a reader holds them.
    churn: Churn,
}

impl Index {
    /// Empty.
    pub(super) fn new(churn: &Churn) -> Self {
        Self { churn: churn.clone(), ..Self::default() }
    }

    pub(super) fn find(&self, escaped: &str) -> Option<(ColumnId, &Column)> {
        let id = *self.by_name.get(escaped)?;
        Some((id, self.get(id)?))
    }

    /// As [`Index::find`], and which of the `families` of a group stands there. For names in their order: what a group holds came
    /// mostly in that order, too, so what is behind the last one that was found, at `next`, is looked at before all names are
    /// searched.
    pub(super) fn find_near<'i>(&'i self, families: &[Place], next: &mut usize, escaped: &str) -> Option<Found<'i>> {
        let near = families.get(*next).and_then(|place| Some((*place, self.get(place.column)?)));
        if let Some((place, column)) = near.filter(|(_, column)| *column.escaped == *escaped) {
            *next += 1;
            return Some(Found { column, held: Some((*next - 1, place)) });
        }
        let (id, column) = self.find(escaped)?;
        let held = families.binary_search_by_key(&id, |place| place.column).ok();
        *next = held.map_or(*next, |at| at + 1);
        Some(Found { column, held: held.and_then(|at| Some((at, *families.get(at)?))) })
    }

    /// The column that claims the line name `line` without being named so.
    pub(super) fn claimant(&self, line: &str) -> Option<(ColumnId, &Column)> {
        let id = *self.claimed.get(line)?;
        Some((id, self.get(id)?))
    }

    /// All columns, in no order that means anything.
    pub(super) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().flatten().map(|column| &**column)
    }

    pub(super) fn get(&self, id: ColumnId) -> Option<&Column> {
        self.columns.get(id.0 as usize)?.as_deref()
    }

    /// The column of a family that nobody else holds, so that it goes with it.
    pub(super) fn held_alone(&self, place: Place) -> Option<&Column> {
        self.get(place.column).filter(|column| column.holders() == 1)
    }

    /// All columns, to be kept: two pointers, unless a column came or went since the last time.
    pub(super) fn share(&mut self) -> Columns {
        let in_order = || Arc::new(self.by_name.values().copied().collect());
        let order = self.order.get_or_insert_with(in_order).clone();
        Columns { all: self.columns.clone(), order }
    }

    /// The column of a family, made if there is none, with the help that it was `opened_with` before or else the family's.
    /// What it is called and its type are those of the last family to come: that they may change was judged before.
    pub(super) fn open(&mut self, family: &PreparedFamily, opened_with: Option<&Arc<str>>) -> ColumnId {
        let (name, kind) = (family.escaped_name(), family.kind());
        if let Some(id) = self.by_name.get(name).copied() {
            self.retype(id, family);
            return id;
        }
        let opened_with = opened_with.cloned().unwrap_or_else(|| family.help().into());
        let column = Some(Arc::new(Column::new(family, opened_with)));
        let columns = Arc::make_mut(&mut self.columns);
        // A tenant's families are bounded by its bytes, and so by far less than 2^32.
        let id = self.free.pop().unwrap_or(ColumnId(u32::try_from(columns.len()).unwrap_or(u32::MAX)));
        match columns.get_mut(id.0 as usize) {
            Some(slot) => *slot = column,
            None => columns.push(column),
        }
        self.order = None;
        self.by_name.insert(name.into(), id);
        self.claim(name, kind, id);
        id
    }

    pub(super) fn insert(&mut self, id: ColumnId, cell: Cell<'_>) -> Place {
        let help = self.help_with(id, cell);
        let (row, copied) = self.column_mut(id).map_or((u32::MAX, 0), |column| {
            column.help = help;
            column.insert(cell)
        });
        self.churn.add(copied);
        Place { column: id, row }
    }

    pub(super) fn replace(&mut self, place: Place, cell: Cell<'_>) {
        let help = self.help_with(place.column, cell);
        let put_aside = self.column_mut(place.column).map_or(0, |column| {
            column.help = help;
            column.replace(place.row, cell)
        });
        self.churn.add(put_aside);
    }

    /// Writes lines over those in the places of families for which these come, wherever that takes no other place and nothing else
    /// changes; what is left is those of which that is not so. All lines are found before the first are written to, so that
    /// the processor need not wait for some to find the next. What is `next` to be written over is looked at along with them.
    pub(super) fn overwrite(&mut self, comes: &mut Vec<(usize, Place, Coming<'_>)>, next: Place) {
        self.look_at(comes, next);
        let Some(mut columns) = Arc::get_mut(&mut self.columns).map(Vec::as_mut_slice) else { return };
        // Nearly always they are: names and columns come in the same order.
        if !comes.is_sorted_by_key(|(_, place, _)| place.column) {
            comes.sort_unstable_by_key(|(_, place, _)| place.column);
        }
        let (mut first, mut over) = (0, Vec::with_capacity(comes.len()));
        comes.retain(|(_, place, (family, _))| {
            let id = place.column.0 as usize;
            let behind = id.checked_sub(first).map_or(usize::MAX, |before| before.saturating_add(1));
            let Some((to_column, others)) = std::mem::take(&mut columns).split_at_mut_checked(behind) else {
                return true;
            };
            (columns, first) = (others, id.saturating_add(1));
            let column = to_column.last_mut().and_then(Option::as_mut).and_then(Arc::get_mut);
            let lines = column
                .filter(|_| self.helps.agree(place.column))
                .and_then(|it| it.lines_to_overwrite(place.row, family));
            lines.map(|lines| over.push((lines, family.lines()))).is_none()
        });
        for (lines, coming) in over {
            lines.copy_from_slice(coming);
        }
    }

    /// Looks at what [`Index::overwrite`] is about to change. There each family's turn begins with counts of readers that are made sure
    /// of one by one, and the processor waits for each to come from memory; looks that wait for nothing take little longer,
    /// all together, than one of them.
    fn look_at(&self, comes: &[(usize, Place, Coming<'_>)], next: Place) {
        let coming = comes.iter().map(|(_, place, (family, _))| (*place, Some(family.lines().len())));
        let look = |(place, len): (Place, Option<usize>)| self.get(place.column)?.pages().look_at(place.row, len);
        black_box(coming.chain([(next, None)]).filter_map(look).fold(0, |seen, byte| seen ^ byte));
    }

    /// Puts other lines of the same family in its place.
    pub(super) fn rewrite(&mut self, place: Place, lines: &[u8]) {
        let put_aside = self.column_mut(place.column).map_or(0, |column| column.rewrite(place.row, lines));
        self.churn.add(put_aside);
    }

    fn help_with(&mut self, id: ColumnId, cell: Cell<'_>) -> Arc<str> {
        let column = self.columns.get(id.0 as usize).and_then(|column| column.as_deref());
        column.map_or_else(|| "".into(), |column| self.helps.with(id, column, cell))
    }

    /// Empties a place; a column that nobody holds any more goes with its claims.
    pub(super) fn remove(&mut self, place: Place, key: &GroupingKey) {
        let help = self.helps.without(place.column, key);
        let Some(column) = self.column_mut(place.column) else { return };
        column.help = help.unwrap_or_else(|| column.help.clone());
        let put_aside = column.usage_of(place.row).stored_bytes;
        let put_aside = put_aside.saturating_add(column.remove(place.row));
        let wide = column.pages().is_wide();
        let gone = (column.holders() == 0).then(|| (column.escaped.clone(), column.kind));
        self.churn.add(put_aside);
        self.removed = self.removed.saturating_add(1);
        if wide {
            self.wide.insert(place.column);
        }
        let Some((name, kind)) = gone else { return };
        self.by_name.remove(&name);
        self.unclaim(&name, kind);
        if let Some(slot) = Arc::make_mut(&mut self.columns).get_mut(place.column.0 as usize) {
            *slot = None;
        }
        self.order = None;
        self.helps.forget(place.column);
        self.free.push(place.column);
    }

    /// Numbers the rows of some columns anew that had far more than they have, and returns those columns. Of a column that
    /// comes to it three rows in four were taken away, so that with as many rows as were taken away, and some more, this keeps
    /// up, and no write does much more of it than what it does itself.
    pub(super) fn renumber(&mut self) -> Vec<ColumnId> {
        let mut most = RENUMBERED.saturating_add(std::mem::take(&mut self.removed));
        let mut renumbered = Vec::new();
        while most > 0
            && let Some(id) = self.wide.pop_first()
        {
            let Some(column) = self.column_mut(id).filter(|column| column.pages().is_wide()) else { continue };
            most = most.saturating_sub(column.holders());
            let copied = column.renumber();
            self.churn.add(copied);
            renumbered.push(id);
        }
        renumbered
    }

    fn retype(&mut self, id: ColumnId, family: &PreparedFamily) {
        let Some(old) = self.get(id).filter(|column| !column.takes(family)).map(|column| column.kind) else {
            return;
        };
        let (name, kind) = (family.escaped_name(), family.kind());
        self.unclaim(name, old);
        if let Some(column) = self.column_mut(id) {
            column.kind = kind;
            column.name = family.name().into();
        }
        self.claim(name, kind, id);
    }

    fn column_mut(&mut self, id: ColumnId) -> Option<&mut Column> {
        Arc::make_mut(&mut self.columns).get_mut(id.0 as usize)?.as_mut().map(Arc::make_mut)
    }

    fn claim(&mut self, name: &str, kind: MetricKind, id: ColumnId) {
        for line in claimed_lines(name, kind) {
            self.claimed.insert(line.into(), id);
        }
    }

    fn unclaim(&mut self, name: &str, kind: MetricKind) {
        for line in claimed_lines(name, kind) {
            self.claimed.remove(&*line);
        }
    }
}

/// The line names that a family claims besides its own.
pub(super) fn claimed_lines(name: &str, kind: MetricKind) -> impl Iterator<Item = String> {
    kind.line_suffixes().iter().filter(|suffix| !suffix.is_empty()).map(move |suffix| format!("{name}{suffix}"))
}
