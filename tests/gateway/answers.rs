//! How a refusal is told: in text or as a problem, to HEAD, in which fields, counted how often.

use super::sockets::Running;
use super::sockets::ask;
use pushward::config::OpsAuth;
use pushward::config::Tenant;
use pushward::model::Verb;
use pushward::testkit::Answer;
use pushward::testkit::GatewayBuilder;
use serde_json::Value;
use std::num::NonZeroU32;

const PROBLEM: &str = "application/problem+json";

fn with(change: impl FnOnce(&mut Tenant)) -> GatewayBuilder {
    GatewayBuilder::new().tenant_with("red", change).token("red", "red", &Verb::ALL, |_| {})
}

fn problem(answer: &Answer) -> Value {
    assert_eq!(answer.headers["content-type"], PROBLEM, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn whoever_names_json_gets_a_problem_for_every_refusal_on_both_listeners() {
    let mut builder = with(|tenant| tenant.limits.quota.series_max = 1);
    builder.config.ops.auth = OpsAuth::Operators;
    let gateway = builder.start();
    let red = gateway.client("red").with("accept", PROBLEM);
    let stranger = gateway.stranger().with("accept", "application/json");
    for (answer, status, code) in [
        (stranger.get("/metrics").await, 401, "unauthenticated"),
        (stranger.get("/nothing").await, 401, "unauthenticated"),
        (red.get("/nothing").await, 404, "not_found"),
        (red.send("PATCH", "/metrics/job/a", "").await, 405, "method_not_allowed"),
        (red.put("/metrics/job/%FF", "").await, 400, "path_malformed"),
        (red.put("/metrics/job/a", "\"<\u{1b}[2J\n").await, 400, "body_malformed"),
        (red.put("/metrics/job/a", "m 1\nn 2\n").await, 403, "quota_full"),
        (red.clone().with("x-scope-orgid", "blue").get("/metrics").await, 403, "tenant_refused"),
        (gateway.at_ops(&stranger).get("/metrics").await, 401, "unauthenticated"),
        (gateway.at_ops(&red).get("/metrics").await, 403, "scope_refused"),
        (gateway.at_ops(&red).get("/nothing").await, 404, "not_found"),
        (gateway.at_ops(&red).put("/-/ready", "").await, 405, "method_not_allowed"),
    ] {
        let problem = problem(&answer);
        let id = answer.headers["x-request-id"].to_str().unwrap();
        assert_eq!((answer.status.as_u16(), &problem["status"]), (status, &status.into()));
        assert_eq!((&problem["code"], &problem["type"]), (&code.into(), &format!("urn:pushward:error:{code}").into()));
        assert_eq!(problem["instance"], format!("urn:pushward:request:{id}"));
        assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401);
        assert!(answer.reason.as_deref().unwrap().starts_with(code));
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.is_empty() && !detail.contains(char::is_control), "{detail}");
    }
    let full = problem(&red.put("/metrics/job/a", "m 1\nn 2\n").await);
    assert_eq!((&full["limit"], &full["value"], &full["used"]), (&"series_max".into(), &1.into(), &0.into()));
}

#[tokio::test]
async fn everybody_else_gets_the_line() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    for accept in ["", "*/*", "text/plain", "application/json;q=0.1, text/plain", "application/json;q=0"] {
        let answer = gateway.client("red").with("accept", accept).get("/nothing").await.refused(404, "not_found");
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8", "{accept}");
    }
    // A success is not asked in which form a refusal would come.
    gateway.client("red").with("accept", PROBLEM).put("/metrics/job/a", "m 1\n").await.ok();
}

#[tokio::test]
async fn head_is_refused_with_the_head_alone() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    for accept in ["*/*", PROBLEM] {
        for client in [gateway.stranger(), gateway.client("red"), gateway.at_ops(&gateway.stranger())] {
            let client = client.with("accept", accept);
            let (head, get) = (client.send("HEAD", "/nothing", "").await, client.get("/nothing").await);
            assert_eq!((head.status, head.body.len()), (get.status, 0));
            let length = |answer: &Answer| answer.headers.get("content-length").cloned();
            assert_eq!(length(&head).unwrap().to_str().unwrap(), get.body.len().to_string());
            assert_eq!(head.headers["content-type"], get.headers["content-type"]);
        }
    }
}

#[tokio::test]
async fn a_connection_goes_on_behind_a_head_that_was_refused() {
    let gateway = Running::plain(GatewayBuilder::new().tenant("red"));
    let auth = gateway.bearer("red");
    let requests = format!(
        "HEAD /nothing HTTP/1.1\r\nhost: x\r\nauthorization: {auth}\r\n\r\n\
         GET /-/healthy HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    );
    let answers = ask(gateway.tcp(0).await, &requests).await;
    let (first, second) = answers.split_once("\r\n\r\n").unwrap();
    assert!(first.starts_with("HTTP/1.1 404 not_found\r\n"), "{first}");
    assert!(second.starts_with("HTTP/1.1 200 OK\r\n") && second.ends_with("\r\n\r\nOK"), "{second}");
}

#[tokio::test]
async fn over_a_rate_the_fields_of_the_draft_say_what_was_allowed_and_when_to_come_again() {
    let gateway = with(|tenant| {
        tenant.limits.pace.requests.per_second = NonZeroU32::new(2).unwrap();
        tenant.limits.pace.requests.burst = NonZeroU32::new(5).unwrap();
        tenant.limits.pace.places.wait_max = std::time::Duration::ZERO;
    })
    .start();
    let red = gateway.client("red");
    for _ in 0..5 {
        assert!(!red.put("/metrics/job/a", "").await.ok().headers.contains_key("ratelimit"));
    }
    let text = red.put("/metrics/job/a", "").await.refused(429, "rate_limited");
    let json = red.clone().with("accept", PROBLEM).put("/metrics/job/a", "").await;
    for answer in [&text, &json] {
        assert_eq!(answer.headers["ratelimit-policy"], "\"requests\";q=5;w=3");
        assert_eq!(answer.headers["ratelimit"], "\"requests\";r=0;t=1");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    let problem = problem(&json);
    assert_eq!((&problem["limit"], &problem["value"]), (&"requests_per_second".into(), &2.into()));
    assert_eq!(problem["retry_after"], 1);
}

#[tokio::test]
async fn each_refusal_is_counted_once_under_its_code_whatever_its_form() {
    let mut builder = GatewayBuilder::new().tenant("red");
    builder.config.ops.auth = OpsAuth::None;
    let gateway = builder.start();
    let red = gateway.client("red");
    for form in ["*/*", PROBLEM] {
        gateway.stranger().with("accept", form).get("/metrics").await;
        red.clone().with("accept", form).put("/metrics/job/a", "no\n").await;
        red.clone().with("accept", form).send("HEAD", "/nothing", "").await;
        gateway.at_ops(&red).with("accept", form).get("/nothing").await;
    }
    let text = gateway.at_ops(&gateway.stranger()).get("/metrics").await.ok().text();
    let counted = |code: &str| {
        let begin = format!("pushward_refusals_total{{code=\"{code}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&begin)).map(str::to_owned)
    };
    for (code, times) in [("unauthenticated", "2"), ("body_malformed", "2"), ("not_found", "4")] {
        assert_eq!(counted(code).as_deref(), Some(times), "{code} in\n{text}");
    }
}
