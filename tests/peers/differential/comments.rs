//! HELP, TYPE and other comments.

use super::cases;
use crate::step::body;

cases! {
    text: "lenient",
    blank_lines_and_comments_are_skipped: [body("\n  \n#\n# \n#comment\n   # comment\n# COMMENT m x\nm 1\n\n")];
    a_line_of_end_of_file_is_a_comment: [body("m 1\n# EOF\n"), body("n 1\n# EOF\no 2\n")];
    a_unit_line_is_a_comment: [body("# UNIT m seconds\nm 1\n")];
    a_series_without_a_type_is_untyped: [body("m 1\n# TYPE n untyped\nn 1\n")];
    types_are_read_in_any_case: [body("# TYPE a COUNTER\na 1\n# TYPE b Gauge\nb 1\n")];
    the_type_gaugehistogram_is_read: [body("# TYPE m gaugehistogram\nm_bucket{le=\"+Inf\"} 1\nm_gsum 1\nm_gcount 1\n")];
    the_type_unknown_is_refused: [
        body("# TYPE m unknown\nm 1\n").says("text format parsing error in line 1: unknown metric type \"unknown\""),
    ];
    the_type_info_is_refused: [
        body("# TYPE m info\nm 1\n").says("text format parsing error in line 1: unknown metric type \"info\""),
    ];
    a_type_without_a_word_is_refused: [body("# TYPE m\nm 1\n")];
    a_type_with_a_word_too_many_is_refused: [body("# TYPE m gauge x\nm 1\n")];
    help_without_series_is_dropped: [body("# HELP a b\n# TYPE c gauge\nm 1\n")];
    help_before_or_after_the_type: [body("# HELP a h\n# TYPE a gauge\na 1\n# TYPE b gauge\n# HELP b h\nb 1\n")];
    help_after_the_samples: [body("m 1\n# HELP m later\n")];
    help_keeps_its_text: [body("# HELP m  two  words\\\\ and \\n a line, \"quoted\"\nm 1\n")];
    an_escaped_quote_in_help: [body("# HELP m a \\\"b\\\"\nm 1\n")];
    an_unknown_escape_in_help: [body("# HELP m a\\tb\nm 1\n")];
    empty_help_is_no_help: [body("# HELP m\nm 1\n"), body("# HELP m \nm 1\n")];
    help_of_any_language_is_kept: [body("# HELP m é東京\nm 1\n")];
    a_second_help_is_refused: [
        body("# HELP m a\n# HELP m b\nm 1\n")
            .says("text format parsing error in line 2: second HELP line for metric name \"m\""),
    ];
    a_second_type_is_refused: [
        body("# TYPE m gauge\n# TYPE m gauge\nm 1\n")
            .says("text format parsing error in line 2: second TYPE line for metric name \"m\", or TYPE reported after samples"),
    ];
    a_type_after_the_samples_is_refused: [
        body("m 1\n# TYPE m gauge\n")
            .says("text format parsing error in line 2: second TYPE line for metric name \"m\", or TYPE reported after samples"),
    ];
    a_comment_for_a_wrong_name_is_refused: [
        body("# TYPE 1m gauge\n").says("text format parsing error in line 1: invalid metric name in comment"),
    ];
    a_series_of_a_family_may_come_later: [body("# TYPE a gauge\na{l=\"1\"} 1\nb 2\na{l=\"2\"} 3\n")];
    a_tab_after_the_hash_is_a_blank: [body("#\tTYPE\tm\tgauge\nm 1\n")];
}
