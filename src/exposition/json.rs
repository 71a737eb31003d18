//! Families as Pushgateway's JSON API shows them: keys in order, numbers as strings in the form of Go's `%v`.
//!
//! What was pushed is kept as lines of text, so they are read back with the parser they came by, a page at a time.

use crate::exposition::escaping::Escaping;
use crate::exposition::fleet::FleetLabels;
use crate::exposition::float;
use crate::exposition::pushed::Label;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::PushedFamilies;
use crate::exposition::shown::Shown;
use crate::exposition::stored::metrics_in;
use crate::exposition::text;
use crate::exposition::write::write_header;
use crate::exposition::write::write_lines;
use crate::model::FamilyView;
use crate::model::MetricKind;
use crate::model::NameScheme;
use crate::model::TextDialect;
use crate::model::Timestamp;
use crate::model::rfc3339_nanos;
use std::collections::BTreeMap;

mod kept;

/// Lines that are read back at one time, or one metric where that is more.
const PAGE_BYTES: usize = 32 << 10;

/// Writes a text as a JSON string, escaped as Go's encoder does by default.
pub fn write_json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut buffer = [0; 4];
    for char in text.chars() {
        match char {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(char)).as_bytes());
            }
            char => out.extend_from_slice(char.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    out.push(b'"');
}

/// Writes an object of texts. They come in the order of their names.
pub fn write_json_labels<'a>(out: &mut Vec<u8>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    out.push(b'{');
    for (nth, (name, value)) in labels.into_iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        write_json_string(out, name);
        out.push(b':');
        write_json_string(out, value);
    }
    out.push(b'}');
}

/// Writes a family up to where its metrics begin; behind them stands `]}`.
pub fn write_json_header<'f>(out: &mut Vec<u8>, family: impl Into<FamilyView<'f>>, at: Timestamp) {
    let family = family.into();
    out.extend_from_slice(b"{\"time_stamp\":");
    write_json_string(out, &rfc3339_nanos(at));
    out.extend_from_slice(b",\"type\":");
    write_json_string(out, family.kind.proto_name());
    if !family.help.is_empty() {
        out.extend_from_slice(b",\"help\":");
        write_json_string(out, family.help);
    }
    out.extend_from_slice(b",\"metrics\":[");
}

/// Writes the metrics that stand from `from` on, which is 0 at first, as many as one page holds. Says where the next page
/// begins, or none where no metric is left. With `fleet` they have the labels that an operator sees.
pub fn write_json_metrics<'f>(
    out: &mut Vec<u8>,
    family: impl Into<FamilyView<'f>>,
    from: usize,
    fleet: Option<&FleetLabels>,
) -> Option<usize> {
    let family = family.into();
    let shown = Shown { escaping: Escaping::AllowUtf8, fleet };
    let histograms = matches!(family.kind, MetricKind::Histogram | MetricKind::GaugeHistogram);
    // Of what is kept, lines say all that is shown here, but for histograms.
    let written = match family.kept_proto().filter(|_| histograms) {
        Some(kept) => kept::write_page(out, kept.get(from..).unwrap_or_default(), &shown, from > 0),
        None => write_page(out, family, from, &shown),
    };
    (written > 0).then(|| from.saturating_add(written))
}

/// Writes a page of lines and says how many bytes it has.
fn write_page(out: &mut Vec<u8>, family: FamilyView<'_>, from: usize, shown: &Shown<'_>) -> usize {
    let rest = family.lines.get(from..).unwrap_or_default();
    let (page, _) = rest.split_at_checked(metrics_in(family, rest, PAGE_BYTES)).unwrap_or_default();
    let mut text = Vec::new();
    write_header(&mut text, family.name, family.kind, "", Escaping::AllowUtf8);
    write_lines(&mut text, family, page, shown, None);
    // What the gateway wrote itself it can read.
    if let Ok(read) = text::parse(&text, TextDialect::Strict, NameScheme::Utf8) {
        write_metrics(out, &read, from > 0);
    }
    page.len()
}

