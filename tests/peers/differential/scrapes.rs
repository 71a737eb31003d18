//! What a scrape may ask for: formats and compression.

use crate::http::Answer;
use crate::process;
use crate::process::Gateway;
use crate::proto::COUNTER;
use crate::proto::DELIMITED;
use crate::proto::HISTOGRAM;
use crate::proto::Message;
use crate::proto::family;
use crate::proto::message;
use crate::proto::metric;
use crate::proto::native;
use crate::scrape;
use flate2::read::GzDecoder;
use std::io::Read;

/// What Prometheus 2.42 sends.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const ACCEPTS: &[&str] =
    &["", "*/*", "text/plain", "text/plain;version=0.0.4", "text/html", "application/json", PROMETHEUS];
const ENCODINGS: &[&str] = &["", "gzip", "identity", "gzip, deflate, br", "br"];

/// Format with version, coding, and the text without telemetry.
type Form = (String, Option<String>, Vec<String>);

fn form(gateway: &Gateway, accept: &str, encoding: &str, own: bool) -> Form {
    let headers = [("Accept", accept), ("Accept-Encoding", encoding)];
    let headers: Vec<(&str, &str)> = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let answer = gateway.send("GET", "/metrics", &headers, b"");
    assert_eq!(answer.status, 200);
    let parameters = answer.header("content-type").unwrap_or_default().split("; ");
    // Releases from 1.10 on add the escaping of names.
    let format: Vec<&str> = parameters.filter(|parameter| !parameter.starts_with("escaping=")).collect();
    let coding = answer.header("content-encoding").map(str::to_owned);
    (format.join("; "), coding, scrape::lines(&text(&answer), own))
}

fn text(answer: &Answer) -> String {
    if answer.header("content-encoding").is_none() {
        return answer.text();
    }
    let mut text = String::new();
    GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).expect("gzip of UTF-8");
    text
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn a_scrape_takes_the_form_that_was_asked_for() {
    let (theirs, ours) = (process::pushgateway(), process::pushward("lenient"));
    for gateway in [&theirs, &ours] {
        let body = "# HELP m h\n# TYPE m counter\nm 1\n";
        assert_eq!(gateway.send("POST", "/metrics/job/x", &[], body.as_bytes()).status, 200);
    }
    let asked = ACCEPTS.iter().flat_map(|accept| ENCODINGS.iter().map(move |encoding| (accept, encoding)));
    let differ: Vec<String> = asked
        .filter_map(|(accept, encoding)| {
            let (their, our) = (form(&theirs, accept, encoding, true), form(&ours, accept, encoding, false));
            (their != our).then(|| format!("{accept:?} {encoding:?}\n  theirs: {their:?}\n  ours:   {our:?}"))
        })
        .collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    // 1.5.1 compresses all the same.
    assert_eq!(form(&ours, "", "gzip;q=0", false).1, None);
}

/// Name and bytes of the families in a delimited protobuf answer, but those of the gateway itself.
fn families(gateway: &Gateway) -> Vec<(String, Vec<u8>)> {
    let accept = format!("{DELIMITED};q=0.9,text/plain;q=0.5");
    let answer = gateway.send("GET", "/metrics", &[("Accept", &accept)], b"");
    let content_type = answer.header("content-type").unwrap_or_default();
    assert!(content_type.starts_with("application/vnd.google.protobuf"), "{content_type}");
    let mut families = Vec::new();
    let mut rest = answer.body.as_slice();
    while !rest.is_empty() {
        let size = number(&mut rest);
        let (family, tail) = rest.split_at(size);
        rest = tail;
        // The name comes first, and is short.
        let (length, start) = (usize::from(family[1]), 2);
        let name = String::from_utf8_lossy(&family[start..start + length]).into_owned();
        if !["go_", "process_", "pushgateway_", "promhttp_", "push_"].iter().any(|own| name.starts_with(own)) {
            families.push((name, family.to_vec()));
        }
    }
    families
}

fn number(rest: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (byte, tail) = rest.split_first().expect("a whole number");
        *rest = tail;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn a_protobuf_scrape_has_the_same_bytes() {
    let (theirs, ours) = (process::pushgateway(), process::pushward("lenient"));
    let text = "# HELP g two\\n lines\n# TYPE g gauge\ng{z=\"1\",a=\"\u{e9}\"} 1e6\n# TYPE c counter\nc 1.5\nu -0.25\n\
                # TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"0.9\"} -Inf\ns_sum 3\ns_count 4\n\
                # TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 4.5\nh_count 3\n";
    let exemplar = message().part(1, &message().bytes(1, "trace").bytes(2, "t")).double(2, 0.4);
    let counter = metric(&[("b", "2")]).part(3, &message().double(1, 2.0).part(2, &exemplar));
    let pushed = [
        family("native", HISTOGRAM, &[metric(&[]).part(7, &native())]),
        family("exemplified", COUNTER, &[counter]),
        family("classic", HISTOGRAM, &[metric(&[]).histogram(3, 4.5, &[(0.5, 1), (f64::INFINITY, 3)])]),
    ];
    let bytes: Vec<u8> = pushed.iter().flat_map(Message::delimited).collect();
    let [theirs, ours] = [&theirs, &ours].map(|gateway| {
        assert_eq!(gateway.send("POST", "/metrics/job/x/instance/i", &[], text.as_bytes()).status, 200);
        assert_eq!(gateway.send("POST", "/metrics/job/y", &[("Content-Type", DELIMITED)], &bytes).status, 200);
        families(gateway)
    });
    assert_eq!(theirs.len(), 8);
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(theirs.len(), ours.len());
}
