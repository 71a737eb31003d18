//! What was shown to nobody is taken back.
//!
//! A write that is rehearsed is shown to those that are judged after it, and then undone, the last one first, so that each
//! is undone on the state that it left.

use super::Method;
use super::Push;
use super::claims::Changing;
use super::column::Place;
use super::group::Group;
use super::group::GroupTimes;
use super::state::State;
use super::write::Effect;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::OwnGauge;
use crate::model::PreparedFamily;
use crate::model::Timestamp;
use crate::model::WriteOwnGauge;
use std::collections::HashSet;
use std::sync::Arc;

/// A group as it was before a write, as far as the write changes it.
#[derive(Debug)]
pub(super) struct Before {
    key: Arc<GroupingKey>,
    /// None: there was no such group.
    times: Option<GroupTimes>,
    /// By their names as they are compared. None: the group did not hold it.
    families: Vec<(FamilyName, Option<Kept>)>,
}

#[derive(Debug)]
struct Kept {
    family: PreparedFamily,
    /// The help that its column was opened with, by which it is accounted.
    opened_with: Arc<str>,
    at: Timestamp,
}

impl State {
    /// What to remember for [`State::undo`], of each group that the effect changes.
    pub(super) fn before(&self, effect: &Effect<'_>) -> Vec<Before> {
        let all = |key: &Arc<GroupingKey>| self.group_before(key, |group| self.whole(group).collect());
        match effect {
            Effect::Push { key, push, .. } => vec![self.group_before(key, |group| self.touched(group, push))],
            Effect::Failure { key, .. } => vec![self.group_before(key, |_| Vec::new())],
            Effect::Delete { key } => vec![all(key)],
            Effect::Wipe { keys } => keys.iter().map(all).collect(),
        }
    }

    fn group_before(
        &self,
        key: &Arc<GroupingKey>,
        families: impl FnOnce(&Group) -> Vec<(FamilyName, Option<Kept>)>,
    ) -> Before {
        let group = self.groups.get(key);
        Before {
            key: key.clone(),
            times: group.map(|group| group.times),
            families: group.map(families).unwrap_or_default(),
        }
    }

    /// The group is again as it was; what the tenant takes is for the caller to set back. Its rows may stand elsewhere in their columns, which means nothing.
    pub(super) fn undo(&mut self, before: Before, own_gauge: WriteOwnGauge) {
        let Before { key, times, families } = before;
        let claims = &mut Changing::unseen();
        match times {
            None => self.remove_group(&key, claims),
            Some(times) => {
                self.ensure_group(&key, times, own_gauge);
                let new = families.iter().filter(|(_, kept)| kept.is_none()).map(|(family, _)| &**family);
                let new: HashSet<&str> = new.collect();
                if !new.is_empty() {
                    self.drop_families(&key, |column| new.contains(&*column.escaped), claims);
                }
                for kept in families.into_iter().filter_map(|(_, kept)| kept) {
                    let Kept { family, opened_with, at } = kept;
                    self.put_families(&key, [(&family, Some(&opened_with))], at, claims);
                }
                self.set_times(&key, |now| *now = times);
                OwnGauge::ALL.iter().for_each(|gauge| self.show_own_gauge(&key, *gauge, own_gauge));
            }
        }
    }

    fn whole(&self, group: &Group) -> impl Iterator<Item = (FamilyName, Option<Kept>)> {
        group.pushed().filter_map(|(place, at)| self.kept(place, at)).map(|(name, kept)| (name, Some(kept)))
    }

    fn kept(&self, place: Place, at: Timestamp) -> Option<(FamilyName, Kept)> {
        let column = self.column(place.column)?;
        let family = self.family_again(column.view(place.row)?);
        Some((column.escaped.clone(), Kept { family, opened_with: column.opened_with.clone(), at }))
    }

    /// What the push puts in the group, or takes away.
    fn touched(&self, group: &Group, push: &Push) -> Vec<(FamilyName, Option<Kept>)> {
        let carried = push.families.iter().map(|family| family.escaped_name());
        let carried = carried.map(|name| {
            let held = self.held(group, name).and_then(|(nth, place)| self.kept(place, group.pushed_at(nth)));
            (name.into(), held.map(|(_, kept)| kept))
        });
        match push.method {
            Method::Merge => carried.collect(),
            Method::Replace => carried.filter(|(_, kept)| kept.is_none()).chain(self.whole(group)).collect(),
        }
    }
}
