//! The operator's view in a real Prometheus, after two tenants have pushed what does not go together.

use super::Prometheus;
use super::SEEN_WITHIN;
use crate::http;
use crate::process;
use crate::process::bearer;
use crate::process::entry;
use crate::process::eventually;
use crate::proto::COUNTER;
use crate::proto::DELIMITED;
use crate::proto::GAUGE;
use crate::proto::HISTOGRAM;
use crate::proto::Message;
use crate::proto::SUMMARY;
use crate::proto::UNTYPED;
use crate::proto::family;
use crate::proto::message;
use crate::proto::metric;
use crate::proto::native;
use pushward::model::PlainToken;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Path and body. Each of them is a good push by itself; a tenant's do not contradict each other.
type Push = (&'static str, &'static str);
const RED: &[Push] = &[
    ("/metrics/job/same", "# HELP m red\n# TYPE m counter\nm 1\n# TYPE only_red gauge\nonly_red -0\n"),
    (
        "/metrics/job/same/instance/i",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n",
    ),
    ("/metrics/job/summary", "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n"),
    ("/metrics/job/suffix", "flat_count 1\nflat_sum 1\nflat_bucket 1\n"),
    ("/metrics/job/forged/tenant/blue", "forged{exported_tenant=\"a\",exported_exported_tenant=\"b\"} 1\n"),
    ("/metrics/job/reserved", "up 0\nALERTS{alertname=\"a\",alertstate=\"firing\"} 1\nscrape_samples_scraped 7\n"),
    ("/metrics/job/values", "v{l=\"\\\\ \\\" \\n {} = , #\"} NaN\nv{l=\"東京\"} +Inf\nw{l=\"\"} -Inf\nv 5e-324\n"),
    ("/metrics/job@base64/YS8vYg/empty@base64/=", "# HELP help  of \\\\ two \\n lines\nhelp 1\n"),
    ("/metrics/job/x/le/1/quantile/2", "plain 1\n"),
];
const BLUE: &[Push] = &[
    ("/metrics/job/same", "# HELP m blue\n# TYPE m gauge\nm 2\n"),
    ("/metrics/job/same/instance/i", "h 1\nh_count 7\n"),
    ("/metrics/job/summary", "# TYPE s histogram\ns_bucket{le=\"0.5\"} 1\ns_sum 2\ns_count 3\n"),
    ("/metrics/job/suffix", "# TYPE flat histogram\nflat_bucket{le=\"1\"} 1\nflat_sum 1\nflat_count 1\n"),
    (
        "/metrics/job/forged",
        "# TYPE forged summary\nforged{tenant=\"red\",quantile=\"0.5\"} 1\nforged_sum{tenant=\"red\"} 1\n",
    ),
    (
        "/metrics/job/gauges",
        "# TYPE pushward_build_info gauge\npushward_build_info 1\n# TYPE go_goroutines counter\ngo_goroutines 1\n",
    ),
];
/// Refused, and nobody may notice: but for the times of failure.
const REFUSED: &[Push] = &[
    ("/metrics/job/%FF", "a 1\n"),
    ("/metrics/job/x/l/%00", "a 1\n"),
    ("/metrics/job/late", "a 1 1000\n"),
    ("/metrics/job/twins", "a{l=\"1\"} 1\na{l=\"1\"} 2\n"),
    ("/metrics/job/x/quantile/1", "# TYPE z summary\nz_sum 1\n"),
    ("/metrics/job/x/le/1", "# TYPE z histogram\nz_count 1\n"),
];

fn pushes(to: SocketAddr, token: &PlainToken, pushes: &[Push], status: u16) {
    let bearer = bearer(token);
    for (path, body) in pushes {
        let answer = http::send(to, "POST", path, &[("Authorization", &bearer)], body.as_bytes()).expect("an answer");
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
    }
}

