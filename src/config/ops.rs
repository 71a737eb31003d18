//! `ops`: the listener for health with reasons and the gateway's own metrics.

use super::Listener;

/// The operator's listener.
#[derive(Clone, Debug)]
pub struct Ops {
    /// Off loopback it has TLS and `auth: operators`, or was allowed plaintext in so many words.
    pub listener: Listener,
    pub auth: OpsAuth,
}

/// Who may read the gateway's own metrics; health stays open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpsAuth {
    #[default]
    None,
    /// An operator's credential with the scope `ops:read`.
    Operators,
}
