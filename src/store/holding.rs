//! Families come to a group, and go.

use super::claims::Changing;
use super::claims::Claimant;
use super::column::Cell;
use super::column::Column;
use super::column::ColumnId;
use super::index::Index;
use super::state::Coming;
use super::state::State;
use crate::model::GroupingKey;
use crate::model::OwnGauge;
use crate::model::Timestamp;
use std::sync::Arc;

impl State {
    /// Puts the families in the group, each in the place of what it holds under that name. The group is there.
    pub(super) fn put_families<'f>(
        &mut self,
        key: &Arc<GroupingKey>,
        families: impl IntoIterator<Item = Coming<'f>>,
        at: Timestamp,
        claims: &mut Changing<'_>,
    ) {
        let Self { groups, index, identities, identify, .. } = self;
        let Some(group) = groups.get_mut(key) else { return };
        let mut series = identities.of_job(key);
        // Rows share the key of their group, and not another that says the same.
        let key = group.key.clone();
        let families = families.into_iter();
        let (mut replacing, mut others, mut next) =
            (Vec::with_capacity(families.size_hint().1.unwrap_or_default()), Vec::new(), 0);
        for coming in families {
            let found = index.find_near(group.families(), &mut next, coming.0.escaped_name());
            match found.and_then(|found| found.held) {
                Some((nth, place)) => replacing.push((nth, place, coming)),
                None => others.push(coming),
            }
        }
        group.push_again(replacing.iter().map(|(nth, ..)| *nth), at);
        if !series.are_kept() {
            index.overwrite(&mut replacing, group.own_place(OwnGauge::PushTime));
        }
        for (_, place, (family, opened_with)) in replacing {
            let (cell, column) = (Cell { key: &key, family }, index.get(place.column));
            series.remove(|| {
                column.and_then(|it| it.view(place.row)).map(|old| identify.series(old)).unwrap_or_default()
            });
            // Else its column is there, is so called and of that type, and claims all that it may.
            if column.is_none_or(|column| !column.takes(family)) {
                open(index, cell, opened_with, claims);
            }
            index.replace(place, cell);
            series.add(&key, family);
        }
        let mut new = Vec::with_capacity(others.len());
        for (family, opened_with) in others {
            let cell = Cell { key: &key, family };
            let column = open(index, cell, opened_with, claims);
            new.push(index.insert(column, cell));
            series.add(&key, family);
        }
        group.add(&new, at);
    }

    pub(super) fn drop_families(
        &mut self,
        key: &GroupingKey,
        gone: impl Fn(&Column) -> bool,
        claims: &mut Changing<'_>,
    ) {
        let Self { groups, index, identities, identify, .. } = self;
        let Some(group) = groups.get_mut(key) else { return };
        let mut series = identities.of_job(key);
        group.retain(|place| {
            let Some(column) = index.get(place.column).filter(|column| gone(column)) else { return true };
            series.remove(|| column.view(place.row).map(|old| identify.series(old)).unwrap_or_default());
            let claimant = (column.holders() == 1).then(|| Claimant::of_column(column));
            index.remove(place, key);
            if let Some(claimant) = claimant {
                claims.remove(&claimant);
            }
            false
        });
    }

    /// Has rows numbered anew where many were taken away, and says so to their groups.
    pub(super) fn renumber(&mut self) {
        for id in self.index.renumber() {
            let Some(column) = self.index.get(id) else { continue };
            for (key, row) in column.pages().numbers() {
                if let Some(group) = self.groups.get_mut(key) {
                    group.renumber(id, row);
                }
            }
        }
    }
}

/// The column of a family, which may be new, or change its name or type for it.
fn open(index: &mut Index, cell: Cell<'_>, opened_with: Option<&Arc<str>>, claims: &mut Changing<'_>) -> ColumnId {
    let family = cell.family;
    let before = index.find(family.escaped_name()).map(|(_, column)| column);
    if before.is_none_or(|column| !column.takes(family)) {
        if let Some(column) = before {
            claims.remove(&Claimant::of_column(column));
        }
        claims.add(&Claimant::of(family));
    }
    index.open(family, opened_with)
}
