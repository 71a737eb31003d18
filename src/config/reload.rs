//! `reload`: what is read again by itself.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;

pub(super) const RELOAD: Keys = Keys { known: &["watch"], later: &[] };

/// `reload.watch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// Certificates, key sets, users, `tenants_dir`. The main file is read on SIGHUP and `POST /-/reload` alone.
    #[default]
    Files,
    Off,
}

impl Watch {
    /// From `reload`, of which it is the only key.
    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let Some(section) = field.section(&RELOAD, faults) else {
            return Self::default();
        };
        section.word("watch", &[("files", Self::Files), ("off", Self::Off)], faults).unwrap_or_default()
    }
}
