//! A column: one family across all groups of a tenant.
//!
//! What all of its groups have in common, name, type and mostly help, stands here once. Its lines stand in
//! [`Pages`]: a snapshot costs a pointer.

use super::leaf::Leaf;
use super::pages::Pages;
use super::row::Flags;
use super::row::Lines;
use super::row::Rare;
use super::row::Row;
use super::row::count_lines;
use super::spot::Plain;
use super::usage::Usage;
use crate::model::FamilyName;
use crate::model::FamilyView;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use std::ops::Range;
use std::sync::Arc;

/// What the store accounts for a column besides its texts: this struct, its entries in the indices and what they claim, and
/// the first of its pages. Held to what is measured by `tests/accounting.rs`.
const OVERHEAD: usize = 1200;

/// What there being a column of this name takes, however many groups share it: its name twice, since the one it was opened
/// with stays when every holder has been replaced, and the help it was opened with.
pub(super) fn column_usage(escaped: &str, help: &str) -> Usage {
    Usage { stored_bytes: (2 * escaped.len() + help.len() + OVERHEAD) as u64, ..Usage::default() }
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
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'c> {
    pub(super) key: &'c Arc<GroupingKey>,
    pub(super) family: &'c PreparedFamily,
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
    /// That of the family it was opened for. Groups with another have theirs in their rows, and it is accounted for them.
    pub(super) opened_with: Arc<str>,
    pages: Pages,
}

impl Column {
    /// For families like this one; it is not put in yet.
    pub(super) fn new(family: &PreparedFamily, opened_with: Arc<str>) -> Self {
        let (name, escaped) = family.own_names();
        Self { name, escaped, kind: family.kind(), help: "".into(), opened_with, pages: Pages::default() }
    }

    /// Whether the family has the column's name, spelled as there, and its type.
    pub(super) fn takes(&self, family: &PreparedFamily) -> bool {
        *self.name == *family.name() && self.kind == family.kind()
    }

    /// How many groups hold the family.
    pub(super) fn holders(&self) -> u32 {
        self.pages.held()
    }

    pub(super) fn help(&self) -> &str {
        &self.help
    }

    pub(super) fn usage(&self) -> Usage {
        column_usage(&self.escaped, &self.opened_with)
    }

