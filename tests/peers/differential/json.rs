//! The JSON API: the groups after a history, the status, and the wipe.

use super::cases;
use crate::process;
use crate::process::Gateway;
use crate::proto::DELIMITED;
use crate::proto::HISTOGRAM;
use crate::proto::family;
use crate::proto::message;
use crate::proto::metric;
use crate::proto::native;
use crate::step::Step;
use crate::step::body;
use crate::step::delete;
use crate::step::post;
use crate::step::put;
use crate::step::request;
use serde_json::Value;

fn wipe() -> Step {
    put("/api/v1/admin/wipe", "")
}

cases! {
    text: "lenient",
    a_wipe_removes_every_group: [body("m 1\n"), put("/metrics/job/y/instance/i", "n 1\n"), wipe(), body("o 1\n")];
    a_wipe_of_nothing_is_accepted: [wipe(), wipe()];
    a_wipe_is_a_put: [request("GET", "/api/v1/admin/wipe"), request("DELETE", "/api/v1/admin/wipe"), post("/api/v1/admin/wipe", "")];
    the_root_of_the_api: [request("GET", "/api/v1"), request("GET", "/api/v1/"), request("GET", "/api/v1/nothing")];
    the_api_is_read_only: [put("/api/v1/metrics", ""), delete("/api/v1/metrics"), post("/api/v1/status", "")];
    the_api_is_asked_for_its_methods: [request("OPTIONS", "/api/v1/metrics"), request("OPTIONS", "/api/v1/status")];
}

