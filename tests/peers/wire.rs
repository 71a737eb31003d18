//! Requests written byte by byte to both: HTTP/1.0, chunks, `Expect: 100-continue`, several on one connection, and broken
//! ones. Statuses and what is stored are compared; the table of differences is the same as for the other cases.

use crate::compare;
use crate::compare::QUEUED_WITHIN;
use crate::http;
use crate::process;
use crate::process::Gateway;
use crate::scrape;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// One test for each case. `{A}` stands for the authorization, which is a line of ours alone.
macro_rules! wires {
    ($($name:ident: [$($bytes:expr),* $(,)?];)*) => {
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            #[ignore = "needs prometheus-pushgateway: ./tests/run"]
            fn $name() {
                compare_bytes(stringify!($name), &[$($bytes),*]);
            }
        )*
    };
}

wires! {
    a_push_of_http_1_0: ["POST /metrics/job/x HTTP/1.0\r\n{A}Content-Length: 4\r\n\r\nm 1\n"];
    a_push_of_http_1_0_that_keeps_its_connection: [concat!(
        "POST /metrics/job/x HTTP/1.0\r\n{A}Connection: keep-alive\r\nContent-Length: 4\r\n\r\nm 1\n",
        "POST /metrics/job/y HTTP/1.0\r\n{A}Content-Length: 4\r\n\r\nn 1\n",
    )];
    a_scrape_of_http_1_0: ["GET /metrics HTTP/1.0\r\n{A}\r\n"];
    a_head_of_http_1_0: ["HEAD /-/healthy HTTP/1.0\r\n{A}\r\n"];
    a_chunked_push: [concat!(
        "PUT /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        "1\r\nm\r\n2;extension=\"x\"\r\n 1\r\n1\r\n\n\r\n0\r\nTrailer: t\r\n\r\n",
    )];
    a_chunked_push_of_nothing: [
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Transfer-Encoding: Chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
    ];
    a_chunked_delete: [concat!(
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: 4\r\n\r\nm 1\n",
        "DELETE /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        "3\r\nabc\r\n0\r\n\r\n",
    )];
    a_chunk_of_no_size: [
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nxyz\r\nm 1\n\r\n0\r\n\r\n",
    ];
    a_chunked_push_that_ends_early: [
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nm 1\n\r\n",
    ];
    a_push_that_ends_early: ["POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: 100\r\n\r\nm 1\n"];
    a_push_that_waits_to_be_asked: [
        "PUT /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Expect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
        "m 1\n",
    ];
    a_delete_that_waits_to_be_asked: [
        "DELETE /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Expect: 100-continue\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ];
    a_push_that_expects_something_else: [
        "PUT /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Expect: a-miracle\r\nContent-Length: 4\r\nConnection: close\r\n\r\nm 1\n",
    ];
    several_pushes_on_one_connection: [concat!(
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: 4\r\n\r\nm 1\n",
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: 4\r\n\r\nn 2\n",
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: 2\r\n\r\n?\n",
        "GET /-/ready HTTP/1.1\r\nHost: h\r\n{A}Connection: close\r\n\r\n",
    )];
    a_push_without_a_host: ["POST /metrics/job/x HTTP/1.1\r\n{A}Content-Length: 4\r\nConnection: close\r\n\r\nm 1\n"];
    a_push_to_a_whole_url: [
        "POST http://elsewhere/metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: 4\r\nConnection: close\r\n\r\nm 1\n",
    ];
    a_push_without_a_length: ["POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Connection: close\r\n\r\n"];
    two_lengths_that_differ: [
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: 4\r\nContent-Length: 5\r\nConnection: close\r\n\r\nm 1\n",
    ];
    a_length_that_is_no_number: [
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: +4\r\nConnection: close\r\n\r\nm 1\n",
    ];
    chunks_and_a_length: [concat!(
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Connection: close\r\n\r\n4\r\nm 1\n\r\n0\r\n\r\n",
    )];
    a_coding_that_is_not_chunked: [
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Transfer-Encoding: gzip\r\nConnection: close\r\n\r\nm 1\n",
    ];
    a_blank_before_the_colon: [
        "POST /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length : 4\r\nConnection: close\r\n\r\nm 1\n",
    ];
    a_method_in_small_letters: [
        "post /metrics/job/x HTTP/1.1\r\nHost: h\r\n{A}Content-Length: 4\r\nConnection: close\r\n\r\nm 1\n",
    ];
    no_http_at_all: ["hello\r\n\r\n"];
    a_version_of_the_future: ["GET /-/ready HTTP/3.0\r\nHost: h\r\n{A}\r\n"];
}

fn compare_bytes(name: &str, pieces: &[&str]) {
    let (theirs, ours) = (process::pushgateway(), process::pushward("lenient"));
    let [their_statuses, our_statuses] = [&theirs, &ours].map(|gateway| statuses(gateway, pieces));
    let [mut their_lines, our_lines] = [&theirs, &ours].map(stored);
    let start = Instant::now();
    // A DELETE is only queued there.
    while pieces.concat().contains("DELETE") && their_lines != our_lines && start.elapsed() < QUEUED_WITHIN {
        thread::sleep(Duration::from_millis(20));
        their_lines = stored(&theirs);
    }
    let only = |these: &[String], those: &[String]| these.iter().filter(|line| !those.contains(line)).count();
    let mut found = Vec::new();
    if their_statuses != our_statuses {
        found.push(format!("1 status {their_statuses}/{our_statuses}"));
    }
    if their_lines != our_lines {
        let (missing, added) = (only(&their_lines, &our_lines), only(&our_lines, &their_lines));
        found.push(format!("1 scrape -{missing} +{added}"));
    }
    let expected = compare::listed().get(name).copied().unwrap_or_default();
    assert_eq!(found.join("; "), expected, "{name}\ntheirs: {their_lines:#?}\nours: {our_lines:#?}");
}

/// The statuses of all answers, in their order; `none` where the connection just ends.
fn statuses(gateway: &Gateway, pieces: &[&str]) -> String {
    let authorization = gateway.authorization().map(|value| format!("Authorization: {value}\r\n"));
    let pieces: Vec<String> =
        pieces.iter().map(|piece| piece.replace("{A}", authorization.as_deref().unwrap_or_default())).collect();
    let answer =
        String::from_utf8_lossy(&http::exchange(gateway.address, &pieces).expect("an answer or an end")).into_owned();
    let answers = answer.match_indices("HTTP/1.").filter_map(|(at, _)| answer.get(at + 9..at + 12));
    let statuses: Vec<&str> = answers.filter(|status| status.parse::<u16>().is_ok()).collect();
    if statuses.is_empty() { "none".to_owned() } else { statuses.join(" ") }
}

fn stored(gateway: &Gateway) -> Vec<String> {
    let answer = gateway.scrape();
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let is_theirs = text.contains("# TYPE go_gc_duration_seconds summary");
    scrape::in_order_of_labels(&scrape::lines(&text, is_theirs))
}
