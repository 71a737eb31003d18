//! What was kept comes back: at the start all of it, later what a tenant left behind who is named again.

use super::contents::Kept;
use super::contents::KeptFamily;
use super::contents::KeptGroup;
use super::journal::DiskJournal;
use super::journal::Inner;
use super::keeper::Ring;
use super::record::StoredFamily;
use super::replay::ReplayError;
use super::replay::Replayed;
use super::replay::replay;
use super::scan::Damage;
use super::writer::Writer;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::model::Tick;
use crate::model::Timestamp;
use crate::store::RestoreError;
use crate::store::RestoredGroup;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::time::Duration;

/// Where what was kept goes.
pub struct Restoring<'r> {
    /// Makes a family of this process out of a kept one; `None`: its lines are none.
    pub revive: &'r (dyn Fn(StoredFamily) -> Option<PreparedFamily> + Sync),
    pub restore: &'r (dyn Fn(&TenantId, RestoredGroup) -> Result<(), RestoreError> + Sync),
}

impl fmt::Debug for Restoring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Restoring(..)")
    }
}

/// Why what was kept could not be read. On the disk nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the storage cannot be read: {0}")]
pub struct LoadError(String);

impl LoadError {
    /// It ended in a panic, which is in the log.
    pub fn broke_off() -> Self {
        Self("the load broke off".to_owned())
    }
}

impl From<ReplayError> for LoadError {
    fn from(error: ReplayError) -> Self {
        Self(error.to_string())
    }
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// How much was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub groups: u64,
    pub families: u64,
    /// What was damaged and is kept aside.
    pub damaged: u64,
}

/// Chosen: whoever watches a start that takes longer wants to see it move.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Tells of a load that takes its time.
struct Progress {
    clock: SharedClock,
    told: Tick,
}

impl Progress {
    fn tell(&mut self, bytes: u64, groups: u64) {
        if self.is_due() {
            tracing::info!(bytes, groups, "loading what was pushed before");
        }
    }

    fn is_due(&mut self) -> bool {
        let now = self.clock.tick();
        let is_due = now.since(self.told) >= TOLD_EVERY;
        if is_due {
            self.told = now;
        }
        is_due
    }
}

impl DiskJournal {
    /// Reads everything, hands on what `tenants` pushed, and opens the log. Tenants who are not among them become orphans.
    /// Blocks on the disk.
    ///
    /// Where the disk takes no writes all is loaded as well, and batches are refused until it does.
    pub fn load(&self, tenants: &BTreeSet<TenantId>, restoring: &Restoring<'_>) -> Result<Loaded, LoadError> {
        let loaded = self.load_once(tenants, restoring)?;
        self.keep_up();
        Ok(loaded)
    }

    /// The same without a thread that sees to the storage afterwards.
    pub(super) fn load_once(
        &self,
        tenants: &BTreeSet<TenantId>,
        restoring: &Restoring<'_>,
    ) -> Result<Loaded, LoadError> {
        let inner = &*self.inner;
        let mut files = inner.files.lock();
        let mut progress = Progress { clock: inner.clock.clone(), told: inner.clock.tick() };
        let mut replayed = replay(&*inner.disk, None, &mut |bytes| progress.tell(bytes, 0))?;
        tell_of_torn(&replayed);
        let mut loaded = Loaded::default();
        let kept = std::mem::take(&mut replayed.contents.tenants);
        for tenant in tenants {
            if let Some(kept) = kept.get(tenant) {
                restore(&mut replayed, tenant, kept, restoring, &mut loaded, &mut progress)?;
            }
        }
        loaded.damaged = replayed.files.iter().map(|file| file.damages.len() as u64).sum();
        inner.keep_damaged_or_tell(&replayed);
        inner.open_log(&replayed);
        files.loaded = true;
        inner.note_files(&mut files, replayed.checkpoint_bytes, replayed.logs(), replayed.is_damaged());
        drop(files);
        for (tenant, kept) in kept.iter().filter(|(_, kept)| !kept.groups.is_empty()) {
            match tenants.contains(tenant) {
                true if kept.gone.is_some() => {
                    inner.gone(tenant, kept.gone);
                    inner.back(tenant);
                }
                true => {}
                false => {
                    inner.gone(tenant, kept.gone);
                    let (tenant, groups) = (tenant.as_str(), kept.groups.len());
                    tracing::info!(tenant, groups, "kept for a tenant that is not served from here");
                }
            }
        }
        inner.forget_long_gone();
        if inner.bell.is_due(replayed.log_bytes) {
            inner.bell.ring(Ring::Checkpoint);
        }
        Ok(loaded)
    }

    /// Hands on what these tenants left behind, as far as anything is kept of them: they are named again, and have empty shelves.
    /// Nothing they push may be under way. Of each of whom anything is kept, whether it came back; if it did not, some of it may
    /// have been handed on, and what is kept stays as it is, until the next call however long ago they went: one for nobody says
    /// that nobody waits for them. Nothing comes back before [`DiskJournal::load`], which brings it. Blocks on the disk, unless
    /// nobody is named.
    pub fn bring_back(
        &self,
        named: &[TenantId],
        restoring: &Restoring<'_>,
    ) -> Vec<(TenantId, Result<Loaded, LoadError>)> {
        let inner = &*self.inner;
        if named.is_empty() {
            // Said without a look at the disk: a reload that brings nobody back waits for no checkpoint.
            inner.orphans.lock().want(named);
            return Vec::new();
        }
        // Held to the end, so that nobody is forgotten on the way back.
        let mut files = inner.files.lock();
        if !files.loaded {
            return Vec::new();
        }
        let wanted = inner.orphans.lock().want(named);
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut progress = Progress { clock: inner.clock.clone(), told: inner.clock.tick() };
        let mut replayed = match replay(&*inner.disk, None, &mut |bytes| progress.tell(bytes, 0)) {
            Ok(replayed) => replayed,
            Err(error) => {
                let unread = LoadError::from(error);
                return wanted.into_iter().map(|tenant| (tenant, Err(unread.clone()))).collect();
            }
        };
        let brought = wanted.into_iter().map(|tenant| {
            let mut loaded = Loaded::default();
            let kept = replayed.contents.tenants.remove(&tenant).unwrap_or_default();
            let restored = restore(&mut replayed, &tenant, &kept, restoring, &mut loaded, &mut progress);
            if restored.is_ok() {
                inner.back(&tenant);
            }
            (tenant, restored.map(|()| loaded))
        });
        let brought = brought.collect();
        if replayed.is_damaged() {
            inner.keep_damaged_or_tell(&replayed);
            files.due = true;
            inner.set_due(&files);
            inner.bell.ring(Ring::Checkpoint);
        }
        brought
    }

