//! The identity of a series.

use super::PreparedFamily;
use siphasher::sip128::SipHasher13;
use std::fmt;
use std::sync::OnceLock;

/// The identity of a series: 128 bits of a keyed hash over its name and its labels that are not empty.
///
/// The key is the process's own and random, so nobody outside can look for two series of one identity; by chance the
/// first such pair is expected among some 10^19 series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(u128);

/// Makes [`SeriesId`]s that can be compared with each other.
#[derive(Clone)]
pub struct SeriesHasher {
    key: [u8; 16],
}

/// The identities of a family's series; or how they are found once somebody asks, which of most families nobody does: two
/// groups can only hold the same series where their job has groups with labels of other names.
#[derive(Clone, Default)]
pub struct Series {
    count: u32,
    found: OnceLock<Box<[SeriesId]>>,
    identify: Option<(SeriesHasher, Identify)>,
}

/// Finds the identities of a family's series in its lines: one for each metric, in the order of the lines.
pub(super) type Identify = fn(&PreparedFamily, &SeriesHasher) -> Box<[SeriesId]>;

impl Series {
    /// The identities of so many series, which `identify` finds.
    pub fn to_be_found(count: u32, hasher: &SeriesHasher, identify: Identify) -> Self {
        Self { count, found: OnceLock::new(), identify: Some((hasher.clone(), identify)) }
    }

    /// Those of `family`, which these are.
    pub(super) fn of(&self, family: &PreparedFamily) -> &[SeriesId] {
        let find = || self.identify.as_ref().map(|(hasher, identify)| identify(family, hasher));
        self.found.get_or_init(|| find().unwrap_or_default())
    }
}

impl<I: Into<Box<[SeriesId]>>> From<I> for Series {
    fn from(ids: I) -> Self {
        let ids = ids.into();
        Self { count: u32::try_from(ids.len()).unwrap_or(u32::MAX), found: ids.into(), identify: None }
    }
}

impl SeriesHasher {
    /// Identities made with different keys have nothing to do with each other.
    pub fn with_key(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The identity of the series `name` with `labels`, which must be sorted by name and hold no name twice.
    ///
    /// Labels without a value are absent in Prometheus' data model, so they are skipped here.
    pub fn id<'a>(&self, name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> SeriesId {
        self.id_in(&mut Vec::new(), name, labels)
    }

    /// As [`SeriesHasher::id`], for whoever asks again and again and lends a buffer.
    pub fn id_in<'a>(
        &self,
        buffer: &mut Vec<u8>,
        name: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> SeriesId {
        buffer.clear();
        buffer.extend_from_slice(name.as_bytes());
        for (label, value) in labels.filter(|(_, value)| !value.is_empty()) {
            Self::begin_label(buffer, label);
            buffer.extend_from_slice(value.as_bytes());
        }
        self.id_of(buffer)
    }

    /// The identity of the series that is written there: its name, and each of its labels that has a value as
    /// [`SeriesHasher::begin_label`] and its value, sorted by name. For whoever asks again and again: the hash takes whole words
    /// at once, and would take each short text by itself for three times as much.
    pub fn id_of(&self, written: &[u8]) -> SeriesId {
        SeriesId(SipHasher13::new_with_key(&self.key).hash(written).as_u128())
    }

    /// Writes what stands before a label's value.
    pub fn begin_label(out: &mut Vec<u8>, label: &str) {
        // 0xff occurs in no UTF-8 text, so no two different inputs run together to the same bytes.
        out.push(0xff);
        out.extend_from_slice(label.as_bytes());
        out.push(0xff);
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series({})", self.count)
    }
}

impl fmt::Debug for SeriesHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeriesHasher(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::SeriesHasher;

    #[test]
    fn empty_labels_are_absent_and_boundaries_count() {
        let hasher = SeriesHasher::with_key([7; 16]);
        let id = |name: &str, labels: &[(&'static str, &'static str)]| hasher.id(name, labels.iter().copied());
        assert_eq!(id("m", &[("a", "1"), ("b", "")]), id("m", &[("a", "1")]));
        assert_ne!(id("m", &[("a", "1")]), id("m", &[("a", "2")]));
        assert_ne!(id("m", &[("a", "bc")]), id("m", &[("ab", "c")]));
        assert_ne!(id("m", &[]), SeriesHasher::with_key([8; 16]).id("m", std::iter::empty()));
    }
}
