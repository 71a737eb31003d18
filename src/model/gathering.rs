//! The families of one push on their way: their texts lie together, so that none costs an allocation of its own.

use super::PreparedFamily;
use super::prepared::Texts;
use super::prepared::Traits;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// Families that are written one after the other.
#[derive(Default)]
pub struct Gathering {
    /// Names and helps.
    text: String,
    lines: Vec<u8>,
    /// What lies together is put in when all of it is there.
    families: Vec<PreparedFamily>,
    /// Beside the families, where their lines are; of those with lines of their own, nowhere.
    places: Vec<Range<usize>>,
    /// Where the lines of the next one begin.
    begun: usize,
}

impl Gathering {
    /// With room for so many families and so many bytes of all their lines, or for as many as are taken before they are written.
    pub fn with_room(families: usize, line_bytes: usize) -> Self {
        /// More cost a few moves. Chosen: some 2,000 lines.
        const LINE_BYTES_MAX: usize = 256 << 10;
        Self {
            text: String::new(),
            lines: Vec::with_capacity(line_bytes.min(LINE_BYTES_MAX)),
            families: Vec::with_capacity(families),
            places: Vec::with_capacity(families),
            begun: 0,
        }
    }

    /// What the lines of the next family are written behind.
    #[inline]
    pub fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.lines
    }

    /// How many bytes of lines the next family has so far.
    #[inline]
    pub fn line_bytes(&self) -> usize {
        self.lines.len().saturating_sub(self.begun)
    }

    /// Adds a family whose lines are there, and says what the store accounts for it. `escaped` is its name underscored, or
    /// empty where that is its name.
    pub fn add(&mut self, name: &str, escaped: &str, help: &str, traits: Traits) -> u64 {
        const TEXT_OF_FAMILY: usize = 100;
        if self.text.is_empty() {
            self.text.reserve(self.families.capacity() * TEXT_OF_FAMILY);
        }
        let texts = Texts::write(&mut self.text, name, help, escaped);
        self.push(texts, help, traits)
    }

    /// Adds a family whose lines are there, which is like another in all else; and says what the store accounts for it.
    pub fn add_like(&mut self, like: &PreparedFamily) -> u64 {
        self.push(like.texts.clone(), like.help(), like.traits.clone())
    }

    fn push(&mut self, texts: Texts, help: &str, traits: Traits) -> u64 {
        let lines = self.lines.get(self.begun..).unwrap_or_default();
        let proto = &traits.proto;
        let stored_bytes = PreparedFamily::accounted(lines.len(), traits.line_count.into(), Some(help), proto);
        let own = if lines.len() < PreparedFamily::OWN_LINES { None } else { Some(Bytes::copy_from_slice(lines)) };
        if own.is_some() {
            self.lines.truncate(self.begun);
        }
        self.places.push(self.begun..self.lines.len());
        self.begun = self.lines.len();
        self.families.push(PreparedFamily { texts, lines: own.unwrap_or_default(), traits });
        stored_bytes
    }

    /// All of them, in their order.
    pub fn done(self) -> Vec<PreparedFamily> {
        let Self { text, mut lines, mut families, places, .. } = self;
        // No more is there than is accounted for, which is a fifth more than the lines are: room for comments and for what has
        // lines of its own is given back. Of a small push it is not worth the while.
        const SMALL: usize = 4 << 10;
        if lines.capacity() > SMALL && lines.len() < lines.capacity() / 6 * 5 {
            lines.shrink_to_fit();
        }
        // Texts of others are there already.
        if !text.is_empty() {
            let text = Arc::from(text);
            for family in families.iter_mut().filter(|family| family.texts.of_push.is_empty()) {
                family.texts.of_push = Arc::clone(&text);
            }
        }
        let lines = Bytes::from(lines);
        for (family, place) in families.iter_mut().zip(places) {
            if !place.is_empty() {
                family.lines = lines.slice(place);
            }
        }
        families
    }
}

#[cfg(test)]
mod tests {
    use super::Gathering;
    use crate::model::MetricKind;
    use crate::model::PreparedFamily;
    use crate::model::PreparedParts;
    use crate::model::Series;
    use crate::model::underscored_metric;
    use proptest::prelude::*;
    use std::borrow::Cow;

    proptest! {
        #[test]
        fn families_that_lie_together_are_those_that_lie_alone(
            families in proptest::collection::vec(
                ("[a-c.é]{1,4}", "[ -~é]{0,9}", prop_oneof![0..9_usize, Just(PreparedFamily::OWN_LINES - 1), Just(PreparedFamily::OWN_LINES)]),
                0..9,
            ),
        ) {
            let mut together = Gathering::with_room(1, 1);
            let mut alone = Vec::new();
            for (name, help, bytes) in &families {
                let escaped = match underscored_metric(name) {
                    Cow::Borrowed(_) => String::new(),
                    Cow::Owned(escaped) => escaped,
                };
                let lines: Vec<u8> = name.bytes().cycle().take(*bytes).collect();
                together.lines().extend_from_slice(&lines);
                prop_assert_eq!(together.line_bytes(), *bytes);
                let parts = || PreparedParts {
                    name: name.as_str().into(),
                    kind: MetricKind::Gauge,
                    help: help.as_str().into(),
                    lines: lines.as_slice().into(),
                    line_count: 1,
                    series: Series::default(),
                    renamed: false,
                    proto: Box::default(),
                    utf8: false,
                };
                let family = PreparedFamily::from(parts());
                let stored_bytes = together.add(name, &escaped, help, PreparedFamily::from(parts()).traits);
                prop_assert_eq!(stored_bytes, family.stored_bytes());
                alone.push(family);
            }
            prop_assert_eq!(together.done(), alone);
        }

        #[test]
        fn many_lines_keep_no_others_alive(large in any::<bool>()) {
            let mut together = Gathering::default();
            let traits = || PreparedFamily::from(PreparedParts {
                name: "a".into(),
                kind: MetricKind::Gauge,
                help: "".into(),
                lines: Box::default(),
                line_count: 1,
                series: Series::default(),
                renamed: false,
                proto: Box::default(),
                utf8: false,
            }).traits;
            for bytes in [10, PreparedFamily::OWN_LINES - usize::from(!large), 10] {
                together.lines().extend(std::iter::repeat_n(b'a', bytes));
                together.add("a", "", "", traits());
            }
            let families = together.done();
            prop_assert_eq!(families[1].lines().len(), PreparedFamily::OWN_LINES - usize::from(!large));
            prop_assert_eq!(families[1].shared_lines().is_unique(), large);
            prop_assert!(!families[0].shared_lines().is_unique() && families[2].lines() == [b'a'; 10]);
        }
    }
}
