//! A certificate and a token on one connection.

use super::door::Client;
use super::door::PROTOCOLS;
use super::door::Running;
use super::door::summary;
use crate::certificates::site::Site;
use crate::certificates::site::label;
use crate::certificates::site::uri;
use pushward::config::ClientAuth;
use pushward::model::Pattern;
use pushward::model::Verb;
use pushward::testkit::TestCa;

const PUSHED: &str = "200";
const NOBODY: &str = "401 unauthenticated";

async fn asks(client: &Client, method: &str, path: &str) -> String {
    let mut connection = client.connect().await.unwrap();
    let (status, body) = connection.ask(method, path, "").await.unwrap();
    summary(status, &body)
}

#[tokio::test]
async fn together_they_may_do_what_both_may() {
    let edge = TestCa::named("edge");
    let jobs = |text: &str| Some(vec![Pattern::parse(text).unwrap()]);
    let site = Site::new()
        .with(|builder| {
            builder.token("red", "both", &[Verb::Push, Verb::Delete], |token| token.jobs = jobs("backup-*"))
        })
        .ca("edge", &edge, &["red"])
        .rule_with("red", "edge", uri("*"), |rule| {
            rule.grant.scopes = [Verb::Push, Verb::Read].into();
            rule.grant.jobs = jobs("*-daily");
        });
    let gateway = Running::start(site, ClientAuth::Optional);
    let cert = edge.client(|c| c.uri("https://edge/a"));
    for protocol in PROTOCOLS {
        let certificate = gateway.client(protocol, Some(&cert));
        let token = gateway.client(protocol, None).with(gateway.bearer("both"));
        let both = certificate.clone().with(gateway.bearer("both"));
        for (what, client, daily, weekly, other, read, deleted) in [
            ("the certificate", &certificate, PUSHED, "403 job_refused", PUSHED, PUSHED, "403 scope_refused"),
            ("the token", &token, PUSHED, PUSHED, "403 job_refused", "403 scope_refused", "202"),
            ("both", &both, PUSHED, "403 job_refused", "403 job_refused", "403 scope_refused", "403 scope_refused"),
        ] {
            for (path, seen) in [("backup-daily", daily), ("backup-weekly", weekly), ("other-daily", other)] {
                assert_eq!(client.pushes(path).await, seen, "{what} {path} {protocol}");
            }
            assert_eq!(asks(client, "GET", "/metrics").await, read, "{what} {protocol}");
            assert_eq!(asks(client, "DELETE", "/metrics/job/backup-daily").await, deleted, "{what} {protocol}");
        }
    }
}

#[tokio::test]
async fn a_certificate_of_no_rule_opens_the_door_and_changes_nothing() {
    let edge = TestCa::named("edge");
    let site = Site::new().ca("edge", &edge, &["red"]).rule("red", "edge", uri("https://red/*"));
    let gateway = Running::start(site, ClientAuth::Required);
    let key = edge.client(|c| c.uri("https://door/a"));
    for protocol in PROTOCOLS {
        let client = gateway.client(protocol, Some(&key));
        assert_eq!(client.pushes("a").await, NOBODY, "{protocol}");
        assert_eq!(client.clone().with("Bearer x").pushes("a").await, NOBODY, "{protocol}");
        for tenant in ["red", "blue"] {
            assert_eq!(client.clone().with(gateway.bearer(tenant)).pushes("a").await, PUSHED, "{protocol}");
        }
    }
}

#[tokio::test]
async fn two_sides_and_two_headers_are_refused() {
    let edge = TestCa::named("edge");
    let site = Site::new().ca("edge", &edge, &["red"]).rule("red", "edge", uri("*"));
    let gateway = Running::start(site, ClientAuth::Optional);
    let cert = edge.client(|c| c.uri("https://red/a"));
    for protocol in PROTOCOLS {
        let (red, blue) = (gateway.bearer("red"), gateway.bearer("blue"));
        let client = gateway.client(protocol, Some(&cert));
        let with = |one: &str| client.clone().with(one);
        assert_eq!(with(&red).pushes("a").await, PUSHED, "{protocol}");
        assert_eq!(with(&blue).pushes("a").await, "403 credentials_differ", "{protocol}");
        assert_eq!(with("Bearer x").pushes("a").await, NOBODY, "{protocol}");
        assert_eq!(with("").pushes("a").await, NOBODY, "{protocol}");
        for second in [red.as_str(), blue.as_str(), "", "Bearer x"] {
            assert_eq!(with(&red).with(second).pushes("a").await, "400 several_credentials", "{protocol} {second:?}");
        }
    }
}

#[tokio::test]
async fn a_site_pushes_its_own_groups_and_nobody_elses() {
    let edge = TestCa::named("edge");
    let site = Site::new()
        .ca_with("edge", &edge, &["red"], |ca| ca.trust_domain = Some("edge.example.org".to_owned()))
        .rule_with("red", "edge", uri("spiffe://edge.example.org/red/*"), |rule| label(rule, "site", "uri.2"));
    let gateway = Running::start(site, ClientAuth::Optional);
    for protocol in PROTOCOLS {
        let of_site = |name: &str| {
            let cert = edge.client(|c| c.uri(&format!("spiffe://edge.example.org/red/{name}")));
            gateway.client(protocol, Some(&cert))
        };
        let (seven, eight) = (of_site("seven"), of_site("eight"));
        assert_eq!(seven.pushes("a").await, PUSHED, "{protocol}");
        assert_eq!(eight.pushes("a/site/eight").await, PUSHED, "{protocol}");
        // An empty value is none, so this is its own group.
        assert_eq!(seven.pushes("a/site/").await, PUSHED, "{protocol}");
        for path in ["a/site/eight", "a/site@base64/ZWlnaHQ", "a/x/y/site/eight"] {
            assert_eq!(seven.pushes(path).await, "403 label_refused", "{protocol} {path}");
        }
        // Beside a token for all of red as well.
        assert_eq!(seven.clone().with(gateway.bearer("red")).pushes("a/site/eight").await, "403 label_refused");
        let token = gateway.client(protocol, None).with(gateway.bearer("red"));
        let (_, stored) = token.connect().await.unwrap().ask("GET", "/metrics", "").await.unwrap();
        let mut pushed: Vec<_> = stored.lines().filter(|line| line.starts_with("m{")).collect();
        pushed.sort_unstable();
        let expected = ["eight", "seven"].map(|site| format!(r#"m{{instance="",job="a",site="{site}"}} 1"#));
        assert_eq!(pushed, expected, "{protocol}");
        // A name without such a piece is no site's.
        assert_eq!(of_site("").pushes("a").await, "401 certificate_refused", "{protocol}");
    }
}
