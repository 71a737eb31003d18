//! YAML as a tree that knows where everything stands in the file.
//!
//! The sections are read from this tree and not by serde's derive: a fault has to name its key and its line, an absent
//! key is something else than an empty one, and all faults of a file are wanted, not the first.

use super::fault::Fault;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_saphyr::Location;
use serde_saphyr::Spanned;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::MergeKeyPolicy;
use std::fmt;
use std::path::Path;

/// A configuration of thousands of tenants is some megabytes; beyond this somebody named the wrong file.
pub(super) const FILE_BYTES_MAX: u64 = 16 << 20;
/// Nothing in a configuration nests deeper than 8.
const DEPTH_MAX: usize = 24;
/// Nodes, with every repetition by an alias.
const NODES_MAX: usize = 500_000;
/// What all aliases together may repeat: enough to share limits among tenants, too little for a bomb.
const REPEATED_MAX: usize = 100_000;

/// A value and where it begins, both counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) value: Value,
}

/// The kinds of values that YAML's core schema tells apart.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Flag(bool),
    /// A whole number, not negative.
    Whole(u64),
    /// A number with a fraction, or beyond all whole ones.
    Fraction(f64),
    /// A negative number; no key wants one.
    Number,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map, with its place.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) key: String,
    pub(super) node: Node,
}

/// Reads one document. A fault of syntax is the only one of its file: what stands behind it cannot be read.
pub(super) fn parse(text: &str, file: &Path) -> Result<Node, Fault> {
    let whole_file = |text: &str| Fault::new(file, None, "", text);
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Err(whole_file("the file is empty, expected a configuration"));
    }
    match serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options()) {
        Ok(spanned) => {
            let node = Node::from(spanned);
            match node.value {
                Value::Null => Err(whole_file("there is nothing but comments in the file, expected a configuration")),
                _ => Ok(node),
            }
        }
        Err(error) => Err(syntax_fault(&error, file)),
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 4 * NODES_MAX,
            max_nodes: NODES_MAX,
            max_depth: DEPTH_MAX,
            max_aliases: 10_000,
            max_anchors: 1_000,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: REPEATED_MAX,
            max_replay_stack_depth: 8,
        },
        // `<<` is a key like another, and so an unknown one: merged from nothing, a narrowing would be lost unseen.
        merge_keys: MergeKeyPolicy::AsOrdinary,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// A fault inside what an alias repeats comes wrapped, with the place of the alias outside.
fn innermost(error: &serde_saphyr::Error) -> &serde_saphyr::Error {
    let mut error = error.without_snippet();
    while let serde_saphyr::Error::AliasError { error: inner, .. } = error {
        error = inner.without_snippet();
    }
    error
}

/// The reader's own words, without the place it adds at their end: a fault begins with it.
fn syntax_fault(error: &serde_saphyr::Error, file: &Path) -> Fault {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let place = error.location().filter(|location| *location != Location::UNKNOWN);
    let text = match innermost(error) {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key `{}` is there twice, expected once", key.escape_debug())
        }
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. } => {
            format!("aliases repeat too much, expected at most {REPEATED_MAX} repeated nodes")
        }
        Error::MultipleDocuments { .. } | Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "a second document begins here, expected one".to_owned()
        }
        Error::Budget { breach, .. } => {
            format!("too much for a configuration ({breach:?}), expected at most {NODES_MAX} values, {DEPTH_MAX} deep")
        }
        other => {
            let text = other.to_string();
            let end = other.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()));
            end.and_then(|end| text.strip_suffix(&end).map(str::to_owned)).unwrap_or(text)
        }
    };
    Fault::new(file, place.map(|at| (at.line(), at.column())), "", text)
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        let (line, column) = place(spanned.referenced);
        Self { line, column, value: spanned.value }
    }
}

fn place(at: Location) -> (u64, u64) {
    (at.line().max(1), at.column().max(1))
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Whole(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(u64::try_from(number).map_or(Value::Number, Value::Whole))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(u64::try_from(number).map_or(Value::Number, Value::Whole))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Fraction(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(item) = list.next_element::<Spanned<Value>>()? {
            nodes.push(Node::from(item));
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let (line, column) = place(key.referenced);
            let node = Node::from(map.next_value::<Spanned<Value>>()?);
            entries.push(Entry { line, column, key: key.value, node });
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::Node;
    use super::Value;
    use std::path::Path;

    fn parse(text: &str) -> Result<Node, String> {
        super::parse(text, Path::new("f.yml")).map_err(|fault| fault.to_string())
    }

    fn fault(text: &str) -> String {
        parse(text).unwrap_err()
    }

    #[test]
    fn every_value_knows_its_place() {
        let node = parse("a: 1\nb:\n  - x\n  - {c: true}\n").unwrap();
        let Value::Map(entries) = node.value else { panic!() };
        assert_eq!((entries[0].line, entries[0].column), (1, 1));
        assert_eq!((entries[0].node.line, entries[0].node.column), (1, 4));
        let Value::List(items) = &entries[1].node.value else { panic!() };
        assert_eq!((items[0].line, items[0].column), (3, 5));
        let Value::Map(inner) = &items[1].value else { panic!() };
        assert_eq!((inner[0].line, inner[0].column), (4, 6));
        assert!(matches!(inner[0].node.value, Value::Flag(true)));
    }

    #[test]
    fn what_is_no_single_document_is_a_fault_with_its_place() {
        assert_eq!(fault(""), "f.yml: the file is empty, expected a configuration");
        assert_eq!(fault(" \n\t\n"), fault(""));
        assert!(fault("# only this\n").contains("nothing but comments"));
        assert_eq!(fault("a: 1\nb: 2\na: 3\n"), "f.yml:3:1: the key `a` is there twice, expected once");
        assert!(fault("a: 1\n---\nb: 2\n").contains("a second document"));
        assert!(fault("a: !secret x\n").starts_with("f.yml:1:"));
        assert!(fault("a: [1\n").starts_with("f.yml:"));
        assert!(fault("a: *x\n").starts_with("f.yml:1:4: "));
    }

    #[test]
    fn an_alias_bomb_is_a_fault_and_a_shared_map_is_not() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let before = format!("*a{},", n - 1).repeat(10);
            bomb += &format!("a{n}: &a{n} [{before}]\n");
        }
        assert!(fault(&bomb).contains("aliases repeat too much"), "{}", fault(&bomb));
        assert!(fault(&"[".repeat(100)).contains("f.yml:1:"));
        assert!(parse("a: &a {x: 1}\nb: *a\n").is_ok());
    }

    #[test]
    fn quotes_make_text_and_yes_is_no_flag() {
        let kind = |text: &str| match parse(text).unwrap().value {
            Value::Map(entries) => format!("{:?}", entries[0].node.value),
            other => format!("{other:?}"),
        };
        assert_eq!(kind("a: '1'"), "Text(\"1\")");
        assert_eq!(kind("a: ''"), "Text(\"\")");
        assert_eq!(kind("a:"), "Null");
        assert_eq!(kind("a: 5"), "Whole(5)");
        assert_eq!(kind("a: -5"), "Number");
        assert_eq!(kind("a: 1.5"), "Fraction(1.5)");
        assert_eq!(kind("a: 99999999999999999999999999999999999999999999"), "Fraction(1e44)");
        assert_eq!(kind("a: yes"), "Text(\"yes\")");
        assert_eq!(kind("a: 10s"), "Text(\"10s\")");
        assert_eq!(kind("a: 2027-01-31T00:00:00Z"), "Text(\"2027-01-31T00:00:00Z\")");
        assert_eq!(kind("a: :9091"), "Text(\":9091\")");
    }
}
