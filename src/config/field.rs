//! Reading one key: the value of its kind, or a fault that says what stands there and what is expected.
//!
//! A reader that finds a fault notes it and answers `None`; the caller goes on with the default, so that all faults of a
//! file are found at once. A configuration with a fault is never handed out.

use super::document::Entry;
use super::document::Node;
use super::document::Value;
use super::fault::Faults;
use super::fault::Place;
use super::nearest::nearest;
use super::units;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The keys of a section.
pub(super) struct Keys {
    pub(super) known: &'static [&'static str],
    /// Keys of features that are not built yet: refused, never read and ignored.
    pub(super) later: &'static [&'static str],
}

/// A value and the way to it.
#[derive(Clone, Debug)]
pub(super) struct Field<'d> {
    pub(super) path: String,
    node: &'d Node,
}

impl<'d> Field<'d> {
    pub(super) const fn root(node: &'d Node) -> Self {
        Self { path: String::new(), node }
    }

    pub(super) fn place(&self) -> Place {
        Place::of(self.node, &self.path)
    }

    pub(super) fn fault(&self, faults: &mut Faults, text: impl Into<String>) {
        faults.add(&self.place(), text);
    }

    pub(super) const fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// Notes that something else stands here than what is `expected`.
    pub(super) fn mismatch(&self, faults: &mut Faults, expected: &str) {
        self.fault(faults, format!("is {}, expected {expected}", self.found()));
    }

    /// What stands here, shortly. A token is never repeated: this text ends in logs.
    fn found(&self) -> String {
        match &self.node.value {
            Value::Null => "left empty".to_owned(),
            Value::Flag(flag) => flag.to_string(),
            Value::Whole(number) => number.to_string(),
            Value::Fraction(_) | Value::Number => "a number that is not whole, negative or too large".to_owned(),
            Value::Text(text) if text.contains("pward_") => "a token".to_owned(),
            Value::Text(text) if text.chars().count() > 64 => "a long text".to_owned(),
            Value::Text(text) => format!("{text:?}"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// The text here. A number is none: YAML would read `007` as 7, so whoever means text writes quotes.
    pub(super) fn text(&self, expected: &str, faults: &mut Faults) -> Option<&'d str> {
        match &self.node.value {
            Value::Text(text) => return Some(text),
            Value::Flag(_) | Value::Whole(_) | Value::Fraction(_) | Value::Number => {
                self.mismatch(faults, &format!("{expected}, in quotes"));
            }
            _ => self.mismatch(faults, expected),
        }
        None
    }

    /// The text here, for a reader whose faults do not repeat it.
    pub(super) fn secret(&self) -> Option<&'d str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number here, where text may stand too.
    pub(super) const fn number(&self) -> Option<u64> {
        match self.node.value {
            Value::Whole(number) => Some(number),
            _ => None,
        }
    }

    pub(super) const fn is_flag(&self) -> bool {
        matches!(self.node.value, Value::Flag(_))
    }

    pub(super) fn flag(&self, faults: &mut Faults) -> Option<bool> {
        if let Value::Flag(flag) = self.node.value {
            return Some(flag);
        }
        self.mismatch(faults, "true or false");
        None
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)], faults: &mut Faults) -> Option<T> {
        if let Value::Text(text) = &self.node.value
            && let Some((_, value)) = words.iter().find(|(word, _)| word == text)
        {
            return Some(*value);
        }
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.mismatch(faults, &one_of(&names));
        None
    }

    pub(super) fn whole(&self, range: RangeInclusive<u64>, faults: &mut Faults) -> Option<u64> {
        if let Value::Whole(number) = self.node.value
            && range.contains(&number)
        {
            return Some(number);
        }
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.mismatch(faults, &expected);
        None
    }

    /// Hundredths, written as a fraction of one with at most two decimals.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 100")]
    pub(super) fn percent(&self, faults: &mut Faults) -> Option<u8> {
        match self.node.value {
            Value::Whole(1) => return Some(100),
            Value::Fraction(fraction) if (0.01..=1.0).contains(&fraction) => {
                let percent = (fraction * 100.0).round();
                // Two decimals are not exact in a float.
                if (fraction * 100.0 - percent).abs() < 1e-9 {
                    return Some(percent as u8);
                }
            }
            _ => {}
        }
        self.mismatch(faults, "a fraction from 0.01 to 1 with at most two decimals");
        None
    }

    pub(super) fn size(&self, range: RangeInclusive<u64>, faults: &mut Faults) -> Option<u64> {
        let bytes = match &self.node.value {
            Value::Whole(number) => Some(*number),
            Value::Text(text) => units::size(text),
            _ => None,
        };
        if let Some(bytes) = bytes.filter(|bytes| range.contains(bytes)) {
            return Some(bytes);
        }
        let (from, to) = (units::spell_size(*range.start()), units::spell_size(*range.end()));
        let expected = format!("a size from {from} to {to}, such as 64KiB, 10MiB, 4GiB or a number of bytes");
        self.mismatch(faults, &expected);
        None
    }

