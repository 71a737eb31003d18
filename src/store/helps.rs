//! The help texts of families whose groups do not agree on one.
//!
//! Nearly always they agree, and then a column's one text is all there is. From the moment two of them differ, each
//! group's is kept, so that the group whose key sorts first can be asked; until the column is gone, since whoever lets
//! two texts come and go pays for the gathering only once for what was pushed. They stand here and not in the columns,
//! as those are copied after a snapshot.

use super::column::Cell;
use super::column::Column;
use super::column::ColumnId;
use crate::model::GroupingKey;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

/// For each column whose groups' texts differed once: the texts by key.
#[derive(Debug, Default)]
pub(super) struct Helps {
    differing: HashMap<ColumnId, BTreeMap<Arc<GroupingKey>, Arc<str>>>,
}

impl Helps {
    /// The help of the column `id` with `cell` put in it, in a new row or in the one it has. `before` is the column as it
    /// is.
    pub(super) fn with(&mut self, id: ColumnId, before: &Column, cell: Cell<'_>) -> Arc<str> {
        let pushed = cell.family.help();
        match self.differing.get_mut(&id) {
            Some(texts) => {
                if texts.get(cell.key).is_none_or(|text| **text != *pushed) {
                    texts.insert(cell.key.clone(), pushed.into());
                }
                first_of(texts)
            }
            None if *before.help == *pushed => before.help.clone(),
            // One text for both where they are one: whoever compares them looks at one place in memory.
            None if !before.keys().take(2).any(|other| other != cell.key) => match *before.opened_with == *pushed {
                true => before.opened_with.clone(),
                false => pushed.into(),
            },
            None => {
                let mut texts: BTreeMap<_, _> = before.keys().map(|key| (key.clone(), before.help.clone())).collect();
                texts.insert(cell.key.clone(), pushed.into());
                let first = first_of(&texts);
                self.differing.insert(id, texts);
                first
            }
        }
    }

    /// Whether the groups never had different texts in the column `id`.
    pub(super) fn agree(&self, id: ColumnId) -> bool {
        self.differing.is_empty() || !self.differing.contains_key(&id)
    }

    /// The help of the column `id` when the group `key` has left it; `None` if that cannot have changed it.
    pub(super) fn without(&mut self, id: ColumnId, key: &GroupingKey) -> Option<Arc<str>> {
        let texts = self.differing.get_mut(&id)?;
        texts.remove(key);
        Some(first_of(texts))
    }

    /// The column is gone; its number may come to stand for another.
    pub(super) fn forget(&mut self, id: ColumnId) {
        self.differing.remove(&id);
    }
}

fn first_of(texts: &BTreeMap<Arc<GroupingKey>, Arc<str>>) -> Arc<str> {
    texts.first_key_value().map_or_else(|| "".into(), |(_, text)| text.clone())
}