fn write_metrics(out: &mut Vec<u8>, read: &PushedFamilies<'_>, mut behind_others: bool) {
    let kind = read.families.first().map_or(MetricKind::Untyped, |family| family.kind);
    for (nth, metric) in (0..).zip(&read.metrics) {
        if behind_others {
            out.push(b',');
        }
        behind_others = true;
        let labels = read.labels_of(metric);
        match metric.measured {
            Measured::Value(value) => {
                out.push(b'{');
                write_labels(out, labels);
                out.extend_from_slice(b",\"value\":");
                write_float(out, value);
            }
            Measured::Distribution { sum, count } => {
                let start = read.points.partition_point(|point| point.metric < nth);
                let points = read.points.get(start..).unwrap_or_default();
                let points = points.iter().take_while(|point| point.metric == nth);
                let summary = kind == MetricKind::Summary;
                let places = points.map(|point| (text_of(point.at, float::write), point.value)).collect();
                if summary {
                    out.push(b'{');
                } else {
                    out.extend_from_slice(b"{\"buckets\":");
                    write_places(out, &places, write_count);
                    out.push(b',');
                }
                out.extend_from_slice(b"\"count\":");
                write_quoted(out, count, write_count);
                out.push(b',');
                write_labels(out, labels);
                if summary {
                    out.extend_from_slice(b",\"quantiles\":");
                    write_places(out, &places, float::write);
                }
                out.extend_from_slice(b",\"sum\":");
                write_float(out, sum);
            }
        }
        out.push(b'}');
    }
}

fn write_labels<'r>(out: &mut Vec<u8>, labels: impl Iterator<Item = Label<'r>>) {
    let labels: Vec<_> = labels.collect();
    out.extend_from_slice(b"\"labels\":");
    write_json_labels(out, labels.iter().map(|label| (label.name, &*label.value)));
}

/// Buckets or quantiles, in the order of their bounds as texts.
fn write_places<V: Copy>(out: &mut Vec<u8>, places: &BTreeMap<Vec<u8>, V>, write: fn(&mut Vec<u8>, V)) {
    out.push(b'{');
    for (nth, (at, value)) in places.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(at);
        out.extend_from_slice(b"\":");
        write_quoted(out, *value, write);
    }
    out.push(b'}');
}

fn write_float(out: &mut Vec<u8>, value: f64) {
    write_quoted(out, value, float::write);
}

fn write_quoted<V>(out: &mut Vec<u8>, value: V, write: fn(&mut Vec<u8>, V)) {
    out.push(b'"');
    write(out, value);
    out.push(b'"');
}

/// A count is an integer in Pushgateway and written as one, unless it is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^64 and whole")]
fn write_count(out: &mut Vec<u8>, count: f64) {
    /// 2^64.
    const TOO_LARGE: f64 = 18_446_744_073_709_551_616.0;
    if (0.0..TOO_LARGE).contains(&count) && count.fract() == 0.0 {
        out.extend_from_slice((count as u64).to_string().as_bytes());
    } else {
        float::write(out, count);
    }
}

fn text_of(value: f64, write: fn(&mut Vec<u8>, f64)) -> Vec<u8> {
    let mut text = Vec::new();
    write(&mut text, value);
    text
}

#[cfg(test)]
mod tests {
    use super::write_json_header;
    use super::write_json_metrics;
    use super::write_json_string;
    use crate::exposition::FleetLabels;
    use crate::exposition::prepare;
    use crate::exposition::text;
    use crate::model::GroupingKey;
    use crate::model::NameScheme;
    use crate::model::PreparedFamily;
    use crate::model::SeriesHasher;
    use crate::model::TenantId;
    use crate::model::TextDialect;
    use crate::model::Timestamp;

    fn family(labels: &[(&'static str, &'static str)], body: &str) -> PreparedFamily {
        let key = GroupingKey::new("j", labels.iter().copied()).unwrap();
        let parsed = text::parse(body.as_bytes(), TextDialect::Lenient, NameScheme::Classic).unwrap();
        let hasher = SeriesHasher::with_key([1; 16]);
        prepare(parsed, &key, &hasher, "tenant", u64::MAX).unwrap().into_iter().next().unwrap()
    }

