//! The key of a group.

use super::NameScheme;
use super::is_label_name;
use super::underscored_label;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;

/// The decoded label set of a push URL, always with a `job`.
///
/// Two keys are the same key when they agree in the labels that have a value: in Prometheus' data model a label
/// without a value is absent, so `{job="a"}` and `{job="a",instance=""}` are one group. The empty labels are kept only
/// to be shown. Names that are not classic are compared in their underscored form.
#[derive(Clone)]
pub struct GroupingKey {
    /// `name 0xff value 0xff` for each label, sorted by name, each name once; values may be empty. 0xff is in no UTF-8. As texts
    /// of their own, labels would take three times as much, in each of very many groups.
    labels: Box<[u8]>,
    /// The same of each label with a value, names underscored, in their order: what is compared and hashed. `None`: it is
    /// `labels`, as nearly always.
    identity: Option<Box<[u8]>>,
    /// Whether some name is not classic.
    utf8: bool,
}

/// Why a set of labels is no grouping key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupingError {
    #[error("job name is required")]
    NoJob,
    #[error("improper label name {0:?}")]
    LabelName(String),
    #[error("the label names {0:?} and {1:?} are one name where UTF-8 is escaped")]
    Twins(String, String),
}

impl GroupingKey {
    /// A key from `job` and further labels. A later label wins over an earlier one of the same name, and `job` over a
    /// label `job`, as in a push URL.
    pub fn new<N, V>(job: &str, labels: impl IntoIterator<Item = (N, V)>) -> Result<Self, GroupingError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        Self::in_scheme(NameScheme::Classic, job, labels)
    }

    /// As [`GroupingKey::new`], with the label names that `scheme` allows.
    pub fn in_scheme<N, V>(
        scheme: NameScheme,
        job: &str,
        labels: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, GroupingError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let labels: Vec<(N, V)> = labels.into_iter().collect();
        let mut set: Vec<(&str, &str)> = Vec::with_capacity(labels.len().saturating_add(1));
        for (name, value) in &labels {
            let (name, value) = (name.as_ref(), value.as_ref());
            if !Self::may_be_named(scheme, name) {
                return Err(GroupingError::LabelName(name.to_owned()));
            }
            set.push((name, value));
        }
        if job.is_empty() {
            return Err(GroupingError::NoJob);
        }
        set.push(("job", job));
        // Sorted as a whole: put into their places one by one, thousands of labels would cost their square.
        set.reverse();
        set.sort_by_key(|(name, _)| *name);
        set.dedup_by(|(earlier, _), (last, _)| earlier == last);
        let classic = scheme == NameScheme::Classic || is_classic(&set);
        match if classic { None } else { twins(&set) } {
            Some((one, other)) => Err(GroupingError::Twins(one, other)),
            None => Ok(Self::from_sorted(&set, classic)),
        }
    }

    /// Whether a grouping label may have this name: a name of the scheme, and in no escaping one of the reserved, which
    /// begin with two underscores.
    pub fn may_be_named(scheme: NameScheme, name: &str) -> bool {
        match scheme {
            // Underscored it is what it is.
            NameScheme::Classic => is_label_name(name) && !name.starts_with("__"),
            NameScheme::Utf8 => !name.is_empty() && !underscored_label(name).starts_with("__"),
        }
    }

    /// This key with `name` set to `value`. The caller vouches for the name: it comes from the configuration.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut set: Vec<_> = self.labels().collect();
        match set.binary_search_by(|(own, _)| (*own).cmp(name)) {
            Ok(at) => set.splice(at..=at, [(name, value)]).for_each(drop),
            Err(at) => set.insert(at, (name, value)),
        }
        let classic = is_classic(&set);
        Self::from_sorted(&set, classic)
    }

    /// `classic`: whether all names are, so that each is what it is underscored.
    fn from_sorted(set: &[(&str, &str)], classic: bool) -> Self {
        let labels = joined(set.iter().copied());
        let filled = || set.iter().copied().filter(|(_, value)| !value.is_empty());
        let identity = if !classic {
            let mut compared: Vec<_> = filled().map(|(name, value)| (underscored_label(name), value)).collect();
            compared.sort();
            Some(joined(compared.iter().map(|(name, value)| (&**name, *value))))
        } else if set.iter().any(|(_, value)| value.is_empty()) {
            Some(joined(filled()))
        } else {
            None
        };
        Self { labels, identity, utf8: !classic }
    }

    fn identity(&self) -> &[u8] {
        self.identity.as_ref().unwrap_or(&self.labels)
    }

    /// All labels in the order of their names, those without a value included.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        Labels { left: self.labels.iter().filter(|byte| **byte == 0xff).count() / 2, rest: &self.labels }
    }

    /// The bytes of all names and values: none of them is longer.
    pub fn text_bytes(&self) -> usize {
        self.labels.len()
    }

    /// The value of a label; the empty text for one that is absent, as Prometheus has it.
    pub fn get(&self, name: &str) -> &str {
        let mut parts = self.labels.split(|byte| *byte == 0xff);
        while let (Some(candidate), Some(value)) = (parts.next(), parts.next()) {
            if candidate == name.as_bytes() {
                // It was text when it was joined.
                return std::str::from_utf8(value).unwrap_or_default();
            }
        }
        ""
    }

    /// Never empty.
    pub fn job(&self) -> &str {
        self.get("job")
    }

    /// The names of the labels that have a value, underscored, in order. Two groups can hold the same series only if they
    /// share the job and differ in these.
    pub fn value_names(&self) -> Vec<Cow<'_, str>> {
        let filled = self.labels().filter(|(_, value)| !value.is_empty());
        let mut names: Vec<_> = filled.map(|(name, _)| underscored_label(name)).collect();
        if self.utf8 {
            names.sort();
        }
        names
    }

    /// Whether some label's name is not classic.
    pub fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// Whether a label has another name than `name` but the same one underscored.
    pub fn meets(&self, name: &str) -> bool {
        self.utf8 && self.labels().any(|(own, _)| own != name && underscored_label(own) == underscored_label(name))
    }

    /// Whether both spell the names of their labels with a value alike: of two equal keys one may not, where names are
    /// not classic.
    pub fn spells_as(&self, other: &Self) -> bool {
        let names = |key: &Self| -> Vec<String> {
            let mut names: Vec<_> = key.labels().filter(|(_, v)| !v.is_empty()).map(|(n, _)| n.to_owned()).collect();
            names.sort();
            names
        };
        (!self.utf8 && !other.utf8) || names(self) == names(other)
    }

    /// Whether both have the same labels, those without a value included, which equal keys need not.
    pub fn shows_as(&self, other: &Self) -> bool {
        self.labels == other.labels
    }

    /// The bytes this key takes, labels and identity, with what an allocator adds.
    pub fn heap_bytes(&self) -> usize {
        self.labels.len() + self.identity.as_ref().map_or(0, |identity| identity.len()) + 32
    }
}

