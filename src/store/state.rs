//! What stands on a shelf, and how an accepted write changes it. Nothing here can fail: it was judged before.

use super::Gone;
use super::Method;
use super::Push;
use super::Refusal;
use super::claims::Changing;
use super::claims::Claimant;
use super::column::Cell;
use super::column::Column;
use super::column::ColumnId;
use super::column::Place;
use super::group::Group;
use super::group::GroupTimes;
use super::group::empty_group_usage;
use super::groups::Groups;
use super::groups::SharedGroups;
use super::identities::Identities;
use super::index::Columns;
use super::index::Index;
use super::judge;
use super::judge::judge;
use super::space::Churn;
use super::usage::Usage;
use super::write::Effect;
use crate::model::FamilyView;
use crate::model::GroupingKey;
use crate::model::IdentifySeries;
use crate::model::OwnGauge;
use crate::model::PreparedFamily;
use crate::model::PreparedParts;
use crate::model::Quota;
use crate::model::Timestamp;
use crate::model::WriteOwnGauge;
use std::sync::Arc;
use std::thread;

/// So many groups at least are worth a thread to let go of them. Chosen: a thread costs some tens of microseconds, and a group
/// that goes a few.
const LARGE: usize = 100;

/// One tenant's groups, and the indices over them.
#[derive(Debug)]
pub(super) struct State {
    pub(super) groups: Groups,
    pub(super) index: Index,
    pub(super) identities: Identities,
    pub(super) identify: Arc<dyn IdentifySeries>,
    pub(super) usage: Usage,
}

/// A family for its group, and the help that its column was opened with before, where it comes back.
pub(super) type Coming<'f> = (&'f PreparedFamily, Option<&'f Arc<str>>);

impl State {
    /// Empty; what is taken from it later is counted.
    pub(super) fn new(churn: &Churn, identify: Arc<dyn IdentifySeries>) -> Self {
        let (groups, index) = (Groups::new(churn), Index::new(churn));
        Self { groups, index, identities: Identities::default(), identify, usage: Usage::default() }
    }

    /// All of it; it is empty then.
    pub(super) fn take(&mut self, churn: &Churn) -> Self {
        let empty = Self::new(churn, self.identify.clone());
        std::mem::replace(self, empty)
    }

    pub(super) fn column(&self, id: ColumnId) -> Option<&Column> {
        self.index.get(id)
    }

    /// What the group holds under a name as it is compared.
    pub(super) fn held(&self, group: &Group, escaped: &str) -> Option<(usize, Place)> {
        group.get(self.index.find(escaped)?.0)
    }

