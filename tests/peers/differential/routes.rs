//! Paths and methods that are no push.

use super::cases;
use crate::step::delete;
use crate::step::path;
use crate::step::put;
use crate::step::request;

cases! {
    text: "lenient",
    a_push_without_a_job_part_is_not_found: [path("/metrics/job"), put("/metrics/job", ""), delete("/metrics/job")];
    a_push_with_nothing_after_job_is_redirected: [path("/metrics/job/")];
    a_base64_job_with_nothing_after_it_is_not_found: [path("/metrics/job@base64"), path("/metrics/job@base64/")];
    the_path_of_before_version_0_7_is_not_found: [path("/metrics/jobs/x"), path("/metrics/jobs/x/instances/y")];
    a_slash_after_metrics_is_redirected_for_a_scrape: [request("GET", "/metrics/")];
    a_slash_after_metrics_is_not_found_for_a_push: [path("/metrics/")];
    a_push_to_the_scrape_path_is_not_allowed: [path("/metrics"), put("/metrics", "m 1\n"), delete("/metrics")];
    reading_a_push_path_is_not_allowed: [request("GET", "/metrics/job/x"), request("PATCH", "/metrics/job/x")];
    another_case_of_the_path_is_redirected: [path("/METRICS/JOB/Foo")];
    healthy_and_ready_answer_ok: [request("GET", "/-/healthy").says("OK"), request("GET", "/-/ready").says("OK")];
    head_of_the_open_paths: [request("HEAD", "/-/healthy"), request("HEAD", "/-/ready"), request("HEAD", "/metrics")];
    options_of_a_push_path: [request("OPTIONS", "/metrics/job/x")];
    an_unknown_path_is_not_found: [request("GET", "/favicon.ico"), path("/api/v2/write")];
    quitting_is_not_for_clients: [put("/-/quit", "")];
    profiles_of_the_process: [request("GET", "/debug/pprof/cmdline")];
}
