use super::parse;
use super::parse_within;
use crate::exposition::prepare;
use crate::model::GroupBounds;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PushBound;
use crate::model::PushBounds;
use crate::model::SeriesHasher;
use crate::model::TextDialect;
use proptest::prelude::*;

fn key() -> GroupingKey {
    GroupingKey::new("j", [("k", "v")]).unwrap()
}

/// The default bounds but for one, for a group of two labels.
fn bounded(bound: PushBound, limit: u64) -> GroupBounds {
    let mut bounds = PushBounds::default();
    *match bound {
        PushBound::BodyBytes => &mut bounds.body_bytes_max,
        PushBound::DecompressionRatio => &mut bounds.decompression_ratio_max,
        PushBound::Families => &mut bounds.families_per_push_max,
        PushBound::Series => &mut bounds.series_per_push_max,
        PushBound::LineBytes => &mut bounds.line_bytes_max,
        PushBound::Labels => &mut bounds.labels_per_series_max,
        PushBound::LabelNameBytes => &mut bounds.label_name_bytes_max,
        PushBound::LabelValueBytes => &mut bounds.label_value_bytes_max,
        PushBound::MetricNameBytes => &mut bounds.metric_name_bytes_max,
    } = limit;
    bounds.of_group(&key()).unwrap()
}

/// That `body` is read where the limit is `limit`, and refused where it is one less, at that place.
#[track_caller]
fn holds(bound: PushBound, limit: u64, body: &str, line: usize, column: usize) {
    for dialect in [TextDialect::Strict, TextDialect::Lenient] {
        let read = |limit| parse_within(body.as_bytes(), dialect, NameScheme::Utf8, &bounded(bound, limit));
        read(limit).unwrap();
        let error = read(limit - 1).unwrap_err();
        let over = error.bound().unwrap();
        assert_eq!((over.bound, over.limit, over.found), (bound, limit - 1, limit), "{body}");
        let (key, limit, found) = (bound.key(), limit - 1, over.found);
        let text =
            format!("the push is too large: {key} is {limit}, found at least {found} in line {line} (column {column})");
        assert_eq!(error.to_string(), text, "{body}");
    }
}

#[test]
fn families_are_counted_by_their_names_whether_or_not_they_have_samples() {
    holds(PushBound::Families, 3, "a 1\nb 1\nb{x=\"y\"} 1\nc 1\n", 4, 1);
    holds(PushBound::Families, 2, "# TYPE a gauge\n# HELP b x\n", 2, 8);
    holds(PushBound::Families, 2, "# TYPE a histogram\na_sum 1\na_count 1\nb_sum 1\n", 4, 1);
}

#[test]
fn series_are_the_lines_that_a_push_becomes() {
    holds(PushBound::Series, 3, "a 1\na{x=\"y\"} 1\nb 1\n", 3, 1);
    holds(PushBound::Series, 3, "x 0\n# TYPE s summary\ns_sum 1\n", 3, 1);
    holds(PushBound::Series, 3, "# TYPE s summary\ns_sum 1\ns{quantile=\"0.5\"} 1\n", 3, 1);
    // A histogram has a bucket to infinity, pushed or not.
    holds(PushBound::Series, 3, "# TYPE h histogram\nh_count 1\n", 2, 1);
    let whole = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n";
    holds(PushBound::Series, 5, whole, 3, 1);
}

#[test]
fn a_line_is_as_long_as_without_its_end() {
    holds(PushBound::LineBytes, 8, "a{} 1\n  bb{} 1\n", 2, 8);
    holds(PushBound::LineBytes, 8, "# commen\n", 1, 8);
    holds(PushBound::LineBytes, 8, "        \n", 1, 8);
    let lenient = |limit, body: &str| {
        let bounds = bounded(PushBound::LineBytes, limit);
        parse_within(body.as_bytes(), TextDialect::Lenient, NameScheme::Classic, &bounds).is_ok()
    };
    assert!(lenient(5, "a{} 1\r\na{} 2\r\n") && lenient(5, "a{} 1\r") && !lenient(4, "a{} 1\r\n"));
    assert!(!lenient(5, "a{} 1\r\r\n") && !lenient(5, "a{} 1 \r\n"));
}

#[test]
fn what_stands_behind_a_line_that_is_too_long_is_not_looked_at() {
    let body = [&[b'a'; 10][..], b"\xff\n\xff 1\n"].concat();
    let bounds = bounded(PushBound::LineBytes, 5);
    let error = parse_within(&body, TextDialect::Strict, NameScheme::Classic, &bounds).unwrap_err();
    // A line may be followed by two bytes, so those are looked at.
    assert_eq!((error.bound().unwrap().found, error.line(), error.column()), (7, 1, 7));
}

#[test]
fn labels_are_those_of_the_line_and_of_its_group() {
    holds(PushBound::Labels, 5, "a{b=\"\",c=\"\"} 1\nb{a=\"1\",b=\"2\",c=\"3\"} 1\n", 2, 15);
    // `le` and `quantile` are labels; a label that the group replaces is one too.
    holds(PushBound::Labels, 4, "# TYPE s summary\ns{k=\"x\",quantile=\"1\"} 1\n", 2, 9);
    holds(PushBound::Labels, 4, "# TYPE h histogram\nh_bucket{a=\"b\",le=\"1\"} 1\n", 2, 16);
    // A histogram of which no bucket was pushed gets one.
    holds(PushBound::Labels, 4, "# TYPE h histogram\nh_count{a=\"b\"} 1\n", 2, 1);
    holds(PushBound::Labels, 3, "# TYPE s summary\ns_count{a=\"b\"} 1\n", 2, 9);
}

