//! Line ends and content types: the strict dialect of a tenant, which is Pushgateway's own.

use super::cases;
use crate::step::body;

cases! {
    text: "strict",
    strictly_a_last_line_needs_its_line_feed: [
        body("m 1").says("text format parsing error in line 1: unexpected end of input stream"),
        body("m 1\n# c").says("text format parsing error in line 2: unexpected end of input stream"),
    ];
    strictly_a_carriage_return_is_part_of_a_value: [
        body("m 3.14\r\n").says("text format parsing error in line 1: expected float as value, got \"3.14\\r\""),
    ];
    strictly_a_carriage_return_is_part_of_a_type: [
        body("# TYPE m counter\r\nm 1\r\n")
            .says("text format parsing error in line 1: unknown metric type \"counter\\r\""),
    ];
    strictly_a_carriage_return_in_an_empty_line: [body("m 1\n\r\n")];
    strictly_good_text_is_good: [body("# HELP m h\n# TYPE m gauge\nm{a=\"b\"} 1\n")];
    json_is_refused_as_text: [body("{\"a\":1}\n").header("Content-Type", "application/json")];
    text_called_json_is_text: [body("m 1\n").header("Content-Type", "application/json")];
    text_called_openmetrics_is_text: [
        body("# TYPE m counter\nm_total 1\n# EOF\n").header("Content-Type", "application/openmetrics-text; version=1.0.0"),
    ];
    text_called_a_form_is_text: [body("m 1\n").header("Content-Type", "application/x-www-form-urlencoded")];
    a_broken_content_type_is_text: [body("m 1\n").header("Content-Type", "/;;=")];
    protobuf_that_is_not_delimited_is_read_as_text: [
        body("m 1\n").header("Content-Type", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text"),
    ];
    a_byte_order_mark_is_no_metric: [body("\u{feff}m 1\n")];
    a_page_of_html_is_refused: [body("<html>\n")];
}
