//! Whether two families of a push would write lines of one name.

use super::Inconsistent;
use crate::exposition::escape::Quoted;
use crate::exposition::pushed::Family;
use crate::model::MetricKind;
use std::collections::HashMap;

/// Refuses a histogram or summary beside a family named as one of its lines. No other two families can meet: those that
/// differ only behind a common name write the same suffixes, and names are unique.
pub(super) fn check<'p>(families: impl Iterator<Item = &'p Family<'p>> + Clone) -> Result<(), Inconsistent> {
    let distributions: HashMap<&str, MetricKind> = families
        .clone()
        .filter(|family| family.kind.line_suffixes().len() > 1)
        .map(|family| (&*family.name, family.kind))
        .collect();
    if distributions.is_empty() {
        return Ok(());
    }
    for family in families {
        let name = &*family.name;
        let Some(underscore) = name.rfind('_') else {
            continue;
        };
        let (base, suffix) = name.split_at_checked(underscore).unwrap_or_default();
        if let Some(kind) = distributions.get(base)
            && kind.line_suffixes().contains(&suffix)
        {
            let (name, base) = (Quoted(name.as_bytes()), Quoted(base.as_bytes()));
            return Err(Inconsistent::new(format!(
                "collected metric named {name} collides with previously collected {kind} named {base}"
            )));
        }
    }
    Ok(())
}
