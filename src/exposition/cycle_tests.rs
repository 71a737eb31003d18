//! What is written reads back, and is then written the same.

use super::Escaping;
use super::PushedFamilies;
use super::Shown;
use super::prepare;
use super::text;
use super::write_header;
use super::write_lines;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::SeriesHasher;
use crate::model::TextDialect;
use proptest::prelude::*;

fn prepared(pushed: PushedFamilies<'_>) -> Option<Vec<PreparedFamily>> {
    let key = GroupingKey::new("j\"\\\n", [("k", "v"), ("empty", "")]).unwrap();
    prepare(pushed, &key, &SeriesHasher::with_key([1; 16]), "tenant", u64::MAX).ok()
}

fn view(families: &[PreparedFamily]) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families {
        write_header(&mut out, family.name(), family.kind(), family.help(), Escaping::Underscores);
        write_lines(&mut out, family, family.lines(), &Shown::to_tenant(Escaping::Underscores), None);
    }
    out
}

/// Bodies that mostly are in the format: lines of few names, kinds and labels, in any order.
fn body() -> impl Strategy<Value = String> {
    let value = "-?[0-9]{1,3}(\\.[0-9]{1,3})?(e-?[0-9]{1,2})?|NaN|[+-]Inf|0";
    let labels = "([a-c]=\"([a-z {}=,\u{e9}]|\\\\\\\\|\\\\\"|\\\\n){0,3}\",){0,2}";
    let help = ("[a-c]", "[a-z\\\\\\\\ \"]{1,5}")
        .prop_map(|(name, help)| format!("# HELP {name} {}\n", help.replace('\\', "\\\\")));
    let kind = ("[a-d]", "gauge|counter|summary|histogram|gaugehistogram|untyped")
        .prop_map(|(name, kind)| format!("# TYPE {name} {kind}\n"));
    let sample = ("[a-d](_sum|_count|_bucket)?", labels, "(le=\"[0-9]\",)?(quantile=\"0\\.[0-9]\")?", value)
        .prop_map(|(name, labels, place, value)| format!("{name}{{{labels}{place}}} {value}\n"));
    proptest::collection::vec(prop_oneof![1 => help, 2 => kind, 5 => sample], 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_written_reads_back_and_is_written_the_same(body in body()) {
        let Some(families) = text::parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).ok().and_then(prepared) else {
            return Ok(());
        };
        let first = view(&families);
        let read = text::parse(&first, TextDialect::Strict, NameScheme::Classic);
        prop_assert!(read.is_ok(), "{:?} of {}", read, String::from_utf8_lossy(&first));
        let Ok(again) = read else { return Ok(()) };
        let again = prepared(again).unwrap();
        prop_assert_eq!(String::from_utf8(view(&again)).unwrap(), String::from_utf8(first).unwrap());
        for (family, again) in families.iter().zip(&again) {
            prop_assert_eq!(family.series(), again.series());
            prop_assert_eq!((family.line_count(), family.renamed()), (again.line_count(), again.renamed()));
            let lines = family.lines().iter().filter(|byte| **byte == b'\n').count();
            prop_assert_eq!(family.line_count() as usize, lines);
        }
    }
}
