//! `namespace`: how tenants are told apart in the operator's view.

/// What the operator's view does to names and labels.
#[derive(Clone, Debug)]
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
