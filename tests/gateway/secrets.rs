//! No secret comes out anywhere.

use crate::caught::Caught;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pushward::config::AuditPushes;
use pushward::config::PasswordHash;
use pushward::config::Strangers;
use pushward::config::User;
use pushward::gateway::Gateway;
use pushward::identity::Registry;
use pushward::listener::Peer;
use pushward::model::OperatorScope;
use pushward::model::SystemClock;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use std::num::NonZeroU32;

/// Stands in every secret that is not a token's.
const CANARY: &str = "CANARYcanaryCANARY";

/// The values of `Authorization` that hold a secret, good and bad: tokens, a password, JWTs, and what is near to them.
fn authorizations(tokens: &[&str]) -> Vec<String> {
    let mut values = Vec::new();
    for token in tokens {
        let mistyped = format!("{}x", &token[..token.len() - 1]);
        values.extend(["Bearer", "bearer", "Digest", "Negotiate", "Token"].map(|scheme| format!("{scheme} {token}")));
        values.extend([token.to_string(), format!("Bearer {mistyped}"), format!("Bearer {token} x")]);
        values.extend([("alice", *token), (token, ""), ("", mistyped.as_str())].map(basic));
    }
    let (claims, jwt) = (format!("{{\"iss\":\"https://{CANARY}\"}}"), jwt());
    values.extend([("alice", PASSWORD), ("nobody", PASSWORD), (PASSWORD, "x"), (PASSWORD, PASSWORD)].map(basic));
    values.extend([format!("Basic {PASSWORD}"), format!("Basic alice:{PASSWORD}"), format!("Bearer {PASSWORD}")]);
    values.extend([format!("Bearer aaa.{CANARY}.bbb"), format!("Bearer {CANARY}.{CANARY}.{CANARY}")]);
    values.extend([format!("Bearer {jwt}"), format!("Bearer {claims}"), basic(("jwt", &jwt)), jwt]);
    values
}

const PASSWORD: &str = "a pass-CANARYcanaryCANARY-word";

fn basic((user, password): (&str, &str)) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn jwt() -> String {
    let [header, claims, signature] = [
        r#"{"alg":"RS256","typ":"JWT","kid":"CANARYcanaryCANARY"}"#.to_owned(),
        format!(r#"{{"iss":"https://issuer.example","aud":"us","exp":1893460000,"sub":"{CANARY}"}}"#),
        CANARY.repeat(4),
    ]
    .map(|part| URL_SAFE_NO_PAD.encode(part));
    format!("{header}.{claims}.{signature}")
}

/// Everything that may not come out: of each secret a piece that is long enough to be no accident, in each of its spellings.
fn needles(tokens: &[&str]) -> Vec<String> {
    let jwt = jwt();
    let mut needles: Vec<String> = vec![CANARY.into(), STANDARD.encode(CANARY), jwt[..24].into()];
    needles.extend(jwt.split('.').map(|part| part[part.len() - 16..].to_owned()));
    needles.push(STANDARD.encode(format!("alice:{PASSWORD}")));
    for token in tokens {
        // The id between the underscores is no secret; what follows it is.
        let (_, secret) = token.rsplit_once('_').unwrap();
        needles.extend([secret[..12].to_owned(), secret[24..].to_owned(), STANDARD.encode(token)]);
    }
    needles
}

#[track_caller]
fn holds_nothing(what: &str, text: &str, needles: &[String]) {
    assert!(!text.is_empty(), "{what}: nothing was said, so nothing was shown");
    for needle in needles {
        let line = text.lines().find(|line| line.contains(needle));
        assert!(line.is_none(), "{what}: {needle} came out: {line:?}");
    }
}

/// Two tenants, an operator, a user whose hash and password are known to us, and an audit of everything.
fn everybody() -> GatewayBuilder {
    let mut builder = GatewayBuilder::new()
        .tenant("red")
        .token("red", "narrow", &[pushward::model::Verb::Push], |token| {
            token.labels = [("env".to_owned(), "prod".to_owned())].into();
        })
        .operator("o", &[OperatorScope::FleetRead, OperatorScope::FleetAdmin], |_| {});
    builder.config.audit.pushes = AuditPushes::All;
    // As many wrong passwords as it takes: over the budget an answer waits for time to pass.
    let plenty = NonZeroU32::new(1_000_000).unwrap();
    builder.config.strangers = Strangers { failures_per_minute: plenty, failures_burst: plenty };
    let red = builder.config.tenants.get_mut("red").unwrap();
    let mut grant = red.tokens[0].grant.clone();
    grant.name = "alice".into();
    let hash = bcrypt::hash(PASSWORD, 10).unwrap();
    red.users.push(User { hash: PasswordHash::parse(&hash).unwrap(), grant });
    builder
}

async fn send_everywhere(gateway: &TestGateway, secret: &str) {
    let encoded = secret.replace(' ', "%20");
    let base64 = URL_SAFE_NO_PAD.encode(secret);
    for name in ["red", "narrow", "o", ""] {
        let client = if name.is_empty() { gateway.stranger() } else { gateway.client(name) };
        for path in [
            format!("/metrics/job/{encoded}"),
            format!("/metrics/job@base64/{base64}/x@base64/{base64}"),
            format!("/metrics/job/a/env/{encoded}"),
            format!("/metrics/job/a/{encoded}"),
            format!("/metrics?token={encoded}"),
            format!("/metrics?tenant={encoded}"),
            format!("/{encoded}"),
        ] {
            for method in ["PUT", "POST", "DELETE", "GET"] {
                client.send(method, &path, format!("m{{l=\"{secret}\"}} 1\n")).await;
            }
        }
        for body in
            [format!("{secret}\n"), format!("m {secret}\n"), format!("# TYPE m {secret}\n"), format!("m{{{secret}")]
        {
            client.put("/metrics/job/a", &body).await;
        }
        for header in
            ["x-scope-orgid", "content-encoding", "content-type", "user-agent", "x-request-id", "origin", "host"]
        {
            client.clone().with(header, secret).put("/metrics/job/a", "m 1\n").await;
        }
        if secret.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            client.send(secret, "/metrics", "").await;
        }
    }
}

