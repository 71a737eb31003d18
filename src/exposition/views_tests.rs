//! Whatever is pushed, its views agree: text with protobuf, one escaping with another, a tenant's with an operator's.

use super::Escaping;
use super::FleetLabels;
use super::Shown;
use super::prepare;
use super::protobuf;
use super::protobuf::FamilyMessage;
use super::protobuf::messages;
use super::pushed::PushedFamilies;
use super::text;
use super::write_header;
use super::write_lines;
use super::write_measured_lines;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::SeriesHasher;
use crate::model::TenantId;
use crate::model::TextDialect;
use proptest::prelude::*;
use prost::Message;
use std::collections::BTreeSet;

const ESCAPINGS: [Escaping; 4] = [Escaping::Underscores, Escaping::Dots, Escaping::Values, Escaping::AllowUtf8];

fn prepared(pushed: PushedFamilies<'_>, labels: &[(&'static str, &'static str)]) -> Option<Vec<PreparedFamily>> {
    let key = GroupingKey::in_scheme(NameScheme::Utf8, "j\"", labels.iter().copied()).unwrap();
    prepare(pushed, &key, &SeriesHasher::with_key([1; 16]), "tenant", u64::MAX).ok()
}

fn read_text(body: &[u8]) -> PushedFamilies<'_> {
    text::parse(body, TextDialect::Strict, NameScheme::Utf8)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(body)))
}

fn text_view(families: &[PreparedFamily], shown: &Shown<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families {
        write_header(&mut out, family.name(), family.kind(), family.help(), shown.escaping);
        write_lines(&mut out, family, family.lines(), shown, None);
    }
    out
}

fn protobuf_view(families: &[PreparedFamily], shown: &Shown<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families {
        let mut message = FamilyMessage::new(family.name(), family.kind(), family.help(), shown.escaping);
        message.add(family, shown, None);
        message.write(&mut out);
    }
    out
}

/// The same, gone through twice.
fn sent_protobuf_view(families: &[PreparedFamily], shown: &Shown<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families {
        let mut message = FamilyMessage::new(family.name(), family.kind(), family.help(), shown.escaping);
        message.measure(family.into(), shown, None);
        let mut at = message.begin(&mut out).then_some(0);
        while let Some(from) = at {
            at = message.send(&mut out, family.into(), from, shown, None);
        }
    }
    out
}

/// Names that meet each other in this or that escaping.
const METRICS: &str = "a|b|\"a\"|\"a\\.b\"|\"a_b\"|\"1\"|\"ü\"|\"a b\"|\"a\\\\\\\\\"|\"U__a_2e_b\"|\"_dot_\"|\"\\.\"";
const LABELS: &str = "a|tenant|exported_tenant|\"tenant\"|\"exported\\.tenant\"|\"a\\.b\"|\"a_b\"|\"é\"|\"a:b\"|\"U__é\"|\"U__\"|\"-\"|\"a\\\\n\"";

