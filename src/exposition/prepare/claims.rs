//! Whether two families of a push would write lines of one name.

use super::Inconsistent;
use crate::exposition::escape::Quoted;
use crate::exposition::pushed::Family;
use crate::model::MetricKind;
use crate::model::underscored_metric;
use std::borrow::Cow;
use std::collections::HashMap;

/// Refuses a histogram or summary beside a family named as one of its lines. No other two families can meet: those that
/// differ only behind a common name write the same suffixes, and names are unique. Each family comes with its name as it
/// is compared.
pub(super) fn check<'p>(families: impl Iterator<Item = (&'p str, &'p Family<'p>)> + Clone) -> Result<(), Inconsistent> {
    let distributions: HashMap<&str, MetricKind> = families
        .clone()
        .filter(|(_, family)| family.kind.line_suffixes().len() > 1)
        .map(|(name, family)| (name, family.kind))
        .collect();
    if distributions.is_empty() {
        return Ok(());
    }
    for (name, _) in families {
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

/// Names as they are compared, where some need not be classic; or two families whose names are then one.
pub(super) fn underscored<'p>(
    families: impl Iterator<Item = &'p Family<'p>>,
) -> Result<Vec<Cow<'p, str>>, Inconsistent> {
    let mut seen: HashMap<Cow<'p, str>, &str> = HashMap::new();
    let mut names = Vec::new();
    for family in families {
        let name = underscored_metric(&family.name);
        if let Some(first) = seen.insert(name.clone(), &family.name) {
            return Err(Inconsistent::twin_names(first, &family.name));
        }
        names.push(name);
    }
    Ok(names)
}
