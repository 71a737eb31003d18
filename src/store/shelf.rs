//! A shelf: one tenant's groups behind one lock.
//!
//! Every write takes the same steps: judge, journal, show. With [`Durability::Memory`] there is nothing to journal, and a
//! write is judged and shown in one go under the lock. Otherwise the [`committer`](super::committer) takes the steps, for
//! all writes that wait: it has them *rehearsed*, which tells what each comes to if those before it are shown, and leaves the
//! shelf as it was; has them journalled, with the lock free; and has them shown. Since nobody else writes to such a shelf,
//! it is then as it was when they were rehearsed.

use super::Entry;
use super::Refusal;
use super::TenantTerms;
use super::catalogue;
use super::claims::Changing;
use super::claims::Claims;
use super::group::GroupTimes;
use super::group::empty_group_usage;
use super::index::Columns;
use super::space::Churn;
use super::space::Pin;
use super::space::Space;
use super::state::State;
use super::usage::Usage;
use super::write::Effect;
use super::write::Verdict;
use super::write::Write;
use crate::model::Durability;
use crate::model::GroupingKey;
use crate::model::IdentifySeries;
use crate::model::Quota;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::WriteOwnGauge;
use parking_lot::Mutex;
use parking_lot::MutexGuard;
use std::collections::HashMap;
use std::sync::Arc;

/// One tenant's groups.
#[derive(Debug)]
pub(super) struct Shelf {
    tenant: TenantId,
    durability: Durability,
    churn: Churn,
    state: Mutex<Contents>,
}

/// What the lock guards.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) state: State,
    quota: Quota,
    pub(super) space: Space,
    /// The tenant is gone: whoever still holds the shelf puts nothing on it any more.
    withdrawn: bool,
}

impl Shelf {
    pub(super) fn new(tenant: TenantId, terms: TenantTerms, space: &Space, identify: Arc<dyn IdentifySeries>) -> Self {
        let TenantTerms { quota, durability } = terms;
        let churn = space.churn();
        let (state, space) = (State::new(&churn, identify), space.clone());
        Self { tenant, durability, churn, state: Mutex::new(Contents { state, quota, space, withdrawn: false }) }
    }

    pub(super) fn durability(&self) -> Durability {
        self.durability
    }

    /// What a reader who begins now will keep alive of what is replaced.
    pub(super) fn pin(&self) -> Pin {
        self.churn.pin(self.usage().stored_bytes)
    }

    pub(super) fn quota(&self) -> Quota {
        self.state.lock().quota
    }

    /// For writes from now on. What stands there stays, also where it is more than may come.
    pub(super) fn set_quota(&self, quota: Quota) {
        self.state.lock().quota = quota;
    }

    pub(super) fn usage(&self) -> Usage {
        self.state.lock().state.usage()
    }

    /// Takes everything away for good, with its claims; how much that was. A write that found the shelf before finds it
    /// withdrawn, also if it is being journalled.
    pub(super) fn withdraw(&self, claims: &mut Changing<'_>) -> Usage {
        let mut contents = self.state.lock();
        contents.withdrawn = true;
        contents.space.changes();
        let state = contents.state.take(&self.churn);
        state.withdraw(claims);
        contents.space.changed(state.usage(), Usage::default());
        self.churn.add(state.usage().stored_bytes);
        state.usage()
    }

    /// The key as the group holds it, where that shows other empty labels.
    pub(super) fn other_spelling(&self, key: &GroupingKey) -> Option<Arc<GroupingKey>> {
        self.state.lock().state.group_key(key).filter(|stored| !stored.shows_as(key) && stored.spells_as(key)).cloned()
    }

    #[cfg(test)]
    pub(super) fn recount(&self) -> Usage {
        self.state.lock().state.recount()
    }

    pub(super) fn columns(&self) -> Columns {
        self.state.lock().state.share()
    }

    pub(super) fn groups(&self) -> catalogue::Held {
        let state = &mut self.state.lock().state;
        catalogue::Held { groups: state.share_groups(), columns: state.share() }
    }