/// Bodies that mostly are in the format, with classic names and others.
fn body() -> impl Strategy<Value = String> {
    let value = "-?[0-9]{1,3}(\\.[0-9]{1,3})?|NaN|[+-]Inf|0|1e20";
    let label = (LABELS, "[a-z {}=,\u{e9}]{0,2}").prop_map(|(name, value)| format!("{name}=\"{value}\","));
    let labels = proptest::collection::vec(label, 0..3).prop_map(|labels| labels.concat());
    let kind = (METRICS, "gauge|counter|summary|histogram|gaugehistogram|untyped", "(x\\\\n\\\\\\\\)?")
        .prop_map(|(name, kind, help)| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    let sample = (METRICS, "(_sum|_count|_bucket)?", labels, "(le=\"[0-9]\",)?(quantile=\"0\\.[0-9]\")?", value)
        .prop_map(|(name, suffix, labels, place, value)| match name.strip_suffix('"') {
            Some(open) => format!("{{{open}{suffix}\",{labels}{place}}} {value}\n"),
            None => format!("{name}{suffix}{{{labels}{place}}} {value}\n"),
        });
    proptest::collection::vec(prop_oneof![2 => kind, 5 => sample], 0..10).prop_map(|lines| lines.concat())
}

fn accepted(body: &str) -> Option<Vec<PreparedFamily>> {
    let pushed = text::parse(body.as_bytes(), TextDialect::Strict, NameScheme::Utf8).ok()?;
    prepared(pushed, &[("k.k", "v"), ("empty", "")])
}

/// Families and series of a view as Prometheus tells them apart.
fn told_apart(view: &[u8]) -> (Vec<String>, Vec<String>) {
    let pushed = read_text(view);
    let families = pushed.families.iter().map(|family| family.name.to_string()).collect();
    let series = pushed.metrics.iter().map(|metric| {
        let labels = pushed.labels_of(metric).filter(|label| !label.value.is_empty());
        let labels: Vec<_> = labels.map(|label| format!("{:?}={:?}", label.name, label.value)).collect();
        format!("{} {labels:?}", pushed.families[metric.family as usize].name)
    });
    (families, series.collect())
}

#[test]
fn a_family_that_is_sent_in_parts_is_the_one_that_is_held() {
    let lines: String = (0..3_000)
        .map(|n| format!("h_bucket{{n=\"{n}\",le=\"1\"}} {n}\nh_bucket{{n=\"{n}\",le=\"+Inf\"}} {n}\nh_sum{{n=\"{n}\"}} 1\nh_count{{n=\"{n}\"}} {n}\n"))
        .collect();
    let families = accepted(&format!("# TYPE h histogram\n{lines}g 1\n")).unwrap();
    let labels = FleetLabels::new("tenant", &TenantId::parse("red").unwrap(), true);
    for shown in [Shown::to_tenant(Escaping::Dots), Shown::to_operator(Escaping::Underscores, &labels)] {
        assert!(sent_protobuf_view(&families, &shown) == protobuf_view(&families, &shown));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn in_every_escaping_all_families_and_series_stay_apart(body in body()) {
        let Some(families) = accepted(&body) else { return Ok(()) };
        let labels = FleetLabels::new("tenant", &TenantId::parse("red").unwrap(), true);
        for escaping in ESCAPINGS {
            for shown in [Shown::to_tenant(escaping), Shown::to_operator(escaping, &labels)] {
                let view = text_view(&families, &shown);
                let (families, series) = told_apart(&view);
                for all in [families, series] {
                    let different: BTreeSet<_> = all.iter().collect();
                    prop_assert_eq!(different.len(), all.len(), "{}", String::from_utf8_lossy(&view));
                }
                if escaping != Escaping::AllowUtf8 {
                    prop_assert!(text::parse(&view, TextDialect::Strict, NameScheme::Classic).is_ok());
                }
            }
        }
    }

    #[test]
    fn lines_of_which_some_lengths_are_known_come_out_as_all_others_do(body in body(), known in 0..20_usize, every in 1..4_usize) {
        let Some(families) = accepted(&body) else { return Ok(()) };
        for (tenant, job_prefix) in [("red", false), ("r", true)] {
            let labels = FleetLabels::new("tenant", &TenantId::parse(tenant).unwrap(), job_prefix);
            for shown in [Shown::to_tenant(Escaping::Underscores), Shown::to_operator(Escaping::Underscores, &labels)] {
                for family in &families {
                    let lines = family.lines();
                    let lengths = lines.split_inclusive(|byte| *byte == b'\n').zip(0..known).map(|(line, nth)| {
                        if nth % every == 0 { u8::try_from(line.len()).unwrap_or(0) } else { 0 }
                    });
                    let (lengths, mut plain, mut measured) = (lengths.collect::<Vec<_>>(), Vec::new(), Vec::new());
                    write_lines(&mut plain, family, lines, &shown, None);
                    write_measured_lines(&mut measured, family.into(), (lines, &lengths), &shown, None);
                    prop_assert_eq!(measured, plain);
                }
            }
        }
    }

    #[test]
    fn protobuf_says_what_text_says(body in body()) {
        let Some(families) = accepted(&body) else { return Ok(()) };
        let labels = FleetLabels::new("tenant", &TenantId::parse("red").unwrap(), false);
        for escaping in ESCAPINGS {
            for shown in [Shown::to_tenant(escaping), Shown::to_operator(escaping, &labels)] {
                let (text, proto) = (text_view(&families, &shown), protobuf_view(&families, &shown));
                prop_assert!(sent_protobuf_view(&families, &shown) == proto);
                let mut rest = &proto[..];
                while !rest.is_empty() {
                    prop_assert!(messages::MetricFamily::decode_length_delimited(&mut rest).is_ok());
                }
                let from_proto = protobuf::parse(&proto, NameScheme::Utf8);
                prop_assert!(from_proto.is_ok(), "{:?}", from_proto);
                let from_text = prepared(read_text(&text), &[]);
                let mut from_proto = prepared(from_proto.unwrap(), &[]);
                // Text calls a gauge histogram a histogram, and a count over 2^53 is kept as the integer it was.
                let plain = |families: Option<Vec<PreparedFamily>>| {
                    families.map(|all| all.iter().map(|f| (f.name().to_owned(), f.help().to_owned(), f.kind().text_name(), f.lines().to_vec())).collect::<Vec<_>>())
                };
                // Dots make names of two underscores, which nobody may push.
                prop_assert!(from_text.is_some() || escaping == Escaping::Dots);
                prop_assert_eq!(plain(from_proto.take()), plain(from_text));
            }
        }
    }

    #[test]
    fn what_is_stored_reads_back_as_it_was_pushed(body in body()) {
        let Some(families) = accepted(&body) else { return Ok(()) };
        let view = text_view(&families, &Shown::to_tenant(Escaping::AllowUtf8));
        let again = prepared(read_text(&view), &[("k.k", "v"), ("empty", "")]).unwrap();
        prop_assert_eq!(text_view(&again, &Shown::to_tenant(Escaping::AllowUtf8)), view);
        for (family, again) in families.iter().zip(&again) {
            prop_assert_eq!(family.series(), again.series());
            prop_assert_eq!((family.renamed(), family.utf8()), (again.renamed(), again.utf8()));
        }
    }
}

fn views(body: &str, escaping: Escaping) -> String {
    let families = prepared(read_text(body.as_bytes()), &[]).unwrap();
    String::from_utf8(text_view(&families, &Shown::to_tenant(escaping))).unwrap()
}

#[test]
fn a_name_that_is_not_classic_is_shown_as_the_escaping_says() {
    let body = "# HELP \"a.b\" why\n# TYPE \"a.b\" counter\n{\"a.b\",\"l.m\"=\"x\"} 1\n";
    for (escaping, shown) in [
        (
            Escaping::AllowUtf8,
            "# HELP \"a.b\" why\n# TYPE \"a.b\" counter\n{\"a.b\",instance=\"\",job=\"j\\\"\",\"l.m\"=\"x\"} 1\n",
        ),
        (Escaping::Underscores, "# HELP a_b why\n# TYPE a_b counter\na_b{instance=\"\",job=\"j\\\"\",l_m=\"x\"} 1\n"),
        (
            Escaping::Dots,
            "# HELP a_dot_b why\n# TYPE a_dot_b counter\na_dot_b{instance=\"\",job=\"j\\\"\",l_dot_m=\"x\"} 1\n",
        ),
        (
            Escaping::Values,
            "# HELP U__a_2e_b why\n# TYPE U__a_2e_b counter\nU__a_2e_b{instance=\"\",job=\"j\\\"\",U__l_2e_m=\"x\"} 1\n",
        ),
    ] {
        assert_eq!(views(body, escaping), shown);
    }
    assert_eq!(views("a_b 1\n", Escaping::Dots), "# TYPE a__b untyped\na__b{instance=\"\",job=\"j\\\"\"} 1\n");
}

#[test]
fn names_that_are_one_where_utf8_is_escaped_are_refused() {
    let refused = |body: &str, labels: &[(&'static str, &'static str)]| {
        let key = GroupingKey::in_scheme(NameScheme::Utf8, "j", labels.iter().copied()).unwrap();
        let refused = prepare(read_text(body.as_bytes()), &key, &SeriesHasher::with_key([1; 16]), "tenant", u64::MAX);
        refused.unwrap_err().to_string()
    };
    let one = |one: &str, other: &str| format!("the names {one:?} and {other:?} are one where UTF-8 is escaped");
    assert_eq!(refused("{\"a.b\"} 1\na_b 1\n", &[]), one("a.b", "a_b"));
    assert_eq!(refused("a{\"l.m\"=\"1\",l_m=\"2\"} 1\n", &[]), one("l.m", "l_m"));
    assert_eq!(refused("a{l_m=\"2\"} 1\n", &[("l.m", "1")]), one("l.m", "l_m"));
    assert_eq!(
        refused("{\"a.b_sum\"} 1\n# TYPE a_b summary\na_b_count 1\n", &[]),
        "collected metric named \"a_b_sum\" collides with previously collected summary named \"a_b\""
    );
    assert_eq!(
        refused("a{\"l.m\"=\"1\"} 1\na{l_m=\"1\"} 1\n", &[]),
        "collected metric \"a\" was collected before with the same name and label values"
    );
    assert_eq!(
        refused("a{\"..x\"=\"1\"} 1\n", &[]),
        "collected metric \"a\" has a label with an invalid name: \"..x\""
    );
    assert!(prepared(read_text(b"{\"push.time.seconds\"} 1\n"), &[]).unwrap().is_empty());
}

#[test]
fn a_family_of_classic_names_is_copied_whatever_stands_beside_it() {
    let families = prepared(read_text(b"a 1\n{\"b.c\"} 1\nd{\"e.f\"=\"1\"} 1\n"), &[]).unwrap();
    assert_eq!(families.iter().map(PreparedFamily::utf8).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(families[1].escaped_name(), "b_c");
}