    /// The configuration names these tenants no more: what they pushed is kept for a while.
    pub fn set_aside<'t>(&self, tenants: impl IntoIterator<Item = &'t TenantId>) {
        tenants.into_iter().for_each(|tenant| self.inner.gone(tenant, None));
    }
}

impl Inner {
    fn keep_damaged_or_tell(&self, replayed: &Replayed) {
        if let Err(error) = self.keep_damaged(replayed) {
            tracing::error!(%error, "what is damaged cannot be kept aside, so its files stay");
        }
    }

    /// Opens a log behind those that were read.
    fn open_log(&self, replayed: &Replayed) {
        // What is said to be there from now on must not go with the power.
        let synced = replayed.files.iter().try_for_each(|file| file.file.sync());
        let mut writer = self.writer.lock();
        *writer = Writer::behind(replayed.last, replayed.number, replayed.sequence, replayed.log_bytes);
        if let Err(error) = synced.and_then(|()| writer.begin(&*self.disk)) {
            tracing::error!(%error, "the storage takes no writes: what was pushed before is served, no push is accepted");
            self.health.set_degraded("storage", true);
            self.bell.ring(Ring::Mend);
        }
    }
}

fn restore(
    replayed: &mut Replayed,
    tenant: &TenantId,
    kept: &Kept,
    restoring: &Restoring<'_>,
    loaded: &mut Loaded,
    progress: &mut Progress,
) -> Result<(), LoadError> {
    // A scrape shows the groups in the order in which they came.
    let mut groups: Vec<_> = kept.groups.iter().collect();
    groups.sort_unstable_by_key(|(key, group)| (group.times.came_at, *key));
    for (key, group) in groups {
        let families = revive(replayed, tenant, key, group, restoring)?;
        loaded.groups = loaded.groups.saturating_add(1);
        loaded.families = loaded.families.saturating_add(families.len() as u64);
        let restored = RestoredGroup { key: key.clone(), families, times: group.times };
        match (restoring.restore)(tenant, restored) {
            Ok(()) => {}
            Err(RestoreError::Families(left_out)) => {
                for (name, why) in left_out {
                    tracing::error!(tenant = tenant.as_str(), group = ?key, family = &*name, why, "a family contradicts others");
                    if let Some(family) = group.families.get(&name) {
                        let what = "a family that contradicts others";
                        note(replayed, family, what, (tenant.clone(), key.clone(), Some(name.to_string())));
                    }
                }
            }
            Err(error) => tracing::error!(tenant = tenant.as_str(), group = ?key, %error, "a group was not restored"),
        }
        progress.tell(0, loaded.groups);
    }
    Ok(())
}

/// The group's families, with identities of this process. What is not as it was written is noted as damaged; what the disk
/// does not give back may be whole, and is an error.
fn revive(
    replayed: &mut Replayed,
    tenant: &TenantId,
    key: &GroupingKey,
    group: &KeptGroup,
    restoring: &Restoring<'_>,
) -> io::Result<Vec<(PreparedFamily, Timestamp)>> {
    let mut families = Vec::with_capacity(group.families.len());
    for family in group.families.values() {
        let block = replayed.read(family.place)?;
        let stored = StoredFamily::decode(family.name.clone(), family.kind, family.place.sum, &block);
        match stored.and_then(restoring.revive) {
            Some(revived) => families.push((revived, family.at)),
            None => {
                let of = (tenant.clone(), key.clone(), Some(family.name.to_string()));
                note(replayed, family, "a family that is none", of);
            }
        }
    }
    Ok(families)
}

fn note(replayed: &mut Replayed, family: &KeptFamily, what: &'static str, of: (TenantId, GroupingKey, Option<String>)) {
    let place = family.place;
    if let Some(file) = replayed.files.get_mut(place.file as usize) {
        file.damages.push(Damage { what, offset: place.offset, bytes: place.length.into(), of: Some(of) });
    }
}

fn tell_of_torn(replayed: &Replayed) {
    for file in replayed.files.iter().filter(|file| file.torn > 0) {
        let (file, bytes) = (file.name.text(), file.torn);
        tracing::info!(file, bytes, "the last write was cut off before anybody was told that it was kept");
    }
}

#[cfg(test)]
mod tests {
    use super::Progress;
    use super::TOLD_EVERY;
    use crate::model::Clock;
    use crate::testkit::MockClock;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_load_is_told_of_once_a_second_and_a_short_one_never() {
        let clock = MockClock::new();
        let mut progress = Progress { clock: Arc::new(clock.clone()), told: clock.tick() };
        let due: Vec<u32> = (0..35)
            .filter(|_| {
                clock.advance(TOLD_EVERY / 10 + Duration::from_nanos(1));
                progress.is_due()
            })
            .collect();
        assert_eq!(due, [9, 19, 29]);
    }
}
