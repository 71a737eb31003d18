use super::Unfit;
use super::prepare;
use crate::exposition::protobuf;
use crate::exposition::protobuf::messages::LabelPair;
use crate::exposition::protobuf::messages::Metric;
use crate::exposition::protobuf::messages::MetricFamily;
use crate::exposition::protobuf::messages::MetricType;
use crate::exposition::protobuf::messages::Untyped;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::revive;
use crate::exposition::text;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::PushBounds;
use crate::model::SeriesHasher;
use crate::model::TextDialect;
use proptest::prelude::*;
use prost::Message;
use std::collections::BTreeMap;
use std::collections::HashSet;

fn key(labels: &[(&'static str, &'static str)]) -> GroupingKey {
    GroupingKey::new("j", labels.iter().copied()).unwrap()
}

fn hasher() -> SeriesHasher {
    SeriesHasher::with_key([1; 16])
}

fn try_prepare(body: &str, key: &GroupingKey) -> Result<Vec<PreparedFamily>, String> {
    let pushed = text::parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap();
    prepare(pushed, key, &hasher(), "tenant", u64::MAX).map_err(|error| error.to_string())
}

fn prepared(body: &str, key: &GroupingKey) -> Vec<PreparedFamily> {
    try_prepare(body, key).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn lines(body: &str) -> String {
    let families = prepared(body, &key(&[]));
    families.iter().map(|family| std::str::from_utf8(family.lines()).unwrap()).collect()
}

#[track_caller]
fn refuses(body: &str, key: &GroupingKey, text: &str) {
    assert_eq!(try_prepare(body, key).unwrap_err(), text, "{body}");
}

#[test]
fn the_labels_of_the_group_are_forced_onto_every_metric() {
    let families = prepared(
        "# HELP b why\\n\n# TYPE b counter\nb{z=\"1\",job=\"mine\",instance=\"mine\",a=\"2\"} 1\nb{k=\"mine\"} 2\na 3\n",
        &key(&[("instance", "i\"\\\n"), ("k", "")]),
    );
    let forced = r#"instance="i\"\\\n",job="j",k="""#;
    let b = &families[0];
    assert_eq!((b.name(), b.kind().text_name(), b.help(), b.line_count()), ("b", "counter", "why\n", 2));
    let expected = format!("b{{a=\"2\",{forced},z=\"1\"}} 1\nb{{{forced}}} 2\n");
    assert_eq!(String::from_utf8_lossy(b.lines()), expected);
    assert_eq!(String::from_utf8_lossy(families[1].lines()), format!("a{{{forced}}} 3\n"));
}

#[test]
fn an_instance_is_always_there_and_empty_if_nobody_said_it() {
    assert_eq!(lines("a 1\n"), "a{instance=\"\",job=\"j\"} 1\n");
    assert_eq!(lines("a{instance=\"x\"} 1\n"), "a{instance=\"x\",job=\"j\"} 1\n");
    let families = prepared("a{instance=\"x\"} 1\n", &key(&[("instance", "")]));
    assert_eq!(families[0].lines(), b"a{instance=\"\",job=\"j\"} 1\n");
}

#[test]
fn a_histogram_is_written_whole_and_its_buckets_in_the_order_they_came() {
    let body = "# TYPE h histogram\nh_bucket{z=\"1\",le=\"2.50\"} 3\nh_bucket{z=\"1\",le=\"1\"} 1000000\nh_count{z=\"1\"} 4\nh_bucket{le=\"inf\"} 5\n";
    assert_eq!(
        lines(body),
        "h_bucket{instance=\"\",job=\"j\",z=\"1\",le=\"2.5\"} 3\n\
         h_bucket{instance=\"\",job=\"j\",z=\"1\",le=\"1\"} 1e+06\n\
         h_bucket{instance=\"\",job=\"j\",z=\"1\",le=\"+Inf\"} 4\n\
         h_sum{instance=\"\",job=\"j\",z=\"1\"} 0\n\
         h_count{instance=\"\",job=\"j\",z=\"1\"} 4\n\
         h_bucket{instance=\"\",job=\"j\",le=\"+Inf\"} 5\n\
         h_sum{instance=\"\",job=\"j\"} 0\n\
         h_count{instance=\"\",job=\"j\"} 0\n"
    );
    let family = &prepared(body, &key(&[]))[0];
    assert_eq!((family.line_count(), family.series().len()), (8, 2));
}

#[test]
fn a_summary_is_written_whole() {
    let body = "# TYPE s summary\ns_sum 7\ns{quantile=\"0.50\",z=\"\"} -1\ns{quantile=\".9\"} NaN\n";
    assert_eq!(try_prepare(body, &key(&[])).unwrap_err(), twins("s"));
    assert_eq!(
        lines("# TYPE s summary\ns_sum 7\ns{quantile=\"0.50\"} -1\ns{quantile=\".9\"} NaN\n"),
        "s{instance=\"\",job=\"j\",quantile=\"0.5\"} -1\ns{instance=\"\",job=\"j\",quantile=\"0.9\"} NaN\n\
         s_sum{instance=\"\",job=\"j\"} 7\ns_count{instance=\"\",job=\"j\"} 0\n"
    );
}

#[test]
fn interleaved_families_and_histograms_are_brought_together_in_order() {
    let body = "b{x=\"1\"} 1\na 2\nb{x=\"2\"} 3\n# TYPE h histogram\nh_bucket{x=\"1\",le=\"1\"} 1\nh_bucket{x=\"2\",le=\"1\"} 2\nh_bucket{x=\"1\",le=\"2\"} 3\n";
    let written = lines(body);
    let starts: Vec<&str> = written.lines().map(|line| line.split('{').next().unwrap()).collect();
    assert_eq!(starts[..3], ["b", "b", "a"]);
    let values: Vec<&str> = written.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(values, ["1", "3", "2", "1", "3", "0", "0", "0", "2", "0", "0", "0"]);
}

#[test]
fn families_of_the_gateways_own_names_are_dropped_and_so_are_empty_ones() {
    let body = "push_time_seconds 1\npush_overdue{__x=\"\"} 1\n# TYPE a gauge\n# HELP b c\nc 1\n";
    let families = prepared(body, &key(&[]));
    assert_eq!(families.len(), 1);
    assert_eq!(families[0].name(), "c");
}

fn twins(name: &str) -> String {
    format!("collected metric \"{name}\" was collected before with the same name and label values")
}

#[test]
fn what_contradicts_itself_is_refused() {
    let plain = key(&[]);
    refuses("a 1\nb 1 0\n", &plain, "pushed metrics must not have timestamps");
    refuses("a{b=\"1\"} 1\nc 1\na{b=\"1\"} 1\n", &plain, &twins("a"));
    refuses("a{b=\"\"} 1\na 1\n", &plain, &twins("a"));
    refuses("a{job=\"x\"} 1\na{job=\"y\"} 1\n", &plain, &twins("a"));
    refuses("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 1\n", &plain, &twins("h_bucket"));
    refuses("# TYPE h histogram\nh_bucket{le=\"0\"} 1\nh_bucket{le=\"-0\"} 1\n", &plain, &twins("h_bucket"));
    refuses("# TYPE s summary\ns{quantile=\"1\"} 1\ns{quantile=\"0\"} 1\ns{quantile=\"1\"} 1\n", &plain, &twins("s"));
    refuses("a{__b=\"c\"} 1\n", &plain, "collected metric \"a\" has a label with an invalid name: \"__b\"");
    let explicit = |name, label| format!("collected metric \"{name}\" must not have an explicit \"{label}\" label");
    refuses("# TYPE s summary\ns_sum 1\n", &key(&[("quantile", "")]), &explicit("s", "quantile"));
    refuses("# TYPE h histogram\nh_sum 1\n", &key(&[("le", "1")]), &explicit("h", "le"));
    refuses("# TYPE h gaugehistogram\nh_sum 1\n", &key(&[("le", "1")]), &explicit("h", "le"));
    refuses("a 1\n", &key(&[("x", "a\0b")]), "grouping label \"x\" has a NUL in its value");
    assert!(try_prepare("a{le=\"1\",quantile=\"2\"} 1\n", &key(&[("le", "1")])).is_ok());
}

#[test]
fn a_family_may_not_be_named_as_a_line_of_another() {
    for (kind, suffix) in [
        ("histogram", "_count"),
        ("histogram", "_sum"),
        ("histogram", "_bucket"),
        ("summary", "_count"),
        ("summary", "_sum"),
    ] {
        let body = format!("x{suffix} 1\n# TYPE x {kind}\nx_sum 1\nx{{le=\"1\",quantile=\"1\"}} 1\n");
        let text =
            format!("collected metric named \"x{suffix}\" collides with previously collected {kind} named \"x\"");
        refuses(&body, &key(&[]), &text);
    }
    for body in [
        "# TYPE x summary\nx_sum 1\nx_bucket 1\n",
        "# TYPE x histogram\nx_bucket{le=\"1\"} 1\nx_total 1\n_sum 1\n",
        "x_sum 1\nx 1\n",
        "x_sum 1\n# TYPE x histogram\n",
    ] {
        assert!(try_prepare(body, &key(&[])).is_ok(), "{body}");
    }
}

#[test]
fn a_label_of_the_operators_name_is_noticed() {
    for (body, labels, renamed) in [
        ("a{tenant=\"x\"} 1\n", &[][..], true),
        ("a{exported_tenant=\"x\"} 1\n", &[], true),
        ("a 1\na{exported_exported_tenant=\"\",b=\"2\"} 1\n", &[], true),
        ("a 1\n", &[("tenant", "x")], true),
        ("a{exported_exportedtenant=\"x\",tenants=\"\",atenant=\"\"} 1\n", &[], false),
        ("tenant{b=\"tenant\"} 1\n", &[], false),
    ] {
        let family = &prepared(body, &key(labels))[0];
        assert_eq!(family.renamed(), renamed, "{body}");
    }
}

#[test]
fn a_series_is_identified_by_its_name_and_labels_without_le() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\",b=\"2\",e=\"\"} 1\na{b=\"2\",job=\"x\"} 1\n";
    let families = prepared(body, &key(&[]));
    let labels = [("b", "2"), ("job", "j")];
    for family in families {
        assert_eq!(family.series(), [hasher().id(family.name(), labels.into_iter())]);
    }
}

