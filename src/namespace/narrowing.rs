//! Which of a tenant's groups a credential can see at all.

use super::NamespaceError;
use crate::model::GroupingKey;
use crate::model::Pattern;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The jobs and bound labels of a credential. What does not fit does not exist for it.
#[derive(Clone, Debug, Default)]
pub struct Narrowing {
    /// A job fits one pattern of every list.
    jobs: Arc<[Arc<[Pattern]>]>,
    labels: Arc<BTreeMap<String, String>>,
}

impl Narrowing {
    /// Shares what the credential holds: this is made for every request.
    pub(super) fn new(jobs: Arc<[Arc<[Pattern]>]>, labels: Arc<BTreeMap<String, String>>) -> Self {
        Self { jobs, labels }
    }

    /// Whether every group fits.
    pub fn is_everything(&self) -> bool {
        self.jobs.is_empty() && self.labels.is_empty()
    }

    /// Whether the group `key` exists for this credential.
    pub fn admits(&self, key: &GroupingKey) -> bool {
        self.admits_job(key.job()) && self.labels.iter().all(|(name, value)| key.get(name) == value)
    }

    /// The group that a request for `key` means: a bound label that is absent or empty is added, an equal one kept.
    pub(super) fn bind(&self, key: GroupingKey) -> Result<GroupingKey, NamespaceError> {
        if self.is_everything() {
            return Ok(key);
        }
        if !self.admits_job(key.job()) {
            return Err(NamespaceError::Job(key.job().to_owned()));
        }
        self.labels.iter().try_fold(key, |key, (name, value)| match key.get(name) {
            _ if key.meets(name) => Err(NamespaceError::Label(name.clone())),
            "" => Ok(key.with(name, value)),
            same if same == value => Ok(key),
            _ => Err(NamespaceError::Label(name.clone())),
        })
    }

    fn admits_job(&self, job: &str) -> bool {
        self.jobs.iter().all(|patterns| patterns.iter().any(|pattern| pattern.matches(job)))
    }
}
