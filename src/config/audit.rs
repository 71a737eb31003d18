//! `audit`: where it is written down who did what.

use std::path::PathBuf;

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
