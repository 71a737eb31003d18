use super::FleetLabels;
use super::renames;
use crate::exposition::Escaping;
use crate::exposition::Shown;
use crate::exposition::text;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::PreparedParts;
use crate::model::SeriesHasher;
use crate::model::TenantId;
use crate::model::TextDialect;
use proptest::prelude::*;

fn prepared(body: &str) -> Vec<PreparedFamily> {
    let pushed = text::parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap();
    let key = GroupingKey::new("j", [("instance", "i")]).unwrap();
    crate::exposition::prepare(pushed, &key, &SeriesHasher::with_key([1; 16]), "tenant", u64::MAX).unwrap()
}

fn labels(job_prefix: bool) -> FleetLabels {
    FleetLabels::new("tenant", &TenantId::parse("team-7").unwrap(), job_prefix)
}

fn written(family: &PreparedFamily, labels: &FleetLabels, only: Option<&str>) -> String {
    let mut out = Vec::new();
    let shown = Shown::to_operator(Escaping::Underscores, labels);
    crate::exposition::write_lines(&mut out, family, family.lines(), &shown, only);
    String::from_utf8(out).unwrap()
}

/// The same lines, said to need renaming or not.
fn marked(family: &PreparedFamily, renamed: bool) -> PreparedFamily {
    PreparedFamily::from(PreparedParts {
        name: family.name().into(),
        kind: family.kind(),
        help: family.help().into(),
        lines: family.lines().into(),
        line_count: family.line_count(),
        series: family.series().into(),
        renamed,
        proto: Box::default(),
        utf8: false,
    })
}

#[test]
fn the_tenant_stands_first_on_every_line() {
    let family = &prepared("a{b=\"1\"} 1\na 2\n")[0];
    assert_eq!(
        written(family, &labels(false), None),
        "a{tenant=\"team-7\",b=\"1\",instance=\"i\",job=\"j\"} 1\na{tenant=\"team-7\",instance=\"i\",job=\"j\"} 2\n"
    );
}

#[test]
fn a_pushed_label_of_the_tenants_name_moves_aside() {
    let body = "a{tenant=\"forged\",exported_tenant=\"x\",tenants=\",tenant=\\\"y\\\"} \\\\\"} 1\n";
    let family = &prepared(body)[0];
    assert_eq!(
        written(family, &labels(false), None),
        "a{tenant=\"team-7\",exported_exported_tenant=\"x\",instance=\"i\",job=\"j\",exported_tenant=\"forged\",tenants=\",tenant=\\\"y\\\"} \\\\\"} 1\n"
    );
}

#[test]
fn a_job_gets_its_tenant_in_front_where_that_is_wanted() {
    let family = &prepared("a{b=\",job=\\\"x\",exported_job=\"k\"} 1\n")[0];
    assert_eq!(
        written(family, &labels(true), None),
        "a{tenant=\"team-7\",b=\",job=\\\"x\",exported_job=\"k\",instance=\"i\",job=\"team-7/j\"} 1\n"
    );
}

#[test]
fn only_the_lines_of_one_name_are_written_where_one_is_asked_for() {
    let family = &prepared("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 3\n")[0];
    let line = |name: &str, le: &str, value: &str| {
        format!("{name}{{tenant=\"team-7\",instance=\"i\",job=\"j\"{le}}} {value}\n")
    };
    assert_eq!(written(family, &labels(false), Some("h_sum")), line("h_sum", "", "2"));
    assert_eq!(
        written(family, &labels(false), Some("h_bucket")),
        line("h_bucket", ",le=\"1\"", "1") + &line("h_bucket", ",le=\"+Inf\"", "3")
    );
    assert_eq!(written(family, &labels(false), Some("h")), "");
}

#[test]
fn the_operators_label_with_any_number_of_exported_in_front_is_renamed() {
    for name in ["tenant", "exported_tenant", "exported_exported_tenant"] {
        assert!(renames("tenant", name), "{name}");
    }
    for name in ["", "tenants", "x_tenant", "exportedtenant", "exported_exported_x", "exported_"] {
        assert!(!renames("tenant", name), "{name}");
    }
    assert!(renames("exported_x", "exported_x") && renames("exported_x", "exported_exported_x"));
    assert!(!renames("exported_x", "x"));
}

/// A body of one untyped family with hard label names and values.
fn body() -> impl Strategy<Value = String> {
    let name = "(exported_){0,2}tenant|[a-c]|job|exported_job|tenants";
    let value = "([a-z{}=, #\u{e9}]|\\\\\\\\|\\\\\"|\\\\n|,tenant=\\\\\"x\\\\\"|,job=\\\\\"|\\} 1){0,4}";
    let labels = proptest::collection::btree_map(name, value, 0..5);
    proptest::collection::vec(labels, 1..4).prop_map(|series| {
        let line = |(at, labels): (usize, &std::collections::BTreeMap<String, String>)| {
            let labels: String = labels.iter().map(|(name, value)| format!("{name}=\"{value}\",")).collect();
            format!("a{{{labels}n=\"{at}\"}} {at}\n")
        };
        series.iter().enumerate().map(line).collect()
    })
}

proptest! {
    #[test]
    fn the_careful_way_and_the_fast_way_write_the_same_where_nothing_is_renamed(body in body()) {
        let family = &prepared(&body)[0];
        if !family.renamed() {
            let careful = written(&marked(family, true), &labels(false), None);
            prop_assert_eq!(careful, written(family, &labels(false), None));
        }
    }

    #[test]
    fn what_an_operator_sees_parses_and_leads_back_to_what_was_pushed(body in body(), job_prefix: bool) {
        let family = &prepared(&body)[0];
        let seen = written(family, &labels(job_prefix), None);
        let parsed = text::parse(seen.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap();
        let own = text::parse(family.lines(), TextDialect::Strict, NameScheme::Classic).unwrap();
        prop_assert_eq!(parsed.metrics.len(), own.metrics.len());
        for (parsed_metric, own_metric) in parsed.metrics.iter().zip(&own.metrics) {
            let mut stripped = Vec::new();
            for label in parsed.labels_of(parsed_metric) {
                match label.name {
                    "tenant" => prop_assert_eq!(&*label.value, "team-7"),
                    name => {
                        let name = if renames("tenant", name) { &name["exported_".len()..] } else { name };
                        let value = if job_prefix && name == "job" { &label.value["team-7/".len()..] } else { &label.value };
                        stripped.push((name.to_owned(), value.to_owned()));
                    }
                }
            }
            stripped.sort();
            let expected: Vec<_> = own.labels_of(own_metric)
                .map(|label| (label.name.to_string(), label.value.to_string()))
                .collect();
            prop_assert_eq!(stripped, expected);
        }
    }
}
