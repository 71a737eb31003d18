//! The labels of a series as one view shows them: escaped, and for an operator with the tenant's first.

use super::escaping::Escaping;
use super::fleet::EXPORTED;
use super::fleet::FleetLabels;
use super::fleet::renames;
use crate::model::FamilyView;
use crate::model::underscored_label;
use std::borrow::Cow;

/// How a view shows names and labels.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'v> {
    pub(super) escaping: Escaping,
    pub(super) fleet: Option<&'v FleetLabels>,
}

impl<'v> Shown<'v> {
    /// Whether each line gets a label that it has not where it is kept.
    pub fn labels_each_line(&self) -> bool {
        self.fleet.is_some()
    }

    /// To the tenant itself.
    pub fn to_tenant(escaping: Escaping) -> Self {
        Self { escaping, fleet: None }
    }

    /// To an operator.
    pub fn to_operator(escaping: Escaping, labels: &'v FleetLabels) -> Self {
        Self { escaping, fleet: Some(labels) }
    }

    /// Whether the family's names come out as they are stored.
    pub(super) fn keeps_names(&self, family: FamilyView<'_>) -> bool {
        self.escaping == Escaping::AllowUtf8 || (self.escaping.keeps_classic() && !family.utf8)
    }

    /// The name a label is shown under.
    pub(super) fn label<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if let Some(fleet) = self.fleet {
            let compared = underscored_label(name);
            if renames(fleet.label(), &compared) {
                let renamed = format!("{EXPORTED}{compared}");
                return Cow::Owned(self.escaping.label(&renamed).into_owned());
            }
        }
        self.escaping.label(name)
    }

    /// What the value of a label has in front in this view.
    pub(super) fn value_prefix(&self, name: &str) -> &'v [u8] {
        let prefix = self.fleet.filter(|_| name == "job").and_then(FleetLabels::job_prefix);
        prefix.unwrap_or_default()
    }
}
