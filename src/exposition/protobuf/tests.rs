use super::messages::*;
use super::parse;
use crate::exposition::prepare;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::text;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::SeriesHasher;
use crate::model::TextDialect;
use proptest::prelude::*;
use prost::Message;

pub(super) fn label(name: &str, value: &str) -> LabelPair {
    LabelPair { name: Some(name.into()), value: Some(value.into()) }
}

pub(super) fn gauge(labels: &[(&str, &str)], value: f64) -> Metric {
    let label = labels.iter().map(|(name, value)| self::label(name, value)).collect();
    Metric { label, gauge: Some(Gauge { value: Some(value) }), ..Metric::default() }
}

pub(super) fn family(name: &str, kind: MetricType, metric: Vec<Metric>) -> MetricFamily {
    MetricFamily { name: Some(name.into()), r#type: Some(kind.into()), metric, ..MetricFamily::default() }
}

pub(super) fn histogram(histogram: Histogram) -> Metric {
    Metric { histogram: Some(histogram), ..Metric::default() }
}

/// Of one observation of 1, as client_golang sends it.
pub(super) fn native() -> Histogram {
    Histogram {
        sample_count: Some(3),
        sample_sum: Some(1.5),
        schema: Some(1),
        zero_threshold: Some(1e-128),
        zero_count: Some(1),
        positive_span: vec![
            BucketSpan { offset: Some(-3), length: Some(1) },
            BucketSpan { offset: Some(2), length: Some(1) },
        ],
        positive_delta: vec![1, 0],
        created_timestamp: Some(Timestamp { seconds: 5, nanos: 6 }),
        exemplars: vec![Exemplar { label: vec![label("trace", "x")], value: Some(1.0), timestamp: None }],
        ..Histogram::default()
    }
}

pub(super) fn stream(families: &[MetricFamily]) -> Vec<u8> {
    families.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
}

fn prepared(pushed: PushedFamilies<'_>) -> Result<Vec<PreparedFamily>, String> {
    let key = GroupingKey::new("j", [("k", "v")]).unwrap();
    prepare(pushed, &key, &SeriesHasher::with_key([1; 16]), "tenant", u64::MAX).map_err(|error| error.to_string())
}

fn pushed(families: &[MetricFamily]) -> Result<Vec<PreparedFamily>, String> {
    let body = stream(families);
    prepared(parse(&body, NameScheme::Classic).map_err(|error| error.to_string())?)
}

fn lines(families: &[PreparedFamily]) -> String {
    families.iter().map(|family| std::str::from_utf8(family.lines()).unwrap()).collect()
}

#[track_caller]
fn refuses(family: MetricFamily, text: &str) {
    assert_eq!(pushed(&[family]).unwrap_err(), text);
}

#[test]
fn a_length_is_believed_only_as_far_as_there_are_bytes() {
    for body in [&[0xff, 0xff, 0xff, 0xff, 0x07, 1, 2, 3, 4, 5][..], &[0x80], &[0x05, 0x0a], &[0xff; 9], &[1]] {
        assert_eq!(parse(body, NameScheme::Classic).unwrap_err().to_string(), "unexpected EOF");
    }
    let within = parse(&[2, 0x0a, 0x7f], NameScheme::Classic).unwrap_err().to_string();
    assert_eq!(within, "proto: cannot parse the message: it ends within a field");
    assert!(parse(&[0xff; 11], NameScheme::Classic).is_err());
    assert_eq!(parse(b"", NameScheme::Classic).unwrap().metric_count(), 0);
}

#[test]
fn messages_of_two_bytes_make_nothing_large() {
    let bomb = |inner: &[u8]| {
        let mut metric = vec![inner.len() as u8 | 0x80, (inner.len() >> 7) as u8];
        metric.extend(inner);
        metric
    };
    for (kind, field, two) in [(2, 0x22, [0x1a, 0]), (4, 0x3a, [0x1a, 0]), (4, 0x3a, [0x4a, 0])] {
        let histogram = two.repeat(4000);
        let metric = [&[field][..], &bomb(&histogram)].concat();
        let family = [b"\x0a\x01a\x18", &[kind][..], b"\x22", &bomb(&metric)].concat();
        let body = bomb(&family);
        if let Ok(pushed) = parse(&body, NameScheme::Classic) {
            assert!(pushed.points.len() <= 1 && pushed.metrics.len() <= 1);
        }
    }
    // Families without anything are no families: the first is one too many, whatever comes behind it.
    let error = parse(&[0, 0, 0xff], NameScheme::Utf8).unwrap_err().to_string();
    assert_eq!(error, "invalid metric name \"\"");
    // Metrics without anything are as short.
    let family = [b"\x0a\x01a".to_vec(), [0x22, 0].repeat(4000)].concat();
    let body = bomb(&family);
    assert!(parse(&body, NameScheme::Classic).unwrap().metrics.is_empty());
}

#[test]
fn what_text_can_say_is_read_as_text_says_it() {
    let metric = |value: Metric| Metric { label: vec![label("b", "x\n"), label("a", "")], ..value };
    let summary = Summary {
        sample_count: Some(3),
        sample_sum: Some(-1.0),
        quantile: vec![Quantile { quantile: Some(0.5), value: Some(f64::NAN) }],
        created_timestamp: None,
    };
    let bucket = |bound, count| Bucket { upper_bound: Some(bound), cumulative_count: Some(count), ..Bucket::default() };
    let buckets = Histogram {
        sample_count: Some(4),
        sample_sum: Some(5.5),
        bucket: vec![bucket(-0.0, 1), bucket(2.5, 3)],
        ..Histogram::default()
    };
    let proto = [
        MetricFamily { help: Some("h\\\n".into()), ..family("g", MetricType::Gauge, vec![metric(gauge(&[], 1.5))]) },
        MetricFamily {
            r#type: None,
            ..family(
                "c",
                MetricType::Counter,
                vec![Metric { counter: Some(Counter { value: Some(2.0), ..Counter::default() }), ..Metric::default() }],
            )
        },
        family(
            "u",
            MetricType::Untyped,
            vec![metric(Metric { untyped: Some(Untyped::default()), ..Metric::default() })],
        ),
        family("s", MetricType::Summary, vec![Metric { summary: Some(summary), ..Metric::default() }]),
        family("h", MetricType::Histogram, vec![metric(histogram(buckets.clone()))]),
        family("gh", MetricType::GaugeHistogram, vec![histogram(buckets)]),
    ];
    let text = "# HELP g h\\\\\\n\n# TYPE g gauge\ng{b=\"x\\n\",a=\"\"} 1.5\n# TYPE c counter\nc 2\nu{b=\"x\\n\",a=\"\"} 0\n\
        # TYPE s summary\ns{quantile=\"0.5\"} NaN\ns_sum -1\ns_count 3\n\
        # TYPE h histogram\nh_bucket{b=\"x\\n\",a=\"\",le=\"0\"} 1\nh_bucket{b=\"x\\n\",a=\"\",le=\"2.5\"} 3\nh_sum{b=\"x\\n\",a=\"\"} 5.5\nh_count{b=\"x\\n\",a=\"\"} 4\n\
        # TYPE gh gaugehistogram\ngh_bucket{le=\"0\"} 1\ngh_bucket{le=\"2.5\"} 3\ngh_sum 5.5\ngh_count 4\n";
    let from_text = prepared(text::parse(text.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap()).unwrap();
    assert_eq!(pushed(&proto).unwrap(), from_text);
}

#[test]
fn what_text_cannot_say_is_kept_as_it_was_sent() {
    let counter = Counter {
        value: Some(2.0),
        exemplar: Some(Exemplar { label: vec![label("id", "ö")], value: Some(2.0), timestamp: None }),
        created_timestamp: None,
    };
    let float = Histogram {
        sample_count_float: Some(2.5),
        bucket: vec![Bucket { cumulative_count_float: Some(1.5), upper_bound: Some(1.0), ..Bucket::default() }],
        ..Histogram::default()
    };
    for (kind, metric, degraded) in [
        (
            MetricType::Histogram,
            histogram(native()),
            "_bucket{instance=\"\",job=\"j\",k=\"v\",le=\"+Inf\"} 3\nm_sum{instance=\"\",job=\"j\",k=\"v\"} 1.5\nm_count{instance=\"\",job=\"j\",k=\"v\"} 3\n",
        ),
        (
            MetricType::Counter,
            Metric { counter: Some(counter), ..Metric::default() },
            "{instance=\"\",job=\"j\",k=\"v\"} 2\n",
        ),
        (
            MetricType::GaugeHistogram,
            histogram(float),
            "_bucket{instance=\"\",job=\"j\",k=\"v\",le=\"1\"} 1.5\nm_bucket{instance=\"\",job=\"j\",k=\"v\",le=\"+Inf\"} 2.5\nm_sum{instance=\"\",job=\"j\",k=\"v\"} 0\nm_count{instance=\"\",job=\"j\",k=\"v\"} 2.5\n",
        ),
    ] {
        let families = pushed(&[family("m", kind, vec![metric.clone()])]).unwrap();
        assert_eq!(lines(&families), format!("m{degraded}"));
        let kept = families[0].proto().unwrap();
        assert!(families[0].stored_bytes() > kept.len() as u64 + families[0].lines().len() as u64);
        let again = MetricFamily::decode(kept).unwrap();
        let forced = vec![label("instance", ""), label("job", "j"), label("k", "v")];
        assert_eq!(again.metric, [Metric { label: forced, ..metric }]);
    }
}

#[test]
fn fields_that_nobody_knows_are_not_kept() {
    let mut inner = native().encode_to_vec();
    inner.extend(*b"\xfa\x07\x03abc");
    let mut metric = vec![0x3a];
    prost::encode_length_delimiter(inner.len(), &mut metric).unwrap();
    metric.extend(inner);
    let mut message = family("m", MetricType::Histogram, vec![]).encode_to_vec();
    message.push(0x22);
    prost::encode_length_delimiter(metric.len(), &mut message).unwrap();
    message.extend(metric);
    let mut body = Vec::new();
    prost::encode_length_delimiter(message.len(), &mut body).unwrap();
    body.extend(message);
    let strange = prepared(parse(&body, NameScheme::Classic).unwrap()).unwrap();
    assert_eq!(strange, pushed(&[family("m", MetricType::Histogram, vec![histogram(native())])]).unwrap());
}

#[test]
fn the_last_family_of_a_name_counts() {
    let broken = family("a", MetricType::Gauge, vec![Metric::default()]);
    let timed = family("a", MetricType::Gauge, vec![Metric { timestamp_ms: Some(0), ..gauge(&[], 1.0) }]);
    let last = family("a", MetricType::Gauge, vec![gauge(&[("x", "1")], 2.0)]);
    let other = family("b", MetricType::Gauge, vec![gauge(&[], 3.0)]);
    let families = pushed(&[broken, timed, other, last]).unwrap();
    assert_eq!(
        lines(&families),
        "b{instance=\"\",job=\"j\",k=\"v\"} 3\na{instance=\"\",job=\"j\",k=\"v\",x=\"1\"} 2\n"
    );
}

#[test]
fn a_family_without_metrics_takes_its_name_away() {
    let families = pushed(&[
        family("a", MetricType::Histogram, vec![]),
        family("a_count", MetricType::Gauge, vec![gauge(&[], 1.0)]),
    ])
    .unwrap();
    let shown: Vec<_> = families.iter().map(|family| (family.name(), family.is_empty())).collect();
    assert_eq!(shown, [("a_count", false), ("a", true)]);
    assert!(pushed(&[family("push_time_seconds", MetricType::Gauge, vec![])]).unwrap().is_empty());
}

#[test]
fn what_text_forbids_is_refused() {
    let one = |metric| family("m", MetricType::Gauge, vec![metric]);
    let named = |name: &str| family(name, MetricType::Gauge, vec![gauge(&[], 1.0)]);
    for name in ["", "a.b", "1a", "a b", "a\n"] {
        assert!(pushed(&[named(name)]).unwrap_err().starts_with("invalid metric name \""), "{name}");
    }
    assert!(pushed(&[MetricFamily { name: None, ..named("x") }]).is_err());
    for name in ["", "a.b", "a:b", "1"] {
        refuses(one(gauge(&[(name, "x")], 1.0)), &format!("invalid label name \"{name}\""));
    }
    let nul = "proto: cannot parse the message: a text has a NUL byte";
    refuses(one(gauge(&[("a", "\0")], 1.0)), nul);
    refuses(MetricFamily { help: Some("\0".into()), ..named("a") }, nul);
    refuses(MetricFamily { r#type: Some(6), ..named("a") }, "unknown metric type 6");
    refuses(one(gauge(&[("__b", "x")], 1.0)), "collected metric \"m\" has a label with an invalid name: \"__b\"");
    refuses(
        one(gauge(&[("b", "x"), ("a", ""), ("b", "x")], 1.0)),
        "collected metric \"m\" has two or more labels with the same name: \"b\"",
    );
    refuses(family("m", MetricType::Counter, vec![gauge(&[], 1.0)]), "collected metric \"m\" is not a COUNTER");
    refuses(one(Metric { timestamp_ms: Some(0), ..gauge(&[], 1.0) }), "pushed metrics must not have timestamps");
    refuses(
        family("m", MetricType::Histogram, vec![Metric { label: vec![label("le", "1")], ..histogram(native()) }]),
        "collected metric \"m\" must not have an explicit \"le\" label",
    );
    let quantile = Quantile { quantile: Some(f64::NAN), value: None };
    let summary = Summary { quantile: vec![quantile], ..Summary::default() };
    refuses(
        family("m", MetricType::Summary, vec![Metric { summary: Some(summary), ..Metric::default() }]),
        "a bucket's bound or a quantile is not a number",
    );
    let mut latin = stream(&[one(gauge(&[("a", "x!")], 1.0))]);
    let at = latin.iter().position(|byte| *byte == b'!').unwrap();
    latin[at] = 0xff;
    let error = parse(&latin, NameScheme::Classic).unwrap_err().to_string();
    assert_eq!(error, "proto: cannot parse the message: a text is not UTF-8");
}

#[test]
fn a_histogram_that_prometheus_would_not_load_is_refused() {
    let span = |offset, length| BucketSpan { offset: Some(offset), length: Some(length) };
    for (broken, fault) in [
        (Histogram { sample_count: Some(4), ..native() }, "another count than its buckets have"),
        (
            Histogram { sample_count: Some(2), sample_sum: Some(f64::NAN), ..native() },
            "another count than its buckets have",
        ),
        (Histogram { positive_delta: vec![1], ..native() }, "spans of another number of buckets"),
        (Histogram { positive_count: vec![1.0], ..native() }, "spans of another number of buckets"),
        (Histogram { positive_span: vec![span(0, 1), span(-1, 1)], ..native() }, "a span that steps back"),
        (
            Histogram { positive_span: vec![span(0, u32::MAX), span(0, u32::MAX)], ..native() },
            "spans of another number of buckets",
        ),
        (Histogram { positive_delta: vec![1, -2], ..native() }, "negative bucket population"),
        (Histogram { positive_delta: vec![i64::MAX, 0], ..native() }, "another count than its buckets have"),
        (
            Histogram { positive_delta: vec![i64::MAX, 1], sample_count: Some(u64::MAX), zero_count: None, ..native() },
            "negative bucket population",
        ),
        (Histogram { schema: Some(9), ..native() }, "a schema outside of -4 to 8"),
        (Histogram { schema: Some(-53), ..native() }, "a schema outside of -4 to 8"),
        (Histogram { zero_threshold: Some(-1.0), ..native() }, "a zero threshold below zero"),
        (Histogram { sample_count_float: Some(-1.0), ..Histogram::default() }, "negative count"),
    ] {
        refuses(family("m", MetricType::Histogram, vec![histogram(broken)]), &format!("{fault} for histogram \"m\""));
    }
    for good in [
        Histogram { sample_count: Some(9), sample_sum: Some(f64::NAN), ..native() },
        Histogram {
            sample_count: None,
            zero_count: None,
            positive_span: vec![span(0, 0)],
            positive_delta: vec![],
            ..native()
        },
        Histogram {
            sample_count_float: Some(2.5),
            zero_count: None,
            positive_delta: vec![],
            positive_count: vec![1.0, 1.5],
            ..native()
        },
    ] {
        assert!(pushed(&[family("m", MetricType::Histogram, vec![histogram(good)])]).unwrap()[0].proto().is_some());
    }
}

fn valid() -> Vec<u8> {
    let bucket = Bucket {
        cumulative_count: Some(1),
        upper_bound: Some(1.0),
        exemplar: Some(Exemplar::default()),
        ..Bucket::default()
    };
    stream(&[
        family("h", MetricType::Histogram, vec![histogram(Histogram { bucket: vec![bucket], ..native() })]),
        family("g", MetricType::Gauge, vec![gauge(&[("a", "1"), ("b", "2")], 1.0), gauge(&[("a", "2")], 2.0)]),
        family(
            "s",
            MetricType::Summary,
            vec![Metric {
                summary: Some(Summary {
                    quantile: vec![Quantile::default()],
                    sample_count: Some(1),
                    ..Summary::default()
                }),
                ..Metric::default()
            }],
        ),
    ])
}

fn takes(body: &[u8]) -> Result<(), TestCaseError> {
    let Ok(pushed) = parse(body, NameScheme::Classic) else { return Ok(()) };
    let mut rest = body;
    let mut metrics = 0;
    while !rest.is_empty() {
        // Only what is of no family of its type is not read by ours, and so may be broken.
        let Ok(family) = MetricFamily::decode_length_delimited(&mut rest) else { return Ok(()) };
        metrics += family.metric.len();
    }
    prop_assert!(pushed.metrics.len() <= metrics);
    prop_assert!(pushed.values.len() + pushed.points.len() + pushed.metrics.len() <= body.len());
    for family in prepared(pushed).unwrap_or_default() {
        // Whatever is kept, another implementation reads.
        prop_assert!(MetricFamily::decode(family.proto().unwrap_or_default()).is_ok());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn reading_any_bytes_never_panics(body in any::<Vec<u8>>()) {
        takes(&body)?;
    }

    #[test]
    fn reading_a_changed_body_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = valid();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let cut = cut.index(body.len());
        for body in [&body[..], &body[cut..], &body[..cut]] {
            takes(body)?;
        }
    }
}