/// The one line of a family, its name and value aside.
fn merged(pushed: PushedFamilies<'_>, key: &GroupingKey) -> String {
    let families = prepare(pushed, key, &hasher(), "tenant", u64::MAX).unwrap();
    let line = std::str::from_utf8(families[0].lines()).unwrap();
    line.strip_prefix("m{").unwrap().strip_suffix("} 1\n").unwrap().to_owned()
}

proptest! {
    #[test]
    fn merging_labels_equals_filling_a_map(
        own in proptest::collection::btree_map("[a-e]{1,2}|instance|job|k", "[a\"\\\\\n]{0,3}", 0..6),
        group in proptest::collection::btree_map("[a-e]{1,2}|instance|z", "[a\"]{0,2}", 0..4),
    ) {
        let key = GroupingKey::new("j", group.clone()).unwrap();
        let escape = |value: &str| value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        let written = |labels: &BTreeMap<String, String>| {
            let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
            labels.join(",")
        };
        let mut naive: BTreeMap<String, String> = own.clone();
        naive.extend(group.clone());
        naive.insert("job".into(), "j".into());
        naive.entry("instance".into()).or_default();
        let expected = written(&naive);

        let body = format!("m{{{}}} 1\n", written(&own));
        let pushed = text::parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap();
        prop_assert_eq!(&merged(pushed, &key), &expected);
        let label = |(name, value): (&String, &String)| LabelPair { name: Some(name.clone()), value: Some(value.clone()) };
        let metric = Metric {
            label: own.iter().rev().map(label).collect(),
            untyped: Some(Untyped { value: Some(1.0) }),
            ..Metric::default()
        };
        let kind = Some(MetricType::Untyped as i32);
        let family = MetricFamily { name: Some("m".into()), r#type: kind, metric: vec![metric], ..MetricFamily::default() };
        let body = family.encode_length_delimited_to_vec();
        let pushed = protobuf::parse(&body, NameScheme::Classic).unwrap();
        prop_assert_eq!(&merged(pushed, &key), &expected);
    }

    /// Metrics that come in order are not compared with any but the one before.
    #[test]
    fn twins_are_found_in_whatever_order_they_come(
        values in proptest::collection::vec(("[0-9]{1,2}|[a-c]?", "x?"), 1..8),
        sort in 0..3,
    ) {
        let mut values = values;
        match sort {
            0 => values.sort(),
            1 => values.sort_by_key(|(a, b)| (a.len(), a.clone(), b.len())),
            _ => {}
        }
        let lines: String = values.iter().map(|(a, b)| format!("m{{a=\"{a}\",b=\"{b}\"}} 1\n")).collect();
        let told_apart: HashSet<_> = values.iter().collect();
        let expected = if told_apart.len() == values.len() { Ok(values.len()) } else { Err(twins("m")) };
        let families = try_prepare(&lines, &key(&[]));
        // Found in the values or in the lines, identities are the same.
        if let Ok(families) = &families {
            prop_assert_eq!(families[0].series(), &*revive::identify(&families[0], &hasher()));
        }
        prop_assert_eq!(families.map(|families| families[0].series().len()), expected);
        // Of values that the group replaces none tells anything apart.
        let of_one: HashSet<_> = values.iter().map(|(_, b)| b).collect();
        let expected = if of_one.len() == values.len() { Ok(values.len()) } else { Err(twins("m")) };
        let families = try_prepare(&lines, &key(&[("a", "")]));
        prop_assert_eq!(families.map(|families| families[0].series().len()), expected);
    }

    /// What repeats the line before is only compared with it, and what is written again as it stands there is only copied.
    /// A blank before a line makes both impossible.
    #[test]
    fn lines_like_the_one_before_are_read_and_written_as_by_themselves(
        lines in proptest::collection::vec(
            (
                prop_oneof![8 => "a|b", 1 => "a ", 2 => "[a-c]|\\{\"a\"[,}]|a_sum|a_bucket|[0-9]|"],
                prop_oneof![
                    8 => "\\{b=\"[x0-9é]{0,9}\",d=\"([xyz]{0,12}|\\\\[\\\\n\"]|\\PC{0,40})\"\\}",
                    4 => "\\{d=\"[xy]{0,2}\",b=\"[x0-9]{0,3}\"\\}",
                    2 => "\\{((b|d|le|k|quantile|__c|b.b)=\"[0-9.]{0,2}\",?){0,3}\\}",
                    1 => "\\{?([bd,= ]|\"x\"){0,6}\\}?",
                    1 => "\\{b=\"[x0-9]{0,9}(\",d=\"[xyz]{0,12})?",
                    1 => "",
                ],
                prop_oneof![
                    6 => " -?[0-9]{1,8}(\\.[0-9]{1,9})?",
                    3 => " -?(0|[1-9][0-9]{0,5})(\\.[0-9]{0,7}[1-9])?",
                    1 => "[ \t]{0,2}(NaN|[+-]Inf|[0-9.e+-]{0,20})",
                    1 => " 1( [0-9]| |\r|,|x)",
                ],
            ),
            1..12,
        ),
        kind in prop_oneof![3 => Just(""), 1 => Just("# TYPE a histogram\n"), 1 => Just("# TYPE a summary\n"), 1 => Just("# TYPE a gauge\n")],
        ends in "\n|\r\n|",
        group in proptest::collection::btree_map("[a-e]|instance|z", "[a\"]{0,2}", 0..3),
        utf8: bool,
        strict: bool,
        nul in prop_oneof![20 => Just(""), 1 => Just("# \0\n")],
    ) {
        let lines: Vec<_> = lines.iter().map(|(name, labels, value)| format!("{name}{labels}{value}")).collect();
        let body = |before: &str| {
            let lines: String = lines.iter().map(|line| format!("{before}{line}\n")).collect();
            format!("{kind}{nul}{}{ends}", lines.strip_suffix('\n').unwrap())
        };
        let (scheme, dialect) = (
            if utf8 { NameScheme::Utf8 } else { NameScheme::Classic },
            if strict { TextDialect::Strict } else { TextDialect::Lenient },
        );
        let key = GroupingKey::new("j", group).unwrap();
        let outcome = |body: &str| {
            let bounds = PushBounds { label_value_bytes_max: 30, series_per_push_max: 10, ..PushBounds::default() };
            let pushed = text::parse_within(body.as_bytes(), dialect, scheme, &bounds.of_group(&key).unwrap());
            let pushed = pushed.map_err(|error| (error.line(), error.column(), error.message().to_owned()))?;
            let shown: Vec<_> = pushed.metrics.iter().map(|metric| {
                let labels: Vec<_> = pushed.labels_of(metric).map(|label| format!("{label:?}")).collect();
                format!("{} {labels:?} {:?}", metric.family, metric.measured)
            }).collect();
            let points = format!("{:?}", pushed.points);
            let families = prepare(pushed, &key, &hasher(), "tenant", u64::MAX).map_err(|error| (0, 0, error.to_string()));
            families.map(|families| {
                let families: Vec<_> = families.iter().map(|family| format!("{family:?}{:?}", family.series())).collect();
                (shown, points, families)
            })
        };
        let (one, other) = (outcome(&body("")), outcome(&body(" ")));
        match (one, other) {
            (Err((line, column, message)), Err((other_line, other_column, other_message))) => {
                prop_assert_eq!((line, message), (other_line, other_message));
                // The line of the type has no blank before it.
                prop_assert!(line == 0 || column + 1 == other_column, "{} {}", column, other_column);
            }
            (one, other) => prop_assert_eq!(one, other),
        }
    }
}

#[test]
fn what_is_written_is_bounded_while_it_is_written() {
    let key = key(&[("l", "a value that stands on every line")]);
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\nm 1\nn 2\n";
    let prepare = |bytes_max| {
        let pushed = text::parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap();
        prepare(pushed, &key, &hasher(), "tenant", bytes_max)
    };
    let whole: u64 = prepare(u64::MAX).unwrap().iter().map(PreparedFamily::stored_bytes).sum();
    assert!(prepare(whole).is_ok());
    for less in [whole - 1, whole / 2, 100, 0] {
        assert_eq!(prepare(less).unwrap_err(), Unfit::TooLarge, "{less} of {whole}");
    }
}