/// `name 0xff value 0xff` for each label.
fn joined<'l>(labels: impl Iterator<Item = (&'l str, &'l str)> + Clone) -> Box<[u8]> {
    // As long as it becomes: one that grows on its way is allocated several times.
    let mut text = Vec::with_capacity(labels.clone().map(|(name, value)| name.len() + value.len() + 2).sum());
    for part in labels.flat_map(|(name, value)| [name, value]) {
        text.extend_from_slice(part.as_bytes());
        text.push(0xff);
    }
    text.into()
}

/// Labels that are [`joined`].
struct Labels<'l> {
    rest: &'l [u8],
    left: usize,
}

impl<'l> Labels<'l> {
    fn part(&mut self) -> Option<&'l str> {
        let (part, rest) = self.rest.split_at_checked(memchr::memchr(0xff, self.rest)?)?;
        self.rest = rest.get(1..)?;
        // It was text when it was joined.
        std::str::from_utf8(part).ok()
    }
}

impl<'l> Iterator for Labels<'l> {
    type Item = (&'l str, &'l str);

    fn next(&mut self) -> Option<Self::Item> {
        let label = (self.part()?, self.part()?);
        self.left = self.left.saturating_sub(1);
        Some(label)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Labels<'_> {}

fn is_classic(set: &[(&str, &str)]) -> bool {
    set.iter().all(|(name, _)| is_label_name(name))
}

/// Two names that are one underscored.
fn twins(set: &[(&str, &str)]) -> Option<(String, String)> {
    let mut names: Vec<_> = set.iter().map(|(name, _)| (underscored_label(name), *name)).collect();
    names.sort();
    let mut pairs = names.iter().zip(names.iter().skip(1));
    pairs.find(|(one, other)| one.0 == other.0).map(|(one, other)| (one.1.to_owned(), other.1.to_owned()))
}

impl PartialEq for GroupingKey {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for GroupingKey {}

impl Hash for GroupingKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl PartialOrd for GroupingKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GroupingKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(other.identity())
    }
}

/// As in a scrape: `{instance="a",job="b"}`.
impl fmt::Debug for GroupingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (n, (name, value)) in self.labels().enumerate() {
            write!(f, "{}{name}={value:?}", if n == 0 { "" } else { "," })?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::GroupingError;
    use super::GroupingKey;
    use crate::model::NameScheme;
    use proptest::prelude::*;

