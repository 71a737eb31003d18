//! A text scrape as lines that can be compared: without the other's own telemetry, without the moment of a push.

/// Families that Pushgateway shows of itself; ours shows none to a tenant.
const THEIR_OWN: &[&str] = &["go_", "process_", "pushgateway_", "promhttp_"];
/// A Unix time below this was not "now", but a value that a case pushed.
const SURELY_A_TIME: f64 = 1.0e9;

/// The lines in the order they came. `# HELP`, `# TYPE` and series lines are kept as they are, so that the form of
/// numbers and labels is compared, too.
pub(crate) fn lines(text: &str, without_own: bool) -> Vec<String> {
    text.lines()
        .filter(|line| !without_own || !THEIR_OWN.iter().any(|own| name_of(line).starts_with(own)))
        .map(timeless)
        .collect()
}

/// The same with the metrics of a family in the order of their labels. What belongs to one metric, its buckets and
/// quantiles, its sum and count, stays in the order it came in.
pub(crate) fn in_order_of_labels(lines: &[String]) -> Vec<String> {
    let mut sorted = lines.to_vec();
    for family in sorted.chunk_by_mut(|_, next| !next.starts_with('#')) {
        let series = usize::from(family.first().is_some_and(|line| line.starts_with('#')));
        if let Some(series) = family.get_mut(series..) {
            series.sort_by_key(|line| metric_of(line));
        }
    }
    sorted
}

/// The labels without those that tell the lines of one metric apart, which stand last.
fn metric_of(line: &str) -> String {
    let labels = line.split_once('{').map_or("", |(_, labels)| labels);
    let labels = labels.rsplit_once('}').map_or("", |(labels, _)| labels);
    let own = ["le=\"", "quantile=\""].iter().find_map(|name| {
        let at = labels.rfind(name)?;
        (at == 0 || labels[..at].ends_with(',')).then_some(at)
    });
    labels[..own.unwrap_or(labels.len())].trim_end_matches(',').to_owned()
}

fn name_of(line: &str) -> &str {
    let name = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE ")).unwrap_or(line);
    name.split([' ', '{']).next().unwrap_or_default()
}

/// The value of the two gauges is compared by zero or not.
fn timeless(line: &str) -> String {
    let is_gauge = ["push_time_seconds", "push_failure_time_seconds"].contains(&name_of(line));
    match line.rsplit_once(' ') {
        Some((series, value))
            if is_gauge && !line.starts_with('#') && value.parse().is_ok_and(|v: f64| v > SURELY_A_TIME) =>
        {
            format!("{series} some-time")
        }
        _ => line.to_owned(),
    }
}

#[test]
fn own_telemetry_and_the_moment_of_a_push_are_left_out() {
    let text = "# TYPE go_threads gauge\ngo_threads 8\n# TYPE m untyped\nm{job=\"go_\"} 1\n\
                push_time_seconds{job=\"x\"} 1.7e+09\npush_failure_time_seconds{job=\"x\"} 0\n";
    let kept = ["# TYPE m untyped", "m{job=\"go_\"} 1", "push_time_seconds{job=\"x\"} some-time"];
    assert_eq!(lines(text, true)[..3], kept);
    assert_eq!(lines(text, true)[3], "push_failure_time_seconds{job=\"x\"} 0");
    assert_eq!(lines(text, false).len(), 6);
}

#[test]
fn metrics_are_put_in_order_and_the_lines_of_one_are_not() {
    let text = [
        "# TYPE h histogram",
        "h_bucket{a=\"2\",le=\"9\"} 1",
        "h_bucket{a=\"2\",le=\"1\"} 1",
        "h_sum{a=\"2\"} 1",
        "h_sum{a=\"1\"} 1",
        "h_count{a=\"1\"} 1",
        "# TYPE m gauge",
        "m 1",
    ];
    let lines = text.map(str::to_owned);
    let expected = [0, 4, 5, 1, 2, 3, 6, 7].map(|at: usize| text[at]);
    assert_eq!(in_order_of_labels(&lines), expected);
}
