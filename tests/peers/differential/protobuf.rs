//! Delimited protobuf, the Go client's default: what it says, what it must not say, and where it ends.

use super::cases;
use super::encodings::gzip;
use crate::proto::COUNTER;
use crate::proto::DELIMITED;
use crate::proto::GAUGE;
use crate::proto::HISTOGRAM;
use crate::proto::Message;
use crate::proto::SUMMARY;
use crate::proto::UNTYPED;
use crate::proto::family;
use crate::proto::histogram;
use crate::proto::message;
use crate::proto::metric;
use crate::proto::native;
use crate::proto::varint;
use crate::step::Step;
use crate::step::body;
use crate::step::post;
use crate::step::put;

const X: &str = "/metrics/job/x";
const INCONSISTENT: &str = "pushed metrics are invalid or inconsistent with existing metrics: ";

fn delimited(bytes: impl AsRef<[u8]>) -> Step {
    body(bytes).header("Content-Type", DELIMITED)
}

fn families(families: &[Message]) -> Step {
    delimited(families.iter().flat_map(Message::delimited).collect::<Vec<u8>>())
}

fn one(name: &str, kind: u64, metric: Message) -> Step {
    families(&[family(name, kind, &[metric])])
}

fn gauge(name: &str, labels: &[(&str, &str)]) -> Message {
    family(name, GAUGE, &[metric(labels).gauge(1.0)])
}

fn called(content_type: &'static str) -> Step {
    body(gauge("m", &[]).delimited()).header("Content-Type", content_type)
}

