//! What one scope sees, group by group.

use super::column::Column;
use super::column::Place;
use super::group::Group;
use super::groups::SharedGroups;
use super::index::Columns;
use crate::model::FamilyView;
use crate::model::GroupingKey;
use crate::model::OwnGauge;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::namespace::Narrowing;
use std::sync::Arc;

/// The groups of a tenant, or of several, each tenant's at one instant and in the order of their keys.
///
/// Taking it costs three pointers for each tenant, under the tenant's lock; holding it blocks no push, and a push copies the
/// group it changes once. A tenant's groups are put in order when its turn comes: four bytes for each, no text copied.
#[derive(Debug)]
pub struct Catalogue {
    /// The last comes first.
    tenants: Vec<(TenantId, Held)>,
    narrowing: Arc<Narrowing>,
    open: Option<Open>,
}

/// What a tenant holds, of one instant.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) groups: SharedGroups,
    pub(super) columns: Columns,
}

/// The tenant being read.
#[derive(Debug)]
struct Open {
    tenant: TenantId,
    held: Held,
    order: std::vec::IntoIter<u32>,
}

/// One group of a [`Catalogue`].
#[derive(Clone, Debug)]
pub struct GroupView {
    tenant: TenantId,
    group: Arc<Group>,
    /// The pushed families in the order of their names, then the gateway's own: the column, the row, and when it was pushed.
    families: Box<[(Arc<Column>, u32, Timestamp)]>,
}

impl Catalogue {
    pub(super) fn new(mut tenants: Vec<(TenantId, Held)>, narrowing: &Arc<Narrowing>) -> Self {
        tenants.reverse();
        Self { tenants, narrowing: narrowing.clone(), open: None }
    }

    /// The next group, or the end.
    pub fn read(&mut self) -> Option<GroupView> {
        loop {
            if let Some(open) = &mut self.open
                && let Some(row) = open.order.next()
            {
                let group = open.held.groups.get(row)?.clone()?;
                let families = families_of(&group, &open.held.columns);
                return Some(GroupView { tenant: open.tenant.clone(), group, families });
            }
            let (tenant, held) = self.tenants.pop()?;
            let order = self.order_of(&held.groups).into_iter();
            self.open = Some(Open { tenant, held, order });
        }
    }

    /// The rows of those groups that may be seen.
    fn order_of(&self, groups: &SharedGroups) -> Vec<u32> {
        let all = self.narrowing.is_everything();
        let present = groups.iter().filter_map(|(row, group)| Some((row, group.as_ref()?)));
        let visible = present.filter(|(_, group)| all || self.narrowing.admits(&group.key));
        let mut rows: Vec<u32> = visible.map(|(row, _)| row).collect();
        let key = |row: &u32| groups.get(*row)?.as_ref().map(|group| &group.key);
        rows.sort_unstable_by(|left, right| key(left).cmp(&key(right)));
        rows
    }
}

fn families_of(group: &Group, columns: &Columns) -> Box<[(Arc<Column>, u32, Timestamp)]> {
    let of = |(place, at): (Place, Timestamp)| Some((columns.by_id(place.column)?.clone(), place.row, at));
    let mut families: Vec<_> = group.pushed().filter_map(of).collect();
    families.sort_unstable_by(|(left, ..), (right, ..)| left.escaped.cmp(&right.escaped));
    let own = group.own.iter().zip(OwnGauge::ALL).map(|(place, gauge)| (*place, group.own_at(gauge)));
    families.extend(own.filter_map(of));
    families.into()
}

impl GroupView {
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub fn key(&self) -> &GroupingKey {
        &self.group.key
    }

    /// Whether the last change of this group was not refused. One that was only ever refused has failed.
    pub fn last_push_successful(&self) -> bool {
        self.group.times.failed_at <= self.group.times.pushed_at
    }

    /// How many families it holds, the gateway's own gauges included.
    pub fn family_count(&self) -> usize {
        self.families.len()
    }

    /// A family, and when it was pushed: the pushed ones in the order of their names, then the gateway's own.
    pub fn family(&self, nth: usize) -> Option<(FamilyView<'_>, Timestamp)> {
        let (column, row, at) = self.families.get(nth)?;
        Some((column.view(*row)?, *at))
    }
}
