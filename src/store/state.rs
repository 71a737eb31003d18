//! What stands on a shelf, and how an accepted write changes it. Nothing here can fail: it was judged before.

use super::Gone;
use super::Method;
use super::Push;
use super::Refusal;
use super::chunks::Shared;
use super::claims::Changing;
use super::claims::Claimant;
use super::column::Cell;
use super::column::Column;
use super::column::Place;
use super::column::column_usage;
use super::group::Group;
use super::group::GroupTimes;
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
use super::write::Effect;
use crate::model::GroupingKey;
use crate::model::OwnGauge;
use crate::model::PrepareOwnGauge;
use crate::model::PreparedFamily;
use crate::model::Quota;
use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

/// So many groups at least are worth a thread to let go of them. Chosen: a thread costs some tens of microseconds, and a group
/// that goes a few.
const LARGE: usize = 100;

/// One tenant's groups, and the indices over them.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) groups: Groups,
    index: Index,
    identities: Identities,
    pub(super) usage: Usage,
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

    /// Makes it so.
    pub(super) fn show(&mut self, effect: &Effect<'_>, claims: &mut Changing<'_>, own_gauge: PrepareOwnGauge) {
        match effect {
            Effect::Push { key, push, after } => self.show_push(key, push, *after, claims, own_gauge),
            Effect::Failure { key, at, after } => self.show_failure(key, *at, *after, own_gauge),
            Effect::Delete { key } => self.remove_group(key, claims),
            Effect::Wipe { keys } if keys.len() == self.groups.len() => self.clear(claims).let_go(),
            Effect::Wipe { keys } => keys.iter().for_each(|key| self.remove_group(key, claims)),
        }
    }

    /// Takes away everything there is, which is handed back. What it costs grows with the names of families.
    fn clear(&mut self, claims: &mut Changing<'_>) -> Self {
        self.withdraw(claims);
        let churn = self.groups.churn();
        churn.add(self.usage.stored_bytes);
        std::mem::replace(self, Self::new(&churn))
    }

    /// Gives back the memory of what is not shown any more. Of a large one that takes its time, which is a thread's of its own.
    fn let_go(self) {
        if self.groups.len() >= LARGE {
            // If there is no thread to be had, it is let go of here.
            let _ = thread::Builder::new().name("pushward-let-go".to_owned()).spawn(move || drop(self));
        }
    }

    fn show_push(
        &mut self,
        key: &Arc<GroupingKey>,
        push: &Push,
        after: Usage,
        changing: &mut Changing<'_>,
        own_gauge: PrepareOwnGauge,
    ) {
        self.ensure_group(key, GroupTimes::coming(push.at), own_gauge);
        if push.takes() {
            self.drop_families(key, |held| push.takes_away(&held.family), changing);
        }
        self.put_families(key, push.families.iter().filter(|family| !family.is_empty()), push.at, changing);
        self.set_times(key, |times| times.pushed_at = Some(push.at));
        self.show_own_gauge(key, OwnGauge::PushTime, own_gauge);
        self.usage = after;
    }

    fn show_failure(&mut self, key: &Arc<GroupingKey>, at: Timestamp, after: Usage, own_gauge: PrepareOwnGauge) {
        self.ensure_group(key, GroupTimes::coming(at), own_gauge);
        self.set_times(key, |times| times.failed_at = Some(at));
        self.show_own_gauge(key, OwnGauge::PushFailureTime, own_gauge);
        self.usage = after;
    }

    pub(super) fn remove_group(&mut self, key: &GroupingKey, claims: &mut Changing<'_>) {
        let mut given = self.group_usage(key);
        given.add(self.columns_of(key));
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
        for column in self.index.columns().filter(|column| !is_own(column)) {
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

    /// What the columns take that go with a group.
    fn columns_of(&self, key: &GroupingKey) -> Usage {
        let mut usage = Usage::default();
        let families = self.groups.get(key).into_iter().flat_map(|group| group.families.values());
        for held in families.filter(|held| self.index.is_held_alone(held.place)) {
            usage.add(column_usage(held.family.escaped_name()));
        }
        usage
    }

    /// A group as it was kept, its families aside.
    pub(super) fn restore_group(&mut self, key: &Arc<GroupingKey>, times: GroupTimes, own_gauge: PrepareOwnGauge) {
        self.ensure_group(key, times, own_gauge);
        self.usage.add(empty_group_usage(key));
    }

    /// Families of a group that is there, as they were kept and are judged.
    pub(super) fn restore_families(
        &mut self,
        key: &Arc<GroupingKey>,
        kept: &Push,
        after: Usage,
        claims: &mut Changing<'_>,
    ) {
        self.put_families(key, &kept.families, kept.at, claims);
        self.usage = after;
    }

    /// What the push takes away.
    pub(super) fn gone(&self, push: &Push) -> Gone {
        let group = match push.method {
            Method::Replace => return Gone::AllOthers,
            Method::Merge => self.groups.get(&push.key),
        };
        let empty = push.families.iter().filter(|family| family.is_empty());
        let held = empty.filter_map(|family| group?.get(family.escaped_name()));
        let taken = held.filter(|held| push.takes_away(&held.family));
        Gone::These(taken.map(|held| held.family.escaped_name().clone()).collect())
    }

    /// Whether the push puts every family in the place of one of the same name, type and lines but for their values, and so of
    /// the same series, and takes none away: then a write to another group is judged no otherwise after it than before, but
    /// for what the tenant takes.
    pub(super) fn holds_alike(&self, push: &Push) -> bool {
        let Some(group) = self.groups.get(&push.key) else { return false };
        let alike = |family: &Arc<PreparedFamily>| {
            let held = group.get(family.escaped_name()).map(|held| &held.family);
            held.is_some_and(|held| held.is_called_as(family) && heads(held.lines()).eq(heads(family.lines())))
        };
        let keeps_all = push.method == Method::Merge || push.families.len() == group.families.len();
        keeps_all && push.families.iter().all(|family| !family.is_empty() && alike(family))
    }

    /// What has happened to the group; to one that comes at `at`, nothing.
    pub(super) fn times(&self, key: &GroupingKey, at: Timestamp) -> GroupTimes {
        self.groups.get(key).map_or(GroupTimes::coming(at), |group| group.times)
    }

    /// Whether the group holds a family that compares as this name.
    pub(super) fn holds(&self, key: &GroupingKey, escaped: &str) -> bool {
        self.groups.get(key).is_some_and(|group| group.get(escaped).is_some())
    }

    /// Makes the group if it is not there.
    pub(super) fn ensure_group(&mut self, key: &Arc<GroupingKey>, times: GroupTimes, own_gauge: PrepareOwnGauge) {
        if self.groups.contains(key) {
            return;
        }
        let own = OwnGauge::ALL.map(|gauge| {
            let moment = times.moment(gauge);
            let at = moment.unwrap_or(times.came_at);
            let family = Arc::new(own_gauge(gauge, key, moment));
            let column = self.index.open(&family);
            let place = self.index.insert(column, Cell { key: key.clone(), family: family.clone() });
            Held { place, family, at }
        });
        let group = Group { key: key.clone(), families: BTreeMap::new(), own, times };
        self.groups.insert(group);
        self.identities.add_group(key);
    }

    pub(super) fn set_times(&mut self, key: &GroupingKey, change: impl FnOnce(&mut GroupTimes)) {
        if let Some(group) = self.groups.get_mut(key) {
            change(&mut group.times);
        }
    }

    /// As the times of the group say.
    pub(super) fn show_own_gauge(&mut self, key: &Arc<GroupingKey>, gauge: OwnGauge, own_gauge: PrepareOwnGauge) {
        let Some(group) = self.groups.get_mut(key) else { return };
        let moment = group.times.moment(gauge);
        let family = Arc::new(own_gauge(gauge, key, moment));
        if let Some((_, own)) = OwnGauge::ALL.iter().zip(&mut group.own).find(|(own, _)| **own == gauge) {
            own.family = family.clone();
            own.at = moment.unwrap_or(group.times.came_at);
            self.index.replace(own.place, Cell { key: key.clone(), family });
        }
    }

    /// Puts the families in the group, each in the place of what it holds under that name. The group is there.
    pub(super) fn put_families<'f>(
        &mut self,
        key: &Arc<GroupingKey>,
        families: impl IntoIterator<Item = &'f Arc<PreparedFamily>>,
        at: Timestamp,
        claims: &mut Changing<'_>,
    ) {
        let Self { groups, index, identities, .. } = self;
        let Some(group) = groups.get_mut(key) else { return };
        let mut series = identities.of_job(key);
        for family in families {
            let cell = Cell { key: key.clone(), family: family.clone() };
            let held = group.families.get_mut(family.escaped_name());
            let old = match held {
                // Its column is there, is so called and of that type, and claims all that it may.
                Some(held) if held.family.is_called_as(family) => {
                    index.replace(held.place, cell);
                    held.at = at;
                    Some(std::mem::replace(&mut held.family, family.clone()))
                }
                held => {
                    let place = held.map(|held| held.place);
                    let place = put_otherwise(index, cell, place, claims);
                    group.put(Held { place, family: family.clone(), at }).map(|old| old.family)
                }
            };
            if let Some(old) = old {
                series.remove(&old);
            }
            series.add(key, family);
        }
    }

    pub(super) fn drop_families(&mut self, key: &GroupingKey, gone: impl Fn(&Held) -> bool, claims: &mut Changing<'_>) {
        let Self { groups, index, identities, .. } = self;
        let Some(group) = groups.get_mut(key) else { return };
        let (mut moved, mut series) = (Vec::new(), identities.of_job(key));
        group.families.retain(|_, held| {
            if !gone(held) {
                return true;
            }
            moved.extend(index.remove(held.place, key));
            if index.find(held.family.escaped_name()).is_none() {
                claims.remove(&Claimant::of(&held.family));
            }
            series.remove(&held.family);
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
        for column in self.index.columns().filter(|column| !is_own(column)) {
            usage.add(column_usage(&column.escaped));
        }
        usage
    }
}

/// Whether it is that of a gauge which every group has of itself: it claims nothing, and is in no account.
fn is_own(column: &Column) -> bool {
    OwnGauge::ALL.iter().any(|gauge| gauge.name() == &*column.escaped)
}

/// What stands before the value of each line.
fn heads(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', lines).scan(0, |start, end| Some((std::mem::replace(start, end + 1), end)));
    ends.map(|(start, end)| {
        let line = lines.get(start..end).unwrap_or_default();
        line.get(..memchr::memrchr(b' ', line).unwrap_or_default()).unwrap_or_default()
    })
}

/// Puts a family that is new in its group, or another kind of what stands there at `place`, in its column. Where that is.
fn put_otherwise(index: &mut Index, cell: Cell, place: Option<Place>, claims: &mut Changing<'_>) -> Place {
    let family = &cell.family;
    let before = index.find(family.escaped_name()).map(|(_, column)| column);
    if before.is_none_or(|column| !column.takes(family)) {
        if let Some(column) = before {
            claims.remove(&Claimant::of_column(column));
        }
        claims.add(&Claimant::of(family));
    }
    let column = index.open(family);
    match place {
        Some(place) => {
            index.replace(place, cell);
            place
        }
        None => index.insert(column, cell),
    }
}
