//! What the files come to: for each group where its families stand, without what stands there.

use super::record::FamilyHead;
use super::record::Record;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::underscored_metric;
use crate::store::Gone;
use crate::store::GroupTimes;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

/// All tenants, those included whom the configuration does not name.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) tenants: BTreeMap<TenantId, Kept>,
    /// Each name once: most groups hold families of the same names.
    names: HashSet<FamilyName>,
}

/// What is kept of one tenant.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Since when the configuration does not name it.
    pub(super) gone: Option<Timestamp>,
    pub(super) groups: HashMap<GroupingKey, KeptGroup>,
}

#[derive(Debug)]
pub(super) struct KeptGroup {
    pub(super) times: GroupTimes,
    /// By the names as they are compared.
    pub(super) families: BTreeMap<FamilyName, KeptFamily>,
}

/// A family, and where its block stands.
#[derive(Clone, Debug)]
pub(super) struct KeptFamily {
    pub(super) name: FamilyName,
    pub(super) kind: MetricKind,
    pub(super) at: Timestamp,
    pub(super) place: Place,
}

/// Bytes of a file, and what they sum up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which of the files that were read.
    pub(super) file: u32,
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) sum: u32,
}

impl Contents {
    /// Does what a record says. Its blocks stand from `offset` on in that file; those of the families in `damaged`, counted
    /// from the first, are not as they were written: such a family is not there, and neither is what was there before it.
    pub(super) fn apply(&mut self, record: Record, file: u32, offset: u64, damaged: &[usize]) {
        match record {
            Record::Group { tenant, key, gone, times, families } => {
                let kept = self.tenants.entry(tenant).or_default();
                let empty = || KeptGroup { times, families: BTreeMap::new() };
                let group = kept.groups.entry(key).or_insert_with(empty);
                group.times = times;
                match gone {
                    Gone::AllOthers => group.families.clear(),
                    Gone::These(names) => names.iter().for_each(|name| drop(group.families.remove(name))),
                }
                let mut offset = offset;
                for (nth, head) in families.into_iter().enumerate() {
                    let FamilyHead { name, kind, at, block_bytes: length, block_sum: sum } = head;
                    let name = interned(&mut self.names, &name);
                    let escaped = interned(&mut self.names, &underscored_metric(&name));
                    let place = Place { file, offset, length, sum };
                    offset = offset.saturating_add(u64::from(length));
                    if damaged.contains(&nth) {
                        group.families.remove(&escaped);
                    } else {
                        group.families.insert(escaped, KeptFamily { name, kind, at, place });
                    }
                }
            }
            Record::Delete { tenant, key } => {
                if let Some(kept) = self.tenants.get_mut(&tenant) {
                    kept.groups.remove(&key);
                }
            }
            Record::TenantGone { tenant, at } => self.tenants.entry(tenant).or_default().gone = Some(at),
            Record::TenantBack { tenant } => {
                if let Some(kept) = self.tenants.get_mut(&tenant) {
                    kept.gone = None;
                }
            }
            Record::TenantForgotten { tenant } => drop(self.tenants.remove(&tenant)),
            Record::End => {}
        }
    }
}

fn interned(names: &mut HashSet<FamilyName>, name: &str) -> FamilyName {
    if let Some(known) = names.get(name) {
        return known.clone();
    }
    let new = FamilyName::from(name);
    names.insert(new.clone());
    new
}

impl Kept {
    /// The bytes of its families' blocks.
    pub(super) fn bytes(&self) -> u64 {
        let families = self.groups.values().flat_map(|group| group.families.values());
        families.map(|family| u64::from(family.place.length)).sum()
    }
}
