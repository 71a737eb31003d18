//! Histograms and summaries: what is folded, what is made up, what is refused.

use super::cases;
use crate::step::body;

cases! {
    text: "lenient",
    a_histogram_comes_back: [
        body("# HELP h help\n# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 4.5\nh_count 3\n"),
    ];
    a_missing_last_bucket_is_made_from_the_count: [
        body("# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_sum 4\nh_count 3\n"),
    ];
    a_histogram_of_count_and_sum_alone: [body("# TYPE h histogram\nh_sum 4\nh_count 3\n")];
    a_histogram_of_buckets_alone: [body("# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\n")];
    a_histogram_of_its_last_bucket_alone: [body("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\n")];
    bounds_are_written_in_one_form: [
        body("# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"1e1\"} 2\nh_bucket{le=\"1000000\"} 3\nh_bucket{le=\"+inf\"} 4\nh_sum 1\nh_count 4\n"),
    ];
    buckets_keep_their_order: [
        body("# TYPE h histogram\nh_count 3\nh_bucket{le=\"+Inf\"} 3\nh_bucket{le=\"2\"} 2\nh_bucket{le=\"1\"} 1\nh_sum 4\n"),
    ];
    the_same_bound_twice: [
        body("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n"),
    ];
    a_count_that_is_not_the_last_bucket: [body("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 5\n")];
    buckets_that_fall_are_not_judged: [
        body("# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 4\nh_sum 1\nh_count 4\n"),
    ];
    a_histogram_with_labels_of_its_own: [
        body("# TYPE h histogram\nh_bucket{a=\"1\",le=\"1\"} 1\nh_bucket{le=\"+Inf\",a=\"1\"} 1\nh_sum{a=\"1\"} 1\nh_count{a=\"1\"} 1\nh_bucket{a=\"2\",le=\"+Inf\"} 2\nh_sum{a=\"2\"} 2\nh_count{a=\"2\"} 2\n"),
    ];
    a_bound_that_is_no_number_is_refused: [
        body("# TYPE h histogram\nh_bucket{le=\"x\"} 1\n")
            .says("text format parsing error in line 2: expected float as value for 'le' label, got \"x\""),
    ];
    a_bucket_without_a_bound: [body("# TYPE h histogram\nh_bucket 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n")];
    a_fraction_of_a_count: [
        body("# TYPE h histogram\nh_bucket{le=\"1\"} 1.5\nh_bucket{le=\"+Inf\"} 2.5\nh_sum 1\nh_count 2.5\n"),
    ];
    a_negative_count: [body("# TYPE h histogram\nh_count -1\nh_sum 1\n")];
    a_negative_bucket: [body("# TYPE h histogram\nh_bucket{le=\"1\"} -1\nh_count 1\nh_sum 1\n")];
    a_bare_sample_of_a_histogram: [body("# TYPE h histogram\nh 1\n")];
    buckets_without_a_type_are_untyped: [body("h_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n")];
    a_type_that_comes_after_its_buckets: [body("h_bucket{le=\"1\"} 1\n# TYPE h histogram\nh_sum 1\nh_count 1\n")];
    a_bound_on_a_gauge_is_a_label: [body("# TYPE g gauge\ng{le=\"1.0\"} 1\n")];
    a_huge_count_is_written_as_an_integer: [
        body("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 10000000\nh_sum 1e9\nh_count 10000000\n"),
    ];
    a_sum_may_be_anything: [body("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum NaN\nh_count 1\n")];
    a_summary_comes_back: [
        body("# HELP s help\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"0.99\"} 2\ns_sum 3\ns_count 4\n"),
    ];
    quantiles_are_written_in_one_form: [
        body("# TYPE s summary\ns{quantile=\"0.50\"} 1\ns{quantile=\"9e-1\"} 2\ns{quantile=\"1.0\"} 2\ns_sum 3\ns_count 4\n"),
    ];
    the_same_quantile_twice: [body("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns{quantile=\"0.50\"} 2\ns_sum 3\ns_count 4\n")];
    quantiles_keep_their_order: [
        body("# TYPE s summary\ns{quantile=\"0.9\"} 2\ns_count 4\ns{quantile=\"0.5\"} 1\ns_sum 3\n"),
    ];
    a_summary_without_quantiles: [body("# TYPE s summary\ns_sum 3\ns_count 4\n")];
    a_summary_of_one_quantile_alone: [body("# TYPE s summary\ns{quantile=\"0.5\"} NaN\n")];
    a_bare_sample_of_a_summary: [body("# TYPE s summary\ns 1\n")];
    a_quantile_that_is_no_number_is_refused: [
        body("# TYPE s summary\ns{quantile=\"x\"} 1\n")
            .says("text format parsing error in line 2: expected float as value for 'quantile' label, got \"x\""),
    ];
    a_fraction_of_a_summary_count: [body("# TYPE s summary\ns_count 2.7\ns_sum 1\n")];
    a_summary_with_labels_of_its_own: [
        body("# TYPE s summary\ns{a=\"1\",quantile=\"0.5\"} 1\ns_sum{a=\"1\"} 1\ns_count{a=\"1\"} 1\ns_sum{a=\"2\"} 2\ns_count{a=\"2\"} 2\n"),
    ];
}
