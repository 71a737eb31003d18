//! Stage `exposition`, the preparation. Input: the families of a push and the group it goes to. Output: the families as
//! the group will hold them, or why they cannot stand beside each other.

mod claims;
mod family;
mod labels;

#[cfg(test)]
mod tests;

use crate::exposition::escape::Quoted;
use crate::exposition::pushed::Family;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::pushed::index;
use crate::model::GroupingKey;
use crate::model::OwnGauge;
use crate::model::PreparedFamily;
use crate::model::SeriesHasher;
use crate::model::underscored_metric;
use family::FamilyWriter;

pub(super) use labels::Forced;

/// Why a push contradicts itself. One line; it names nothing but what was pushed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Inconsistent(Box<str>);

/// Why a push is not prepared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
    /// Written out it takes more than it may. It was left at that, however much more it would have been.
    #[error("it takes more bytes than it may")]
    TooLarge,
}

impl Inconsistent {
    fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// `collected metric "name" …`
    fn metric(name: &str, what: &str) -> Self {
        Self::new(format!("collected metric {} {what}", Quoted(name.as_bytes())))
    }

    /// Two names that are one where UTF-8 is escaped.
    fn twin_names(one: &str, other: &str) -> Self {
        let (one, other) = (Quoted(one.as_bytes()), Quoted(other.as_bytes()));
        Self::new(format!("the names {one} and {other} are one where UTF-8 is escaped"))
    }

    fn collected_before(name: &str) -> Self {
        Self::metric(name, "was collected before with the same name and label values")
    }
}

/// Makes a push ready to be stored and scraped: the labels of `key` forced onto every metric, every line written, every
/// series identified by `hasher`. Families of the gateway's own names are dropped. One that was sent without metrics comes
/// without lines: the group is to hold nothing under its name.
///
/// `namespace_label` is the label under which the operator's view names a tenant. `bytes_max` is what the families may take
/// in the store's account. It is kept to while they are written: the labels of a group stand on every line, so what is
/// written can be a thousand times what was sent.
pub fn prepare(
    mut pushed: PushedFamilies<'_>,
    key: &GroupingKey,
    hasher: &SeriesHasher,
    namespace_label: &str,
    bytes_max: u64,
) -> Result<Vec<PreparedFamily>, Unfit> {
    if pushed.timestamped {
        return Err(Inconsistent::new("pushed metrics must not have timestamps").into());
    }
    if let Some(contradiction) = pushed.contradiction.take() {
        return Err(Inconsistent(contradiction).into());
    }
    let forced = Forced::new(key);
    if let Some(name) = forced.with_nul() {
        let name = Quoted(name.as_bytes());
        return Err(Inconsistent::new(format!("grouping label {name} has a NUL in its value")).into());
    }
    if !pushed.points.is_sorted_by_key(|point| point.metric) {
        pushed.points.sort_by_key(|point| point.metric);
    }
    let order = in_order_of_families(&pushed);
    let family_of = |metric: &u32| pushed.metrics.get(*metric as usize).map(|metric| metric.family);
    let mut families = Vec::with_capacity(pushed.families.len());
    for metrics in order.chunk_by(|left, right| family_of(left) == family_of(right)) {
        let family = metrics.first().and_then(family_of);
        let family = family.and_then(|family| pushed.families.get(family as usize));
        if let Some(family) = family.filter(|family| !is_reserved(family)) {
            families.push((family, metrics));
        }
    }
    let utf8 = pushed.utf8 || key.is_utf8();
    if pushed.utf8 {
        let names = claims::underscored(families.iter().map(|(family, _)| *family))?;
        claims::check(names.iter().zip(&families).map(|(name, (family, _))| (&**name, *family)))?;
    } else {
        claims::check(families.iter().map(|(family, _)| (&*family.name, *family)))?;
    }
    let emptied = pushed.families.iter().filter(|family| family.empties && !is_reserved(family));
    families.extend(emptied.map(|family| (family, &[][..])));
    let forced = forced.with_utf8(utf8);
    let mut writer = FamilyWriter::new(&pushed, &forced, hasher, namespace_label, bytes_max, utf8);
    for (family, metrics) in &families {
        writer.write(family, metrics)?;
    }
    Ok(writer.done())
}

fn is_reserved(family: &Family<'_>) -> bool {
    // No letter stands in for another: what is compared as one of these begins like them.
    family.name.starts_with(OwnGauge::RESERVED) && OwnGauge::reserves(&underscored_metric(&family.name))
}

/// The metrics, those of one family together, else in the order in which they were pushed.
fn in_order_of_families(pushed: &PushedFamilies<'_>) -> Vec<u32> {
    let mut order: Vec<u32> = (0..index(pushed.metrics.len())).collect();
    if !pushed.metrics.is_sorted_by_key(|metric| metric.family) {
        order.sort_by_key(|metric| pushed.metrics.get(*metric as usize).map(|metric| metric.family));
    }
    order
}
