use super::messages::Bucket;
use super::messages::Counter;
use super::messages::Gauge;
use super::messages::Histogram;
use super::messages::LabelPair;
use super::messages::Metric;
use super::messages::MetricFamily;
use super::messages::MetricType;
use super::messages::Quantile;
use super::messages::Summary;
use super::parse_within;
use super::wire::write_message;
use super::wire::write_varint;
use crate::exposition::prepare;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PushBound;
use crate::model::PushBounds;
use crate::model::SeriesHasher;
use proptest::prelude::*;
use prost::Message;

fn group() -> GroupingKey {
    GroupingKey::new("j", [("k", "v")]).unwrap()
}

fn body(families: &[MetricFamily]) -> Vec<u8> {
    families.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
}

fn family(name: &str, kind: MetricType, metric: Vec<Metric>) -> MetricFamily {
    MetricFamily { name: Some(name.into()), r#type: Some(kind.into()), metric, ..MetricFamily::default() }
}

fn labels(labels: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair = |(name, value): &(&str, &str)| LabelPair { name: Some((*name).into()), value: Some((*value).into()) };
    labels.iter().map(pair).collect()
}

fn gauge(of: &[(&str, &str)]) -> Metric {
    Metric { label: labels(of), gauge: Some(Gauge { value: Some(1.0) }), ..Metric::default() }
}

fn histogram(of: &[(&str, &str)], bounds: &[f64]) -> Metric {
    let bucket = |at: &f64| Bucket { upper_bound: Some(*at), cumulative_count: Some(1), ..Bucket::default() };
    let histogram = Histogram { bucket: bounds.iter().map(bucket).collect(), ..Histogram::default() };
    Metric { label: labels(of), histogram: Some(histogram), ..Metric::default() }
}

fn summary(of: &[(&str, &str)], places: &[f64]) -> Metric {
    let quantile = |at: &f64| Quantile { quantile: Some(*at), value: Some(1.0) };
    let summary = Summary { quantile: places.iter().map(quantile).collect(), ..Summary::default() };
    Metric { label: labels(of), summary: Some(summary), ..Metric::default() }
}

fn limited(bound: PushBound, limit: u64) -> PushBounds {
    let mut bounds = PushBounds::default();
    *match bound {
        PushBound::Families => &mut bounds.families_per_push_max,
        PushBound::Series => &mut bounds.series_per_push_max,
        PushBound::LineBytes => &mut bounds.line_bytes_max,
        PushBound::Labels => &mut bounds.labels_per_series_max,
        PushBound::LabelNameBytes => &mut bounds.label_name_bytes_max,
        PushBound::LabelValueBytes => &mut bounds.label_value_bytes_max,
        PushBound::MetricNameBytes => &mut bounds.metric_name_bytes_max,
        other => panic!("{other} is not the parser's"),
    } = limit;
    bounds
}

/// That the families are read where the limit is `limit`, and refused where it is one less, in that place.
#[track_caller]
fn holds(bound: PushBound, limit: u64, families: &[MetricFamily], place: &str) {
    let body = body(families);
    let read = |limit| {
        let bounds = limited(bound, limit).of_group(&group()).unwrap();
        parse_within(&body, NameScheme::Classic, &bounds).map(|_| ())
    };
    read(limit).unwrap();
    let error = read(limit - 1).unwrap_err();
    let (key, max) = (bound.key(), limit - 1);
    assert_eq!(error.bound().map(|over| (over.bound, over.limit, over.found)), Some((bound, max, limit)));
    let text = format!("the push is too large: {key} is {max}, found at least {limit} in {place}");
    assert_eq!(error.to_string(), text);
}

#[test]
fn every_message_counts_as_a_family() {
    let gauges = |name: &str| family(name, MetricType::Gauge, vec![gauge(&[])]);
    holds(PushBound::Families, 3, &[gauges("a"), gauges("a"), gauges("b")], "the body of message 3");
}

#[test]
fn series_are_the_lines_that_a_push_becomes() {
    let gauges = family("a", MetricType::Gauge, vec![gauge(&[]), gauge(&[("b", "c")])]);
    holds(PushBound::Series, 2, std::slice::from_ref(&gauges), "the metrics of message 1");
    let summaries = family("s", MetricType::Summary, vec![summary(&[], &[0.5])]);
    holds(PushBound::Series, 5, &[gauges, summaries], "the metrics of message 2");
    for bounds in [&[][..], &[f64::INFINITY]] {
        let histograms = family("h", MetricType::Histogram, vec![histogram(&[], bounds)]);
        holds(PushBound::Series, 3, &[histograms], "the metrics of message 1");
    }
    let histograms = family("h", MetricType::Histogram, vec![histogram(&[], &[1.0, 2.0, f64::INFINITY])]);
    holds(PushBound::Series, 5, &[histograms], "the metrics of message 1");
}

#[test]
fn a_family_that_a_later_one_replaces_becomes_no_lines() {
    let gauges = || family("a", MetricType::Gauge, vec![gauge(&[]), gauge(&[("b", "c")])]);
    let bounds = limited(PushBound::Series, 2).of_group(&group()).unwrap();
    let body = body(&[gauges(), gauges()]);
    assert_eq!(parse_within(&body, NameScheme::Classic, &bounds).unwrap().line_count(), 2);
}

#[test]
fn labels_are_those_of_the_line_and_of_its_group() {
    let place = "a metric's labels of message 1";
    let two = [("a", "1"), ("b", "2")];
    holds(PushBound::Labels, 4, &[family("m", MetricType::Gauge, vec![gauge(&two)])], place);
    holds(PushBound::Labels, 5, &[family("m", MetricType::Histogram, vec![histogram(&two, &[])])], place);
    holds(PushBound::Labels, 5, &[family("m", MetricType::Summary, vec![summary(&two, &[0.5])])], place);
    holds(PushBound::Labels, 4, &[family("m", MetricType::Summary, vec![summary(&two, &[])])], place);
}

#[test]
fn names_values_and_help_texts_have_their_lengths() {
    let gauges = |name: &str, of: &[(&str, &str)]| family(name, MetricType::Gauge, vec![gauge(of)]);
    holds(PushBound::MetricNameBytes, 4, &[gauges("abc", &[]), gauges("abcd", &[])], "the name of message 2");
    holds(PushBound::LabelNameBytes, 4, &[gauges("a", &[("abcd", "")])], "a label's name of message 1");
    holds(PushBound::LabelValueBytes, 3, &[gauges("a", &[("b", "cde")])], "a label's value of message 1");
    let helped = MetricFamily { help: Some("some help".into()), ..gauges("a", &[]) };
    holds(PushBound::LineBytes, 9, &[helped], "the help of message 1");
}

#[test]
fn a_length_that_is_not_there_is_refused_wherever_it_is_claimed() {
    for claimed in [1_u64, 1 << 20, 1 << 31, 1 << 32, u64::MAX] {
        // Of a message, of a name, of a metric, of a label.
        for prefix in [&[][..], &[0x0a], &[0x0a, 1, b'a', 0x22], &[0x0a, 1, b'a', 0x22, 30, 0x0a]] {
            let mut inner = prefix.to_vec();
            write_varint(&mut inner, claimed);
            let mut body = Vec::new();
            if !prefix.is_empty() {
                write_varint(&mut body, inner.len() as u64);
            }
            body.append(&mut inner);
            let bounds = PushBounds::default().of_group(&group()).unwrap();
            assert!(parse_within(&body, NameScheme::Classic, &bounds).is_err(), "{claimed} {prefix:?}");
        }
    }
}

#[test]
fn messages_within_messages_are_read_as_deep_as_there_are_fields() {
    // A metric with a field nobody knows, a hundred thousand messages deep: it is passed over, not descended into.
    let mut nested = Vec::new();
    for _ in 0..100_000 {
        let mut outer = Vec::with_capacity(nested.len() + 8);
        write_varint(&mut outer, 15 << 3 | 2);
        write_varint(&mut outer, nested.len() as u64);
        if nested.len() < 400_000 {
            outer.extend_from_slice(&nested[nested.len().saturating_sub(100)..]);
        }
        nested = outer;
    }
    let mut metric = Vec::new();
    write_message(&mut metric, 3, |_| {});
    write_message(&mut metric, 15, |out| out.extend_from_slice(&nested));
    let mut family = vec![0x0a, 1, b'a'];
    write_message(&mut family, 4, |out| out.extend_from_slice(&metric));
    let mut body = Vec::new();
    write_varint(&mut body, family.len() as u64);
    body.extend_from_slice(&family);
    let bounds = PushBounds::default().of_group(&group()).unwrap();
    assert_eq!(parse_within(&body, NameScheme::Classic, &bounds).unwrap().metric_count(), 1);
}

fn metric(kind: MetricType) -> impl Strategy<Value = Metric> {
    let label = (prop::sample::select(vec!["a", "bb", "cccc"]), prop::sample::select(vec!["", "xyz", "wxyz"]));
    let places = prop::collection::vec(prop::sample::select(vec![0.5, 1.0, 2.0, f64::INFINITY]), 0..4);
    (prop::collection::vec(label, 0..4), places).prop_map(move |(of, places)| match kind {
        MetricType::Histogram => histogram(&of, &places),
        MetricType::Summary => summary(&of, &places),
        MetricType::Counter => Metric { label: labels(&of), counter: Some(Counter::default()), ..Metric::default() },
        _ => gauge(&of),
    })
}

fn any_family() -> impl Strategy<Value = MetricFamily> {
    let kinds = vec![MetricType::Gauge, MetricType::Counter, MetricType::Summary, MetricType::Histogram];
    let name = prop::sample::select(vec!["m", "mm", "long_name"]);
    (name, prop::sample::select(kinds)).prop_flat_map(|(name, kind)| {
        prop::collection::vec(metric(kind), 0..4).prop_map(move |metrics| family(name, kind, metrics))
    })
}

proptest! {
    #[test]
    fn a_push_that_is_read_is_over_none_of_its_bounds(
        families in prop::collection::vec(any_family(), 0..4),
        (families_max, series, labels, name, value, metric_name) in (1..4_u64, 1..9_u64, 2..7_u64, 3..5_u64, 1..5_u64, 1..10_u64),
    ) {
        let bounds = PushBounds {
            families_per_push_max: families_max,
            series_per_push_max: series,
            labels_per_series_max: labels,
            label_name_bytes_max: name,
            label_value_bytes_max: value,
            metric_name_bytes_max: metric_name,
            ..PushBounds::default()
        };
        let group = group();
        let within = bounds.of_group(&group).unwrap();
        let body = body(&families);
        let read = parse_within(&body, NameScheme::Classic, &within);
        let Ok(pushed) = read else {
            prop_assert!(read.unwrap_err().bound().is_some());
            return Ok(());
        };
        prop_assert!(families.len() as u64 <= families_max);
        let counted = pushed.line_count();
        prop_assert!(counted <= series);
        let Ok(prepared) = prepare(pushed, &group, &SeriesHasher::with_key([1; 16]), "tenant", u64::MAX) else {
            return Ok(());
        };
        prop_assert_eq!(counted, prepared.iter().map(|family| u64::from(family.line_count())).sum::<u64>());
        for family in prepared {
            prop_assert!(family.name().len() as u64 <= metric_name);
            for line in std::str::from_utf8(family.lines()).unwrap().lines() {
                let found = line.matches("=\"").count() - usize::from(line.contains("instance=\"\""));
                prop_assert!(found as u64 <= labels, "{}", line);
            }
        }
    }

    #[test]
    fn reading_any_bytes_within_bounds_never_panics(body in any::<Vec<u8>>()) {
        let bounds = limited(PushBound::Series, 3).of_group(&group()).unwrap();
        let _ = parse_within(&body, NameScheme::Utf8, &bounds);
    }
}
