//! What the files come to: for each group where its families stand, without what stands there.

use super::record::Record;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::underscored_metric;
use crate::store::Gone;
use crate::store::GroupTimes;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::HashMap;

/// All tenants, those included whom the configuration does not name.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) tenants: BTreeMap<TenantId, Kept>,
    /// Each name once, with what it is compared as: most groups hold families of the same names.
    names: HashMap<FamilyName, FamilyName>,
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

impl Place {
    /// Whether `next` begins where this ends.
    pub(super) fn is_followed_by(self, next: Self) -> bool {
        next.file == self.file && next.offset == self.offset.saturating_add(u64::from(self.length))
    }
}

impl Contents {
    /// Does what a record says. Its blocks stand from `offset` on in that file; those of the families in `damaged`, counted
    /// from the first, are not as they were written: such a family is not there, and neither is what was there before it.
    pub(super) fn apply(&mut self, record: Record<'_>, file: u32, offset: u64, damaged: &[usize]) {
        match record {
            Record::Group { tenant, key, gone, times, families } => {
                let kept = self.tenants.entry(tenant).or_default();
                let empty = || KeptGroup { times, families: BTreeMap::new() };
                let group = kept.groups.entry(key).or_insert_with(empty);
                group.times = times;
                if let Gone::These(names) = &gone {
                    names.iter().for_each(|name| drop(group.families.remove(name)));
                }
                let of_this = |place: Place| place.file == file && place.offset >= offset;
                let (mut begins, mut come) = (offset, 0_usize);
                for (nth, head) in families.iter().enumerate() {
                    let place = Place { file, offset: begins, length: head.block_bytes, sum: head.block_sum };
                    begins = begins.saturating_add(u64::from(head.block_bytes));
                    let (name, escaped) = interned(&mut self.names, head.name);
                    if damaged.contains(&nth) {
                        group.families.remove(&escaped);
                        continue;
                    }
                    let family = KeptFamily { name, kind: head.kind, at: head.at, place };
                    let before = group.families.insert(escaped, family);
                    come += usize::from(before.is_none_or(|before| !of_this(before.place)));
                }
                // Mostly all that were there are there again: then none of them goes.
                if gone == Gone::AllOthers && group.families.len() > come {
                    group.families.retain(|_, family| of_this(family.place));
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

/// The name, and what it is compared as.
fn interned(names: &mut HashMap<FamilyName, FamilyName>, name: &str) -> (FamilyName, FamilyName) {
    if let Some((name, escaped)) = names.get_key_value(name) {
        return (name.clone(), escaped.clone());
    }
    let new = FamilyName::from(name);
    let escaped = match underscored_metric(name) {
        Cow::Borrowed(_) => new.clone(),
        Cow::Owned(escaped) => escaped.into(),
    };
    names.insert(new.clone(), escaped.clone());
    (new, escaped)
}

impl Kept {
    /// The bytes of its families' blocks.
    pub(super) fn bytes(&self) -> u64 {
        let families = self.groups.values().flat_map(|group| group.families.values());
        families.map(|family| u64::from(family.place.length)).sum()
    }
}