    /// A family as it was pushed.
    pub(super) fn family_again(&self, view: FamilyView<'_>) -> PreparedFamily {
        let lines = memchr::memchr_iter(b'\n', view.lines).count();
        PreparedFamily::from(PreparedParts {
            name: view.name.into(),
            kind: view.kind,
            help: view.help.into(),
            lines: view.lines.into(),
            line_count: u32::try_from(lines).unwrap_or(u32::MAX),
            series: self.identify.series(view).into(),
            renamed: view.renamed,
            proto: view.proto.into(),
            utf8: view.utf8,
        })
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    pub(super) fn share(&mut self) -> Columns {
        self.index.share()
    }

    pub(super) fn share_groups(&self) -> SharedGroups {
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
        let Self { groups, index, identities, identify, usage } = self;
        identities.expect(&push.key, groups.contains(&push.key), |key| {
            let held = groups.get(key).into_iter().flat_map(Group::families);
            let views = held.filter_map(|place| index.get(place.column)?.view(place.row));
            views.flat_map(|view| identify.series(view)).collect()
        });
        let group = groups.get(&push.key);
        judge(push, &judge::State { index, identities, group, usage: *usage, quota, all_visible })
    }

    /// Makes it so.
    pub(super) fn show(&mut self, effect: &Effect<'_>, claims: &mut Changing<'_>, own_gauge: WriteOwnGauge) {
        match effect {
            Effect::Push { key, push, after } => self.show_push(key, push, *after, claims, own_gauge),
            Effect::Failure { key, at, after } => self.show_failure(key, *at, *after, own_gauge),
            Effect::Delete { key } => self.remove_group(key, claims),
            Effect::Wipe { keys } if keys.len() == self.groups.len() => self.clear(claims).let_go(),
            Effect::Wipe { keys } => keys.iter().for_each(|key| self.remove_group(key, claims)),
        }
        self.renumber();
    }

    /// Takes away everything there is, which is handed back. What it costs grows with the names of families.
    fn clear(&mut self, claims: &mut Changing<'_>) -> Self {
        self.withdraw(claims);
        let churn = self.groups.churn();
        churn.add(self.usage.stored_bytes);
        self.take(&churn)
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
        own_gauge: WriteOwnGauge,
    ) {
        self.ensure_group(key, GroupTimes::coming(push.at), own_gauge);
        if push.takes() && self.leaves_any(push) {
            self.drop_families(key, |column| push.takes_away(column), changing);
        }
        self.put_families(key, coming(push), push.at, changing);
        self.set_times(key, |times| times.pushed_at = Some(push.at));
        self.show_own_gauge(key, OwnGauge::PushTime, own_gauge);
        self.usage = after;
    }

    fn show_failure(&mut self, key: &Arc<GroupingKey>, at: Timestamp, after: Usage, own_gauge: WriteOwnGauge) {
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
            self.index.remove(*own, key);
        }
        self.identities.remove_group(key);
        self.usage = self.usage.changed(Usage::default(), given);
    }

    /// Claims what its families claim that came unseen.
    pub(super) fn claim(&self, claims: &mut Changing<'_>) {
        for column in self.index.columns().filter(|column| !is_own(column)) {
            claims.add(&Claimant::of_column(column));
        }
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
        for place in group.families() {
            usage.add(self.index.get(place.column).map_or_else(Usage::default, |it| it.usage_of(place.row)));
        }
        usage
    }

    /// What the columns take that go with a group.
    fn columns_of(&self, key: &GroupingKey) -> Usage {
        let mut usage = Usage::default();
        let families = self.groups.get(key).into_iter().flat_map(Group::families);
        for column in families.filter_map(|place| self.index.held_alone(*place)) {
            usage.add(column.usage());
        }
        usage
    }

    /// A group as it was kept, its families aside.
    pub(super) fn restore_group(&mut self, key: &Arc<GroupingKey>, times: GroupTimes, own_gauge: WriteOwnGauge) {
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
        self.put_families(key, coming(kept), kept.at, claims);
        self.usage = after;
    }

    /// What the push takes away.
    pub(super) fn gone(&self, push: &Push) -> Gone {
        let group = match push.method {
            Method::Replace => return Gone::AllOthers,
            Method::Merge => self.groups.get(&push.key),
        };
        let empty = push.families.iter().filter(|family| family.is_empty());
        let held = empty.filter_map(|family| {
            let (id, column) = self.index.find(family.escaped_name())?;
            group?.get(id).map(|_| column)
        });
        Gone::These(held.filter(|column| push.takes_away(column)).map(|column| column.escaped.clone()).collect())
    }

    /// Whether its group holds any family in whose place the push puts none: nearly every push is of what its group holds.
    fn leaves_any(&self, push: &Push) -> bool {
        let Some(group) = self.groups.get(&push.key) else { return false };
        let (families, mut next, mut replaced) = (group.families(), 0, 0);
        for family in push.families.iter() {
            let found = self.index.find_near(families, &mut next, family.escaped_name());
            let held = found.filter(|found| found.held.is_some() && *found.column.name == *family.name());
            replaced += usize::from(held.is_some() && !family.is_empty());
        }
        replaced < families.len()
    }

