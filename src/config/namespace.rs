//! `namespace`: how tenants are told apart in the operator's view.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use crate::model::is_label_name;

pub(super) const NAMESPACE: Keys = Keys { known: &["label", "job", "names_reserved"], later: &[] };

/// Labels with a meaning of their own in Prometheus: a tenant's name in them would be lost or would break a query.
const LABELS_TAKEN: [&str; 5] = ["job", "instance", "le", "quantile", "alertname"];

/// What the operator's view does to names and labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// The tenant's label, first on every line of the operator's view.
    pub label: String,
    pub job: JobLabel,
    /// Families a tenant sees but the operator's view leaves out.
    pub names_reserved: Vec<NamePattern>,
}

/// What becomes of the `job` label in the operator's view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobLabel {
    #[default]
    Keep,
    /// `job="tenant/job"`.
    Prefix,
}

/// A name, or the beginning of one with `*` behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(pub String);

impl NamePattern {
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => self.0 == name,
        }
    }
}

impl Default for Namespace {
    fn default() -> Self {
        let reserved = ["up", "ALERTS", "ALERTS_FOR_STATE", "scrape_*"];
        Self {
            label: "tenant".into(),
            job: JobLabel::Keep,
            names_reserved: reserved.map(|name| NamePattern(name.into())).into(),
        }
    }
}

impl Namespace {
    pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Self {
        let default = Self::default();
        let Some(section) = field.section(&NAMESPACE, faults) else {
            return default;
        };
        let jobs = [("keep", JobLabel::Keep), ("prefix", JobLabel::Prefix)];
        Self {
            label: section.get("label").and_then(|field| label(field, faults)).unwrap_or(default.label),
            job: section.word("job", &jobs, faults).unwrap_or(default.job),
            names_reserved: section
                .get("names_reserved")
                .and_then(|field| names_reserved(field, faults))
                .unwrap_or(default.names_reserved),
        }
    }
}

fn label(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let expected = "a label name such as tenant ([a-zA-Z_][a-zA-Z0-9_]*)";
    let text = field.text(expected, faults)?;
    if !is_label_name(text) {
        field.mismatch(faults, expected);
    } else if LABELS_TAKEN.contains(&text) || text.starts_with("__") {
        let taken = "is a label Prometheus itself uses, expected another name, such as tenant";
        field.fault(faults, taken);
    } else if text.starts_with("exported_") {
        // What a pushed label of the tenant's name is renamed to: Prometheus and the operator's view put it in front.
        field.fault(faults, "begins with exported_, which marks a renamed label, expected another name");
    } else {
        return Some(text.to_owned());
    }
    None
}

fn names_reserved(field: &Field<'_>, faults: &mut Faults) -> Option<Vec<NamePattern>> {
    let expected = "a metric name, or the beginning of one with * behind it";
    let items = field.list("a list of metric names, [] for none", faults)?;
    let mut patterns = Vec::new();
    for item in items {
        let Some(text) = item.text(expected, faults) else {
            continue;
        };
        let name = text.strip_suffix('*').unwrap_or(text);
        if name.is_empty() || name.contains('*') {
            item.mismatch(faults, expected);
        } else {
            patterns.push(NamePattern(text.to_owned()));
        }
    }
    Some(patterns)
}
