//! The baton of this stage.

use super::meter::Meter;
use crate::identity::Principal;

/// A principal that may use our time now, and what it is charged while it does.
#[derive(Clone, Debug)]
pub struct Permit {
    principal: Principal,
    meter: Meter,
}

impl Permit {
    /// Only this stage makes one.
    pub(super) fn new(principal: Principal, meter: Meter) -> Self {
        Self { principal, meter }
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// For who hands it on.
    pub fn into_parts(self) -> (Principal, Meter) {
        (self.principal, self.meter)
    }
}