    fn json(family: &PreparedFamily, fleet: Option<&FleetLabels>) -> String {
        let mut out = Vec::new();
        write_json_header(&mut out, family, Timestamp::from_unix_nanos(1_583_872_347_500_000_000));
        let mut from = Some(0);
        while let Some(at) = from {
            from = write_json_metrics(&mut out, family, at, fleet);
        }
        out.extend_from_slice(b"]}");
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_type_has_pushgateways_shape() {
        let at = "\"time_stamp\":\"2020-03-10T20:32:27.5Z\"";
        let labels = r#""labels":{"instance":"","job":"j"}"#;
        for (body, expected) in [
            ("# HELP m <a> & \"b\"\n# TYPE m gauge\nm 1e9\n", format!(r#""type":"GAUGE","help":"\u003ca\u003e \u0026 \"b\"","metrics":[{{{labels},"value":"1e+09"}}]"#)),
            ("m NaN\n", format!(r#""type":"UNTYPED","metrics":[{{{labels},"value":"NaN"}}]"#)),
            ("# TYPE m counter\nm{l=\"1\"} 0.5\nm{l=\"2\"} 2\n", r#""type":"COUNTER","metrics":[{"labels":{"instance":"","job":"j","l":"1"},"value":"0.5"},{"labels":{"instance":"","job":"j","l":"2"},"value":"2"}]"#.to_owned()),
            ("# TYPE m summary\nm{quantile=\"0.5\"} 1.2\nm_sum 9\nm_count 4000000\n", format!(r#""type":"SUMMARY","metrics":[{{"count":"4000000",{labels},"quantiles":{{"0.5":"1.2"}},"sum":"9"}}]"#)),
            ("# TYPE m histogram\nm_bucket{le=\"1e6\"} 2\nm_bucket{le=\"+Inf\"} 3\nm_sum 7\nm_count 3\n", format!(r#""type":"HISTOGRAM","metrics":[{{"buckets":{{"+Inf":"3","1e+06":"2"}},"count":"3",{labels},"sum":"7"}}]"#)),
        ] {
            assert_eq!(json(&family(&[], body), None), format!("{{{at},{expected}}}"));
        }
    }

    #[test]
    fn pages_end_between_metrics() {
        let mut body = "# TYPE m histogram\n".to_owned();
        for n in 0..2000 {
            body.push_str(&format!(
                "m_bucket{{n=\"{n}\",le=\"1\"}} {n}\nm_sum{{n=\"{n}\"}} {n}\nm_count{{n=\"{n}\"}} {n}\n"
            ));
        }
        let family = family(&[], &body);
        assert!(family.lines().len() > 4 * super::PAGE_BYTES);
        let read: serde_json::Value = serde_json::from_str(&json(&family, None)).unwrap();
        let metrics = read["metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), 2000);
        for (n, metric) in metrics.iter().enumerate() {
            assert_eq!(
                (metric["count"].as_str(), metric["labels"]["n"].as_str()),
                (Some(&*n.to_string()), Some(&*n.to_string()))
            );
        }
    }

    #[test]
    fn an_operator_sees_the_tenant_and_a_forged_one_renamed() {
        let labels = FleetLabels::new("tenant", &TenantId::parse("red").unwrap(), true);
        let family = family(&[("tenant", "blue")], "m 1\n");
        let expected = r#""labels":{"exported_tenant":"blue","instance":"","job":"red/j","tenant":"red"}"#;
        assert!(json(&family, Some(&labels)).contains(expected));
    }

    #[test]
    fn a_text_is_escaped_as_go_does() {
        let mut out = Vec::new();
        write_json_string(&mut out, "a\"\\\n\r\t\u{1}<>&\u{2028}é\u{7f}");
        assert_eq!(String::from_utf8(out).unwrap(), "\"a\\\"\\\\\\n\\r\\t\\u0001\\u003c\\u003e\\u0026\\u2028é\u{7f}\"");
    }
}
