//! `storage`: what an acknowledgement promises.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;

pub(super) const STORAGE: Keys = Keys { known: &["durability"], later: &["path", "orphans_keep"] };

/// How what was pushed is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    pub durability: Durability,
}

/// What has happened to a push when it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It is in memory: a restart loses it.
    #[default]
    Memory,
}

impl Storage {
    pub(super) fn read(field: Option<&Field<'_>>, faults: &mut Faults) -> Self {
        let Some(section) = field.and_then(|field| field.section(&STORAGE, faults)) else {
            return Self::default();
        };
        let words = [("memory", Some(Durability::Memory)), ("os", None), ("fsync", None)];
        let durability = section.word("durability", &words, faults);
        if durability == Some(None)
            && let Some(field) = section.get("durability")
        {
            field.fault(faults, "not in this version, expected memory: a restart loses what was pushed");
        }
        Self { durability: durability.flatten().unwrap_or_default() }
    }
}
