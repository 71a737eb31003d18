//! `storage`: what an acknowledgement promises, and where what was pushed is kept.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use crate::model::Durability;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const STORAGE: Keys = Keys { known: &["path", "durability", "orphans_keep"], later: &[] };

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Chosen: up to ten years. 0s: what a tenant pushed goes with it.
const ORPHANS_KEEP: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3650 * 24 * 3600);

/// How what was pushed is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// A directory of this process alone. Nothing is in it where all is kept in memory.
    pub path: PathBuf,
    /// What every tenant is promised that does not ask for less.
    pub durability: Durability,
    /// How long what a tenant pushed is kept once the configuration does not name it.
    pub orphans_keep: Duration,
}

impl Default for Storage {
    fn default() -> Self {
        Self { path: PathBuf::from("data"), durability: Durability::Fsync, orphans_keep: 30 * DAY }
    }
}

impl Storage {
    /// Relative to the file, as every path.
    pub(super) fn read(field: Option<&Field<'_>>, faults: &mut Faults) -> Self {
        let mut storage = Self::default();
        storage.path = faults.directory().join(storage.path);
        let Some(section) = field.and_then(|field| field.section(&STORAGE, faults)) else {
            return storage;
        };
        storage.path = section.path("path", faults).unwrap_or(storage.path);
        storage.durability = durability(&section, faults).unwrap_or(storage.durability);
        storage.orphans_keep = section.duration("orphans_keep", ORPHANS_KEEP, faults).unwrap_or(storage.orphans_keep);
        storage
    }
}

/// The key `durability` of a section.
pub(super) fn durability(section: &Section<'_>, faults: &mut Faults) -> Option<Durability> {
    let words = [("memory", Durability::Memory), ("os", Durability::Os), ("fsync", Durability::Fsync)];
    section.word("durability", &words, faults)
}
