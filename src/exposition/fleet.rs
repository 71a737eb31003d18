//! A family as an operator sees it, among those of other tenants.

use crate::model::GroupingKey;
use crate::model::TenantId;
use crate::model::underscored_label;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a pushed label of the tenant's label's name gets in front.
pub(super) const EXPORTED: &str = "exported_";

/// What the operator's view adds to the lines of one tenant. Made once for each tenant of a scrape.
#[derive(Clone, Debug)]
pub struct FleetLabels {
    label: Box<str>,
    tenant: TenantId,
    /// `label="tenant",`
    insertion: Box<[u8]>,
    /// `tenant/`, where jobs get it.
    job_prefix: Option<Box<[u8]>>,
    /// Of `label="`.
    finder: memchr::memmem::Finder<'static>,
}

impl FleetLabels {
    /// `label` is the label that names the tenant.
    pub fn new(label: &str, tenant: &TenantId, job_prefix: bool) -> Self {
        Self {
            label: label.into(),
            tenant: tenant.clone(),
            insertion: format!("{label}=\"{tenant}\",").into_bytes().into(),
            job_prefix: job_prefix.then(|| format!("{tenant}/").into_bytes().into()),
            finder: memchr::memmem::Finder::new(&format!("{label}=\"")).into_owned(),
        }
    }

    /// The labels of a group as its lines have them here, in the order of their names.
    pub fn of_group(&self, key: &GroupingKey) -> BTreeMap<String, String> {
        let own = key.labels().map(|(name, value)| match (underscored_label(name), &self.job_prefix) {
            (_, Some(_)) if name == "job" => ("job".to_owned(), format!("{}/{value}", self.tenant)),
            (compared, _) if renames(&self.label, &compared) => (format!("{EXPORTED}{compared}"), value.to_owned()),
            _ => (name.to_owned(), value.to_owned()),
        });
        own.chain([(self.label.to_string(), self.tenant.to_string())]).collect()
    }

    /// All that the view writes between the words of a tenant's lines, in one text.
    pub fn words(&self) -> Arc<[u8]> {
        [&*self.insertion, self.job_prefix.as_deref().unwrap_or_default()].concat().into()
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn tenant(&self) -> &str {
        self.tenant.as_str()
    }

    /// Whether some label in these lines may be one that gets another name here: they have `label="`, if only in a value.
    pub(super) fn may_be_label_of(&self, lines: &[u8]) -> bool {
        self.finder.find(lines).is_some()
    }

    pub(super) fn insertion(&self) -> &[u8] {
        &self.insertion
    }

    pub(super) fn job_prefix(&self) -> Option<&[u8]> {
        self.job_prefix.as_deref()
    }
}

/// Whether the operator's view, which names a tenant by `label`, gives a pushed label `name` one more `exported_`: if it
/// is that label with any number of them in front, none too. So no two labels of a line become one, and none is forged.
pub(super) fn renames(label: &str, name: &str) -> bool {
    let Some(mut front) = name.strip_suffix(label) else {
        return false;
    };
    while let Some(rest) = front.strip_prefix(EXPORTED) {
        front = rest;
    }
    front.is_empty()
}

#[cfg(test)]
mod tests;
