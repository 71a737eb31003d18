//! May this push be? A reading of a tenant's state as it would be after the push; it changes nothing that can be seen.

use super::Method;
use super::Push;
use super::Refusal;
use super::column::Column;
use super::column::ColumnId;
use super::column::column_usage;
use super::group::Group;
use super::group::empty_group_usage;
use super::identities::Identities;
use super::index::Found;
use super::index::Index;
use super::index::claimed_lines;
use super::usage::Usage;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::Quota;

/// What a push is judged on.
pub(super) struct State<'a> {
    pub(super) index: &'a Index,
    pub(super) identities: &'a Identities,
    /// The group that the push is for, as it is now.
    pub(super) group: Option<&'a Group>,
    pub(super) usage: Usage,
    pub(super) quota: &'a Quota,
    /// Whether whoever pushes can see all groups, and so may be told what they hold.
    pub(super) all_visible: bool,
}

impl<'a> State<'a> {
    /// The column of that name, and where the group holds it, for names in their order.
    fn find(&self, next: &mut usize, escaped: &str) -> Option<Found<'a>> {
        self.index.find_near(self.group.map_or(&[], Group::families), next, escaped)
    }
}

/// Consistency first, so that a client whose push can never be is not told to make room.
pub(super) fn judge(push: &Push, state: &State<'_>) -> Result<Usage, Refusal> {
    check_key(push, state)?;
    let may_meet = state.identities.are_kept(&push.key);
    let (mut change, mut next) = (Change::of(push, state), 0);
    for family in push.families.iter() {
        let found = state.find(&mut next, family.escaped_name());
        if family.is_empty() {
            change.empties(found.as_ref(), family);
            continue;
        }
        // Whatever the group holds under that name and as that type brings no name and no claim with it that does not stand
        // beside all others now: nearly every push is one that has come before with other values, and is spared the most of
        // what judging it costs.
        if found.as_ref().is_some_and(|found| found.held.is_some() && found.column.takes(family)) {
            debug_assert_eq!(check_names(family, push, state), Ok(()));
        } else {
            check_names(family, push, state)?;
        }
        if may_meet {
            check_series(family, &push.key, state)?;
        }
        change.takes(found.as_ref(), family);
    }
    let given = change.given_by_all(push, state);
    let after = state.usage.changed(change.taken, given);
    state.usage.may_become(after, state.quota).map_err(|refusal| match refusal {
        Refusal::QuotaFull { kind, limit, .. } if !state.all_visible => {
            Refusal::QuotaFull { kind, limit, used: None, needed: None }
        }
        refusal => refusal,
    })?;
    Ok(after)
}

/// The column, if somebody will hold it in its present kind once the push is in. Its only holder may be the push's own
/// group, which leaves it or takes it along to another kind. Asked of the columns that a push meets, and not of all that
/// its group holds: a refusal costs no more than the push.
fn stays<'a>(found: Option<(ColumnId, &'a Column)>, push: &Push, state: &State<'_>) -> Option<&'a Column> {
    let (id, column) = found?;
    let held = state.group.and_then(|group| group.get(id));
    let alone = held.is_some() && column.holders() == 1;
    let leaves = match push.carried(&column.escaped) {
        // Under another name it does not replace what is held but meets it, unless all that is held goes.
        Some(carried) if *carried.name() != *column.name => push.method == Method::Replace,
        Some(carried) => carried.is_empty() || carried.kind() != column.kind,
        None => push.method == Method::Replace,
    };
    (!(alone && leaves)).then_some(column)
}

