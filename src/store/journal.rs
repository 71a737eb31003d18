//! Where a write goes before anybody sees it.

use super::Method;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::TenantId;
use crate::model::Timestamp;
use std::fmt;
use std::sync::Arc;

/// An accepted write, in full.
#[derive(Clone, Debug)]
pub enum Entry {
    Push { tenant: TenantId, key: Arc<GroupingKey>, method: Method, families: Vec<Arc<PreparedFamily>>, at: Timestamp },
    Failure { tenant: TenantId, key: Arc<GroupingKey>, at: Timestamp },
    Delete { tenant: TenantId, key: Arc<GroupingKey> },
}

/// The journal did not take a batch. What it was is in its own log; a client only learns that it was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal refused a batch: {0}")]
pub struct JournalError(pub String);

/// Keeps accepted writes before they are shown.
///
/// When `commit` returns `Ok`, the whole batch is kept as the journal promises; when it returns an error, none of it may
/// come back after a restart. It may block, so it is never called on a thread of the runtime unless it is
/// [`MemoryJournal`].
pub trait Journal: fmt::Debug + Send + Sync {
    fn commit(&self, batch: &[Entry]) -> Result<(), JournalError>;
}

/// Keeps nothing: what is acknowledged is in memory, and a restart loses it.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryJournal;

impl Journal for MemoryJournal {
    fn commit(&self, _: &[Entry]) -> Result<(), JournalError> {
        Ok(())
    }
}
