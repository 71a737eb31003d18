use super::parse;
use super::tests::read;
use super::tests::refuses;
use super::tests::shown;
use crate::model::NameScheme;
use crate::model::TextDialect;
use std::fmt::Write;

#[test]
fn the_lines_of_a_histogram_are_folded_once_its_type_is_known() {
    let body = "# TYPE h histogram\nh_bucket{a=\"1\",le=\"1\",b=\"2\"} 3\nh_bucket{b=\"2\",a=\"1\",le=\"+Inf\"} 4\nh_sum{b=\"2\",a=\"1\"} 5.5\nh_count{a=\"1\",b=\"2\"} 4\n";
    assert_eq!(read(body), "h/histogram{a=1,b=2,} 5.5 4 1=3 inf=4\n");
    assert_eq!(
        read("h_count 1\n# TYPE h histogram\nh_count 2\nh_sum 3\n"),
        "h_count/untyped{} 1\nh_count/untyped{} 2\nh/histogram{} 3 0\n"
    );
    assert_eq!(read("# TYPE h histogram\nh{le=\"1\"} 3\nh_sum{le=\"2\"} 1\n"), "h/histogram{} 1 0 1=3\n");
    assert_eq!(read("# TYPE h gauge\nh_count 3\n"), "h_count/untyped{} 3\n");
    assert_eq!(
        read("# TYPE h histogram\nh_bucket{le=\"1\"} 0.5\nh_count NaN\nh_sum -1\n"),
        "h/histogram{} -1 NaN 1=0.5\n"
    );
}

#[test]
fn the_lines_of_a_summary_are_folded_once_its_type_is_known() {
    let body =
        "# TYPE s summary\ns{quantile=\"0.5\",a=\"1\"} -3\ns_sum{a=\"1\"} 5.5\ns_count{a=\"1\"} 4.9\ns_bucket 1\n";
    assert_eq!(read(body), "s/summary{a=1,} 5.5 4 0.5=-3\ns_bucket/untyped{} 1\n");
    assert_eq!(read("# TYPE s summary\ns_count +Inf\n"), "s/summary{} 0 18446744073709552000\n");
}

#[test]
fn interleaved_histograms_are_told_apart_by_their_labels() {
    let mut body = String::from("# TYPE h histogram\n# TYPE s summary\n");
    for le in [1, 2] {
        for metric in 0..50 {
            writeln!(body, "h_bucket{{m=\"{metric}\",le=\"{le}\"}} {metric}\ns_count{{m=\"{metric}\"}} {le}").unwrap();
        }
    }
    let pushed = parse(body.as_bytes(), TextDialect::Strict, NameScheme::Classic).unwrap();
    assert_eq!((pushed.metrics.len(), pushed.points.len(), pushed.values.len()), (100, 100, 100));
    assert!(shown(&pushed).contains("h/histogram{m=7,} 0 0 1=7 2=7\n"));
}

#[test]
fn what_a_histogram_or_summary_would_lose_is_refused() {
    for (body, column, message) in [
        ("h_bucket 1\n", 1, r#"no 'le' label for histogram "h""#),
        ("h 1\n", 1, r#"no 'le' label for histogram "h""#),
        ("s 1\n", 1, r#"no 'quantile' label for summary "s""#),
        ("h_bucket{le=\"x\"} 1\n", 1, r#"expected float as value for 'le' label, got "x""#),
        ("h_bucket{le=\"NaN\"} 1\n", 1, r#"expected float as value for 'le' label, got "NaN""#),
        ("s{quantile=\"\"} 1\n", 1, r#"expected float as value for 'quantile' label, got """#),
        ("h_count -1\n", 9, r#"negative count for histogram "h""#),
        ("h_count -0.5\n", 9, r#"negative count for histogram "h""#),
        ("s_count -1\n", 9, r#"negative count for summary "s""#),
        ("s_count NaN\n", 9, r#"negative count for summary "s""#),
        ("h_bucket{le=\"1\"} -1\n", 18, r#"negative bucket population for histogram "h""#),
        ("h_bucket{le=\"1\",le=\"1\"} 1\n", 1, r#"duplicate label names for metric "h""#),
    ] {
        refuses(format!("# TYPE h histogram\n# TYPE s summary\n{body}"), 3, column, message);
    }
}
