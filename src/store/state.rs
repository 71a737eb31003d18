//! What stands on a shelf, and how an accepted write changes it. Nothing here can fail: it was judged before.

use super::Push;
use super::Refusal;
use super::chunks::Shared;
use super::claims::Changing;
use super::claims::Claimant;
use super::claims::Claims;
use super::column::Cell;
use super::group::Group;
use super::group::Held;
use super::group::empty_group_usage;
use super::group::family_usage;
use super::groups::Groups;
use super::identities::Identities;
use super::index::Columns;
use super::index::Index;
use super::index::Moved;
use super::judge;
use super::judge::judge;
use super::space::Churn;
use super::usage::Usage;
use crate::model::GroupingKey;
use crate::model::OwnGauge;
use crate::model::PrepareOwnGauge;
use crate::model::PreparedFamily;
use crate::model::Quota;
use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One tenant's groups, and the indices over them.
#[derive(Debug, Default)]
pub(super) struct State {
    groups: Groups,
    index: Index,
    identities: Identities,
    usage: Usage,
}

impl State {
    /// Empty; what is taken from it later is counted.
    pub(super) fn new(churn: &Churn) -> Self {
        let (groups, index) = (Groups::new(churn), Index::new(churn));
        Self { groups, index, ..Self::default() }
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    pub(super) fn share(&mut self) -> Columns {
        self.index.share()
    }

    pub(super) fn share_groups(&self) -> Shared<Arc<Group>> {
        self.groups.share()
    }

    /// The keys of those groups that `wanted` picks, as the groups hold them.
    pub(super) fn keys(&self, wanted: impl Fn(&GroupingKey) -> bool) -> Vec<Arc<GroupingKey>> {
        self.groups.keys().filter(|key| wanted(key)).cloned().collect()
    }

    pub(super) fn has_group(&self, key: &GroupingKey) -> bool {
        self.groups.contains(key)
    }

    /// Whether there is a group of that key, and its labels are spelled so.
    pub(super) fn has_group_spelled(&self, key: &GroupingKey) -> bool {
        self.groups.get(key).is_some_and(|group| group.key.spells_as(key))
    }

    /// The key as the group holds it, which is how the push that created the group spelled it.
    pub(super) fn stored_key(&self, key: &GroupingKey) -> Arc<GroupingKey> {
        self.group_key(key).map_or_else(|| Arc::new(key.clone()), Arc::clone)
    }

    pub(super) fn group_key(&self, key: &GroupingKey) -> Option<&Arc<GroupingKey>> {
        self.groups.get(key).map(|group| &group.key)
    }

    /// The usage as it would be after the push, or why it may not be.
    pub(super) fn judge(&mut self, push: &Push, quota: &Quota, all_visible: bool) -> Result<Usage, Refusal> {
        let Self { groups, index, identities, usage } = self;
        identities.expect(&push.key, |key| groups.get(key));
        let group = groups.get(&push.key);
        judge(push, &judge::State { index, identities, group, usage: *usage, quota, all_visible })
    }

    pub(super) fn show_push(
        &mut self,
        key: &Arc<GroupingKey>,
        push: &Push,
        after: Usage,
        claims: &Claims,
        own_gauge: PrepareOwnGauge,
    ) {
        let mut changing = claims.changing();
        self.ensure_group(key, push.at, own_gauge);
        if push.takes() {
            self.drop_families(key, |held| push.takes_away(&held.family), &mut changing);
        }
        for family in push.families.iter().filter(|family| !family.is_empty()) {
            self.put_family(key, family, push.at, &mut changing);
        }
        if let Some(group) = self.groups.get_mut(key) {
            group.pushed_at = Some(push.at);
        }
        self.show_own_gauge(key, OwnGauge::PushTime, push.at, own_gauge);
        self.usage = after;
    }

    pub(super) fn show_failure(
        &mut self,
        key: &Arc<GroupingKey>,
        at: Timestamp,
        after: Usage,
        own_gauge: PrepareOwnGauge,
    ) {
        self.ensure_group(key, at, own_gauge);
        if let Some(group) = self.groups.get_mut(key) {
            group.failed_at = Some(at);
        }
        self.show_own_gauge(key, OwnGauge::PushFailureTime, at, own_gauge);
        self.usage = after;
    }

    pub(super) fn show_delete(&mut self, key: &GroupingKey, claims: &mut Changing<'_>) {
        let given = self.group_usage(key);
        self.drop_families(key, |_| true, claims);
        let Some(group) = self.groups.remove(key) else { return };
        for own in &group.own {
            let moved = self.index.remove(own.place, key);
            self.note_moved(moved);
        }
        self.identities.remove_group(key);
        self.usage = self.usage.changed(Usage::default(), given);
    }

    /// Takes back what its families claim. Nothing else may be done with it afterwards.
    pub(super) fn withdraw(&self, claims: &mut Changing<'_>) {
        for column in self.index.columns() {
            claims.remove(&Claimant::of_column(column));
        }
    }

    /// What a group takes, its families included.
    fn group_usage(&self, key: &GroupingKey) -> Usage {
        let Some(group) = self.groups.get(key) else {
            return Usage::default();
        };
        let mut usage = empty_group_usage(&group.key);
        for held in group.families.values() {
            usage.add(family_usage(&held.family));
        }
        usage
    }

    /// Makes the group, never pushed and never failed, if it is not there.
    fn ensure_group(&mut self, key: &Arc<GroupingKey>, at: Timestamp, own_gauge: PrepareOwnGauge) {
        if self.groups.contains(key) {
            return;
        }
        let own = OwnGauge::ALL.map(|gauge| {
            let family = Arc::new(own_gauge(gauge, key, None));
            let column = self.index.open(&family);
            let place = self.index.insert(column, Cell { key: key.clone(), family: family.clone() });
            Held { place, family, at }
        });
        let group = Group { key: key.clone(), families: BTreeMap::new(), own, pushed_at: None, failed_at: None };
        self.groups.insert(group);
        self.identities.add_group(key);
    }

    fn show_own_gauge(&mut self, key: &Arc<GroupingKey>, gauge: OwnGauge, at: Timestamp, own_gauge: PrepareOwnGauge) {
        let Some(group) = self.groups.get_mut(key) else { return };
        let family = Arc::new(own_gauge(gauge, key, group.moment(gauge)));
        if let Some((_, own)) = OwnGauge::ALL.iter().zip(&mut group.own).find(|(own, _)| **own == gauge) {
            own.family = family.clone();
            own.at = at;
            self.index.replace(own.place, Cell { key: key.clone(), family });
        }
    }

    fn put_family(
        &mut self,
        key: &Arc<GroupingKey>,
        family: &Arc<PreparedFamily>,
        at: Timestamp,
        claims: &mut Changing<'_>,
    ) {
        let Self { groups, index, identities, .. } = self;
        let Some(group) = groups.get_mut(key) else { return };
        let before = index.find(family.escaped_name()).map(|(_, column)| column);
        if before.is_none_or(|column| !column.takes(family)) {
            if let Some(column) = before {
                claims.remove(&Claimant::of_column(column));
            }
            claims.add(&Claimant::of(family));
        }
        let column = index.open(family);
        let cell = Cell { key: key.clone(), family: family.clone() };
        let place = match group.get(family.escaped_name()).map(|held| held.place) {
            Some(place) => {
                index.replace(place, cell);
                place
            }
            None => index.insert(column, cell),
        };
        if let Some(old) = group.put(Held { place, family: family.clone(), at }) {
            identities.remove_family(key, &old.family);
        }
        identities.add_family(key, family);
    }

    fn drop_families(&mut self, key: &GroupingKey, gone: impl Fn(&Held) -> bool, claims: &mut Changing<'_>) {
        let Self { groups, index, identities, .. } = self;
        let Some(group) = groups.get_mut(key) else { return };
        let mut moved = Vec::new();
        group.families.retain(|_, held| {
            if !gone(held) {
                return true;
            }
            moved.extend(index.remove(held.place, key));
            if index.find(held.family.escaped_name()).is_none() {
                claims.remove(&Claimant::of(&held.family));
            }
            identities.remove_family(key, &held.family);
            false
        });
        self.note_moved(moved);
    }

    fn note_moved(&mut self, moved: impl IntoIterator<Item = Moved>) {
        for Moved { key, family, to } in moved {
            if let Some(group) = self.groups.get_mut(&key) {
                group.moved(&family, to);
            }
        }
    }

    /// Everything counted anew, for tests to compare with what was counted along the way.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Usage {
        let mut usage = Usage::default();
        for key in self.groups.keys() {
            usage.add(self.group_usage(key));
        }
        usage
    }
}
