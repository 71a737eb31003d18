use super::Mould;
use super::Original;
use crate::exposition::PushFormat;
use crate::exposition::PushedFamilies;
use crate::exposition::Unfit;
use crate::exposition::prepare;
use crate::exposition::protobuf;
use crate::exposition::protobuf::messages;
use crate::exposition::text;
use crate::model::GroupBounds;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::PushBounds;
use crate::model::SeriesHasher;
use crate::model::TextDialect;
use proptest::prelude::*;
use prost::Message;
use std::sync::Arc;

const NAMESPACE_LABEL: &str = "tenant";

fn hasher() -> SeriesHasher {
    SeriesHasher::with_key([1; 16])
}

fn key(labels: &[(&str, &str)]) -> GroupingKey {
    GroupingKey::new("j", labels.iter().copied()).unwrap()
}

/// How bodies are decoded.
#[derive(Clone, Copy, Debug)]
struct Terms {
    format: PushFormat,
    dialect: TextDialect,
    names: NameScheme,
    bounds: PushBounds,
}

impl Terms {
    fn of(format: PushFormat) -> Self {
        let bounds = PushBounds::default();
        Self { format, dialect: TextDialect::Strict, names: NameScheme::Classic, bounds }
    }

    fn bounds(&self, key: &GroupingKey) -> GroupBounds {
        self.bounds.of_group(key).unwrap()
    }

    fn read<'b>(&self, body: &'b [u8], key: &GroupingKey) -> Option<PushedFamilies<'b>> {
        match self.format {
            PushFormat::Text => text::parse_within(body, self.dialect, self.names, &self.bounds(key)).ok(),
            PushFormat::Protobuf => protobuf::parse_within(body, self.names, &self.bounds(key)).ok(),
        }
    }

    /// What a store has of it, in the order of names.
    fn plain(&self, body: &[u8], key: &GroupingKey, bytes_max: u64) -> Option<Result<Vec<PreparedFamily>, Unfit>> {
        let prepared = prepare(self.read(body, key)?, key, &hasher(), NAMESPACE_LABEL, bytes_max);
        Some(prepared.map(|mut families| {
            families.sort_by(|one, other| one.escaped_name().cmp(other.escaped_name()));
            families
        }))
    }

    fn mould(&self, body: &[u8], key: &GroupingKey) -> Option<Arc<Mould>> {
        self.plain(body, key, u64::MAX)?.ok()?;
        let (hasher, line_bytes_max) = (hasher(), self.bounds.line_bytes_max);
        let original = Original {
            format: self.format,
            body,
            key,
            hasher: &hasher,
            namespace_label: NAMESPACE_LABEL,
            line_bytes_max,
        };
        original.mould(|body| self.read(body, key)).map(Arc::new)
    }

    /// Whether `next` is a cast of what `before` made; if it is, it is what it is without a mould.
    fn holds(
        &self,
        (before, group): (&[u8], &GroupingKey),
        (next, other): (&[u8], &GroupingKey),
        bytes_max: u64,
    ) -> bool {
        let Some(mould) = self.mould(before, group) else { return false };
        let Some(cast) = mould.cast(self.format, next, other) else { return false };
        let read = self.read(next, other).unwrap();
        assert_eq!(cast.line_count(), read.line_count());
        assert_eq!(cast.prepared_bytes(other), read.prepared_bytes(next.len() as u64, other));
        assert_eq!(Some(cast.prepare(other, bytes_max)), self.plain(next, other, bytes_max), "{}", next.escape_ascii());
        true
    }

    fn is_cast(&self, before: impl AsRef<[u8]>, next: impl AsRef<[u8]>) -> bool {
        let key = key(&[("instance", "a")]);
        self.holds((before.as_ref(), &key), (next.as_ref(), &key), u64::MAX)
    }
}

