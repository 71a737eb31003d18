use super::ParseError;
use super::parse;
use crate::exposition::pushed::Measured;
use crate::exposition::pushed::PushedFamilies;
use crate::model::NameScheme;
use crate::model::TextDialect;
use proptest::prelude::*;
use std::fmt::Write;

/// What was read, in one line for each metric: `name/kind{labels} value`, or `… sum count [place=value …]`.
pub(super) fn shown(pushed: &PushedFamilies<'_>) -> String {
    let mut out = String::new();
    for (at, metric) in pushed.metrics.iter().enumerate() {
        let family = &pushed.families[metric.family as usize];
        write!(out, "{}/{}{{", family.name, family.kind).unwrap();
        for label in pushed.labels_of(metric) {
            write!(out, "{}={},", label.name, label.value).unwrap();
        }
        match metric.measured {
            Measured::Value(value) => write!(out, "}} {value}").unwrap(),
            Measured::Distribution { sum, count } => {
                write!(out, "}} {sum} {count}").unwrap();
                for point in pushed.points.iter().filter(|point| point.metric as usize == at) {
                    write!(out, " {}={}", point.at, point.value).unwrap();
                }
            }
        }
        out.push('\n');
    }
    out
}

pub(super) fn read(body: &str) -> String {
    shown(
        &parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic)
            .unwrap_or_else(|error| panic!("{body:?}: {error}")),
    )
}

fn refused(body: &[u8], dialect: TextDialect) -> ParseError {
    match parse(body, dialect, NameScheme::Classic) {
        Ok(pushed) => panic!("{:?} was read as {}", String::from_utf8_lossy(body), shown(&pushed)),
        Err(error) => error,
    }
}

#[track_caller]
pub(super) fn refuses(body: impl AsRef<[u8]>, line: usize, column: usize, message: &str) {
    let error = refused(body.as_ref(), TextDialect::Strict);
    let expected = format!("text format parsing error in line {line}: {message} (column {column})");
    assert_eq!(error.to_string(), expected, "{}", String::from_utf8_lossy(body.as_ref()));
    assert_eq!((error.line(), error.column(), error.message()), (line, column, message));
}

