//! What a listener is for.

use std::fmt;

/// The classes of routes, by which a listener says what it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// What tenants change: pushes, deletes, wipes.
    Push,
    /// What tenants read.
    Scrape,
    /// Whatever an operator's credential opens, reading or changing.
    Operator,
    /// `/-/healthy` and `/-/ready`.
    Health,
}

impl Service {
    pub const ALL: [Self; 4] = [Self::Push, Self::Scrape, Self::Operator, Self::Health];

    /// The word in a listener's `serves`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Scrape => "scrape",
            Self::Operator => "operator",
            Self::Health => "health",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
