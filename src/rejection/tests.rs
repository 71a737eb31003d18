//! What every refusal has, whichever stage it is of.

use super::Code;
use super::Form;
use super::Rejection;
use crate::api::ApiError;
use crate::identity::IdentityError;
use crate::limits::Ceiling;
use crate::limits::LimitsError;
use crate::limits::RateKind;
use crate::model::QuotaKind;
use crate::store::Refusal;
use axum::response::Response;
use std::collections::BTreeSet;
use std::time::Duration;

fn rate(of: RateKind) -> Rejection {
    LimitsError::Rate { of, limit: 5, burst: 9, retry_after: Duration::from_millis(1200) }.into()
}

/// The refusals that a limit causes.
fn limited() -> Vec<Rejection> {
    let of = RateKind::Samples;
    let mut all: Vec<Rejection> =
        [RateKind::Requests, RateKind::Bytes, RateKind::Samples].into_iter().map(rate).collect();
    all.extend([
        LimitsError::OverBurst { of, burst: 9, cost: 10 }.into(),
        LimitsError::InFlight { limit: 9 }.into(),
        LimitsError::ScrapesInFlight { limit: 9 }.into(),
        LimitsError::GatewayFull { ceiling: Ceiling::Bodies, limit: 9 }.into(),
        LimitsError::GatewayFull { ceiling: Ceiling::Scrapes, limit: 9 }.into(),
        ApiError::BodyTooLarge { limit: u64::MAX }.into(),
    ]);
    let full =
        |kind| Rejection::from(Refusal::QuotaFull { kind, limit: u64::MAX, used: Some(7), needed: Some(u64::MAX) });
    all.extend([QuotaKind::Groups, QuotaKind::Series, QuotaKind::StoredBytes].map(full));
    all
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn codes_are_words_each_once_in_the_order_of_their_statuses_and_each_has_a_title() {
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code:?}");
        assert!(!code.title().is_empty() && !code.title().ends_with('.'), "{code:?}");
        assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
    }
    assert!(Code::ALL.is_sorted_by_key(|code| code.status()));
}

#[test]
fn a_limit_is_named_with_its_value_in_the_text_and_in_a_short_reason_phrase() {
    for refusal in limited() {
        let answer = refusal.answer("id", Form::Text);
        let reason = answer.extensions().get::<hyper::ext::ReasonPhrase>().unwrap();
        let reason = str::from_utf8(reason.as_bytes()).unwrap();
        let (code, limit) = reason.split_once(' ').unwrap();
        let (name, value) = limit.split_once('=').unwrap();
        assert_eq!(code, refusal.code());
        assert!(reason.len() <= 80, "{reason}");
        let text = refusal.public();
        assert!(text.contains(&format!("{name} is {value}")), "{name} {value} is not in {text}");
    }
}

#[test]
fn later_or_our_side_says_when_and_nothing_else_does() {
    let others = [
        Rejection::from(Refusal::Unavailable),
        Rejection::from(IdentityError::Busy),
        Rejection::from(IdentityError::TooManyFailures { retry_after: Duration::from_secs(3) }),
        Rejection::from(crate::telemetry::AuditUnavailable),
        Rejection::from(ApiError::BodyBroken),
        Rejection::withdrawn(),
        Rejection::Misassembled("a panic"),
    ];
    for refusal in limited().into_iter().chain(others) {
        let answer = refusal.answer("id", Form::Text);
        let told = matches!(answer.status().as_u16(), 429 | 503);
        assert_eq!(header(&answer, "retry-after").is_some(), told, "{}", refusal.code());
        // A party's own pace is told to the party alone, and not to whoever guesses.
        let paced = answer.status() == 429 && refusal.code() != "too_many_failures";
        for name in ["ratelimit", "ratelimit-policy"] {
            assert_eq!(header(&answer, name).is_some(), paced, "{name} of {}", refusal.code());
        }
    }
}

#[test]
fn a_rate_is_told_in_the_fields_of_the_draft() {
    let answer = rate(RateKind::Requests).answer("id", Form::Text);
    assert_eq!(answer.status(), 429);
    assert_eq!(header(&answer, "retry-after"), Some("2"));
    assert_eq!(header(&answer, "ratelimit-policy"), Some("\"requests\";q=9;w=2"));
    assert_eq!(header(&answer, "ratelimit"), Some("\"requests\";r=0;t=2"));
}

#[test]
fn an_inconsistent_push_is_told_in_upstreams_words() {
    let text = Rejection::from(Refusal::Inconsistent("why".into())).public();
    assert_eq!(text, "pushed metrics are invalid or inconsistent with existing metrics: why");
}

#[tokio::test]
async fn a_problem_says_in_members_what_the_text_says_in_words() {
    let body = |answer: Response| async {
        let bytes = axum::body::to_bytes(answer.into_body(), 4096).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
    };
    for refusal in limited() {
        let answer = refusal.answer("0123", Form::Problem);
        assert_eq!(header(&answer, "content-type"), Some("application/problem+json"));
        let (status, again) = (answer.status().as_u16(), header(&answer, "retry-after").map(str::to_owned));
        let problem = body(answer).await;
        assert_eq!(problem["type"], format!("urn:pushward:error:{}", refusal.code()));
        assert_eq!((&problem["status"], &problem["code"]), (&status.into(), &refusal.code().into()));
        assert_eq!(problem["detail"], refusal.public());
        assert_eq!(problem["instance"], "urn:pushward:request:0123");
        assert!(problem["title"].is_string() && problem["limit"].is_string() && problem["value"].is_u64());
        assert_eq!(problem.get("retry_after").map(ToString::to_string), again);
    }
    let full = limited().pop().unwrap().answer("id", Form::Problem);
    assert_eq!(body(full).await["used"], 7);
    let broken = Rejection::from(ApiError::BodyBroken).answer("id", Form::Problem);
    let members: Vec<String> = body(broken).await.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["code", "detail", "instance", "status", "title", "type"]);
}
