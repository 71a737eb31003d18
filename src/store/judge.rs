//! May this push be? A reading of a tenant's state as it would be after the push; it changes nothing that can be seen.

use super::Method;
use super::Push;
use super::Refusal;
use super::column::Column;
use super::column::ColumnId;
use super::column::column_usage;
use super::group::Group;
use super::group::Held;
use super::group::empty_group_usage;
use super::identities::Identities;
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

/// Consistency first, so that a client whose push can never be is not told to make room.
pub(super) fn judge(push: &Push, state: &State<'_>) -> Result<Usage, Refusal> {
    check_key(push, state)?;
    let may_meet = state.identities.are_kept(&push.key);
    for family in push.families.iter().filter(|family| !family.is_empty()) {
        if is_held(family, state) {
            debug_assert_eq!(check_names(family, push, state), Ok(()));
        } else {
            check_names(family, push, state)?;
        }
        if may_meet {
            check_series(family, &push.key, state)?;
        }
    }
    let after = usage_after(push, state);
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

/// Whether the group holds the family already, under that name and as that type. Then it brings no name and no claim with it
/// that does not stand beside all others now: nearly every push is one that has come before with other values, and is
/// spared the most of what judging it costs.
fn is_held(family: &PreparedFamily, state: &State<'_>) -> bool {
    let found = state.index.find(family.escaped_name());
    found.is_some_and(|(id, column)| column.takes(family) && state.group.is_some_and(|group| group.get(id).is_some()))
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

fn usage_after(push: &Push, state: &State<'_>) -> Usage {
    let (mut taken, mut given) = (Usage::default(), Usage::default());
    for family in push.families.iter().filter(|family| !family.is_empty()) {
        let column = state.index.find(family.escaped_name());
        // Its only holder takes it away under one spelling and brings it under another.
        let again = |id| state.group.is_some_and(|group| group.get(id).is_some());
        let column =
            column.filter(|(id, column)| *column.name == *family.name() || column.holders() > 1 || !again(*id));
        taken.add(Column::usage_with(column.map(|(_, column)| column), family));
        if column.is_none() {
            taken.add(column_usage(family.escaped_name(), family.help()));
        }
    }
    match state.group {
        None => taken.add(empty_group_usage(&push.key)),
        Some(group) => {
            for held in replaced(push, group, state) {
                let Some(column) = state.index.get(held.place.column) else { continue };
                given.add(column.usage_of(held.place.row));
                let carried = push.carried(&column.escaped);
                let stays = carried.is_some_and(|carried| !carried.is_empty() && *carried.name() == *column.name);
                if !stays && column.holders() == 1 {
                    given.add(column.usage());
                }
            }
        }
    }
    state.usage.changed(taken, given)
}

/// The families of the group that the push takes away or replaces.
fn replaced<'a>(push: &'a Push, group: &'a Group, state: &'a State<'_>) -> Box<dyn Iterator<Item = &'a Held> + 'a> {
    match push.method {
        Method::Replace => Box::new(group.families.iter()),
        Method::Merge => Box::new(push.families.iter().filter_map(|family| {
            let (id, column) = state.index.find(family.escaped_name())?;
            group.get(id).filter(|_| *column.name == *family.name())
        })),
    }
}