    fn key(labels: &[(&'static str, &'static str)]) -> GroupingKey {
        GroupingKey::new("j", labels.iter().copied()).unwrap()
    }

    #[test]
    fn order_and_empty_labels_do_not_make_another_key() {
        assert_eq!(key(&[("a", "1"), ("b", "2")]), key(&[("b", "2"), ("a", "1")]));
        assert_eq!(key(&[("instance", "")]), key(&[]));
        assert_ne!(key(&[("a", "1")]), key(&[("a", "2")]));
        assert_ne!(key(&[("a", "bc")]), key(&[("ab", "c")]));
    }

    #[test]
    fn the_last_of_two_labels_wins_and_job_wins_over_all() {
        assert_eq!(key(&[("a", "1"), ("a", "2"), ("job", "x")]), key(&[("a", "2")]));
        assert_eq!(key(&[("a", "1"), ("b", "x"), ("a", "2"), ("a", "3"), ("b", "y")]), key(&[("a", "3"), ("b", "y")]));
        assert_eq!(key(&[("a", "1")]).with("a", "2"), key(&[("a", "2")]));
    }

    #[test]
    fn a_label_name_is_classic_and_not_reserved() {
        for bad in ["", "__x", "1a", "a-b", "ä"] {
            let error = GroupingKey::new("j", [(bad, "v")]).unwrap_err();
            assert_eq!(error, GroupingError::LabelName(bad.into()));
        }
        assert_eq!(GroupingKey::new("", [("a", "b")]).unwrap_err(), GroupingError::NoJob);
    }

    #[test]
    fn names_that_are_not_classic_are_compared_underscored() {
        let utf8 = |labels: &[(&'static str, &'static str)]| {
            GroupingKey::in_scheme(NameScheme::Utf8, "j", labels.iter().copied())
        };
        let (dotted, plain) = (utf8(&[("a.b", "1"), ("a0", "2")]).unwrap(), key(&[("a_b", "1"), ("a0", "2")]));
        assert_eq!(dotted, plain);
        assert_eq!(dotted.value_names(), plain.value_names());
        assert!(!dotted.spells_as(&plain) && dotted.spells_as(&dotted));
        assert!(dotted.meets("a_b") && !dotted.meets("a.b") && !plain.meets("a_b") && dotted.is_utf8());
        let twins = GroupingError::Twins("a.b".into(), "a_b".into());
        assert_eq!(utf8(&[("a_b", "1"), ("a.b", "")]).unwrap_err(), twins);
        for bad in ["", "__x", "..x", "_.name__"] {
            assert_eq!(utf8(&[(bad, "v")]).unwrap_err(), GroupingError::LabelName(bad.into()));
        }
    }

    #[test]
    fn empty_values_are_shown_but_not_counted() {
        let twin = key(&[("instance", ""), ("a", "1")]);
        assert_eq!(format!("{twin:?}"), r#"{a="1",instance="",job="j"}"#);
        assert_eq!(twin.value_names(), ["a", "job"]);
        assert_eq!(twin.get("instance"), "");
        assert_eq!(twin.get("nothing"), "");
    }

    proptest! {
        #[test]
        fn a_label_is_found_as_in_the_list_of_all(labels in prop::collection::vec(("[a-c]{1,2}", "[aäj0]{0,3}"), 0..5)) {
            let key = GroupingKey::new("j", labels).unwrap();
            for name in ["a", "b", "ab", "ca", "job", "j", ""] {
                let listed = key.labels().find(|(own, _)| *own == name).map_or("", |(_, value)| value);
                prop_assert_eq!(key.get(name), listed);
            }
        }
    }
}