/// A group is spelled as it was when it came.
fn check_key(push: &Push, state: &State<'_>) -> Result<(), Refusal> {
    match state.group {
        Some(group) if !group.key.spells_as(&push.key) => Err(Refusal::Inconsistent(
            "the names of the grouping labels are those of another group where UTF-8 is escaped".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// What its name and those of its lines may be beside all others.
fn check_names(family: &PreparedFamily, push: &Push, state: &State<'_>) -> Result<(), Refusal> {
    check_kind(family, push, state)?;
    check_claims(family, push, state)
}

/// A name is spelled one way, and has one type.
fn check_kind(family: &PreparedFamily, push: &Push, state: &State<'_>) -> Result<(), Refusal> {
    match stays(state.index.find(family.escaped_name()), push, state) {
        Some(column) if *column.name != *family.name() => {
            let name = family.name();
            Err(Refusal::Inconsistent(match state.all_visible {
                true => {
                    let held = &column.name;
                    format!("the metric names {name:?} and {held:?} are one where UTF-8 is escaped")
                }
                false => format!("the metric name {name:?} is that of another family where UTF-8 is escaped"),
            }))
        }
        Some(column) if column.kind != family.kind() => {
            let held = if state.all_visible { column.kind.proto_name() } else { "another type" };
            let (name, kind) = (family.name(), family.kind().proto_name());
            Err(Refusal::Inconsistent(format!("metric family \"{name}\" is pushed as {kind} but is held as {held}")))
        }
        _ => Ok(()),
    }
}

/// A line name belongs to one family: `x_count` is either a counter of that name or part of the histogram `x`.
fn check_claims(family: &PreparedFamily, push: &Push, state: &State<'_>) -> Result<(), Refusal> {
    let collides = |line: &str, column: &Column| {
        let (kind, name) = (column.kind, &column.name);
        Err(Refusal::Inconsistent(match state.all_visible {
            true => {
                format!("collected metric named \"{line}\" collides with previously collected {kind} named \"{name}\"")
            }
            false => format!("collected metric named \"{line}\" collides with a family that is held already"),
        }))
    };
    if let Some(column) = stays(state.index.claimant(family.escaped_name()), push, state) {
        return collides(family.name(), column);
    }
    for line in claimed_lines(family.escaped_name(), family.kind()) {
        if let Some(column) = stays(state.index.find(&line), push, state) {
            return collides(family.name(), column);
        }
        let claimant = stays(state.index.claimant(&line), push, state);
        if let Some(column) = claimant.filter(|column| *column.escaped != *family.escaped_name()) {
            return collides(family.name(), column);
        }
    }
    Ok(())
}

/// A series is in one group.
fn check_series(family: &PreparedFamily, key: &GroupingKey, state: &State<'_>) -> Result<(), Refusal> {
    if state.identities.hold_elsewhere(key, family.series()) {
        let name = family.name();
        return Err(Refusal::Inconsistent(format!(
            "collected metric \"{name}\" was collected before with the same name and label values, in another group"
        )));
    }
    Ok(())
}

/// What a push takes and gives back of the quota.
struct Change {
    taken: Usage,
    /// By what is replaced, or taken away.
    given: Usage,
    /// A PUT gives back all that its group holds, which is added up at once, before anything else is asked of it: looks into
    /// memory that do not wait for each other take little longer than one. A POST gives back what it carries.
    gives_all: bool,
    /// The families of the group in whose place another of the same name comes.
    replaced: usize,
}

impl Change {
    /// Before any family comes.
    fn of(push: &Push, state: &State<'_>) -> Self {
        let (mut given, gives_all) = (Usage::default(), push.method == Method::Replace);
        for place in state.group.filter(|_| gives_all).into_iter().flat_map(Group::families) {
            given.add(state.index.get(place.column).map(|it| it.usage_of(place.row)).unwrap_or_default());
        }
        Self { taken: Usage::default(), given, gives_all, replaced: 0 }
    }

    /// A family comes.
    fn takes(&mut self, found: Option<&Found<'_>>, family: &PreparedFamily) {
        // Its only holder takes a column away under one spelling and brings it under another.
        let stays = |it: &&Found<'_>| *it.column.name == *family.name() || it.column.holders() > 1 || it.held.is_none();
        let column = found.filter(stays).map(|found| found.column);
        self.taken.add(Column::usage_with(column, family));
        if column.is_none() {
            self.taken.add(column_usage(family.escaped_name(), family.help()));
        }
        if let Some((column, held)) = found.and_then(|it| Some((it.column, it.held?.1)))
            && *column.name == *family.name()
        {
            if !self.gives_all {
                self.given.add(column.usage_of(held.row));
            }
            self.replaced += 1;
        }
    }

    /// A family comes with nothing in it. What a PUT takes away is looked at once for all.
    fn empties(&mut self, found: Option<&Found<'_>>, family: &PreparedFamily) {
        if !self.gives_all
            && let Some((column, held)) = found.and_then(|it| Some((it.column, it.held?.1)))
            && *column.name == *family.name()
        {
            self.given.add(column.usage_of(held.row));
            self.leaves(column);
        }
    }

    /// A family goes, and its column with the last one.
    fn leaves(&mut self, column: &Column) {
        if column.holders() == 1 {
            self.given.add(column.usage());
        }
    }

    /// What is given back in all, by what a PUT does not carry besides. A group that is new takes what it is itself.
    fn given_by_all(&mut self, push: &Push, state: &State<'_>) -> Usage {
        let Some(group) = state.group else {
            self.taken.add(empty_group_usage(&push.key));
            return self.given;
        };
        if self.gives_all && self.replaced < group.families().len() {
            let columns = group.families().iter().filter_map(|place| state.index.get(place.column));
            for column in columns.filter(|column| push.takes_away(column)) {
                self.leaves(column);
            }
        }
        self.given
    }
}
