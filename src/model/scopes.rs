//! What a credential may be granted. No verb implies another.

use std::fmt;

/// What a tenant's credential may do to its tenant's groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// PUT and POST of groups. A PUT with an empty body may empty a group.
    Push,
    /// DELETE of groups.
    Delete,
    /// Scrapes and every other reading.
    Read,
    /// What touches many groups at once.
    Admin,
}

impl Verb {
    pub const ALL: [Self; 4] = [Self::Push, Self::Delete, Self::Read, Self::Admin];

    /// The word in a credential's `scopes`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Delete => "delete",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == text)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an operator's credential may do. None of them pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperatorScope {
    /// Reading over all tenants.
    FleetRead,
    /// Changing the gateway, or one named tenant.
    FleetAdmin,
    /// The gateway's own metrics.
    OpsRead,
}

impl OperatorScope {
    pub const ALL: [Self; 3] = [Self::FleetRead, Self::FleetAdmin, Self::OpsRead];

    /// The word in an operator's `scopes`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FleetRead => "fleet:read",
            Self::FleetAdmin => "fleet:admin",
            Self::OpsRead => "ops:read",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == text)
    }
}

impl fmt::Display for OperatorScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
