use super::write_page;
use crate::exposition::FleetLabels;
use crate::exposition::Shown;
use crate::exposition::escaping::Escaping;
use crate::exposition::json::write_json_metrics;
use crate::exposition::prepare;
use crate::exposition::protobuf;
use crate::exposition::protobuf::messages::*;
use crate::model::GroupingKey;
use crate::model::MetricKind;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::SeriesHasher;
use crate::model::TenantId;
use prost::Message;

fn metric(histogram: Histogram) -> Metric {
    Metric { histogram: Some(histogram), ..Metric::default() }
}

fn pushed(kind: MetricType, metric: Vec<Metric>) -> PreparedFamily {
    let family = MetricFamily { name: Some("m".into()), r#type: Some(kind.into()), metric, ..MetricFamily::default() };
    let body = family.encode_length_delimited_to_vec();
    let key = GroupingKey::new("j", [("tenant", "forged")]).unwrap();
    let pushed = protobuf::parse(&body, NameScheme::Classic).unwrap();
    prepare(pushed, &key, &SeriesHasher::with_key([1; 16]), "tenant", u64::MAX).unwrap().remove(0)
}

fn json(family: &PreparedFamily, fleet: Option<&FleetLabels>) -> String {
    let mut out = b"[".to_vec();
    let mut from = Some(0);
    while let Some(at) = from {
        from = write_json_metrics(&mut out, family, at, fleet);
    }
    out.push(b']');
    String::from_utf8(out).unwrap()
}

/// As a histogram is shown that Prometheus would refuse, so that no push brings it.
fn unjudged(histogram: Histogram) -> String {
    let mut kept = Vec::new();
    protobuf::keep(&mut kept, &[("job", "j")], &metric(histogram).encode_to_vec(), MetricKind::Histogram).unwrap();
    let mut out = Vec::new();
    assert_eq!(write_page(&mut out, &kept, &Shown::to_tenant(Escaping::AllowUtf8), false), kept.len());
    String::from_utf8(out).unwrap()
}

fn span(offset: i32, length: u32) -> BucketSpan {
    BucketSpan { offset: Some(offset), length: Some(length) }
}

/// A native histogram on both sides of zero.
fn native() -> Histogram {
    Histogram {
        sample_count: Some(5),
        sample_sum: Some(1.0),
        schema: Some(1),
        zero_threshold: Some(0.001),
        zero_count: Some(1),
        negative_span: vec![span(0, 2), span(0, 2)],
        negative_delta: vec![0, 2, -2, 0],
        positive_span: vec![span(-1, 0), span(1, 4)],
        positive_delta: vec![0, 2, -2, 0],
        ..Histogram::default()
    }
}

#[test]
fn the_buckets_of_a_native_histogram_stand_from_the_lowest_to_the_highest() {
    let expected = r#"[{"buckets":[[1,"-1.414213562373095","-1","2"],[3,"-0.001","0.001","1"],[0,"1","1.414213562373095","2"]],"count":"5","labels":{"instance":"","job":"j","tenant":"forged"},"sum":"1"}]"#;
    for kind in [MetricType::Histogram, MetricType::GaugeHistogram] {
        assert_eq!(json(&pushed(kind, vec![metric(native())]), None), expected);
    }
}

#[test]
fn a_native_histogram_may_count_in_fractions() {
    let counts = vec![2.0, 2.0, -2.0, 0.0];
    let float = Histogram {
        sample_count: None,
        sample_count_float: Some(4.5),
        zero_count: None,
        negative_delta: Vec::new(),
        negative_count: counts.clone(),
        positive_delta: Vec::new(),
        positive_count: counts,
        ..native()
    };
    assert_eq!(
        unjudged(float.clone()),
        r#"{"buckets":[[1,"-2","-1.414213562373095","-2"],[1,"-1.414213562373095","-1","2"],[1,"-1","-0.7071067811865475","2"],[0,"0.7071067811865475","1","2"],[0,"1","1.414213562373095","2"],[0,"1.414213562373095","2","-2"]],"count":"4.5","labels":{"job":"j"},"sum":"1"}"#
    );
    let zero = Histogram { sample_count_float: None, zero_count_float: Some(0.5), ..float };
    assert!(unjudged(zero).contains(r#",[3,"-0.001","0.001","0.5"],"#));
}

#[test]
fn a_native_histogram_without_observations_has_no_buckets() {
    let empty = Histogram { sample_count: Some(0), positive_span: vec![span(0, 0)], ..Histogram::default() };
    assert_eq!(unjudged(empty), r#"{"buckets":[],"count":"0","labels":{"job":"j"},"sum":"0"}"#);
}

#[test]
fn buckets_beyond_all_floats_have_no_bound_within_them() {
    let far = |offset| Histogram {
        sample_count: Some(2),
        positive_span: vec![span(offset, 2)],
        positive_delta: vec![1, 0],
        ..Histogram::default()
    };
    assert!(unjudged(far(1024)).contains(
        r#"[0,"8.98846567431158e+307","1.7976931348623157e+308","1"],[0,"1.7976931348623157e+308","+Inf","1"]"#
    ));
    assert!(unjudged(far(i32::MIN)).contains(r#"[2,"0","0","1"],[2,"0","0","1"]"#));
}

#[test]
fn a_kept_classic_histogram_is_shown_as_it_was_pushed() {
    let bucket = |bound, count, count_float| Bucket {
        upper_bound: Some(bound),
        cumulative_count: count,
        cumulative_count_float: count_float,
        exemplar: None,
    };
    let integers = Histogram {
        sample_count: Some(u64::MAX),
        sample_sum: Some(99.23),
        bucket: vec![bucket(250_000.0, Some(3), None), bucket(5e6, Some((1 << 60) + 1), None)],
        ..Histogram::default()
    };
    let floats = Histogram {
        sample_count_float: Some(20.5),
        bucket: vec![bucket(1.0, None, Some(0.25)), bucket(f64::INFINITY, None, Some(20.5))],
        ..Histogram::default()
    };
    let labelled = |value: &str, metric: Metric| Metric {
        label: vec![LabelPair { name: Some("a".into()), value: Some(value.into()) }],
        ..metric
    };
    let family = pushed(MetricType::Histogram, vec![labelled("1", metric(integers)), labelled("2", metric(floats))]);
    assert_eq!(
        json(&family, None),
        [
            r#"[{"buckets":{"250000":"3","5e+06":"1152921504606846977"},"count":"18446744073709551615","labels":{"a":"1","instance":"","job":"j","tenant":"forged"},"sum":"99.23"},"#,
            r#"{"buckets":{"+Inf":"20.5","1":"0.25"},"count":"20.5","labels":{"a":"2","instance":"","job":"j","tenant":"forged"},"sum":"0"}]"#,
        ]
        .concat()
    );
}

#[test]
fn an_operator_sees_the_tenant_of_a_native_histogram() {
    let red = TenantId::parse("red").unwrap();
    let family = pushed(MetricType::Histogram, vec![metric(native())]);
    for (prefix, job) in [(true, "red/j"), (false, "j")] {
        let labels = format!(r#""labels":{{"exported_tenant":"forged","instance":"","job":"{job}","tenant":"red"}}"#);
        let shown = json(&family, Some(&FleetLabels::new("tenant", &red, prefix)));
        assert!(shown.contains(&labels), "{shown}");
    }
}

#[test]
fn pages_end_between_kept_histograms() {
    let metrics = (0..3000).map(|n| Metric {
        label: vec![LabelPair { name: Some("n".into()), value: Some(n.to_string()) }],
        ..metric(native())
    });
    let family = pushed(MetricType::Histogram, metrics.collect());
    let mut out = Vec::new();
    let first = write_json_metrics(&mut out, &family, 0, None).unwrap();
    assert!(first < family.proto().unwrap().len() / 4);
    let read: serde_json::Value = serde_json::from_str(&json(&family, None)).unwrap();
    assert_eq!(read.as_array().unwrap().len(), 3000);
}

#[test]
fn a_histogram_of_very_many_native_buckets_is_shown_by_its_classic_form() {
    let of = |length: u32| Histogram {
        sample_count: Some(length.into()),
        positive_span: vec![span(0, length)],
        positive_delta: std::iter::once(1).chain(std::iter::repeat_n(0, length as usize - 1)).collect(),
        ..Histogram::default()
    };
    assert!(unjudged(of(1 << 14)).starts_with(r#"{"buckets":[[0,"0.5","1","1"],"#));
    assert!(unjudged(of((1 << 14) + 1)).starts_with(r#"{"buckets":{},"count":"16385","#));
}
