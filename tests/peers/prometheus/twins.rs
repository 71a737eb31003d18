//! Names of UTF-8 that are one to a Prometheus that does not know them: in the operator's view of a real one.

use super::Prometheus;
use super::fleet::configuration;
use crate::http;
use crate::process;
use crate::process::bearer;
use crate::process::entry;
use pushward::model::PlainToken;

#[test]
#[ignore = "needs prometheus, curl and Python's prometheus_client: ./tests/run"]
fn names_that_escape_to_one_are_refused_within_a_tenant_and_untyped_across_tenants() {
    let [red, blue, operator] = [(); 3].map(|()| PlainToken::generate("").unwrap());
    let tenant = |token| format!("    utf8_names: true\n{}", entry(token, "[push, delete, read]"));
    let people = [
        format!("tenants:\n  red:\n{}  blue:\n{}", tenant(&red), tenant(&blue)),
        format!("operators:\n  prometheus:\n{}", entry(&operator, "[\"fleet:read\"]")),
    ];
    let gateway = process::pushward_of(&people.concat(), &operator);
    let push = |token: &PlainToken, path: &str, body: &str| {
        let bearer = bearer(token);
        let answer = http::send(gateway.address, "POST", path, &[("Authorization", &bearer)], body.as_bytes());
        answer.expect("an answer").status
    };
    for (token, path, body, status) in [
        (&red, "/metrics/job/x", "# TYPE \"my.name\" gauge\n{\"my.name\",\"a.b\"=\"1\"} 1\n", 200),
        (&red, "/metrics/job/y", "my_name 2\n", 400),
        (&red, "/metrics/job/y", "{\"my-name\"} 2\n", 400),
        (&red, "/metrics/job/y", "{\"two\",\"a.b\"=\"1\",\"a_b\"=\"2\"} 1\n", 400),
        (&red, "/metrics/job/y", "{\"p.q\"} 1\n{\"p_q\"} 2\n", 400),
        (&red, "/metrics/job/y", "# TYPE \"w.x\" histogram\n{\"w.x_count\"} 2\n{\"w.x_sum\"} 2\n", 200),
        (&red, "/metrics/job/y", "w_x_count 2\n", 400),
        (&red, "/metrics/job/z/U__site_2e_name/berlin/U__%E6%9D%B1/1", "here 1\n", 200),
        (&blue, "/metrics/job/x", "# TYPE my_name counter\nmy_name{a_b=\"1\"} 3\n", 200),
        (&blue, "/metrics/job/y", "w_x_count 7\n", 200),
        (&blue, "/metrics/job/z", "{\"\u{6771}\u{4eac}\",\"tenant\"=\"red\"} 5\n", 200),
    ] {
        assert_eq!(push(token, path, body), status, "{path} {body}");
    }
    for flags in [&[][..], &["--enable-feature=native-histograms"]] {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("prometheus.yml");
        std::fs::write(home.path().join("token"), operator.reveal()).unwrap();
        std::fs::write(&config, configuration(gateway.address)).unwrap();
        let prometheus = Prometheus::on(&config, home.path(), flags);
        prometheus.one("up{job=\"fleet\"} == 1");
        let scrape = gateway.scrape().text();
        let lines = scrape.lines().filter(|line| !line.starts_with('#')).count();
        for (query, expected) in [
            ("count({tenant=~\".+\"})", lines.to_string().as_str()),
            ("my_name{tenant=\"red\",a_b=\"1\"}", "1"),
            ("my_name{tenant=\"blue\",a_b=\"1\"}", "3"),
            ("w_x_count{tenant=\"red\"}", "2"),
            ("w_x_count{tenant=\"blue\"}", "7"),
            ("here{tenant=\"red\",site_name=\"berlin\",_=\"1\"}", "1"),
            ("__{tenant=\"blue\",exported_tenant=\"red\"}", "5"),
        ] {
            assert_eq!(prometheus.one(query).1, expected, "{flags:?} {query}\n{scrape}");
        }
    }
}
