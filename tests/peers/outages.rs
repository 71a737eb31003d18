//! One request that takes Pushgateway's scrape, or its pushes, away from everybody; and the same request here.

use crate::http;
use crate::process;
use crate::process::Gateway;
use crate::scrape;
use std::time::Duration;

const GOOD: &[u8] = b"# TYPE good gauge\ngood 1\n";
/// A delimited MetricFamily whose name is empty: a gauge with the value 1.
const NAMELESS: &[u8] = b"\x11\x0a\x00\x18\x01\x22\x0b\x12\x09\x09\x00\x00\x00\x00\x00\x00\xf0\x3f";
const PROTOBUF: (&str, &str) =
    ("Content-Type", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited");

fn push(to: &Gateway, path: &str) -> u16 {
    to.send("POST", path, &[], GOOD).status
}

/// Somebody else's group, which must stay to be seen; returns what a scrape shows of it.
fn with_a_good_group(gateway: &Gateway) -> Vec<String> {
    assert_eq!(push(gateway, "/metrics/job/good"), 200);
    good_lines(gateway)
}

fn good_lines(gateway: &Gateway) -> Vec<String> {
    let answer = gateway.scrape();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let lines = scrape::lines(&answer.text(), true);
    lines.into_iter().filter(|line| line.contains("job=\"good\"")).collect()
}

/// The scrape shows what it showed, and everybody can still push.
fn is_unharmed(gateway: &Gateway, before: &[String]) {
    assert_eq!(good_lines(gateway), before);
    assert_eq!(before.len(), 3);
    assert_eq!(push(gateway, "/metrics/job/later"), 200);
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn a_job_that_is_not_utf8_ends_their_scrape_and_not_ours() {
    let theirs = process::pushgateway();
    with_a_good_group(&theirs);
    assert_eq!(push(&theirs, "/metrics/job/%FF"), 400);
    assert_eq!(theirs.scrape().status, 500, "their scrape is lost");
    assert_eq!(push(&theirs, "/metrics/job/later"), 400, "and so is everybody's next push");

    let ours = process::pushward("lenient");
    let before = with_a_good_group(&ours);
    let whole = ours.scrape().body;
    for path in ["/metrics/job/%FF", "/metrics/job/x/a/%FF", "/metrics/job@base64/_w", "/metrics/job/x/a@base64/_w"] {
        assert_eq!(push(&ours, path), 400, "{path}");
        assert_eq!(ours.send("DELETE", path, &[], b"").status, 400, "{path}");
    }
    assert_eq!(ours.scrape().body, whole, "nothing is stored");
    is_unharmed(&ours, &before);
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn an_empty_instance_beside_none_ends_their_scrape_and_not_ours() {
    let theirs = process::pushgateway();
    with_a_good_group(&theirs);
    assert_eq!(push(&theirs, "/metrics/job/a"), 200);
    assert_eq!(push(&theirs, "/metrics/job/a/instance/"), 400);
    assert_eq!(theirs.scrape().status, 500, "their scrape is lost");
    assert_eq!(push(&theirs, "/metrics/job/later"), 400, "and so is everybody's next push");

    let ours = process::pushward("lenient");
    let before = with_a_good_group(&ours);
    assert_eq!(push(&ours, "/metrics/job/a"), 200);
    let whole = ours.scrape().text();
    for path in ["/metrics/job/a/instance/", "/metrics/job/a/instance@base64/=", "/metrics/job/a/other@base64/="] {
        assert_eq!(push(&ours, path), 200, "{path}");
        let (now, then) = (scrape::lines(&ours.scrape().text(), false), scrape::lines(&whole, false));
        assert_eq!(now, then, "{path} is the same group");
    }
    is_unharmed(&ours, &before);
    assert_eq!(ours.send("DELETE", "/metrics/job/a/instance/", &[], b"").status, 202);
    assert!(!ours.scrape().text().contains("job=\"a\""), "and is deleted as the same group");
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn a_family_without_a_name_empties_their_scrape_and_not_ours() {
    let theirs = process::pushgateway();
    with_a_good_group(&theirs);
    let status = theirs.send("POST", "/metrics/job/a", &[PROTOBUF], NAMELESS).status;
    let answer = theirs.scrape();
    let lost = answer.status != 200 || !answer.text().contains("good{");
    assert!(lost, "their scrape is lost: push {status}, then {} {}", answer.status, answer.text());

    let ours = process::pushward("lenient");
    let before = with_a_good_group(&ours);
    let whole = ours.scrape().body;
    let refused = ours.send("POST", "/metrics/job/a", &[PROTOBUF], NAMELESS).status;
    assert_eq!(refused, 400);
    assert_eq!(ours.scrape().body, whole, "nothing is stored");
    is_unharmed(&ours, &before);
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn a_job_of_bad_base64_blocks_their_next_push_and_not_ours() {
    let path = "/metrics/job@base64/!!";
    let theirs = process::pushgateway();
    assert_eq!(push(&theirs, path), 400);
    // Debian's 1.5.1 keeps a lock that it takes before it decodes the job: nobody's base64 job is pushed again.
    let next =
        http::send_within(Duration::from_secs(2), theirs.address, "POST", "/metrics/job@base64/Z29vZA", &[], GOOD);
    assert!(next.is_err(), "their next push waits for ever: {next:?}");

    let ours = process::pushward("lenient");
    let before = with_a_good_group(&ours);
    for _ in 0..3 {
        assert_eq!(push(&ours, path), 400);
    }
    assert_eq!(push(&ours, "/metrics/job@base64/Z29vZA"), 200);
    is_unharmed(&ours, &before);
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn no_value_of_a_label_makes_two_series_of_one_name_in_our_scrape() {
    let ours = process::pushward("lenient");
    let before = with_a_good_group(&ours);
    // A refused push may leave its two gauges: written as they are read, they are told apart from everybody else's.
    let values = ["b%00c", "b%EF%BF%BDc", "b%01c", "b%C2%85c", "b%0Ac", "b%5Cnc", "b%22c", "b%5C%22c", "b%20c", "b+c"];
    for value in values {
        let status = push(&ours, &format!("/metrics/job/x/a/{value}"));
        assert!([200, 400].contains(&status), "{value}: {status}");
    }
    let text = ours.scrape().text();
    let mut series: Vec<&str> =
        text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(series, _)| series).collect();
    series.retain(|series| !series.starts_with('#'));
    series.sort_unstable();
    let twins: Vec<&[&str]> = series.chunk_by(|one, other| one == other).filter(|same| same.len() > 1).collect();
    assert!(twins.is_empty(), "{twins:?}");
    is_unharmed(&ours, &before);
}
