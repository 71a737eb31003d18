//! PUT, POST and DELETE one after another, and what a refused push leaves.

use super::cases;
use crate::step::Step;
use crate::step::delete;
use crate::step::post;
use crate::step::put;

const X: &str = "/metrics/job/x";

fn with_timestamp() -> Step {
    post(X, "m 5 1000\n").says(
        "pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps",
    )
}

cases! {
    text: "lenient",
    post_keeps_the_other_families_of_its_group: [post(X, "a 1\n"), post(X, "b 2\n")];
    post_replaces_a_family_with_all_its_series: [post(X, "a{l=\"1\"} 1\na{l=\"2\"} 2\n"), post(X, "a{l=\"3\"} 3\n")];
    put_removes_the_other_families_of_its_group: [post(X, "a 1\nb 2\n"), put(X, "c 3\n")];
    put_leaves_other_groups_alone: [put("/metrics/job/y", "a 1\n"), put(X, "b 2\n"), put(X, "c 3\n")];
    an_empty_put_leaves_the_two_gauges: [put(X, "a 1\n"), put(X, "")];
    an_empty_post_changes_no_family: [post(X, "a 1\n"), post(X, "")];
    an_empty_push_makes_a_group: [post(X, ""), put("/metrics/job/y", "")];
    a_push_of_comments_is_an_empty_push: [put(X, "a 1\n"), put(X, "# nothing\n# HELP a b\n# TYPE a gauge\n")];
    delete_removes_the_group_and_its_gauges: [post(X, "a 1\n"), delete(X)];
    delete_of_an_unknown_group_is_accepted: [delete("/metrics/job/nobody"), delete("/metrics/job/nobody/a/b")];
    delete_removes_the_exact_key_alone: [
        post(X, "a 1\n"),
        post("/metrics/job/x/instance/y", "b 1\n"),
        delete(X),
        delete("/metrics/job/x/instance/z"),
        delete("/metrics/job/x/instance/y"),
    ];
    the_order_of_labels_in_a_path_does_not_matter: [
        post("/metrics/job/x/a/1/b/2", "m 1\n"),
        put("/metrics/job/x/b/2/a/1", "n 1\n"),
        delete("/metrics/job/x/b/2/a/1"),
    ];
    a_base64_path_reaches_the_same_group: [
        post("/metrics/job/x/a/1", "m 1\n"),
        put("/metrics/job@base64/eA/a@base64/MQ", "n 1\n"),
        delete("/metrics/job@base64/eA==/a/1"),
    ];
    a_deleted_group_can_be_pushed_again: [post(X, "a 1\n"), delete(X), post(X, "b 1\n")];
    deleting_twice_is_accepted: [post(X, "a 1\n"), delete(X), delete(X)];
    the_body_of_a_delete_is_not_read_as_metrics: [
        post(X, "a 1\n"),
        Step { method: "DELETE", ..post(X, "this is no metric") },
    ];
    a_type_may_change_with_its_only_group: [post(X, "# TYPE a gauge\na 1\n"), post(X, "# TYPE a counter\na 1\n")];
    two_groups_share_a_family: [
        post(X, "# HELP a h\n# TYPE a gauge\na 1\n"),
        post("/metrics/job/y", "# HELP a h\n# TYPE a gauge\na 2\n"),
        delete(X),
    ];
    a_refused_push_makes_a_group_of_two_gauges: [with_timestamp()];
    a_refused_push_changes_nothing_but_the_failure_time: [post(X, "m 1\n"), with_timestamp()];
    a_refused_put_changes_nothing_but_the_failure_time: [
        put(X, "m 1\n"),
        put(X, "n 5 1000\n").says("pushed metrics are invalid or inconsistent with existing metrics: "),
    ];
    a_failure_time_outlives_good_pushes: [with_timestamp(), post(X, "m 1\n"), put(X, "m 2\n")];
    a_delete_ends_a_failure_time: [with_timestamp(), delete(X), post(X, "m 1\n")];
    a_parse_error_leaves_no_trace: [post(X, "a b c\n"), post(X, "m 1\n"), put(X, "m 2\nn oops\n")];
    a_wrong_path_leaves_no_trace: [post("/metrics/job/x/a", "m 1\n")];
    a_pushed_push_time_is_not_believed: [post(X, "# TYPE push_time_seconds gauge\npush_time_seconds 5\nm 1\n")];
    a_pushed_failure_time_is_not_believed: [
        post(X, "# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds 5\nm 1\n"),
    ];
    a_second_pushed_failure_time: [
        post(X, "m 1\n"),
        post(X, "# TYPE push_failure_time_seconds gauge\npush_failure_time_seconds 5\n"),
    ];
    groups_are_shown_in_one_order: [
        post("/metrics/job/b", "m 1\n"),
        post("/metrics/job/a/z/1", "m 2\n"),
        post("/metrics/job/a", "m{l=\"2\"} 3\nm{l=\"10\"} 4\nm 5\n"),
        post("/metrics/job/c/instance/i", "m 6\n"),
        post("/metrics/job/a/b/1", "m 7\n"),
    ];
}
