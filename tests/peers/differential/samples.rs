//! Sample lines of the text format: names, labels, values, timestamps.

use super::cases;
use crate::step::body;

cases! {
    text: "lenient",
    blanks_and_tabs_between_parts_are_read: [body("  m  \t 1 \n\tn{ a = \"b\" , c = \"d\" } 2\n")];
    no_blank_is_needed_after_the_labels: [body("m{a=\"b\"}1\n")];
    a_comma_after_the_last_label_is_read: [body("m{a=\"b\",} 1\n")];
    a_comma_alone_is_refused: [body("m{,} 1\n").says("text format parsing error in line 1: invalid label name")];
    empty_braces_are_no_labels: [body("m{} 1\n")];
    a_colon_in_a_metric_name_is_read: [body("a:b:c 1\n:d 2\n_e 3\n")];
    a_line_without_a_value_is_refused: [
        body("m\n").says("text format parsing error in line 1: expected float as value, got \"\""),
    ];
    a_word_for_a_value_is_refused: [
        body("m one\n").says("text format parsing error in line 1: expected float as value, got \"one\""),
    ];
    two_words_are_refused: [
        body("hello world again\n").says("text format parsing error in line 1: expected float as value, got \"world\""),
    ];
    the_wrong_line_is_counted: [
        body("a 1\n\n# c\nb x\n").says("text format parsing error in line 4: expected float as value, got \"x\""),
    ];
    a_name_with_a_digit_first_is_refused: [
        body("1m 1\n").says("text format parsing error in line 1: invalid metric name"),
    ];
    a_name_with_a_dash_is_refused: [body("a-b 1\n")];
    a_name_of_other_letters_is_refused: [
        body("é 1\n").says("text format parsing error in line 1: invalid metric name"),
    ];
    special_values_are_read_in_any_case: [
        body("a NaN\nb nan\nc Inf\nd +Inf\ne -Inf\nf infinity\ng -INFINITY\nh +inf\n"),
    ];
    values_are_written_shortest: [
        body("a 1e6\nb 999999\nc 1000000\nd 1048576\ne 0.0001\nf 0.00001\ng 1e-7\nh 123456789.125\ni 0.1\nj 1e21\nk 1e100\nl -2\nm 5e-324\nn 1.7976931348623157e308\no 3.14\n"),
    ];
    a_negative_zero_keeps_no_sign: [body("m -0\n")];
    values_are_read_in_any_decimal_form: [body("a 1.\nb .5\nc +3\nd 1E3\ne 1e+03\nf -1.5e-3\ng 007\n")];
    integers_beyond_the_exact_are_rounded: [
        body("a 9007199254740993\nb 18446744073709551615\nc 123456789012345678901234567890\n"),
    ];
    a_value_out_of_range_is_refused: [
        body("m 1e400\n").says("text format parsing error in line 1: expected float as value, got \"1e400\""),
    ];
    a_value_too_small_becomes_zero: [body("m 1e-400\n")];
    hexadecimal_values_are_refused: [
        body("m 0x10\n").says("text format parsing error in line 1: expected float as value, got \"0x10\""),
    ];
    hexadecimal_floats_are_refused: [
        body("m 0x1p4\n").says("text format parsing error in line 1: expected float as value, got \"0x1p4\""),
    ];
    underscores_in_values_are_refused: [
        body("m 1_000\n").says("text format parsing error in line 1: expected float as value, got \"1_000\""),
    ];
    a_missing_equals_sign_is_refused: [
        body("m{a\"b\"} 1\n").says("text format parsing error in line 1: expected '=' after label name, found '\"'"),
    ];
    a_missing_quote_is_refused: [
        body("m{a=b} 1\n")
            .says("text format parsing error in line 1: expected '\"' at start of label value, found 'b'"),
    ];
    something_after_a_label_value_is_refused: [
        body("m{a=\"b\"c} 1\n").says("text format parsing error in line 1: unexpected end of label value \"b\""),
    ];
    an_unfinished_label_value_is_refused: [
        body("m{a=\"b 1\n")
            .says("text format parsing error in line 1: label value \"b 1\" contains unescaped new-line"),
    ];
    labels_without_an_end_are_refused: [body("m{a=\"b\"\n")];
    an_unknown_escape_is_refused: [
        body("m{a=\"\\t\"} 1\n").says("text format parsing error in line 1: invalid escape sequence '\\t'"),
    ];
    known_escapes_come_back: [body("m{a=\"\\\\ \\\" \\n\"} 1\n")];
    a_label_given_twice_is_refused: [
        body("m{a=\"1\",a=\"2\"} 1\n")
            .says("text format parsing error in line 1: duplicate label names for metric \"m\""),
    ];
    a_label_called_name_is_refused: [
        body("m{__name__=\"n\"} 1\n").says("text format parsing error in line 1: label name \"__name__\" is reserved"),
    ];
    a_reserved_label_is_refused_by_the_store: [
        body("m{__a=\"b\"} 1\n").says("pushed metrics are invalid or inconsistent with existing metrics: "),
    ];
    a_label_name_with_a_digit_first_in_a_sample: [body("m{1a=\"b\"} 1\n")];
    an_empty_label_value_is_shown: [body("m{a=\"\"} 1\n")];
    an_empty_label_value_and_none_are_twins: [body("m{a=\"\"} 1\nm 2\n")];
    a_label_value_of_any_language_is_kept: [body("m{a=\"東京 é\"} 1\n")];
    a_label_value_that_is_not_utf8_is_refused: [
        body(b"m{a=\"\xff\"} 1\n").says("text format parsing error in line 1: invalid label value \"\\xff\""),
    ];
    a_quoted_name_is_read: [body("{\"m\",a=\"b\"} 1\n")];
    a_quoted_name_of_utf8_is_refused: [
        body("{\"my.name\"} 1\n").says("text format parsing error in line 1: invalid metric name \"my.name\""),
    ];
    a_quoted_label_is_read: [body("m{\"a\"=\"b\"} 1\n")];
    two_quoted_names_are_refused: [body("{\"m\",\"n\"} 1\n")];
    braces_without_a_name: [body("{a=\"b\"} 1\n")];
    braces_after_another_series: [body("m 1\n{a=\"b\"} 2\n")];
    a_timestamp_is_refused_by_the_store: [
        body("m 1 1700000000000\n")
            .says("pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps"),
    ];
    one_timestamp_among_many_is_refused: [
        body("a 1\nb 2 0\nc 3\n")
            .says("pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps"),
    ];
    a_negative_timestamp_is_a_timestamp: [
        body("m 1 -5\n")
            .says("pushed metrics are invalid or inconsistent with existing metrics: pushed metrics must not have timestamps"),
    ];
    a_timestamp_that_is_no_integer_is_refused: [
        body("m 1 1.5\n").says("text format parsing error in line 1: expected integer as timestamp, got \"1.5\""),
    ];
    something_after_a_timestamp_is_refused: [
        body("m 1 2 3\n").says("text format parsing error in line 1: spurious string after timestamp: \" 3\""),
    ];
    an_exemplar_is_refused: [
        body("m 1 # {trace_id=\"t\"} 1\n")
            .says("text format parsing error in line 1: expected integer as timestamp, got \"#\""),
    ];
    a_long_line_is_read: [body(format!("m{{a=\"{}\"}} 1\n", "x".repeat(3000)))];
}
