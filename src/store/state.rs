//! What stands on a shelf, and how an accepted write changes it. Nothing here can fail: it was judged before.

use super::Push;
use super::Refusal;
use super::claims::Claimant;
use super::claims::Claims;
use super::column::Cell;
use super::group::Group;
use super::group::Held;
use super::group::empty_group_usage;
use super::group::family_usage;
use super::identities::Identities;
use super::index::Columns;
use super::index::Index;
use super::judge;
use super::judge::judge;
use super::usage::Usage;
use crate::model::GroupingKey;
use crate::model::OwnGauge;
use crate::model::PrepareOwnGauge;
use crate::model::PreparedFamily;
use crate::model::Quota;
use crate::model::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// One tenant's groups, and the indices over them.
#[derive(Debug, Default)]
pub(super) struct State {
    groups: HashMap<Arc<GroupingKey>, Group>,
    index: Index,
    identities: Identities,
    usage: Usage,
}

impl State {
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    pub(super) fn share(&mut self) -> Columns {
        self.index.share()
    }

    pub(super) fn has_group(&self, key: &GroupingKey) -> bool {
        self.groups.contains_key(key)
    }

    /// Whether there is a group of that key, and its labels are spelled so.
    pub(super) fn has_group_spelled(&self, key: &GroupingKey) -> bool {
        self.groups.get(key).is_some_and(|group| group.key.spells_as(key))
    }

    /// The key as the group holds it, which is how the push that created the group spelled it.
    pub(super) fn stored_key(&self, key: &GroupingKey) -> Arc<GroupingKey> {
        self.groups.get(key).map_or_else(|| Arc::new(key.clone()), |group| group.key.clone())
    }

    /// The usage as it would be after the push, or why it may not be.
    pub(super) fn judge(&mut self, push: &Push, quota: &Quota, all_visible: bool) -> Result<Usage, Refusal> {
        let Self { groups, index, identities, usage } = self;
        identities.expect(&push.key, |key| groups.get(key));
        let group = groups.get(&push.key);
        judge(push, &judge::State { index, identities, group, usage: *usage, quota, all_visible })
    }

    /// Whether an accepted push brings, takes or retypes a family.
    pub(super) fn changes_claims(&self, push: &Push) -> bool {
        let new = |family: &PreparedFamily| {
            let found = self.index.find(family.escaped_name());
            !family.is_empty() && found.is_none_or(|(_, column)| !column.takes(family))
        };
        let mut held =
            self.groups.get(&push.key).filter(|_| push.takes()).into_iter().flat_map(|group| &group.families);
        push.families.iter().any(|family| new(family))
            || held.any(|held| self.is_sole(held) && push.takes_away(&held.family))
    }

    pub(super) fn deleting_changes_claims(&self, key: &GroupingKey) -> bool {
        self.groups.get(key).is_some_and(|group| group.families.iter().any(|held| self.is_sole(held)))
    }

    fn is_sole(&self, held: &Held) -> bool {
        self.index.get(held.place.column).is_some_and(|column| column.holders() == 1)
    }

    pub(super) fn show_push(
        &mut self,
        key: &Arc<GroupingKey>,
        push: &Push,
        after: Usage,
        mut claims: Option<&mut Claims>,
        own_gauge: PrepareOwnGauge,
    ) {
        self.ensure_group(key, own_gauge);
        if push.takes() {
            self.drop_families(key, |held| push.takes_away(&held.family), claims.as_deref_mut());
        }
        for family in push.families.iter().filter(|family| !family.is_empty()) {
            self.put_family(key, family, claims.as_deref_mut());
        }
        if let Some(group) = self.groups.get_mut(&**key) {
            group.pushed_at = Some(push.at);
        }
        self.show_own_gauge(key, OwnGauge::PushTime, own_gauge);
        self.usage = after;
    }

    pub(super) fn show_failure(
        &mut self,
        key: &Arc<GroupingKey>,
        at: Timestamp,
        after: Usage,
        own_gauge: PrepareOwnGauge,
    ) {
        self.ensure_group(key, own_gauge);
        if let Some(group) = self.groups.get_mut(&**key) {
            group.failed_at = Some(at);
        }
        self.show_own_gauge(key, OwnGauge::PushFailureTime, own_gauge);
        self.usage = after;
    }

    pub(super) fn show_delete(&mut self, key: &GroupingKey, claims: Option<&mut Claims>) {
        let given = self.group_usage(key);
        self.drop_families(key, |_| true, claims);
        let Some(group) = self.groups.remove(key) else { return };
        for place in group.own {
            self.index.remove(place, key);
        }
        self.identities.remove_group(key);
        self.usage = self.usage.changed(Usage::default(), given);
    }

    /// What a group takes, its families included.
    fn group_usage(&self, key: &GroupingKey) -> Usage {
        let Some(group) = self.groups.get(key) else {
            return Usage::default();
        };
        let mut usage = empty_group_usage(&group.key);
        for held in &group.families {
            usage.add(family_usage(&held.family));
        }
        usage
    }

    /// Makes the group, never pushed and never failed, if it is not there.
    fn ensure_group(&mut self, key: &Arc<GroupingKey>, own_gauge: PrepareOwnGauge) {
        if self.groups.contains_key(&**key) {
            return;
        }
        let own = OwnGauge::ALL.map(|gauge| {
            let family = Arc::new(own_gauge(gauge, key, None));
            let column = self.index.open(&family);
            self.index.insert(column, Cell { key: key.clone(), family })
        });
        let group = Group { key: key.clone(), families: Vec::new(), own, pushed_at: None, failed_at: None };
        self.groups.insert(key.clone(), group);
        self.identities.add_group(key);
    }

    fn show_own_gauge(&mut self, key: &Arc<GroupingKey>, gauge: OwnGauge, own_gauge: PrepareOwnGauge) {
        let Some(group) = self.groups.get(&**key) else { return };
        let family = Arc::new(own_gauge(gauge, key, group.moment(gauge)));
        if let Some((_, place)) = OwnGauge::ALL.iter().zip(group.own).find(|(own, _)| **own == gauge) {
            self.index.replace(place, Cell { key: key.clone(), family });
        }
    }

    fn put_family(&mut self, key: &Arc<GroupingKey>, family: &Arc<PreparedFamily>, claims: Option<&mut Claims>) {
        let Self { groups, index, identities, .. } = self;
        let Some(group) = groups.get_mut(&**key) else { return };
        let before = index.find(family.escaped_name()).map(|(_, column)| column);
        if let Some(claims) = claims.filter(|_| before.is_none_or(|column| !column.takes(family))) {
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
        if let Some(old) = group.put(Held { place, family: family.clone() }) {
            identities.remove_family(key, &old.family);
        }
        identities.add_family(key, family);
    }

    fn drop_families(&mut self, key: &GroupingKey, gone: impl Fn(&Held) -> bool, mut claims: Option<&mut Claims>) {
        let Self { groups, index, identities, .. } = self;
        let Some(group) = groups.get_mut(key) else { return };
        for held in group.families.extract_if(.., |held| gone(held)) {
            index.remove(held.place, key);
            let gone = index.find(held.family.escaped_name()).is_none();
            if let Some(claims) = claims.as_deref_mut().filter(|_| gone) {
                claims.remove(&Claimant::of(&held.family));
            }
            identities.remove_family(key, &held.family);
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
