//! Who somebody was proved to be, for those who write it down.

use crate::model::TenantId;

/// An extension of every answer whose request proved a credential, let in or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Of a tenant's credential.
    pub tenant: Option<TenantId>,
    /// Of an operator's.
    pub operator: Option<String>,
    /// Its name; never secret.
    pub credential: String,
}
