//! `storage`: where pushes are kept, and what an acknowledgement promises.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use std::path::PathBuf;

pub(super) const STORAGE: Keys = Keys { known: &["path", "durability"], later: &["orphans_keep"] };

/// Where and how what was pushed is kept.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Relative paths were resolved at the directory of the configuration file.
    pub path: PathBuf,
    pub durability: Durability,
}

/// What has happened to a push when it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It is in memory: a restart loses it.
    #[default]
    Memory,
}

impl Default for Storage {
    fn default() -> Self {
        Self { path: "data".into(), durability: Durability::default() }
    }
}

impl Storage {
    pub(super) fn read(field: Option<&Field<'_>>, faults: &mut Faults) -> Self {
        let default = Self { path: faults.directory().join(Self::default().path), ..Self::default() };
        let Some(section) = field.and_then(|field| field.section(&STORAGE, faults)) else {
            return default;
        };
        let words = [("memory", Some(Durability::Memory)), ("os", None), ("fsync", None)];
        let durability = section.word("durability", &words, faults);
        if durability == Some(None)
            && let Some(field) = section.get("durability")
        {
            field.fault(faults, "not in this version, expected memory: a restart loses what was pushed");
        }
        Self {
            path: section.path("path", faults).unwrap_or(default.path),
            durability: durability.flatten().unwrap_or(default.durability),
        }
    }
}
