//! How names that are not classic are shown to whoever did not ask for UTF-8.

use crate::model::is_label_name;
use crate::model::is_metric_name;
use crate::model::underscored_label;
use crate::model::underscored_metric;
use std::borrow::Cow;
use std::fmt::Write;

/// What becomes of a name in a scrape, in the words of Prometheus' `escaping` parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escaping {
    /// Each character that no classic name has becomes `_`. Names are compared in this form, so all stay apart.
    #[default]
    Underscores,
    /// `.` becomes `_dot_`, every `_` and whatever else no classic name has becomes `__`.
    Dots,
    /// `U__`, and behind it `_` doubled and what no classic name has as `_hex_`. Read back, it is the name.
    Values,
    /// Names stay as they are.
    AllowUtf8,
}

/// What [`Escaping::Values`] puts in front.
const VALUES: &str = "U__";

impl Escaping {
    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Underscores, Self::Dots, Self::Values, Self::AllowUtf8].into_iter().find(|one| one.name() == word)
    }

    /// The word in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
            Self::AllowUtf8 => "allow-utf-8",
        }
    }

    /// Whether it leaves every classic name as it is.
    pub const fn keeps_classic(self) -> bool {
        matches!(self, Self::Underscores | Self::AllowUtf8)
    }

    pub(super) fn metric(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Underscores => underscored_metric(name),
            Self::Dots => dotted(name, is_metric_name),
            Self::Values => valued(name, is_metric_name),
            Self::AllowUtf8 => Cow::Borrowed(name),
        }
    }

    pub(super) fn label(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Underscores => underscored_label(name),
            Self::Dots => dotted_label(name),
            Self::Values => valued(name, is_label_name),
            Self::AllowUtf8 => Cow::Borrowed(name),
        }
    }
}

/// Whether a classic name may have `char` at this place.
fn fits(at: usize, char: char, classic: fn(&str) -> bool) -> bool {
    let mut buffer = [0; 4];
    (at > 0 && char.is_ascii_digit()) || classic(char.encode_utf8(&mut buffer))
}

fn dotted(name: &str, classic: fn(&str) -> bool) -> Cow<'_, str> {
    if classic(name) && !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 8);
    for (at, char) in name.char_indices() {
        match char {
            '.' => out.push_str("_dot_"),
            '_' => out.push_str("__"),
            char if fits(at, char, classic) => out.push(char),
            _ => out.push_str("__"),
        }
    }
    Cow::Owned(out)
}

/// What a label's name begins with is not doubled: `_name_` would come out as `__name__`, a second name for the metric,
/// over which Prometheus drops the scrape; and all names of two underscores in front are its own.
fn dotted_label(name: &str) -> Cow<'_, str> {
    match dotted(name, is_label_name) {
        Cow::Owned(doubled) if doubled.starts_with("__") => Cow::Owned(doubled.get(1..).unwrap_or_default().to_owned()),
        dotted => dotted,
    }
}

/// A classic name that already begins with the mark is marked again, else it would be taken for another name.
fn valued(name: &str, classic: fn(&str) -> bool) -> Cow<'_, str> {
    if classic(name) && !name.starts_with(VALUES) {
        return Cow::Borrowed(name);
    }
    let mut out = String::from(VALUES);
    for (at, char) in name.char_indices() {
        match char {
            '_' => out.push_str("__"),
            char if fits(at, char, classic) => out.push(char),
            // Writing into a String cannot fail.
            char => drop(write!(out, "_{:x}_", u32::from(char))),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::Escaping;
    use crate::model::is_label_name;
    use proptest::prelude::*;

    #[test]
    fn names_are_escaped_as_prometheus_escapes_them() {
        for (name, underscores, dots, values) in [
            (
                "mysystem.prod.west.cpu.load",
                "mysystem_prod_west_cpu_load",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load",
            ),
            ("no:escaping_required", "no:escaping_required", "no:escaping__required", "no:escaping_required"),
            ("a_b.c", "a_b_c", "a__b_dot_c", "U__a__b_2e_c"),
            ("label with \u{0100}", "label_with__", "label__with____", "U__label_20_with_20__100_"),
            ("1a", "_a", "__a", "U___31_a"),
            ("U__a", "U__a", "U____a", "U__U____a"),
        ] {
            assert_eq!(Escaping::Underscores.metric(name), underscores);
            assert_eq!(Escaping::Dots.metric(name), dots);
            assert_eq!(Escaping::Values.metric(name), values);
            assert_eq!(Escaping::AllowUtf8.metric(name), name);
        }
        assert_eq!(Escaping::Values.label("a:b"), "U__a_3a_b");
        assert_eq!(Escaping::Dots.label("a_:b"), "a____b");
    }

    #[test]
    fn no_label_that_may_be_pushed_is_shown_under_a_name_that_prometheus_keeps_for_itself() {
        for name in ["_name_", "_name-", "-name_", "_address_", "_", ".", "1", "U___name__"] {
            for escaping in [Escaping::Underscores, Escaping::Dots, Escaping::Values] {
                let shown = escaping.label(name);
                assert!(!shown.starts_with("__") && is_label_name(&shown), "{name} as {shown}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn names_that_differ_underscored_differ_in_every_escaping(
            a in "[._:aUé0-]{1,5}|U__[a_2e]{1,8}",
            b in "[._:aUé0-]{1,5}|U__[a_2e]{1,8}",
        ) {
            for escaping in [Escaping::Dots, Escaping::Values, Escaping::AllowUtf8] {
                if Escaping::Underscores.metric(&a) != Escaping::Underscores.metric(&b) {
                    prop_assert_ne!(escaping.metric(&a), escaping.metric(&b), "{}", escaping.name());
                }
                if Escaping::Underscores.label(&a) != Escaping::Underscores.label(&b) {
                    prop_assert_ne!(escaping.label(&a), escaping.label(&b), "{}", escaping.name());
                }
            }
        }
    }
}