#[tokio::test]
async fn a_token_sent_everywhere_comes_out_nowhere() {
    let caught = Caught::listen();
    let gateway = everybody().start();
    let tokens = ["red", "narrow", "o"].map(|name| gateway.token(name));
    let needles = needles(&tokens);
    for value in authorizations(&tokens) {
        let client = gateway.stranger().with("authorization", &value);
        for (method, path) in [
            ("GET", "/metrics"),
            ("GET", "/api/v1/status"),
            ("PUT", "/metrics/job/a"),
            ("PUT", "/metrics/job/a/b"),
            ("DELETE", "/metrics/job/a"),
            ("PUT", "/api/v1/admin/wipe"),
            ("GET", "/nothing"),
        ] {
            let answer = client.send(method, path, "m 1\nm 1\n").await;
            let text = format!("{} {:?} {:?} {}", answer.status, answer.headers, answer.reason, answer.text());
            holds_nothing("an answer", &text, &needles);
        }
        client.clone().with("authorization", &value).get("/metrics").await.refused(400, "several_credentials");
    }
    for secret in tokens.into_iter().chain([&*jwt()]) {
        send_everywhere(&gateway, secret).await;
    }
    holds_nothing("the metrics", &gateway.at_ops(&gateway.stranger()).get("/metrics").await.text(), &needles);
    let audited = gateway.audit_text();
    for event in ["authentication_failed", "refused", "push", "delete", "wipe", "operator_read", "first_use"] {
        assert!(audited.contains(&format!("\"event\":\"{event}\"")), "no {event} was audited, so none was shown");
    }
    holds_nothing("the audit", &audited, &needles);
    holds_nothing("the log", &caught.said(), &needles);
}

#[tokio::test]
async fn a_password_is_in_no_line_that_somebody_without_proof_or_authority_can_cause() {
    let caught = Caught::listen();
    let gateway = everybody().start();
    let path = format!("/metrics/job/{}", PASSWORD.replace(' ', "%20"));
    for client in [gateway.stranger(), gateway.stranger().with("authorization", "Basic x"), gateway.client("o")] {
        for method in ["PUT", "POST", "DELETE", "GET"] {
            client.send(method, &path, PASSWORD).await;
        }
    }
    let needles = needles(&[]);
    holds_nothing("the audit", &gateway.audit_text(), &needles);
    holds_nothing("the log", &caught.said(), &needles);
}

#[tokio::test]
async fn no_secret_is_in_the_debug_of_anything() {
    let builder = everybody();
    let hash =
        builder.config.tenants.values().flat_map(|tenant| &tenant.users).next().unwrap().hash.as_str().to_owned();
    let (mut config, tokens) = builder.into_parts();
    let folder = tempfile::tempdir().unwrap();
    config.audit.file = Some(folder.path().join("audit.jsonl"));
    let tokens: Vec<&str> = tokens.values().map(String::as_str).collect();
    let mut needles = needles(&tokens);
    needles.extend([hash[7..29].to_owned(), hash[29..].to_owned()]);
    let registry = Registry::new(&config, &SystemClock::shared(), None);
    // So that whatever is remembered of a proof is there to be shown.
    for value in authorizations(&tokens) {
        let mut headers = http::HeaderMap::new();
        headers.insert("authorization", value.parse().unwrap());
        let now = pushward::model::Timestamp::from_unix_seconds(1_893_456_000);
        let proof = registry.authenticate(&headers, &Peer::invented(([127, 0, 0, 1], 1).into(), true), now).await;
        holds_nothing("a proof", &format!("{proof:?}"), &needles);
        if let Err(refused) = proof {
            holds_nothing("a refusal", &refused.error.to_string(), &needles);
        }
    }
    holds_nothing("the configuration", &format!("{config:?} {config:#?}"), &needles);
    holds_nothing("the registry", &format!("{registry:?} {registry:#?}"), &needles);
    let gateway = Gateway::bind(config.clone(), SystemClock::shared()).unwrap();
    holds_nothing("the gateway", &format!("{gateway:?} {gateway:#?}"), &needles);
}
