//! Patterns over texts: which jobs a credential may touch, which claims a rule asks for.

use std::fmt;

/// A pattern over a whole text, such as a decoded `job`: `*` stands for any run of characters (`/` too, and none at all), every
/// other character for itself. Case-sensitive.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// `None` for the empty text: no job and no claim that counts is empty.
    pub fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `job` fits, in time linear in its length for each literal of the pattern.
    ///
    /// The literals between the stars are looked for one behind the other, each at its first place: taking an earlier
    /// place never spoils a later literal, so nothing is ever tried twice.
    pub fn matches(&self, job: &str) -> bool {
        let mut literals = self.0.split('*');
        let Some(mut rest) = literals.next().and_then(|first| job.strip_prefix(first)) else {
            return false;
        };
        let Some(last) = literals.next_back() else {
            return rest.is_empty();
        };
        for literal in literals {
            match rest.split_once(literal) {
                Some((_, behind)) => rest = behind,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use proptest::prelude::*;

    fn matches(pattern: &str, job: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(job)
    }

    #[test]
    fn a_star_is_any_run_of_characters_and_nothing_else_is_special() {
        assert!(matches("*", "a/b c"));
        assert!(matches("backup-*", "backup-"));
        assert!(matches("backup-*", "backup-a/b"));
        assert!(!matches("backup-*", "Backup-a"));
        assert!(!matches("backup-*", "xbackup-a"));
        assert!(matches("*-nightly", "a-nightly"));
        assert!(!matches("*-nightly", "a-nightly2"));
        assert!(matches("a*b*c", "abc"));
        assert!(matches("a*b*c", "aXbYbZc"));
        assert!(!matches("a*b*c", "ac"));
        assert!(!matches("ab*ba", "aba"));
        assert!(matches("report", "report"));
        assert!(!matches("report", "report2"));
        assert!(!matches("r?port", "report"));
        assert!(matches("a**b", "ab"));
        assert!(Pattern::parse("").is_none());
    }

    /// The definition, in its plainest and slowest form.
    fn by_definition(pattern: &[char], job: &[char]) -> bool {
        match pattern.split_first() {
            None => job.is_empty(),
            Some(('*', rest)) => (0..=job.len()).any(|n| by_definition(rest, &job[n..])),
            Some((c, rest)) => job.first() == Some(c) && by_definition(rest, &job[1..]),
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_definition(pattern in "[ab*]{1,8}", job in "[ab]{0,10}") {
            let (p, j): (Vec<char>, Vec<char>) = (pattern.chars().collect(), job.chars().collect());
            prop_assert_eq!(matches(&pattern, &job), by_definition(&p, &j));
        }
    }
}
