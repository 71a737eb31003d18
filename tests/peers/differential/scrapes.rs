//! What a scrape may ask for: formats and compression.

use crate::http::Answer;
use crate::process;
use crate::process::Gateway;
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
