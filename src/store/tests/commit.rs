//! Writes that are journalled: in batches, one at a time, shown when they are kept.

mod batches;
mod endings;
mod serial;

use super::*;
use crate::store::Gone;
use crate::store::GroupTimes;
use crate::store::RestoredGroup;
use crate::store::Usage;
use crate::store::Written;
use parking_lot::Condvar;
use std::collections::VecDeque;

/// A journal that a test can hold up, and that fails as it is told.
#[derive(Debug, Default)]
struct Held {
    desk: Mutex<Desk>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Desk {
    /// Commits stay inside while it is so.
    closed: bool,
    /// How the next commits end; those behind them are kept.
    fails: VecDeque<bool>,
    entered: usize,
    kept: Vec<Vec<Entry>>,
}

impl Held {
    fn closed() -> Arc<Self> {
        let journal = Self::default();
        journal.desk.lock().closed = true;
        Arc::new(journal)
    }

    fn open(&self) {
        self.desk.lock().closed = false;
        self.changed.notify_all();
    }

    /// Returns when so many commits have been called for.
    fn has_entered(&self, commits: usize) {
        let mut desk = self.desk.lock();
        while desk.entered < commits {
            self.changed.wait(&mut desk);
        }
    }

    /// How many entries each commit kept.
    fn sizes(&self) -> Vec<usize> {
        self.desk.lock().kept.iter().map(Vec::len).collect()
    }

    fn kept(&self) -> Vec<Entry> {
        self.desk.lock().kept.concat()
    }
}

impl Journal for Held {
    fn commit(&self, batch: &[Entry], durability: Durability) -> Result<(), JournalError> {
        assert_eq!(durability, Durability::Fsync);
        assert!(!batch.is_empty());
        let mut desk = self.desk.lock();
        desk.entered += 1;
        self.changed.notify_all();
        while desk.closed {
            self.changed.wait(&mut desk);
        }
        if desk.fails.pop_front().unwrap_or_default() {
            return Err(JournalError("told to".into()));
        }
        desk.kept.push(batch.to_vec());
        Ok(())
    }
}

/// A write that is not waited for.
fn begin(store: &Store, tenant: &str, key: &GroupingKey, families: &[PreparedFamily]) -> Written {
    let push = Push::new(key.clone(), Method::Replace, families.to_vec(), Timestamp::from_unix_seconds(7));
    store.push(&Scope::for_test(tenant), push)
}

/// All that can be seen of a store.
fn seen(store: &Store) -> (Vec<String>, Vec<String>, Vec<Usage>) {
    let mut lines: Vec<String> = Vec::new();
    for (tenant, ..) in store.usage() {
        lines.extend(tenant_view(store, tenant.as_str()).lines().map(|line| format!("{tenant} {line}")));
    }
    lines.extend(fleet_view(store, None));
    lines.sort();
    let usage = store.usage().into_iter().map(|(_, usage, _)| usage).collect();
    (lines, listed(store.fleet_catalogue(&FleetScope::for_test(None))), usage)
}

/// What a journal holds, read as its entries say, for the tenants of `store`, in a store of its own.
fn replayed(entries: &[Entry], tenants: &[&str]) -> Store {
    let mut groups: BTreeMap<(TenantId, GroupingKey), Kept> = BTreeMap::new();
    for entry in entries {
        match entry.clone() {
            Entry::Push { tenant, key, gone, families, times } => {
                let group = groups.entry((tenant, (*key).clone())).or_default();
                match gone {
                    Gone::AllOthers => group.families.clear(),
                    Gone::These(names) => names
                        .iter()
                        .for_each(|name| assert!(group.families.remove(&**name).is_some(), "{name} was not there")),
                }
                for family in &*families {
                    let at = times.pushed_at.unwrap();
                    group.families.insert(family.escaped_name().to_string(), (family.clone(), at));
                }
                group.times = Some(times);
            }
            Entry::Failure { tenant, key, times } => {
                groups.entry((tenant, (*key).clone())).or_default().times = Some(times);
            }
            Entry::Delete { tenant, key } => assert!(groups.remove(&(tenant, (*key).clone())).is_some()),
            Entry::Wipe { tenant, keys } => {
                keys.iter().for_each(|key| assert!(groups.remove(&(tenant.clone(), (**key).clone())).is_some()));
            }
        }
    }
    let store = store(tenants);
    for ((tenant, key), Kept { families, times }) in groups {
        let families = families.into_values().collect();
        store.restore(&tenant, RestoredGroup { key, families, times: times.unwrap() }).unwrap();
    }
    store
}

#[derive(Default)]
struct Kept {
    families: BTreeMap<String, (PreparedFamily, Timestamp)>,
    times: Option<GroupTimes>,
}