/// One family for each push, so that each is a good push by itself.
fn protobuf(to: SocketAddr, token: &PlainToken, families: &[Message]) {
    let bearer = bearer(token);
    for (index, family) in families.iter().enumerate() {
        let path = format!("/metrics/job/protobuf/number/{index}");
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", DELIMITED)];
        let answer = http::send(to, "POST", &path, &headers, &family.delimited()).expect("an answer");
        assert_eq!(answer.status, 200, "{family:?}: {}", answer.text());
    }
}

fn red_protobuf() -> Vec<Message> {
    let native_metric = || metric(&[]).part(7, &native());
    let exemplar = message().part(1, &message().bytes(1, "trace").bytes(2, "t")).double(2, 0.4);
    vec![
        // Native here and classic there, classic here and native there, native here and a gauge there, native here alone.
        family("native_classic", HISTOGRAM, &[native_metric()]),
        family("classic_native", HISTOGRAM, &[metric(&[]).histogram(3, 4.5, &[(1.0, 2), (f64::INFINITY, 3)])]),
        family("native_gauge", HISTOGRAM, &[native_metric()]),
        family("native_alone", HISTOGRAM, &[native_metric()]),
        family("exemplified_total", COUNTER, &[metric(&[]).part(3, &message().double(1, 2.0).part(2, &exemplar))]),
        family(
            "mixed",
            SUMMARY,
            &[metric(&[("a", "1")]).summary(1, 2.0, &[(0.5, 1.0)]), metric(&[]).summary(0, 0.0, &[])],
        ),
    ]
}

fn blue_protobuf() -> Vec<Message> {
    vec![
        family("native_classic", HISTOGRAM, &[metric(&[]).histogram(3, 4.5, &[(1.0, 2), (f64::INFINITY, 3)])]),
        family("classic_native", HISTOGRAM, &[metric(&[]).part(7, &native())]),
        family("native_gauge", GAUGE, &[metric(&[]).gauge(7.0)]),
        family("mixed_count", COUNTER, &[metric(&[]).counter(1.0)]),
        family("exemplified_total", UNTYPED, &[metric(&[("tenant", "red")]).untyped(1.0)]),
    ]
}

#[test]
#[ignore = "needs prometheus, curl and Python's prometheus_client: ./tests/run"]
fn whatever_tenants_push_a_real_prometheus_loads_every_line_of_it() {
    loads_every_line(&[], 0);
}

/// With native histograms switched on, Prometheus asks for protobuf.
#[test]
#[ignore = "needs prometheus, curl and Python's prometheus_client: ./tests/run"]
fn whatever_tenants_push_a_real_prometheus_loads_every_line_of_it_in_protobuf() {
    // A native histogram that stays one is a single sample, where text has three lines. Beside a classic one of another
    // tenant it does not: Prometheus would read both as it finds the first.
    loads_every_line(&["--enable-feature=native-histograms"], 1);
}

