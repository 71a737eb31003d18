//! Where a write goes before anybody sees it.

use super::group::GroupTimes;
use crate::model::Durability;
use crate::model::FamilyName;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::TenantId;
use std::fmt;
use std::sync::Arc;

/// An accepted write, in full: whoever keeps it need not look up what was there before.
///
/// `key` is spelled as the group holds it, which may be otherwise than the request did.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A push. The group is made if it is not there.
    Push {
        tenant: TenantId,
        key: Arc<GroupingKey>,
        /// What goes before `families` come.
        gone: Gone,
        /// Each has lines, and takes the place of the family that compares as its name. It was pushed when `times` says that
        /// the group was.
        families: Arc<[PreparedFamily]>,
        /// As they are after the push.
        times: GroupTimes,
    },
    /// A change of the group was refused. The group is made, without families, if it is not there.
    Failure {
        tenant: TenantId,
        key: Arc<GroupingKey>,
        /// As they are after it.
        times: GroupTimes,
    },
    /// The group goes. It is there.
    Delete { tenant: TenantId, key: Arc<GroupingKey> },
    /// Each of these groups goes. All are there.
    Wipe { tenant: TenantId, keys: Vec<Arc<GroupingKey>> },
}

/// Which families of its group a push takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// All that it does not carry: a PUT.
    AllOthers,
    /// These, which it holds, by the names as they are compared; mostly none: a POST.
    These(Vec<FamilyName>),
}

/// The journal did not take a batch. What it was is in its own log; a client only learns that it was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal refused a batch: {0}")]
pub struct JournalError(pub String);

/// Keeps accepted writes before they are shown.
///
/// The entries of a batch come one behind the other: a later one of the same group builds on the earlier. When `commit`
/// returns `Ok`, the whole batch is kept, at least as well as `durability` says; when it returns an error, none of it may
/// come back after a restart. One call at a time. It may block: it is called on a thread of its own, never on one of the
/// runtime. What a tenant with [`Durability::Memory`] pushes does not come here.
pub trait Journal: fmt::Debug + Send + Sync {
    fn commit(&self, batch: &[Entry], durability: Durability) -> Result<(), JournalError>;
}

/// Keeps nothing: for a gateway all of whose tenants have [`Durability::Memory`].
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryJournal;

impl Journal for MemoryJournal {
    fn commit(&self, _: &[Entry], _: Durability) -> Result<(), JournalError> {
        Ok(())
    }
}