fn label(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Message {
    message().part(1, &message().bytes(1, name).bytes(2, value)).gauge(1.0)
}

cases! {
    text: "lenient",
    protobuf_of_every_type: [families(&[
        gauge("g", &[("a", "1")]),
        family("c", COUNTER, &[metric(&[]).counter(2.0)]),
        family("u", UNTYPED, &[metric(&[]).untyped(3.0)]),
        family("s", SUMMARY, &[metric(&[]).summary(4, 5.5, &[(0.5, 1.0), (0.99, f64::NAN)])]),
        family("h", HISTOGRAM, &[metric(&[]).histogram(3, 4.5, &[(0.5, 1), (2.0, 2), (f64::INFINITY, 3)])]),
    ])];
    protobuf_without_a_type_is_a_counter: [families(&[message().bytes(1, "m").part(4, &metric(&[]).counter(1.0))])];
    protobuf_of_a_type_that_is_unknown: [one("m", 9, metric(&[]).gauge(1.0))];
    protobuf_of_a_gauge_histogram: [one("m", 5, metric(&[]).histogram(3, 4.5, &[(0.5, 1), (f64::INFINITY, 3)]))];
    protobuf_help_is_kept: [families(&[gauge("m", &[]).bytes(2, "help \\ of two\nlines \"quoted\" é")])];
    protobuf_help_that_is_not_utf8: [families(&[gauge("m", &[]).bytes(2, b"\xff")])];
    protobuf_units_are_no_part_of_text: [families(&[gauge("m_seconds", &[]).bytes(5, "seconds")])];
    protobuf_fields_that_are_unknown_are_skipped: [
        families(&[gauge("m", &[]).uint(100, 1).bytes(101, "x").double(102, 1.0)]),
    ];
    protobuf_values_of_every_form: [families(&[
        family("a", GAUGE, &[metric(&[]).gauge(f64::NAN)]),
        family("b", GAUGE, &[metric(&[]).gauge(f64::NEG_INFINITY)]),
        family("c", GAUGE, &[metric(&[]).gauge(1e6)]),
        family("d", GAUGE, &[metric(&[]).gauge(5e-324)]),
        family("e", GAUGE, &[metric(&[]).part(2, &message())]),
    ])];
    protobuf_labels_are_sorted_and_the_path_wins: [
        families(&[gauge("m", &[("z", "1"), ("job", "forged"), ("a", "\"\\\n é"), ("instance", "i")])]),
    ];
    protobuf_series_of_one_family: [
        families(&[family("m", GAUGE, &[metric(&[("a", "1")]).gauge(1.0), metric(&[("a", "2")]).gauge(2.0)])]),
    ];
    a_protobuf_series_twice_is_refused: [
        families(&[family("m", GAUGE, &[metric(&[("a", "1")]).gauge(1.0), metric(&[("a", "1")]).gauge(2.0)])])
            .says(INCONSISTENT),
    ];
    of_a_protobuf_family_given_twice_the_last_wins: [families(&[gauge("m", &[("a", "1")]), gauge("m", &[("a", "2")])])];
    a_protobuf_family_without_metrics_takes_its_name_away: [
        families(&[gauge("m", &[]), gauge("n", &[])]), families(&[family("m", GAUGE, &[])]),
    ];
    an_empty_protobuf_push: [delimited(""), Step { method: "PUT", ..delimited("") }];
    a_protobuf_push_that_replaces: [
        families(&[gauge("m", &[]), gauge("n", &[])]), Step { method: "PUT", ..families(&[gauge("o", &[])]) },
    ];
    protobuf_and_text_meet: [
        families(&[gauge("m", &[])]),
        post("/metrics/job/y", "# TYPE m counter\nm 1\n").says(INCONSISTENT),
        post("/metrics/job/y", "# TYPE m gauge\nm 1\n"),
        put(X, "# TYPE m gauge\nm 2\n"),
    ];
    a_protobuf_timestamp_is_refused: [
        one("m", GAUGE, metric(&[]).gauge(1.0).uint(6, 0))
            .says("pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps"),
    ];
    a_protobuf_value_of_another_type: [one("m", GAUGE, metric(&[]).counter(1.0)).says(INCONSISTENT)];
    a_protobuf_metric_without_a_value: [one("m", GAUGE, metric(&[])).says(INCONSISTENT)];
    a_protobuf_metric_of_two_values: [one("m", GAUGE, metric(&[]).gauge(1.0).counter(2.0))];
    a_protobuf_label_given_twice: [one("m", GAUGE, metric(&[("a", "1"), ("a", "2")]).gauge(1.0)).says(INCONSISTENT)];
    a_protobuf_label_that_is_reserved: [families(&[gauge("m", &[("__a", "1")])]).says(INCONSISTENT)];
    a_protobuf_label_without_a_name: [families(&[gauge("m", &[("", "1")])])];
    a_protobuf_label_with_a_dash: [families(&[gauge("m", &[("a-b", "1")])])];
    a_protobuf_label_value_that_is_not_utf8: [one("m", GAUGE, label("a", b"\xff"))];
    a_protobuf_label_name_that_is_not_utf8: [one("m", GAUGE, label(b"\xff", "a"))];
    a_protobuf_label_without_a_value: [one("m", GAUGE, message().part(1, &message().bytes(1, "a")).gauge(1.0))];
    a_protobuf_name_with_a_dot: [families(&[gauge("my.name", &[])])];
    a_protobuf_name_with_a_line_feed: [families(&[gauge("m 1\nn", &[])])];
    a_protobuf_name_that_is_empty: [families(&[gauge("", &[])])];
    a_protobuf_family_without_a_name: [families(&[message().uint(3, GAUGE).part(4, &metric(&[]).gauge(1.0))])];
    a_protobuf_quantile_label_on_a_summary: [
        one("s", SUMMARY, metric(&[("quantile", "1")]).summary(1, 1.0, &[])).says(INCONSISTENT),
    ];
    a_protobuf_bound_label_on_a_histogram: [one("h", HISTOGRAM, metric(&[("le", "1")]).histogram(1, 1.0, &[]))];
    a_protobuf_count_beside_its_histogram: [
        families(&[family("h", HISTOGRAM, &[metric(&[]).histogram(1, 1.0, &[])]), gauge("h_count", &[])])
            .says(INCONSISTENT),
    ];
    a_protobuf_histogram_without_its_last_bucket: [one("h", HISTOGRAM, metric(&[]).histogram(3, 4.5, &[(0.5, 1)]))];
    a_protobuf_histogram_of_nothing: [one("h", HISTOGRAM, metric(&[]).part(7, &message()))];
    a_protobuf_histogram_with_bounds_out_of_order: [
        one("h", HISTOGRAM, metric(&[]).histogram(3, 4.5, &[(2.0, 2), (0.5, 1)])),
    ];
    a_protobuf_histogram_of_large_counts: [
        one("h", HISTOGRAM, metric(&[]).histogram(u64::MAX, 4.5, &[(0.5, 1 << 60)])),
    ];
    a_protobuf_histogram_with_exemplars_and_a_created_time: [one("h", HISTOGRAM, {
        let exemplar = message().part(1, &message().bytes(1, "trace").bytes(2, "t")).double(2, 0.4);
        let bucket = message().uint(1, 1).double(2, 0.5).part(3, &exemplar);
        let created = message().uint(1, 1_700_000_000);
        metric(&[]).part(7, &message().uint(1, 3).double(2, 4.5).part(3, &bucket).part(15, &created))
    })];
    a_protobuf_histogram_of_fractions: [one("h", HISTOGRAM, {
        let bucket = message().double(4, 1.5).double(2, 0.5);
        metric(&[]).part(7, &message().double(4, 2.5).double(2, 4.5).part(3, &bucket))
    })];
    a_native_histogram_in_text: [one("h", HISTOGRAM, metric(&[]).part(7, &native()))];
    a_native_histogram_with_classic_buckets_in_text: [one("h", HISTOGRAM, {
        let mut both = histogram(5, 7.5, &[(1.0, 2), (2.0, 4)]);
        both.0.extend(&native().0);
        metric(&[]).part(7, &both)
    })];
    a_protobuf_summary_of_nothing: [one("s", SUMMARY, metric(&[]).part(4, &message()))];
    a_pushed_push_time_in_protobuf: [families(&[gauge("push_time_seconds", &[]), gauge("m", &[])])];
    a_protobuf_counter_with_an_exemplar: [one("c", COUNTER, {
        let exemplar = message().part(1, &message().bytes(1, "trace").bytes(2, "t")).double(2, 0.4);
        metric(&[]).part(3, &message().double(1, 2.0).part(2, &exemplar))
    })];
    a_protobuf_body_cut_short: [
        delimited(&gauge("m", &[]).delimited()[..9]), delimited([gauge("m", &[]).delimited(), vec![7]].concat()),
    ];
    a_protobuf_length_that_is_not_there: [delimited(varint(1 << 31)), delimited(varint(u64::MAX))];
    a_protobuf_length_without_an_end: [delimited([0x80]), delimited([0xff; 12])];
    a_protobuf_body_of_text: [delimited("m 1\n")];
    a_protobuf_part_longer_than_the_whole: [delimited(b"\x04\x0a\x7fmm")];
    a_protobuf_field_of_number_zero: [delimited(b"\x02\x00\x01")];
    a_protobuf_field_of_another_wire_type: [delimited(message().uint(1, 5).uint(3, GAUGE).delimited())];
    a_protobuf_body_in_gzip: [
        delimited(gzip(gauge("m", &[]).delimited())).header("Content-Encoding", "gzip"),
    ];
    protobuf_is_called_in_any_case_and_order: [
        called("Application/VND.Google.Protobuf; Encoding=delimited; x=y; Proto=io.prometheus.client.MetricFamily"),
        called("application/vnd.google.protobuf;proto=\"io.prometheus.client.MetricFamily\";encoding=\"delimited\""),
    ];
    protobuf_called_otherwise_is_text: [
        called("application/vnd.google.protobuf"),
        called("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily"),
        called("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=Delimited"),
        called("application/x-protobuf"),
    ];
}