/// What a client library sends, its numbers between brackets.
const USUAL: &str = "# HELP job_duration_seconds How long it took.
# TYPE job_duration_seconds gauge
job_duration_seconds [4.25]
# TYPE job_rows_total counter
job_rows_total{table=\"a\"} [1027]
job_rows_total{table=\"b\"} [3]
# TYPE job_step_seconds histogram
job_step_seconds_bucket{le=\"0.1\",step=\"x\"} [1]
job_step_seconds_bucket{le=\"1\",step=\"x\"} [2]
job_step_seconds_bucket{le=\"+Inf\",step=\"x\"} [3]
job_step_seconds_sum{step=\"x\"} [2.5]
job_step_seconds_count{step=\"x\"} [3]
# TYPE job_gc_seconds summary
job_gc_seconds{quantile=\"0.5\"} [0.125]
job_gc_seconds_sum [0.5]
job_gc_seconds_count [4]
# TYPE push_time_seconds gauge
push_time_seconds [1]
last_success [1.5e+09]
ratio NaN
";

fn filled(numbers: impl Fn(usize, &str) -> String) -> String {
    let mut parts = USUAL.split('[');
    let mut body = parts.next().unwrap().to_owned();
    for (at, part) in parts.enumerate() {
        let (number, behind) = part.split_once(']').unwrap();
        body.push_str(&numbers(at, number));
        body.push_str(behind);
    }
    body
}

#[test]
fn what_a_job_pushes_again_with_other_numbers_is_a_cast_of_what_it_pushed_before() {
    let text = Terms::of(PushFormat::Text);
    let before = filled(|_, number| number.to_owned());
    assert!(text.is_cast(&before, &before));
    assert!(text.is_cast(&before, filled(|at, _| (at * 77_777).to_string())));
    assert!(
        text.is_cast(&before, filled(|at, number| if number.contains('.') { format!("0.{at}50") } else { "8".into() }))
    );
    assert!(text.is_cast("a 1\nb -2\n", "a -0.5\nb 123456789012345\n"));
}

#[test]
fn what_is_not_alike_is_no_cast() {
    let text = Terms::of(PushFormat::Text);
    let before = filled(|_, number| number.to_owned());
    for (from, to) in [("rows", "rowz"), ("x", "y"), ("NaN", "1"), ("\n", "\n\n"), ("[4.25]", "[4.25] 5")] {
        let next = USUAL.replacen(from, to, 1).replace(['[', ']'], "");
        assert!(!text.is_cast(&before, next), "{to}");
    }
    for number in ["1e999", "NaN", "", "1 2", "1e", "--1", "12345678901234567890123456789012345", "0x1"] {
        assert!(!text.is_cast(&before, filled(|_, _| number.to_owned())), "{number}");
    }
    assert!(!text.is_cast(&before, &before[..before.len() - 1]));
    assert!(!text.is_cast(&before, format!("{before}a 1\n")));
}

#[test]
fn numbers_that_are_refused_or_changed_where_they_stand_are_no_cast() {
    let text = Terms::of(PushFormat::Text);
    let summary = |quantile, sum, count| {
        format!("# TYPE a summary\na{{quantile=\"0.5\"}} {quantile}\na_sum {sum}\na_count {count}\n")
    };
    let before = summary("1", "2", "3");
    assert!(text.is_cast(&before, summary("0.5", "0.25", "7")));
    assert!(!text.is_cast(&before, summary("1", "2", "-3")));
    assert!(!text.is_cast(&before, summary("1", "2", "3.5")));
    assert!(text.is_cast(&before, summary("1e-3", "2.5e+9", "1e6")));
    assert!(!text.is_cast(&before, summary("1", "2", "1e300")));
    let histogram =
        |bucket, count| format!("# TYPE a histogram\na_bucket{{le=\"1\"}} {bucket}\na_sum 4\na_count {count}\n");
    assert!(text.is_cast(histogram("1", "2"), histogram("7", "9")));
    assert!(!text.is_cast(histogram("1", "2"), histogram("-1", "2")));
    assert!(!text.is_cast(histogram("1", "2"), histogram("1", "-0")));
}

#[test]
fn one_mould_is_for_all_groups_with_labels_of_the_same_names() {
    let text = Terms::of(PushFormat::Text);
    let body = b"a{b=\"c\",z=\"\"} 1\nb 2\n";
    let group = key(&[("instance", "a"), ("zone", "")]);
    for (labels, holds) in [
        (&[("instance", "b\\\n\""), ("zone", "")][..], true),
        (&[("instance", "\u{f8ff}0\u{f8ff}"), ("zone", "")], true),
        (&[("instance", ""), ("zone", "")], false),
        (&[("instance", "a"), ("zone", "eu")], false),
        (&[("instance", "a")], false),
        (&[("instance", "a"), ("zonk", "")], false),
        (&[("instance", "a\0"), ("zone", "")], false),
    ] {
        assert_eq!(text.holds((body, &group), (body, &key(labels)), u64::MAX), holds, "{labels:?}");
    }
}

#[test]
fn a_line_that_could_be_too_long_with_another_number_makes_no_mould() {
    let mut text = Terms::of(PushFormat::Text);
    let before = "a_long_name 1\n";
    text.bounds.line_bytes_max = "a_long_name ".len() as u64 + 32;
    assert!(text.is_cast(before, "a_long_name -12345678.1234567e+0000000000001\n"));
    text.bounds.line_bytes_max -= 1;
    assert!(!text.is_cast(before, before));
}

#[test]
fn what_is_kept_beside_its_lines_or_has_names_that_are_not_classic_makes_no_mould() {
    let mut text = Terms::of(PushFormat::Text);
    text.names = NameScheme::Utf8;
    assert!(text.is_cast("a 1\n", "a 2\n"));
    assert!(!text.is_cast("{\"a.b\"} 1\n", "{\"a.b\"} 1\n"));
    assert!(!text.is_cast("a{b=\"\u{f8ff}\"} 1\n", "a{b=\"\u{f8ff}\"} 1\n"));
    let exemplar = messages::Exemplar { value: Some(1.0), ..Default::default() };
    let counter = messages::Counter { value: Some(1.0), exemplar: Some(exemplar), ..Default::default() };
    let metric = messages::Metric { counter: Some(counter), ..Default::default() };
    let family = messages::MetricFamily {
        name: Some("a".into()),
        r#type: Some(messages::MetricType::Counter.into()),
        metric: vec![metric],
        ..Default::default()
    };
    let body = family.encode_length_delimited_to_vec();
    let protobuf = Terms::of(PushFormat::Protobuf);
    assert!(protobuf.read(&body, &key(&[])).is_some());
    assert!(!protobuf.is_cast(&body, &body));
}

#[test]
fn what_a_cast_becomes_is_bounded_while_it_is_written() {
    let text = Terms::of(PushFormat::Text);
    let body: String = (0..1000).map(|n| format!("a{{n=\"{n}\"}} 1\n")).collect();
    let group = key(&[("instance", "x")]);
    let long = key(&[("instance", &"x".repeat(4000))]);
    let mould = text.mould(body.as_bytes(), &group).unwrap();
    let cast = mould.cast(PushFormat::Text, body.as_bytes(), &long).unwrap();
    assert_eq!(cast.prepare(&long, 100_000), Err(Unfit::TooLarge));
    assert!(cast.prepare(&long, u64::MAX).is_ok());
}

#[test]
fn protobuf_with_other_values_is_a_cast_and_with_other_counts_is_none() {
    let named = |name: &str, kind, count, value| {
        let metric = vec![metric_of((1, true, count), kind, value)];
        let name = Some(name.into());
        messages::MetricFamily { name, r#type: Some(kind), metric, ..Default::default() }
            .encode_length_delimited_to_vec()
    };
    let body = |kind, count, value| named("a", kind, count, value);
    let protobuf = Terms::of(PushFormat::Protobuf);
    for kind in [0, 1, 3] {
        for value in [0.0, -1e300, f64::NAN, f64::INFINITY] {
            assert!(protobuf.is_cast(body(kind, 0, 1.5), body(kind, 0, value)), "{kind} {value}");
        }
    }
    for kind in [2, 4] {
        assert!(!protobuf.is_cast(body(kind, 1, 1.0), body(kind, 2, 1.0)), "{kind}");
    }
    // One that has a gauge besides.
    let both = |count, value| [body(4, count, 1.0), named("b", 1, 0, value)].concat();
    assert!(protobuf.is_cast(both(1, 1.0), both(1, 7.5)));
    assert!(!protobuf.is_cast(both(1, 1.0), both(2, 7.5)));
}

/// A number as jobs write them, and some as they do not.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[0-9]{1,3}",
        3 => "-?[0-9]{1,8}(\\.[0-9]{0,8})?",
        1 => "-?0\\.0{0,5}[0-9]{0,2}",
        1 => "[0-9]{14,17}",
        2 => "[+-]?[0-9]{1,2}(\\.[0-9]{1,16})?[eE][+-]?[0-9]{1,3}",
        1 => "[+-]?[0-9]{1,3}|NaN|[+-]Inf|x?|[0-9.e+-]{1,40}",
    ]
}

/// Lines of few names and labels, in any order, each with a place for its number.
fn template() -> impl Strategy<Value = String> {
    let labels = "([a-c]=\"([a-z {}=,\u{e9}]|\\\\\\\\|\\\\\"|\\\\n){0,2}\",|instance=\"[ab]?\",){0,2}";
    let help = ("[a-c]", "[a-z 0-9]{1,5}").prop_map(|(name, help)| format!("# HELP {name} {help}\n"));
    let kind =
        ("[a-d]", "gauge|counter|summary|histogram|untyped").prop_map(|(name, kind)| format!("# TYPE {name} {kind}\n"));
    let sample = (
        "[a-d](_sum|_count|_bucket)?|push_time_seconds",
        labels,
        "(le=\"[0-9]\",|le=\"\\+Inf\",)?(quantile=\"0\\.[0-9]\")?",
        " ?",
        " {0,1}\r?",
    )
        .prop_map(|(name, labels, place, blank, end)| match labels.len() + place.len() {
            0 => format!("{name} #{end}\n"),
            _ => format!("{name}{{{labels}{place}}}{blank}#{end}\n"),
        });
    proptest::collection::vec(prop_oneof![1 => help, 2 => kind, 5 => sample], 0..10).prop_map(|lines| lines.concat())
}

fn with(template: &str, numbers: &[String]) -> String {
    let mut parts = template.split('#');
    let first = parts.next().unwrap_or_default().to_owned();
    let (mut body, mut numbers) = (first, numbers.iter().cycle());
    for part in parts {
        // A comment's begins a line.
        if body.is_empty() || body.ends_with('\n') {
            body.push('#');
        } else {
            body.push_str(numbers.next().unwrap());
        }
        body.push_str(part);
    }
    body
}

fn group() -> impl Strategy<Value = GroupingKey> {
    proptest::collection::btree_map("[a-d]|instance|z", "[a\"\\\\]{0,2}", 0..3)
        .prop_map(|labels| GroupingKey::new("j\"", labels).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_cast_of_text_is_what_decoding_makes_of_it(
        template in template(),
        before in proptest::collection::vec(number(), 1..10),
        next in proptest::collection::vec(number(), 1..10),
        (group, other, same) in (group(), group(), any::<bool>()),
        (lenient, bytes_max) in (any::<bool>(), prop_oneof![3 => Just(u64::MAX), 1 => 0..3000_u64]),
    ) {
        let mut terms = Terms::of(PushFormat::Text);
        if lenient {
            terms.dialect = TextDialect::Lenient;
        }
        let other = if same { group.clone() } else { other };
        let (before, next) = (with(&template, &before), with(&template, &next));
        terms.holds((before.as_bytes(), &group), (before.as_bytes(), &group), bytes_max);
        terms.holds((before.as_bytes(), &group), (next.as_bytes(), &other), bytes_max);
    }

    #[test]
    fn a_cast_of_protobuf_is_what_decoding_makes_of_it(
        families in proptest::collection::vec(("[a-c]", 0..6_i32, proptest::collection::vec((0..3_u8, any::<bool>(), 0..200_u64), 0..4)), 1..5),
        before in any::<f64>(),
        next in any::<f64>(),
        noise in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let body = |value: f64| {
            let family = |(name, kind, metrics): &(String, i32, Vec<(u8, bool, u64)>)| messages::MetricFamily {
                name: Some(name.clone()),
                r#type: Some(*kind),
                metric: metrics.iter().map(|metric| metric_of(*metric, *kind, value)).collect(),
                ..Default::default()
            };
            let families = families.iter().map(family);
            families.flat_map(|family| family.encode_length_delimited_to_vec()).collect::<Vec<u8>>()
        };
        let terms = Terms::of(PushFormat::Protobuf);
        let mut next = body(next);
        if let Some((at, byte)) = noise {
            let at = at.index(next.len());
            next[at] = byte;
        }
        let group = key(&[("instance", "a")]);
        terms.holds((&body(before), &group), (&next, &group), u64::MAX);
    }
}

/// A metric with a label of this value, if any, and a value of its family's type.
fn metric_of((label, has_label, count): (u8, bool, u64), kind: i32, value: f64) -> messages::Metric {
    let pair = messages::LabelPair { name: Some("l".into()), value: Some(label.to_string()) };
    let label = if has_label { vec![pair] } else { Vec::new() };
    let mut metric = messages::Metric { label, ..Default::default() };
    match kind {
        0 => metric.counter = Some(messages::Counter { value: Some(value), ..Default::default() }),
        1 => metric.gauge = Some(messages::Gauge { value: Some(value) }),
        2 => {
            let summary =
                messages::Summary { sample_count: Some(count), sample_sum: Some(value), ..Default::default() };
            metric.summary = Some(summary);
        }
        3 => metric.untyped = Some(messages::Untyped { value: Some(value) }),
        _ => {
            let histogram =
                messages::Histogram { sample_count: Some(count), sample_sum: Some(1.0), ..Default::default() };
            metric.histogram = Some(histogram);
        }
    }
    metric
}
