//! `reload`: what is read again by itself.

/// `reload.watch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// Certificates, key sets, users, `tenants_dir`. The main file is read on SIGHUP and `POST /-/reload` alone.
    #[default]
    Files,
    Off,
}