    /// Whether the push puts every family in the place of one of the same name, type and series, and takes none away: then
    /// a write to another group is judged no otherwise after it than before, but for what the tenant takes. Of one whose
    /// series come in another order it says no.
    pub(super) fn holds_alike(&self, push: &Push) -> bool {
        let Some(group) = self.groups.get(&push.key) else { return false };
        let mut next = 0;
        let mut alike = |family: &PreparedFamily| {
            let found = self.index.find_near(group.families(), &mut next, family.escaped_name());
            let held = found.filter(|found| found.column.takes(family));
            let held = held.and_then(|found| found.column.view(found.held?.1.row));
            held.is_some_and(|held| heads(held.lines).eq(heads(family.lines())))
        };
        let keeps_all = push.method == Method::Merge || push.families.len() == group.families().len();
        keeps_all && push.families.iter().all(|family| !family.is_empty() && alike(family))
    }

    /// What has happened to the group; to one that comes at `at`, nothing.
    pub(super) fn times(&self, key: &GroupingKey, at: Timestamp) -> GroupTimes {
        self.groups.get(key).map_or(GroupTimes::coming(at), |group| group.times)
    }

    /// Whether the group holds a family that compares as this name.
    pub(super) fn holds(&self, key: &GroupingKey, escaped: &str) -> bool {
        self.groups.get(key).is_some_and(|group| self.held(group, escaped).is_some())
    }

    /// Makes the group if it is not there.
    pub(super) fn ensure_group(&mut self, key: &Arc<GroupingKey>, times: GroupTimes, own_gauge: WriteOwnGauge) {
        if self.groups.contains(key) {
            return;
        }
        let own = OwnGauge::ALL.map(|gauge| {
            let family = (own_gauge.whole)(gauge, key, times.moment(gauge));
            let column = self.index.open(&family, None);
            self.index.insert(column, Cell { key, family: &family })
        });
        self.groups.insert(Group::new(key.clone(), own, times));
        self.identities.add_group(key);
    }

    pub(super) fn set_times(&mut self, key: &GroupingKey, change: impl FnOnce(&mut GroupTimes)) {
        if let Some(group) = self.groups.get_mut(key) {
            change(&mut group.times);
        }
    }

    /// As the times of the group say.
    pub(super) fn show_own_gauge(&mut self, key: &GroupingKey, gauge: OwnGauge, own_gauge: WriteOwnGauge) {
        let Some(group) = self.groups.get(key) else { return };
        let moment = group.times.moment(gauge);
        let own = group.own_place(gauge);
        let shown = self.index.get(own.column).and_then(|column| column.lines(own.row));
        let lines = shown.map_or_else(Vec::new, |shown| (own_gauge.at_moment)(shown, moment));
        self.index.rewrite(own, &lines);
    }

    /// Everything counted anew, for tests to compare with what was counted along the way.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Usage {
        let mut usage = Usage::default();
        for key in self.groups.keys() {
            usage.add(self.group_usage(key));
        }
        for column in self.index.columns().filter(|column| !is_own(column)) {
            usage.add(column.usage());
        }
        usage
    }
}

/// Whether it is that of a gauge which every group has of itself: it claims nothing, and is in no account.
fn is_own(column: &Column) -> bool {
    OwnGauge::ALL.iter().any(|gauge| gauge.name() == &*column.escaped)
}

/// What the push puts in its group.
fn coming(push: &Push) -> impl Iterator<Item = Coming<'_>> {
    push.families.iter().filter(|family| !family.is_empty()).map(|family| (family, None))
}

/// What stands before the value of each line.
fn heads(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', lines).scan(0, |start, end| Some((std::mem::replace(start, end + 1), end)));
    ends.map(|(start, end)| {
        let line = lines.get(start..end).unwrap_or_default();
        line.get(..memchr::memrchr(b' ', line).unwrap_or_default()).unwrap_or_default()
    })
}
