//! `audit`: where it is written down who did what.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use std::path::PathBuf;

pub(super) const AUDIT: Keys = Keys { known: &["file", "pushes"], later: &[] };

/// `audit`. What is written besides pushes is not to be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// JSON lines, appended. Absent: into the log.
    pub file: Option<PathBuf>,
    pub pushes: AuditPushes,
}

/// Which pushes are written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditPushes {
    #[default]
    Off,
    Refused,
    All,
}

impl Audit {
    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let Some(section) = field.section(&AUDIT, faults) else {
            return Self::default();
        };
        let words = [("off", AuditPushes::Off), ("refused", AuditPushes::Refused), ("all", AuditPushes::All)];
        Self { file: section.path("file", faults), pushes: section.word("pushes", &words, faults).unwrap_or_default() }
    }
}