#[test]
fn names_and_values_are_as_long_as_they_are_meant() {
    holds(PushBound::MetricNameBytes, 5, "abc 1\nabcde 1\n", 2, 1);
    holds(PushBound::MetricNameBytes, 5, "{x=\"y\",\"a\\\"b\\\\c\"} 1\n", 1, 8);
    holds(PushBound::MetricNameBytes, 4, "# HELP abcd x\n", 1, 8);
    holds(PushBound::MetricNameBytes, 7, "# TYPE a histogram\na_count 1\n", 2, 1);
    holds(PushBound::LabelNameBytes, 4, "a{b=\"1\",abcd=\"2\"} 1\n", 1, 9);
    holds(PushBound::LabelNameBytes, 4, "a{\"ä.x\"=\"2\"} 1\n", 1, 3);
    holds(PushBound::LabelValueBytes, 3, "a{b=\"1\",c=\"234\"} 1\n", 1, 11);
    holds(PushBound::LabelValueBytes, 3, "a{b=\"\\n\\\\x\"} 1\n", 1, 5);
}

#[test]
fn a_group_is_within_the_bounds_itself() {
    let bounds = PushBounds { labels_per_series_max: 2, label_value_bytes_max: 3, ..PushBounds::default() };
    let bounds = PushBounds { label_name_bytes_max: 3, ..bounds };
    let over = |job: &str, labels: &[(&str, &str)]| {
        let key = GroupingKey::new(job, labels.iter().copied()).unwrap();
        bounds.of_group(&key).map(|_| ()).map_err(|over| (over.bound, over.limit, over.found))
    };
    assert_eq!(over("abc", &[("def", "ghi")]), Ok(()));
    assert_eq!(over("abcd", &[]), Err((PushBound::LabelValueBytes, 3, 4)));
    assert_eq!(over("a", &[("defg", "")]), Err((PushBound::LabelNameBytes, 3, 4)));
    assert_eq!(over("a", &[("b", "cdef")]), Err((PushBound::LabelValueBytes, 3, 4)));
    assert_eq!(over("a", &[("b", ""), ("c", "")]), Err((PushBound::Labels, 2, 3)));
}

#[test]
fn what_the_gateway_wrote_itself_has_no_bounds() {
    let body = format!("a{{b=\"{}\"}} 1\n", "x".repeat(1 << 20));
    assert!(parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).is_ok());
}

/// What small limits there may be.
fn small() -> impl Strategy<Value = PushBounds> {
    (1..4_u64, 1..8_u64, 20..60_u64, 2..6_u64, 3..6_u64, 1..5_u64, 2..9_u64).prop_map(
        |(families, series, line, labels, label_name, label_value, metric_name)| PushBounds {
            families_per_push_max: families,
            series_per_push_max: series,
            line_bytes_max: line,
            labels_per_series_max: labels,
            label_name_bytes_max: label_name,
            label_value_bytes_max: label_value,
            metric_name_bytes_max: metric_name,
            ..PushBounds::default()
        },
    )
}

/// Lines of a few names, labels and values, some of them too long for some of the limits.
fn lines() -> impl Strategy<Value = String> {
    const LABEL: &str = "(a|bb|ccccc|le|quantile|job)=\"(0.5|1|\\\\n|xyz|wxyz|[+]Inf)\"";
    let sample =
        format!("(m|mm|h|h_bucket|h_sum|h_count|s|s_count|long_name)(\\{{{LABEL}(,{LABEL}){{0,3}}\\}})? [0-9]\n");
    let line = format!("({sample}|# TYPE h histogram\n|# TYPE s summary\n|# HELP m some text\n)");
    proptest::string::string_regex(&format!("({line}){{0,8}}")).unwrap()
}

proptest! {
    #[test]
    fn a_push_that_is_read_is_over_none_of_its_bounds(body in lines(), bounds in small()) {
        let group = GroupingKey::new("j", [] as [(&str, &str); 0]).unwrap();
        let within = bounds.of_group(&group).unwrap();
        let read = parse_within(body.as_bytes(), TextDialect::Strict, NameScheme::Classic, &within);
        let unbounded = parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic);
        let Ok(pushed) = read else {
            // A bound refuses nothing else, and says so.
            prop_assert!(unbounded.is_err() || read.unwrap_err().bound().is_some());
            return Ok(());
        };
        prop_assert!(body.lines().all(|line| line.len() as u64 <= bounds.line_bytes_max));
        let counted = pushed.line_count();
        prop_assert!(counted <= bounds.series_per_push_max);
        prop_assert!(pushed.families.len() as u64 <= bounds.families_per_push_max);
        let Ok(families) = prepare(pushed, &group, &SeriesHasher::with_key([1; 16]), "tenant", u64::MAX) else {
            return Ok(());
        };
        prop_assert_eq!(counted, families.iter().map(|family| u64::from(family.line_count())).sum::<u64>());
        for family in families {
            prop_assert!(family.name().len() as u64 <= bounds.metric_name_bytes_max);
            for line in std::str::from_utf8(family.lines()).unwrap().lines() {
                // Each of the labels has a value in quotes; that of an absent instance is not one.
                let labels = line.matches("=\"").count() - usize::from(line.contains("instance=\"\""));
                prop_assert!(labels as u64 <= bounds.labels_per_series_max, "{}", line);
            }
        }
    }
}