    /// Whose rows there are, in no order that means anything.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<GroupingKey>> {
        self.pages.keys()
    }

    pub(super) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Numbers its rows anew; what is copied since a reader holds it.
    pub(super) fn renumber(&mut self) -> u64 {
        self.pages.renumber()
    }

    /// The bytes of all its lines, and of what is kept as protobuf.
    pub(super) fn bytes(&self) -> usize {
        self.pages.leaves().map(|leaf| leaf.living_bytes().saturating_add(leaf.rare_bytes())).sum()
    }

    /// What one group holds, as it was pushed.
    pub(super) fn view(&self, row: u32) -> Option<FamilyView<'_>> {
        let (leaf, at) = self.pages.find(row)?;
        leaf.lives(at).then(|| self.view_of(leaf, at..at + 1))
    }

    /// The lines of one group.
    pub(super) fn lines(&self, row: u32) -> Option<&[u8]> {
        self.pages.lines(row)
    }

    /// Where the lines of a family are to be written over those of its group, if it differs in nothing else from what the row holds,
    /// and no reader has that.
    pub(super) fn lines_to_overwrite(&mut self, row: u32, family: &PreparedFamily) -> Option<&mut [u8]> {
        let lines = Lines::of(family);
        if !self.pages.fits(row, lines.len()) {
            return None;
        }
        let helps_agree = || Arc::ptr_eq(&self.help, &self.opened_with) || *self.help == *family.help();
        let alike = self.takes(family) && self.is_plain(family) && helps_agree();
        if alike { self.pages.lines_to_overwrite(row, lines, Flags::of(family)) } else { None }
    }

    /// Whether it would have nothing rare here.
    fn is_plain(&self, family: &PreparedFamily) -> bool {
        family.proto().is_none() && *self.opened_with == *family.help()
    }

    /// Some of its rows.
    pub(super) fn view_of<'v>(&'v self, leaf: &'v Leaf, rows: Range<u32>) -> FamilyView<'v> {
        leaf.view(rows, &self.name, self.kind, &self.opened_with)
    }

    /// What a row takes of its tenant's quota.
    #[inline]
    pub(super) fn usage_of(&self, row: u32) -> Usage {
        match self.pages.plain(row) {
            Some(Plain { range, lines, .. }) => usage(range.len(), lines, None, &[]),
            None => self.usage_of_rare(row),
        }
    }

    /// The same of one with something rare, or that is a page of its own.
    fn usage_of_rare(&self, row: u32) -> Usage {
        let Some((leaf, at)) = self.pages.find(row) else { return Usage::default() };
        let lines = leaf.lines(at..at + 1);
        let own_help = leaf.rare(at).and_then(|rare| rare.help.as_deref());
        let proto: &[u8] = leaf.rare(at).map(|rare| &*rare.proto).unwrap_or_default();
        usage(lines.len(), count_lines(lines) as u64, own_help, proto)
    }

    /// What this family takes of its tenant's quota if it is put in this column, or in one that is made for it.
    pub(super) fn usage_with(column: Option<&Self>, family: &PreparedFamily) -> Usage {
        let own_help = column.filter(|column| *column.opened_with != *family.help()).map(|_| family.help());
        usage(family.lines().len(), family.line_count().into(), own_help, family.proto().unwrap_or_default())
    }

    fn row<'r>(&self, cell: Cell<'r>, number: u32) -> Row<'r> {
        let Cell { key, family } = cell;
        let proto = family.proto().unwrap_or_default();
        let help = (*self.opened_with != *family.help()).then(|| match *self.help == *family.help() {
            true => self.help.clone(),
            false => family.help().into(),
        });
        let rare = (help.is_some() || !proto.is_empty()).then(|| Arc::new(Rare { help, proto: proto.into() }));
        Row { key, lines: Lines::of(family), rare, number }
    }

    /// Gives a new holder a row; its number, and what is copied since a reader holds it.
    pub(super) fn insert(&mut self, cell: Cell<'_>) -> (u32, u64) {
        let row = self.row(cell, 0);
        self.pages.insert(row, Flags::of(cell.family))
    }

    /// Puts another family of the same group in its row; what is put aside for it, or copied, since a reader may hold it.
    pub(super) fn replace(&mut self, number: u32, cell: Cell<'_>) -> u64 {
        let (family, flags) = (cell.family, Flags::of(cell.family));
        if self.is_plain(family) && self.pages.overwrite(number, Lines::of(family), flags) {
            return 0;
        }
        let put_aside = self.usage_of(number).stored_bytes;
        let row = self.row(cell, number);
        put_aside.saturating_add(self.pages.replace(row, flags))
    }

    /// Puts other lines in a row, all else being as it was; what is put aside or copied, since a reader may hold it.
    pub(super) fn rewrite(&mut self, number: u32, lines: &[u8]) -> u64 {
        let lines = Lines::Written(lines);
        let Some(flags) = self.pages.find(number).map(|(leaf, _)| leaf.flags()) else { return 0 };
        if self.pages.overwrite(number, lines, flags) {
            return 0;
        }
        let put_aside = self.usage_of(number).stored_bytes;
        let held = self.pages.find(number).and_then(|(leaf, at)| Some((leaf.key(at)?.clone(), leaf.rare(at).cloned())));
        let Some((key, rare)) = held else { return 0 };
        put_aside.saturating_add(self.pages.replace(Row { key: &key, lines, rare, number }, flags))
    }

    /// Takes a holder away; what is copied since a reader holds it.
    pub(super) fn remove(&mut self, row: u32) -> u64 {
        self.pages.remove(row)
    }
}

/// What a row of so many bytes of lines takes.
fn usage(bytes: usize, series: u64, own_help: Option<&str>, proto: &[u8]) -> Usage {
    Usage { groups: 0, series, stored_bytes: PreparedFamily::accounted(bytes, series, own_help, proto) }
}