#[test]
fn every_line_ends_in_a_line_feed_where_the_dialect_is_strict() {
    let end = "unexpected end of input stream";
    for (body, column) in [
        ("a", 2),
        ("a 1", 4),
        ("a{", 3),
        ("a{b=\"c", 7),
        ("a{b=\"c\"} 1", 11),
        ("a 1 5", 6),
        ("a 1 5 ", 7),
        ("# EOF", 6),
        ("#", 2),
        ("# HELP a", 9),
        ("# HELP a b", 11),
        ("# HELP a b\\", 12),
        ("# TYPE a gauge", 15),
        ("{\"a\"", 5),
        ("{\"a", 4),
    ] {
        refuses(body, 1, column, end);
        refuses(format!("\n{body}"), 2, column, end);
    }
    assert_eq!(read("a 1\n \t"), "a/untyped{} 1\n");
    refuses("a 3.14\r\n", 1, 3, r#"expected float as value, got "3.14\r""#);
    refuses("# TYPE a counter\r\n", 1, 10, r#"unknown metric type "counter\r""#);
}

#[test]
fn the_lenient_dialect_takes_crlf_and_a_last_line_without_an_end() {
    for body in [
        "# HELP a b\r\n# TYPE a gauge\r\n\r\na{b=\"c\"} 1\r\n",
        "# HELP a b\n# TYPE a gauge\na{b=\"c\"} 1",
        "# HELP a b\n# TYPE a gauge\na{b=\"c\"} 1\r",
        "# HELP a b\n# TYPE a gauge\na{b=\"c\"} 1\n# EOF",
    ] {
        let pushed = parse(body.as_bytes(), TextDialect::Lenient, NameScheme::Classic).unwrap();
        assert_eq!(shown(&pushed), "a/gauge{b=c,} 1\n");
        assert_eq!(pushed.families[0].help, "b");
    }
    for body in ["a", "a{", "a{b=\"c", "{\"a\"", "a 1 \r\n", "a 1\r\r\n"] {
        refused(body.as_bytes(), TextDialect::Lenient);
    }
}

#[test]
fn blanks_empty_lines_and_comments_do_not_matter() {
    let body = "\n \t\n#\n# \n#x\n# EOF\n# UNIT a seconds\n# HELP\n# TYPE\n# TYPE \n# HELP a\n# TYPE a \n# type a gauge\n \ta \t{ \tb \t= \t\"c\" \t, \t} \t1\n#TYPE d gauge\nd\t2\ne{}3\n";
    assert_eq!(read(body), "a/untyped{b=c,} 1\nd/gauge{} 2\ne/untyped{} 3\n");
    assert!(parse(b"# \xff comment\na 1\n", TextDialect::Strict, NameScheme::Classic).is_ok());
    assert_eq!(read(""), "");
}

#[test]
fn a_type_is_of_any_case_and_untyped_where_none_is_said() {
    for (word, kind) in [
        ("counter", "counter"),
        ("GAUGE", "gauge"),
        ("Untyped", "untyped"),
        ("SUMMARY", "summary"),
        ("histogram", "histogram"),
        ("gaugehistogram", "histogram"),
        ("GAUGE_HISTOGRAM", "histogram"),
    ] {
        let pushed = format!("# TYPE a {word}\na_sum 1\na{{le=\"1\",quantile=\"1\"}} 1\n");
        assert!(read(&pushed).contains(&format!("a/{kind}{{")), "{word}");
    }
    for word in ["unknown", "info", "stateset", "counter ", "gauge gauge", "ä"] {
        let message = format!("unknown metric type {word:?}");
        refuses(format!("# TYPE a {word}\n"), 1, 10, &message);
    }
}

#[test]
fn a_help_is_read_with_its_escapes_and_kept_to_its_end() {
    let body = b"# HELP a  two\\\\ \\n lines \\\"x\\\" \na 1\n";
    let pushed = parse(body, TextDialect::Strict, NameScheme::Classic).unwrap();
    assert_eq!(pushed.families[0].help, "two\\ \n lines \"x\" ");
    refuses("# HELP a b\\x\n", 1, 11, r"invalid escape sequence '\x'");
    refuses("# HELP a b\\\n", 1, 11, r"invalid escape sequence '\\n'");
    refuses("# HELP a b\n# HELP a b\n", 2, 10, r#"second HELP line for metric name "a""#);
    refuses(b"# HELP a \xff\n", 1, 10, r#"invalid help text for metric "a""#);
    refuses(b"# HELP a b\0\n", 1, 10, r#"invalid help text for metric "a""#);
}

#[test]
fn a_type_comes_once_and_before_the_samples() {
    let message = r#"second TYPE line for metric name "a", or TYPE reported after samples"#;
    refuses("# TYPE a gauge\n# TYPE a gauge\n", 2, 10, message);
    refuses("a 1\n# TYPE a gauge\n", 2, 10, message);
    refuses("{\"a\"} 1\n# TYPE a gauge\n", 2, 10, message);
    refuses("# TYPE a histogram\n# TYPE a_count gauge\n", 2, 16, message);
    read("a 1\n# HELP a b\n");
}

#[test]
fn a_comment_names_a_metric_or_nothing() {
    for (body, column) in [("# HELP 1a x\n", 8), ("# HELP a-b x\n", 9), ("# TYPE a{ x\n", 9), ("# TYPE \"\" x\n", 10)] {
        refuses(body, 1, column, "invalid metric name in comment");
    }
    refuses("# TYPE \"a.b\" gauge\n", 1, 8, r#"invalid metric name "a.b""#);
    assert_eq!(read("# TYPE \"a\" gauge\na 1\n"), "a/gauge{} 1\n");
}

#[test]
fn values_are_read_as_go_reads_them() {
    assert_eq!(
        read("a 1e3\na -.5\na +Inf\na infinity\na -inf\na NAN\n"),
        "a/untyped{} 1000\na/untyped{} -0.5\na/untyped{} inf\na/untyped{} inf\na/untyped{} -inf\na/untyped{} NaN\n"
    );
    for word in ["", "x", "1_0", "0x1", "0x1p1", "1e999", "+nan", "1,5", "\"1\""] {
        refuses(format!("a {word}\n"), 1, 3, &format!("expected float as value, got {word:?}"));
    }
    refuses("blablabla\n", 1, 10, "expected float as value, got \"\"");
    refuses("a-b 1\n", 1, 2, "expected float as value, got \"-b\"");
    refuses("a{b=\"c\"}\n", 1, 9, "expected float as value, got \"\"");
}

#[test]
fn a_timestamp_is_an_integer_and_remembered() {
    for (body, timestamped) in [("a 1\n", false), ("a 1 0\n", true), ("a 1 -5\nb 1\n", true), ("a 1 \t +1000\n", true)]
    {
        let pushed = parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap();
        assert_eq!(pushed.timestamped, timestamped, "{body}");
    }
    for word in ["", "1.5", "x", "# {a=\"b\"} 1", "99999999999999999999"] {
        let first = word.split(' ').next().unwrap();
        let message = format!("expected integer as timestamp, got {first:?}");
        refuses(format!("a 1 {word}\n"), 1, 5, &message);
    }
    refuses("a 1 5 x\n", 1, 6, "spurious string after timestamp: \" x\"");
    refuses("a 1 5 \n", 1, 6, "spurious string after timestamp: \" \"");
}

#[test]
fn labels_are_named_quoted_and_separated() {
    assert_eq!(read("a{z=\"1\",b=\"2\",} 1\n"), "a/untyped{b=2,z=1,} 1\n");
    assert_eq!(read("a{\"b\"=\"2\"} 1\n"), "a/untyped{b=2,} 1\n");
    assert_eq!(read("a{b=\"\\\\ \\n \\\" {},= ä\"} 1\n"), "a/untyped{b=\\ \n \" {},= ä,} 1\n");
    assert_eq!(read("a{__b=\"1\"} 1\n"), "a/untyped{__b=1,} 1\n");
    for (body, column, message) in [
        ("a{,} 1\n", 3, r#"invalid label name for metric "a""#),
        ("a{1=\"b\"} 1\n", 3, r#"invalid label name for metric "a""#),
        ("a{\"\"=\"b\"} 1\n", 3, r#"invalid label name for metric "a""#),
        ("a{:b=\"b\"} 1\n", 3, r#"invalid label name for metric "a""#),
        ("a{b=\"c\",,} 1\n", 9, r#"invalid label name for metric "a""#),
        ("a{\n", 3, r#"invalid label name for metric "a""#),
        ("a{\"b.c\"=\"d\"} 1\n", 3, r#"invalid label name "b.c""#),
        ("a{__name__=\"b\"} 1\n", 3, r#"label name "__name__" is reserved"#),
        ("a{b=\"1\",b=\"1\"} 1\n", 1, r#"duplicate label names for metric "a""#),
        ("a{b=\"1\",c=\"\",b=\"2\"} 1\n", 1, r#"duplicate label names for metric "a""#),
        ("a{b} 1\n", 4, "expected '=' after label name, found '}'"),
        ("a{b:c=\"d\"} 1\n", 4, "expected '=' after label name, found ':'"),
        ("a{b\n", 4, r"expected '=' after label name, found '\n'"),
        ("a{bö=\"\"} 1\n", 4, "expected '=' after label name, found 'ö'"),
        ("a{b=c} 1\n", 5, "expected '\"' at start of label value, found 'c'"),
        ("a{b='c'} 1\n", 5, r#"expected '"' at start of label value, found '\''"#),
        ("a{b=\n", 5, r#"expected '"' at start of label value, found '\n'"#),
        ("a{b=\"c\" d=\"e\"} 1\n", 9, r#"unexpected end of label value "c""#),
        ("a{b=\"c\"\n", 8, r#"unexpected end of label value "c""#),
        ("a{b=\"c\n", 5, r#"label value "c" contains unescaped new-line"#),
        ("a{b=\"c\\\\d\n", 5, r#"label value "c\\d" contains unescaped new-line"#),
        ("a{\"b\n", 3, r#"label name "b" contains unescaped new-line"#),
        ("a{b=\"\\t\"} 1\n", 6, r"invalid escape sequence '\t'"),
        ("a{b=\"\\\n", 6, r"invalid escape sequence '\\n'"),
        ("a{\"b\\t\"=\"\"} 1\n", 5, r"invalid escape sequence '\t'"),
        ("a{b=\"\0\"} 1\n", 5, r#"invalid label value "\0""#),
    ] {
        refuses(body, 1, column, message);
    }
    refuses(b"a{b=\"\xff\"} 1\n", 1, 5, r#"invalid label value "\xff""#);
    refuses(b"a{b=\"\\n\xff\"} 1\n", 1, 5, r#"invalid label value "\n\xff""#);
}

#[test]
fn a_metric_is_named_before_its_labels_or_among_them() {
    assert_eq!(
        read("{\"a\",b=\"c\"} 1\n{b=\"c\",\"a\"} 2\n{a} 3\n{ \"a:b\" , } 4\n\"a\" 5\n\"a\"{b=\"c\"} 6\n"),
        "a/untyped{b=c,} 1\na/untyped{b=c,} 2\na/untyped{} 3\na:b/untyped{} 4\na/untyped{} 5\na/untyped{b=c,} 6\n"
    );
    for (body, column, message) in [
        ("1 1\n", 1, "invalid metric name"),
        ("-a 1\n", 1, "invalid metric name"),
        ("ä 1\n", 1, "invalid metric name"),
        ("\r\n", 1, "invalid metric name"),
        ("\"\" 1\n", 1, "invalid metric name"),
        ("{} 1\n", 1, "invalid metric name"),
        ("{a=\"b\"} 1\n", 1, "invalid metric name"),
        ("{\"a.b\"} 1\n", 2, r#"invalid metric name "a.b""#),
        ("{\"a\\nb\"} 1\n", 2, r#"invalid metric name "a\nb""#),
        ("{\"1a\",b=\"c\"} 1\n", 2, r#"invalid metric name "1a""#),
        ("{\"a\",\"b\"} 1\n", 6, r#"multiple metric names for metric "a""#),
        ("{\"a\",b} 1\n", 6, r#"multiple metric names for metric "a""#),
        ("{\"a\" b=\"c\"} 1\n", 6, "unexpected end of metric name 'b'"),
        ("{\"a\"\n", 5, r"unexpected end of metric name '\n'"),
        ("{\"\"} 1\n", 2, r#"invalid label name for metric """#),
        ("{\"a\n", 2, r#"label name "a" contains unescaped new-line"#),
        ("\"a\n", 1, r#"metric name "a" contains unescaped new-line"#),
        ("# HELP \"a\n", 8, r#"metric name "a" contains unescaped new-line"#),
    ] {
        refuses(body, 1, column, message);
    }
    refuses(b"{\"\xff\"} 1\n", 1, 2, r#"invalid metric name "\xff""#);
}

#[test]
fn labels_without_a_name_are_not_given_to_the_metric_before() {
    refuses("foo 1\n{a=\"b\"} 2\n", 2, 1, "invalid metric name");
}

#[test]
fn help_and_type_without_samples_make_no_metric() {
    let pushed = parse(b"# HELP a b\n# TYPE a gauge\n", TextDialect::Strict, NameScheme::Classic).unwrap();
    assert_eq!(pushed.metric_count(), 0);
}

#[test]
fn a_message_is_one_line_and_repeats_little() {
    let long = "x".repeat(100_000);
    let bodies = [
        format!("a {long}\n"),
        format!("a{{b=\"{long}\n"),
        format!("# TYPE {long} x\n"),
        "a \u{1b}[31m\u{2028}\r\n".into(),
    ];
    for body in bodies {
        let text = refused(body.as_bytes(), TextDialect::Strict).to_string();
        assert!(text.len() < 200, "{text}");
        assert!(!text.contains(|char: char| char.is_control() || char == '\u{2028}'), "{text:?}");
    }
}

#[test]
fn many_labels_cost_no_square() {
    let labels: String = (0..100_000).rev().map(|n| format!("l{n:06}=\"\",")).collect();
    let body = format!("a{{{labels}}} 1\n");
    assert_eq!(parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap().values.len(), 100_000);
}

#[test]
fn a_value_ends_in_its_line_also_where_lines_like_it_came_before() {
    for value in ["x", "a value of more bytes than are looked at one by one"] {
        let body = format!("a{{b=\"1\"}} 1\na{{b=\"{value}\na{{c=\"}} 1\n");
        refuses(&body, 2, 5, &format!("label value \"{value}\" contains unescaped new-line"));
    }
}

#[test]
fn texts_without_escapes_are_borrowed() {
    let pushed = parse(b"# HELP a help\na{b=\"c\"} 1\n", TextDialect::Strict, NameScheme::Classic).unwrap();
    let borrowed = |text: &std::borrow::Cow<'_, str>| matches!(text, std::borrow::Cow::Borrowed(_));
    assert!(borrowed(&pushed.families[0].name) && borrowed(&pushed.families[0].help));
    let label = pushed.labels_of(&pushed.metrics[0]).next().unwrap();
    assert!(borrowed(&pushed.names[0]) && borrowed(&label.value));
}

const VALID: &str = "# HELP a x\\n\n# TYPE a gauge\na{b=\"c\\\"\",d=\"\"} 1e3\n{\"b\",x=\"y\"} NaN 5\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 2\nh_count 1\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_count 3\r\n";

proptest! {
    #[test]
    fn reading_any_bytes_never_panics(body in any::<Vec<u8>>()) {
        let _ = parse(&body, TextDialect::Strict, NameScheme::Classic);
        let _ = parse(&body, TextDialect::Lenient, NameScheme::Classic);
    }

    #[test]
    fn reading_text_like_bytes_never_panics(body in "([a-c_:#\"\\\\{}=, \t\n\r0-9.+-]|# TYPE |# HELP |histogram|summary|_sum|_bucket|le=|quantile=){0,60}") {
        let _ = parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic);
        let _ = parse(body.as_bytes(), TextDialect::Lenient, NameScheme::Classic);
    }

    #[test]
    fn reading_a_changed_body_never_panics(
        changes in proptest::collection::vec((0..VALID.len(), any::<u8>()), 0..4),
        cut in 0..VALID.len(),
    ) {
        let mut body = VALID.as_bytes().to_vec();
        for (at, byte) in changes {
            body[at] = byte;
        }
        for body in [&body[..], &body[cut..], &body[..cut]] {
            let strict = parse(body, TextDialect::Strict, NameScheme::Classic);
            let lenient = parse(body, TextDialect::Lenient, NameScheme::Classic);
            // A carriage return at the end of a line may be what a label was refused for, so nothing is said of those.
            prop_assert!(strict.is_err() || lenient.is_ok() || body.contains(&b'\r'));
        }
    }
}