fn loads_every_line(flags: &[&str], natives: usize) {
    let [red, blue, operator] = [(); 3].map(|()| PlainToken::generate("").expect("a random source"));
    let scopes = "[push, delete, read]";
    let people = [
        format!("tenants:\n  red:\n{}  blue:\n{}", entry(&red, scopes), entry(&blue, scopes)),
        format!("operators:\n  prometheus:\n{}", entry(&operator, "[\"fleet:read\"]")),
    ];
    let gateway = process::pushward_of(&people.concat(), &operator);
    pushes(gateway.address, &red, RED, 200);
    pushes(gateway.address, &blue, BLUE, 200);
    pushes(gateway.address, &red, REFUSED, 400);
    protobuf(gateway.address, &red, &red_protobuf());
    protobuf(gateway.address, &blue, &blue_protobuf());

    let scrape = gateway.scrape().text();
    let series: Vec<&str> = scrape.lines().filter(|line| !line.starts_with('#')).collect();
    let different: BTreeSet<&str> =
        series.iter().filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name).collect();
    assert_eq!(different.len(), series.len(), "no series stands twice:\n{scrape}");

    let home = tempfile::tempdir().expect("a temporary directory");
    let config = home.path().join("prometheus.yml");
    std::fs::write(home.path().join("token"), operator.reveal()).expect("the directory is ours");
    std::fs::write(&config, configuration(gateway.address)).expect("the directory is ours");
    let prometheus = Prometheus::on(&config, home.path(), flags);
    prometheus.one("up{job=\"fleet\"} == 1");
    for count in ["scrape_samples_scraped{job=\"fleet\"}", "count({tenant=~\".+\"})"] {
        let (_, value) = prometheus.one(count);
        assert_eq!(value, (series.len() - 2 * natives).to_string(), "{count}\n{scrape}");
    }
    for (query, expected) in [
        ("m{tenant=\"red\",job=\"same\"}", "1"),
        ("m{tenant=\"blue\",job=\"same\"}", "2"),
        ("h_count{tenant=\"red\",instance=\"i\"}", "2"),
        ("h_count{tenant=\"blue\",instance=\"i\"}", "7"),
        ("forged{tenant=\"red\",exported_tenant=\"blue\",exported_exported_tenant=\"a\"}", "1"),
        ("forged{tenant=\"blue\",exported_tenant=\"red\",quantile=\"0.5\"}", "1"),
        ("v{l=\"\\\\ \\\" \\n {} = , #\"}", "NaN"),
        ("help{job=\"a//b\"}", "1"),
        ("push_failure_time_seconds{tenant=\"red\",job=\"late\"} > bool 1", "1"),
        ("native_classic_count{tenant=\"blue\"}", "3"),
        ("native_classic_count{tenant=\"red\"}", "5"),
        ("classic_native_count{tenant=\"blue\"}", "5"),
        // Prometheus writes the bound as 1.0 where it came in protobuf.
        ("classic_native_bucket{tenant=\"red\",le=~\"1|1.0\"}", "2"),
        ("native_gauge{tenant=\"blue\"}", "7"),
        ("native_gauge_count{tenant=\"red\"}", "5"),
        ("mixed_count{tenant=\"red\",a=\"1\"}", "1"),
        ("mixed_count{tenant=\"blue\"}", "1"),
        ("exemplified_total{tenant=\"red\"}", "2"),
        ("exemplified_total{tenant=\"blue\",exported_tenant=\"red\"}", "1"),
        if natives > 0 {
            ("histogram_quantile(1, native_alone{tenant=\"red\"})", "2")
        } else {
            ("native_alone_count{tenant=\"red\"}", "5")
        },
    ] {
        let (_, value) = prometheus.one(query);
        assert_eq!(value, expected, "{query}\n{scrape}");
    }
    // Nobody marks another's targets as down, nor fires an alert.
    assert!(prometheus.query("{__name__=~\"up|ALERTS|scrape_.*\",tenant=~\".+\"}").is_empty(), "{scrape}");
    eventually("a second scrape", SEEN_WITHIN, || {
        let scrapes = prometheus.query("count_over_time(up{job=\"fleet\"}[1m]) > 2");
        (!scrapes.is_empty()).then_some(())
    });
    assert_eq!(prometheus.one("min_over_time(up{job=\"fleet\"}[1m])").1, "1");
    let itself = http::send(prometheus.address, "GET", "/metrics", &[], b"").expect("an answer").text();
    for dropped in ["duplicate_timestamp", "out_of_order", "out_of_bounds"] {
        let none = format!("prometheus_target_scrapes_sample_{dropped}_total 0");
        assert!(itself.lines().any(|line| line == none), "{none}\n{scrape}");
    }
}

/// As quickstart writes it, but for TLS.
pub(super) fn configuration(gateway: SocketAddr) -> String {
    format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n\
         - job_name: fleet\n  honor_labels: true\n  authorization: {{ credentials_file: token }}\n  \
         static_configs: [ {{ targets: [\"{gateway}\"] }} ]\n"
    )
}