/// The groups in the order of their labels, without the moments of their pushes.
fn groups(gateway: &Gateway) -> Value {
    let answer = gateway.send("GET", "/api/v1/metrics", &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let mut json: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let groups = json["data"].as_array_mut().expect("groups");
    for family in groups.iter_mut().filter_map(Value::as_object_mut).flat_map(|group| group.iter_mut()) {
        let (name, family) = family;
        if let Some(time) = family.get_mut("time_stamp") {
            let text = time.as_str().expect("a text").to_owned();
            assert!(text.starts_with("20") && text.contains('T'), "{text}");
            *time = Value::Null;
        }
        let is_time = name.starts_with("push_") && name.ends_with("time_seconds");
        if is_time && let Some(value) = family.pointer_mut("/metrics/0/value") {
            let time: f64 = value.as_str().and_then(|value| value.parse().ok()).expect("a number");
            *value = Value::from(if time > 1.0e9 { "some-time" } else { "0" });
        }
        // Series stand in the order they came in there, and in the order of their labels here.
        if let Some(metrics) = family.get_mut("metrics").and_then(Value::as_array_mut) {
            metrics.sort_by_key(ToString::to_string);
        }
    }
    groups.sort_by_key(|group| group["labels"].to_string());
    json
}

fn agree(steps: &[Step]) {
    let (theirs, ours) = (process::pushgateway(), process::pushward("lenient"));
    for step in steps {
        let [their_status, our_status] =
            [&theirs, &ours].map(|gateway| gateway.send(step.method, step.path, &step.headers, &step.body).status);
        assert_eq!(their_status, our_status, "{} {}", step.method, step.path);
        let [theirs, ours] = [&theirs, &ours].map(groups);
        assert_eq!(theirs, ours, "after {} {}\ntheirs: {theirs:#}\nours: {ours:#}", step.method, step.path);
    }
}

fn protobuf(bytes: impl AsRef<[u8]>) -> Step {
    body(bytes).header("Content-Type", DELIMITED)
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn the_api_shows_nothing_of_an_empty_store() {
    for gateway in [process::pushgateway(), process::pushward("lenient")] {
        let answer = gateway.send("GET", "/api/v1/metrics", &[], b"");
        assert_eq!(answer.text(), "{\"status\":\"success\",\"data\":[]}");
    }
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn the_api_shows_groups_as_they_are_pushed_and_refused() {
    agree(&[
        body(
            "# HELP g A \\\"gauge\\\" \\\\ \\n <of> & two.\n# TYPE g gauge\ng{a=\"1\"} 1e6\ng{a=\"<&>\"} NaN\nu -0.5\n"
                .replace("\\\"", "'"),
        ),
        post("/metrics/job/x/instance/i", "# TYPE c counter\nc 1.5e9\n"),
        post("/metrics/job@base64/YS9i/e@base64/=", "m{job=\"forged\",l=\"\"} +Inf\n"),
        body("m 1 1000\n"),
        put("/metrics/job/x", "n 1\n"),
        post("/metrics/job/%E6%9D%B1", ""),
    ]);
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn the_api_shows_distributions() {
    agree(&[
        body(
            "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"1e6\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4.5\nh_count 3\n",
        ),
        body("# HELP s help\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"0.99\"} NaN\ns_sum 3\ns_count 4\n"),
        body("# TYPE t summary\nt_sum 0\nt_count 0\n"),
        body("# TYPE i histogram\ni_bucket{a=\"1\",le=\"+Inf\"} 1\ni_sum{a=\"1\"} 1\ni_count{a=\"1\"} 1\n"),
    ]);
}

/// The last bucket stands here as it does in the scrape; Pushgateway makes it up for the scrape alone.
#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn the_api_shows_a_last_bucket_that_was_not_pushed() {
    let pushed = body("# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_sum 4.5\nh_count 3\n");
    let [theirs, ours] = [process::pushgateway(), process::pushward("lenient")].map(|gateway| {
        assert_eq!(gateway.send(pushed.method, pushed.path, &[], &pushed.body).status, 200);
        groups(&gateway)["data"][0]["h"]["metrics"][0]["buckets"].clone()
    });
    assert_eq!(theirs, serde_json::json!({"0.5": "1"}));
    assert_eq!(ours, serde_json::json!({"0.5": "1", "+Inf": "3"}));
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn the_api_shows_protobuf() {
    let classic = family("h", HISTOGRAM, &[metric(&[("a", "1")]).histogram(3, 4.5, &[(0.5, 1), (f64::INFINITY, 3)])]);
    let gauge = message().bytes(1, "g").bytes(2, "help").uint(3, 1).part(4, &metric(&[]).gauge(2.5));
    agree(&[protobuf([classic.delimited(), gauge.delimited()].concat())]);
}

/// As 1.11.3 does. 1.5.1 shows the form that text has for it.
#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn the_api_lists_the_buckets_of_a_native_histogram() {
    let ours = process::pushward("lenient");
    let pushed = protobuf(family("h", HISTOGRAM, &[metric(&[]).part(7, &native())]).delimited());
    assert_eq!(ours.send(pushed.method, pushed.path, &pushed.headers, &pushed.body).status, 200);
    let expected = serde_json::json!({
        "buckets": [[3, "-0.001", "0.001", "1"], [0, "0.5", "1", "3"], [0, "1", "2", "1"]],
        "count": "5", "labels": {"instance": "", "job": "x"}, "sum": "7.5",
    });
    assert_eq!(groups(&ours)["data"][0]["h"]["metrics"][0], expected);
}

#[test]
#[ignore = "needs prometheus-pushgateway: ./tests/run"]
fn the_status_has_the_same_shape() {
    let shapes = [process::pushgateway(), process::pushward("lenient")].map(|gateway| {
        let answer = gateway.send("GET", "/api/v1/status", &[], b"");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let json: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let data = json["data"].as_object().expect("an object").clone();
        assert_eq!(json["status"], "success");
        assert!(data["build_information"]["version"].is_string(), "{json}");
        assert!(data["flags"].as_object().is_some_and(|flags| flags.values().all(Value::is_string)), "{json}");
        assert!(data["start_time"].as_str().is_some_and(|time| time.starts_with("20")), "{json}");
        let keys: Vec<String> = data.keys().cloned().collect();
        (keys, data["flags"].as_object().expect("an object").clone())
    });
    let [(their_keys, their_flags), (our_keys, our_flags)] = shapes;
    assert_eq!(their_keys, our_keys);
    for (flag, value) in &our_flags {
        // Younger than 1.5.1.
        if flag != "push.enable-utf8-names" {
            assert_eq!(their_flags.get(flag), Some(value), "{flag}");
        }
    }
}
