//! What a push brings, and what it takes away.

use super::column::Column;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::Timestamp;
use std::sync::Arc;

/// Whether a push replaces its whole group or only the families it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// PUT.
    Replace,
    /// POST.
    Merge,
}

/// A push, parsed and prepared. That its families agree with each other was checked when they were prepared.
#[derive(Clone, Debug)]
pub struct Push {
    pub(super) key: GroupingKey,
    pub(super) method: Method,
    /// Sorted by name as names are compared, each once. One without lines takes away what the group holds under its name.
    pub(super) families: Arc<[PreparedFamily]>,
    pub(super) at: Timestamp,
}

impl Push {
    /// Of two families of one name the last one counts.
    pub fn new(key: GroupingKey, method: Method, mut families: Vec<PreparedFamily>, at: Timestamp) -> Self {
        // Most clients write them in this order.
        if !families.is_sorted_by(|a, b| a.escaped_name() < b.escaped_name()) {
            families = in_order(families);
        }
        Self { key, method, families: families.into(), at }
    }

    /// Whether it may take anything away without putting another in its place.
    pub(super) fn takes(&self) -> bool {
        self.method == Method::Replace || self.families.iter().any(|family| family.is_empty())
    }

    /// Whether what its group holds in the column is gone after it: not carried by a PUT, or carried with nothing in it.
    pub(super) fn takes_away(&self, column: &Column) -> bool {
        match self.carried(&column.escaped) {
            Some(carried) if *carried.name() == *column.name => carried.is_empty(),
            _ => self.method == Method::Replace,
        }
    }

    pub(super) fn carried(&self, escaped: &str) -> Option<&PreparedFamily> {
        let at = self.families.binary_search_by(|carried| carried.escaped_name().cmp(escaped)).ok()?;
        self.families.get(at)
    }
}

/// Sorted by name as names are compared, the last one of each.
fn in_order(families: Vec<PreparedFamily>) -> Vec<PreparedFamily> {
    let mut order: Vec<_> = families.iter().enumerate().map(|(at, family)| (family.escaped_name(), at)).collect();
    order.sort_unstable_by(|(one, at), (other, later)| one.cmp(other).then(later.cmp(at)));
    order.dedup_by(|(earlier, _), (last, _)| earlier == last);
    let order: Vec<_> = order.into_iter().map(|(_, at)| at).collect();
    let mut families: Vec<_> = families.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| families.get_mut(at)?.take()).collect()
}
