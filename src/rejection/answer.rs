//! A refusal as it leaves: status, headers, and a body in the form that was asked for.

use super::Rejection;
use super::code::Code;
use super::facts::Facts;
use super::form::Form;
use super::words::detail;
use super::words::one_line;
use axum::body::Body;
use axum::response::Response;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::header::RETRY_AFTER;
use http::header::WWW_AUTHENTICATE;
use hyper::ext::ReasonPhrase;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What the `type` of a problem begins with; a [`Code`] follows. A name and no address: no host is ours, and a relative
/// reference would be resolved against the path that was asked for.
const TYPE: &str = "urn:pushward:error:";
/// What the `instance` of a problem begins with; the request's id follows.
const INSTANCE: &str = "urn:pushward:request:";

impl Rejection {
    /// The answer in full. In text `request_id` stands last, so that a client's log leads to ours.
    pub fn answer(&self, request_id: &str, form: Form) -> Response {
        let facts = Facts::of(self);
        let (media, body) = match form {
            Form::Text => ("text/plain; charset=utf-8", one_line(&self.public(), facts.code.as_str(), request_id)),
            Form::Problem => ("application/problem+json", self.problem(&facts, request_id).to_string() + "\n"),
        };
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = facts.code.status();
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
        tell_when(&facts, answer.headers_mut());
        for challenge in challenges(facts.code) {
            answer.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        // Never anything that a client sent.
        let reason = match facts.limit {
            Some(limit) => format!("{} {}={}", facts.code.as_str(), limit.name(), limit.value),
            None => facts.code.as_str().to_owned(),
        };
        if let Ok(reason) = ReasonPhrase::try_from(reason) {
            answer.extensions_mut().insert(reason);
        }
        answer
    }

    /// The problem details of RFC 9457. `retry_after` is in seconds; what does not apply is left out.
    fn problem(&self, facts: &Facts, request_id: &str) -> Value {
        let mut problem = json!({
            "type": format!("{TYPE}{}", facts.code.as_str()),
            "title": facts.code.title(),
            "status": facts.code.status().as_u16(),
            "detail": detail(&self.public()),
            "instance": format!("{INSTANCE}{request_id}"),
            "code": facts.code.as_str(),
        });
        if let Some(members) = problem.as_object_mut() {
            if let Some(limit) = facts.limit {
                members.insert("limit".to_owned(), limit.name().into());
                members.insert("value".to_owned(), limit.value.into());
                members.extend(limit.used.map(|used| ("used".to_owned(), used.into())));
            }
            members.extend(facts.again.map(|again| ("retry_after".to_owned(), whole_seconds(again).into())));
        }
        problem
    }
}

/// `Retry-After`, and of a party's own pace `RateLimit` and `RateLimit-Policy`.
fn tell_when(facts: &Facts, headers: &mut HeaderMap) {
    let again = facts.again.map(whole_seconds);
    if let Some(seconds) = again {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(policy) = facts.policy {
        for (name, value) in [(RATE_LIMIT_POLICY, policy.policy()), (RATE_LIMIT, policy.state(again))] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

/// What proof is asked for; after a proof, that it was not enough.
fn challenges(code: Code) -> &'static [&'static str] {
    match code.status() {
        StatusCode::UNAUTHORIZED if code == Code::Unauthenticated => {
            &[r#"Bearer realm="pushward""#, r#"Basic realm="pushward", charset="UTF-8""#]
        }
        StatusCode::UNAUTHORIZED => &[r#"Bearer realm="pushward", error="invalid_token""#],
        _ => &[],
    }
}

/// Rounded up, at least one: a client that comes back then is let in, other clients aside.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}
