//! Consistency: what may stand beside what, within a push and across groups, and which labels win.

use super::cases;
use crate::step::Step;
use crate::step::body;
use crate::step::delete;
use crate::step::post;
use crate::step::put;

const INCONSISTENT: &str = "pushed metrics are invalid or inconsistent with existing metrics: ";
const HISTOGRAM: &str = "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n";
const SUMMARY: &str = "# TYPE s summary\ns_sum 1\ns_count 1\n";

fn other(text: &'static str) -> Step {
    post("/metrics/job/other", text)
}

cases! {
    text: "lenient",
    the_path_overrides_job_and_instance: [
        post("/metrics/job/x/instance/i", "m{job=\"forged\",instance=\"forged\"} 1\n"),
    ];
    the_path_overrides_any_label: [post("/metrics/job/x/a/path", "m{a=\"pushed\",b=\"kept\"} 1\n")];
    a_pushed_instance_is_kept_where_the_path_has_none: [body("m{instance=\"i\"} 1\n")];
    an_instance_is_added_where_there_is_none: [body("m 1\n"), body("n{instance=\"\"} 1\n")];
    labels_are_sorted: [post("/metrics/job/x/k/v", "m{z=\"1\",a=\"2\"} 1\n")];
    a_series_twice_in_a_push_is_refused: [body("m{a=\"1\"} 1\nm{a=\"1\"} 2\n").says(INCONSISTENT)];
    a_series_twice_in_another_order_is_refused: [
        body("m{a=\"1\",b=\"2\"} 1\nm{b=\"2\",a=\"1\"} 2\n").says(INCONSISTENT),
    ];
    series_made_equal_by_the_path_are_refused: [body("m{job=\"1\"} 1\nm{job=\"2\"} 2\n").says(INCONSISTENT)];
    a_series_of_another_group_is_refused: [
        post("/metrics/job/x/instance/i", "m 1\n"),
        body("m{instance=\"i\"} 2\n").says(INCONSISTENT),
        delete("/metrics/job/x/instance/i"),
        body("m{instance=\"i\"} 2\n"),
    ];
    an_equal_series_is_no_clash_with_itself: [body("m 1\n"), body("m 1\n"), put("/metrics/job/x", "m 1\n")];
    another_type_in_another_group_is_refused: [
        body("# TYPE m gauge\nm 1\n"),
        other("# TYPE m counter\nm 1\n").says(INCONSISTENT),
        other("m 1\n").says(INCONSISTENT),
        other("# TYPE m gauge\nm 1\n"),
    ];
    a_type_is_free_again_after_a_delete: [
        body("# TYPE m gauge\nm 1\n"),
        delete("/metrics/job/x"),
        other("# TYPE m counter\nm 1\n"),
    ];
    a_put_that_drops_a_family_frees_its_type: [
        body("# TYPE m gauge\nm 1\n"),
        put("/metrics/job/x", "n 1\n"),
        other("# TYPE m counter\nm 1\n"),
    ];
    a_put_is_judged_without_what_it_removes: [body(HISTOGRAM), put("/metrics/job/x", "h_count 1\n")];
    a_post_is_judged_with_what_it_keeps: [body(HISTOGRAM), body("h_count 1\n").says(INCONSISTENT)];
    a_count_beside_its_histogram_is_refused: [body(HISTOGRAM), other("h_count 1\n").says(INCONSISTENT)];
    a_sum_beside_its_histogram_is_refused: [body(HISTOGRAM), other("h_sum 1\n").says(INCONSISTENT)];
    a_bucket_beside_its_histogram_is_refused: [body(HISTOGRAM), other("h_bucket 1\n").says(INCONSISTENT)];
    a_histogram_beside_a_bucket_is_refused: [body("h_bucket 1\n"), other(HISTOGRAM).says(INCONSISTENT)];
    a_count_beside_its_summary_is_refused: [body(SUMMARY), other("s_count 1\n").says(INCONSISTENT)];
    a_summary_beside_a_sum_is_refused: [body("s_sum 1\n"), other(SUMMARY).says(INCONSISTENT)];
    a_bucket_beside_a_summary_is_no_clash: [body(SUMMARY), other("s_bucket 1\n")];
    a_count_beside_a_gauge_is_no_clash: [body("# TYPE g gauge\ng 1\n"), other("g_count 1\n")];
    another_help_is_no_clash: [
        body("# HELP m one\n# TYPE m gauge\nm 1\n"), post("/metrics/job/x", "# HELP m two\n# TYPE m gauge\nm 1\n"),
    ];
    a_quantile_label_on_a_gauge_is_a_label: [body("# TYPE g gauge\ng{quantile=\"0.5\"} 1\n")];
    a_grouping_label_called_quantile_and_a_summary: [post("/metrics/job/x/quantile/1", SUMMARY).says(INCONSISTENT)];
    a_grouping_label_called_le_and_a_histogram: [post("/metrics/job/x/le/1", HISTOGRAM)];
    telemetry_of_the_gateway_with_another_type: [body("# TYPE go_goroutines counter\ngo_goroutines 1\n")];
    a_metric_called_up_is_a_metric: [body("# TYPE up gauge\nup 1\n")];
    a_refusal_names_the_group_it_was_for: [
        body("# TYPE m gauge\nm 1\n"), other("# TYPE m counter\nm 1\n"), other("n 1\n"),
    ];
    an_empty_instance_and_none_of_another_job: [
        post("/metrics/job/x/instance/", "m 1\n"),
        post("/metrics/job/y", "m 1\n"),
    ];
}
