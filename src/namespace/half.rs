//! Routes that a listener serves to one side alone: to the other they are not there.

use super::NamespaceError;
use crate::identity::Party;
use crate::limits::Permit;

/// To whom a listener serves a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Both,
    Tenants,
    Operators,
}

/// Answers whoever comes from the other side as on an unknown path, whatever the method.
pub fn admit_side(side: Side, permit: &Permit) -> Result<(), NamespaceError> {
    match (side, permit.principal().party()) {
        (Side::Both, _) | (Side::Tenants, Party::Tenant(_)) | (Side::Operators, Party::Operator(_)) => Ok(()),
        (Side::Tenants, Party::Operator(_)) | (Side::Operators, Party::Tenant(_)) => Err(NamespaceError::NotServed),
    }
}