    pub(super) fn duration(&self, range: RangeInclusive<Duration>, faults: &mut Faults) -> Option<Duration> {
        if let Value::Text(text) = &self.node.value
            && let Some(duration) = units::duration(text)
            && range.contains(&duration)
        {
            return Some(duration);
        }
        let [from, to] = [range.start(), range.end()].map(|end| units::spell_duration(*end));
        let expected = format!("a duration from {from} to {to}, such as 500ms, 10s, 5m, 12h or 30d");
        self.mismatch(faults, &expected);
        None
    }

    /// The items of a list, which may be empty: only for lists of which nothing is the same as none.
    pub(super) fn list(&self, expected: &str, faults: &mut Faults) -> Option<Vec<Self>> {
        let Value::List(nodes) = &self.node.value else {
            self.mismatch(faults, expected);
            return None;
        };
        let items = nodes.iter().enumerate();
        Some(items.map(|(n, node)| Self { path: format!("{}[{n}]", self.path), node }).collect())
    }

    /// The items of a list that grants or narrows: an empty one would read as "nothing" to one and as "everything" to
    /// another, so it is a fault.
    pub(super) fn filled_list(&self, expected: &str, faults: &mut Faults) -> Option<Vec<Self>> {
        let items = self.list(expected, faults)?;
        if items.is_empty() {
            self.fault(faults, format!("is an empty list, expected {expected}"));
            return None;
        }
        Some(items)
    }

    /// A map whose keys are names.
    pub(super) fn named(&self, expected: &str, faults: &mut Faults) -> Option<Vec<(&'d str, Self)>> {
        let Value::Map(entries) = &self.node.value else {
            self.mismatch(faults, expected);
            return None;
        };
        Some(entries.iter().map(|entry| (&*entry.key, self.below(entry))).collect())
    }

    /// A map whose keys are known. Notes the ones that are not.
    pub(super) fn section(&self, keys: &Keys, faults: &mut Faults) -> Option<Section<'d>> {
        let Value::Map(entries) = &self.node.value else {
            let expected = format!("a map with {}", one_of(keys.known));
            self.mismatch(faults, &expected);
            return None;
        };
        let mut fields = BTreeMap::new();
        for entry in entries {
            let key = &*entry.key;
            if keys.known.contains(&key) {
                fields.insert(key, self.below(entry));
                continue;
            }
            let place = Place { line: entry.line, column: entry.column, key: self.below(entry).path };
            if keys.later.contains(&key) {
                faults.add(&place, "not in this version");
            } else {
                faults.add(&place, unknown(key, keys));
            }
        }
        Some(Section { field: self.clone(), fields })
    }

    fn below(&self, entry: &'d Entry) -> Self {
        Self { path: join(&self.path, &entry.key), node: &entry.node }
    }
}

fn join(path: &str, key: &str) -> String {
    let key = key.escape_debug();
    match path {
        "" => key.to_string(),
        path => format!("{path}.{key}"),
    }
}

fn unknown(key: &str, keys: &Keys) -> String {
    match nearest(key, keys.known.iter().copied()) {
        Some(known) => format!("unknown key, did you mean `{known}`?"),
        None => format!("unknown key, expected {}", one_of(keys.known)),
    }
}

/// `a, b or c`.
pub(super) fn one_of(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// A map with known keys.
#[derive(Debug)]
pub(super) struct Section<'d> {
    pub(super) field: Field<'d>,
    fields: BTreeMap<&'d str, Field<'d>>,
}

impl<'d> Section<'d> {
    pub(super) fn get(&self, key: &str) -> Option<&Field<'d>> {
        self.fields.get(key)
    }

    /// Where a key stands, or would.
    pub(super) fn place_of(&self, key: &str) -> Place {
        match self.get(key) {
            Some(field) => field.place(),
            None => Place { key: join(&self.field.path, key), ..self.field.place() },
        }
    }

    /// A key without a default.
    pub(super) fn required(&self, key: &str, expected: &str, faults: &mut Faults) -> Option<&Field<'d>> {
        let field = self.get(key);
        if field.is_none() {
            let place = self.place_of(key);
            faults.add(&place, format!("is missing and has no default, expected {expected}"));
        }
        field
    }

    pub(super) fn flag(&self, key: &str, faults: &mut Faults) -> Option<bool> {
        self.get(key)?.flag(faults)
    }

    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], faults: &mut Faults) -> Option<T> {
        self.get(key)?.word(words, faults)
    }

    pub(super) fn whole(&self, key: &str, range: RangeInclusive<u64>, faults: &mut Faults) -> Option<u64> {
        self.get(key)?.whole(range, faults)
    }

    pub(super) fn size(&self, key: &str, range: RangeInclusive<u64>, faults: &mut Faults) -> Option<u64> {
        self.get(key)?.size(range, faults)
    }

    pub(super) fn duration(&self, key: &str, range: RangeInclusive<Duration>, faults: &mut Faults) -> Option<Duration> {
        self.get(key)?.duration(range, faults)
    }

    /// A path; a relative one starts at the directory of the file that names it.
    pub(super) fn path(&self, key: &str, faults: &mut Faults) -> Option<std::path::PathBuf> {
        let expected = "the path of a file or directory";
        let field = self.get(key)?;
        let text = field.text(expected, faults)?;
        if text.is_empty() {
            field.mismatch(faults, expected);
            return None;
        }
        Some(faults.directory().join(text))
    }
}
