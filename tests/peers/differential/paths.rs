//! The grammar of a push URL.

use super::cases;
use crate::step::delete;
use crate::step::path;
use crate::step::put;

cases! {
    text: "lenient",
    a_job_alone_is_a_group: [path("/metrics/job/x")];
    a_slash_after_the_job_changes_nothing: [path("/metrics/job/x"), path("/metrics/job/x/")];
    a_label_makes_another_group: [path("/metrics/job/x"), path("/metrics/job/x/a/b")];
    the_instance_of_the_path_is_the_instance: [path("/metrics/job/x/instance/i")];
    a_trailing_empty_value_is_a_label: [path("/metrics/job/x/a/")];
    an_odd_part_is_refused: [
        path("/metrics/job/x/a").says("odd number of components in label string \"/a\""),
        put("/metrics/job/x/a", "m 1\n").says("odd number of components in label string \"/a\""),
        delete("/metrics/job/x/a").says("odd number of components in label string \"/a\""),
    ];
    a_pair_and_a_trailing_slash_are_odd: [
        path("/metrics/job/x/a/b/").says("odd number of components in label string \"/a/b/\""),
    ];
    a_doubled_slash_is_redirected: [path("/metrics/job/x/a//b/c")];
    a_doubled_slash_for_the_job_is_redirected: [path("/metrics/job//foo")];
    dot_segments_are_redirected: [path("/metrics/job/x/../y"), path("/metrics/./job/x"), path("/metrics/job/x/a/..")];
    encoded_dots_at_the_end_of_a_path: [path("/metrics/job/x/a/%2E%2E")];
    encoded_dots_as_a_whole_value: [path("/metrics/job/x/a/%2E%2E/b/c")];
    dots_inside_a_value_are_a_value: [path("/metrics/job/x/a/1..2"), path("/metrics/job/...")];
    an_encoded_slash_in_a_value_splits_it: [
        path("/metrics/job/x/a/b%2Fc").says("odd number of components in label string \"/a/b/c\""),
    ];
    an_encoded_slash_in_a_job_splits_it: [path("/metrics/job/x%2Fa%2Fb")];
    an_encoded_slash_before_a_name_makes_an_odd_part: [
        path("/metrics/job/x/%2Fa/b").says("odd number of components in label string \"//a/b\""),
    ];
    an_encoded_slash_before_a_name_makes_an_empty_name: [path("/metrics/job/x/%2Fa/b/c").says("improper label name \"\"")];
    an_encoded_slash_before_the_job_makes_it_empty: [path("/metrics/job/%2Fa%2Fb").says("job name is required")];
    an_encoded_slash_and_one_part_is_odd: [
        path("/metrics/job/%2Ffoo").says("odd number of components in label string \"/foo\""),
    ];
    a_base64_job_may_hold_a_slash: [
        path("/metrics/job@base64/dGVzdC9qb2I="), path("/metrics/job@base64/dGVzdC9qb2I/i/j"),
    ];
    base64_with_any_padding_is_read: [
        path("/metrics/job@base64/eA"),
        path("/metrics/job@base64/eA=="),
        path("/metrics/job@base64/eA===="),
    ];
    base64_with_loose_last_bits_is_read: [path("/metrics/job@base64/eB")];
    base64_with_a_line_feed_inside_is_read: [
        path("/metrics/job/x/a@base64/e%0AA"), path("/metrics/job/x/a@base64/eA%0D%0A"),
    ];
    an_empty_base64_job_is_refused: [
        path("/metrics/job@base64/=").says("job name is required"),
        path("/metrics/job@base64/=/a/b").says("job name is required"),
    ];
    a_base64_job_of_other_characters_is_refused: [
        path("/metrics/job@base64/!!")
            .says("invalid base64 encoding in job name \"\": illegal base64 data at input byte 0"),
    ];
    a_base64_job_shows_what_was_decoded_of_it: [
        path("/metrics/job@base64/Zm9v*")
            .says("invalid base64 encoding in job name \"foo\": illegal base64 data at input byte 4"),
    ];
    standard_base64_with_plus_is_refused: [
        path("/metrics/job/x/l@base64/%2B%2B")
            .says("invalid base64 encoding for label l=\"++\": illegal base64 data at input byte 0"),
    ];
    padding_inside_base64_is_refused: [
        path("/metrics/job/x/l@base64/eA=eA")
            .says("invalid base64 encoding for label l=\"eA=eA\": illegal base64 data at"),
    ];
    a_lone_base64_character_is_refused: [
        path("/metrics/job/x/l@base64/e").says("invalid base64 encoding for label l=\"e\": illegal base64 data at"),
    ];
    a_base64_value_of_other_characters_is_refused: [
        path("/metrics/job/x/l@base64/foo.bar")
            .says("invalid base64 encoding for label l=\"foo.bar\": illegal base64 data at input byte 3"),
        delete("/metrics/job/x/l@base64/foo.bar").says("invalid base64 encoding for label l=\"foo.bar\""),
    ];
    a_base64_value_may_hold_anything: [
        path("/metrics/job/x/l@base64/YS9iL2M/k/v"), path("/metrics/job/x/l@base64/w6nDqQ"),
    ];
    an_equals_sign_is_the_empty_value: [path("/metrics/job/x/a@base64/=/b/c")];
    base64_is_stripped_from_a_name_once: [
        path("/metrics/job/x/a@base64@base64/eA").says("improper label name \"a@base64\""),
    ];
    an_encoded_at_sign_after_job_is_an_at_sign: [path("/metrics/job%40base64/eA")];
    an_encoded_at_sign_after_a_name_is_an_at_sign: [path("/metrics/job/x/a%40base64/eA")];
    a_job_among_the_labels_is_overridden: [path("/metrics/job/x/job/y"), path("/metrics/job/x/job@base64/eQ")];
    of_a_label_given_twice_the_last_wins: [path("/metrics/job/x/a/1/a/2"), delete("/metrics/job/x/a/2")];
    an_empty_label_name_is_refused: [path("/metrics/job/x/@base64/eA").says("improper label name \"\"")];
    a_reserved_label_name_is_refused: [path("/metrics/job/x/__a/b").says("improper label name \"__a\"")];
    a_label_name_with_a_dash_is_refused: [path("/metrics/job/x/a-b/c").says("improper label name \"a-b\"")];
    a_label_name_with_a_digit_first_is_refused: [path("/metrics/job/x/1a/c").says("improper label name \"1a\"")];
    a_label_name_with_a_colon_is_refused: [path("/metrics/job/x/a:b/c").says("improper label name \"a:b\"")];
    a_label_name_of_other_letters_is_refused: [path("/metrics/job/x/%C3%A9/c").says("improper label name \"é\"")];
    the_first_wrong_part_is_the_one_told: [path("/metrics/job/x/a-b/c/__d/e").says("improper label name \"a-b\"")];
    an_escaped_utf8_name_is_an_ordinary_name: [path("/metrics/job/x/U__a_2e_b/c")];
    a_plus_is_a_plus: [path("/metrics/job/a+b"), path("/metrics/job/a%2Bb")];
    an_encoded_space_is_a_space: [path("/metrics/job/a%20b/c/d%20e")];
    values_may_be_of_any_language: [path("/metrics/job/Bj%C3%B6rn/city/%E6%9D%B1%E4%BA%AC")];
    quotes_and_line_feeds_in_a_value_are_escaped: [path("/metrics/job/x/a/%22%5C%0A")];
    a_zero_byte_in_a_value_is_kept: [path("/metrics/job/x/a/b%00c")];
    an_encoded_percent_is_a_percent: [path("/metrics/job/100%25"), path("/metrics/job/%2541")];
    an_encoded_question_mark_is_no_query: [path("/metrics/job/a%3Fb")];
    a_query_is_ignored: [path("/metrics/job/x?a=b/c"), path("/metrics/job/x/?")];
    a_broken_percent_code_is_refused: [path("/metrics/job/x/a/%zz"), path("/metrics/job/x/a/%")];
    labels_called_le_and_quantile_group_plain_metrics: [path("/metrics/job/x/le/5/quantile/0.5")];
    a_label_called_tenant_is_like_any_other: [path("/metrics/job/x/tenant/t")];
    sub_delimiters_stand_for_themselves: [path("/metrics/job/a;b,c=d&e'f(g)!*$@:~")];
}