    /// What a write works on, unless the tenant is gone.
    pub(super) fn open(&self) -> Result<MutexGuard<'_, Contents>, Refusal> {
        let contents = self.state.lock();
        if contents.withdrawn { Err(Refusal::NoTenant) } else { Ok(contents) }
    }

    /// Judges the write and shows it at once: for a tenant whose writes are not journalled.
    pub(super) fn write(&self, write: &Write, claims: &Claims, own_gauge: WriteOwnGauge) -> Result<(), Refusal> {
        let mut contents = self.open()?;
        let verdict = contents.judge(write);
        contents.show(verdict, &mut claims.changing(), own_gauge)
    }

    /// What comes of the writes, each judged as if those before it were shown, and the entry of each that has an effect.
    /// Nothing can be seen of it, during or after.
    pub(super) fn rehearse<'a>(
        &self,
        writes: &'a [Write],
        own_gauge: WriteOwnGauge,
    ) -> Result<Vec<(Verdict<'a>, Option<Entry>)>, Refusal> {
        let mut contents = self.open()?;
        let last_of_group: HashMap<_, _> =
            writes.iter().enumerate().filter_map(|(nth, write)| Some((write.key()?, nth))).collect();
        let (mut verdicts, mut befores) = (Vec::with_capacity(writes.len()), Vec::new());
        let usage = contents.state.usage();
        for (nth, write) in writes.iter().enumerate() {
            let verdict = contents.judge(write);
            let state = &mut contents.state;
            let entry = verdict.effect.as_ref().map(|effect| self.entry(state, effect));
            let is_last = nth + 1 == writes.len();
            let is_last_of_group = write.key().is_some_and(|key| last_of_group.get(key) == Some(&nth));
            match &verdict.effect {
                None => {}
                // Nobody is judged on what it does, or on no more of it than what it takes.
                Some(_) if is_last => {}
                Some(Effect::Push { push, after, .. }) if is_last_of_group && state.holds_alike(push) => {
                    state.usage = *after;
                }
                Some(effect) => {
                    befores.extend(state.before(effect));
                    state.show(effect, &mut Changing::unseen(), own_gauge);
                }
            }
            verdicts.push((verdict, entry));
        }
        for before in befores.into_iter().rev() {
            contents.state.undo(before, own_gauge);
        }
        contents.state.usage = usage;
        Ok(verdicts)
    }

    /// Shows what was rehearsed and is journalled now, all of it at one instant; what each is to be told.
    pub(super) fn show<'a>(
        &self,
        rehearsed: impl IntoIterator<Item = Verdict<'a>>,
        claims: &Claims,
        own_gauge: WriteOwnGauge,
    ) -> Vec<Result<(), Refusal>> {
        let mut contents = self.open();
        let mut changing = claims.changing();
        let show = |verdict: Verdict<'_>| match &mut contents {
            Ok(contents) => contents.show(verdict, &mut changing, own_gauge),
            // What is on the disk stays there with all else of the tenant.
            Err(gone) if verdict.effect.is_some() => verdict.answer.and(Err(gone.clone())),
            Err(_) => verdict.answer,
        };
        rehearsed.into_iter().map(show).collect()
    }

    /// What is to be kept of an effect on this state.
    fn entry(&self, state: &State, effect: &Effect<'_>) -> Entry {
        let tenant = self.tenant.clone();
        match effect {
            Effect::Push { key, push, .. } => {
                let times = GroupTimes { pushed_at: Some(push.at), ..state.times(key, push.at) };
                let filled = || push.families.iter().filter(|family| !family.is_empty()).cloned();
                let all_filled = !push.families.iter().any(|family| family.is_empty());
                let families = if all_filled { push.families.clone() } else { filled().collect() };
                Entry::Push { tenant, key: key.clone(), gone: state.gone(push), families, times }
            }
            Effect::Failure { key, at, .. } => {
                let times = GroupTimes { failed_at: Some(*at), ..state.times(key, *at) };
                Entry::Failure { tenant, key: key.clone(), times }
            }
            Effect::Delete { key } => Entry::Delete { tenant, key: key.clone() },
            Effect::Wipe { keys } => Entry::Wipe { tenant, keys: keys.clone() },
        }
    }
}

impl Contents {
    /// What comes of the write on the state as it is. Changes nothing that can be seen.
    fn judge<'a>(&mut self, write: &'a Write) -> Verdict<'a> {
        match write {
            Write::Push { push, all_visible } => match self.state.judge(push, &self.quota, *all_visible) {
                Ok(after) => match self.space.reserve(self.state.usage(), after) {
                    Ok(room) => {
                        let key = self.state.stored_key(&push.key);
                        Verdict { effect: Some(Effect::Push { key, push, after }), room: Some(room), answer: Ok(()) }
                    }
                    Err(full) => Verdict { effect: None, room: None, answer: Err(full) },
                },
                Err(refusal) => self.refuse(&push.key, push.at, refusal),
            },
            Write::Refused { key, at, refusal } => self.refuse(key, *at, refusal.clone()),
            Write::Delete { key } => {
                let there = self.state.has_group_spelled(key);
                let effect = there.then(|| Effect::Delete { key: self.state.stored_key(key) });
                Verdict { effect, room: None, answer: Ok(()) }
            }
            Write::Wipe { narrowing } => {
                let keys = self.state.keys(|key| narrowing.admits(key));
                Verdict { effect: (!keys.is_empty()).then_some(Effect::Wipe { keys }), room: None, answer: Ok(()) }
            }
        }
    }

    /// A refusal, and whether it is noted in the group: a full quota only in one that is there, any other of the store's
    /// judgement also in one that is not, quota permitting.
    fn refuse<'a>(&self, key: &GroupingKey, at: Timestamp, refusal: Refusal) -> Verdict<'a> {
        let creates = match &refusal {
            Refusal::Inconsistent(_) => true,
            Refusal::QuotaFull { .. } => false,
            Refusal::GatewayFull { .. } | Refusal::OutOfScope | Refusal::NoTenant | Refusal::Unavailable => {
                return Verdict { effect: None, room: None, answer: Err(refusal) };
            }
        };
        let mut after = self.state.usage();
        let mut noted = self.state.has_group(key);
        if !noted && creates {
            after.add(empty_group_usage(key));
            noted = self.state.usage().may_become(after, &self.quota).is_ok();
        }
        let room = if noted { self.space.reserve(self.state.usage(), after).ok() } else { None };
        let effect = room.is_some().then(|| Effect::Failure { key: self.state.stored_key(key), at, after });
        Verdict { effect, room, answer: Err(refusal) }
    }

    /// Shows what comes of a write, and what it is to be told.
    fn show(
        &mut self,
        verdict: Verdict<'_>,
        claims: &mut Changing<'_>,
        own_gauge: WriteOwnGauge,
    ) -> Result<(), Refusal> {
        let Verdict { effect, room, answer } = verdict;
        if let Some(effect) = &effect {
            let before = self.state.usage();
            self.space.changes();
            self.state.show(effect, claims, own_gauge);
            match room {
                Some(room) => room.shown(),
                None => self.space.changed(before, self.state.usage()),
            }
        }
        answer
    }
}
