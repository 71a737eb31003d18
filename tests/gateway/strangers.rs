//! What somebody without a proof can learn or spend: nothing.

use axum::body::Body;
use axum::body::Bytes;
use http_body::Frame;
use pushward::model::PlainToken;
use pushward::testkit::Answer;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

/// A body of which nothing ever comes: whoever reads it waits for ever.
struct Never;

impl http_body::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_known_id_with_another_secret_is_refused_as_an_unknown_one() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let id = PlainToken::parse(gateway.token("red")).unwrap().id();
    // Each of the published shape, checksum and all.
    let (forged, unknown) = (PlainToken::generate(id.as_str()).unwrap(), PlainToken::generate("").unwrap());
    assert_eq!(forged.id(), id);
    let mut told = Vec::new();
    for token in [forged.reveal(), unknown.reveal(), "nonsense"] {
        let client = gateway.stranger().with("authorization", &format!("Bearer {token}"));
        let answer = client.get("/metrics").await.refused(401, "unauthenticated");
        let text = answer.text();
        let headers = answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        told.push((text.split(" request ").next().map(str::to_owned), headers));
    }
    assert!(told.iter().all(|each| *each == told[0]), "{told:?}");
}

/// Sends a body that never comes. Chosen: who has not answered within ten seconds waits for it.
async fn answer_without_a_body(client: Client, path: &str) -> Answer {
    let answer = client.send("PUT", path, Body::new(Never));
    tokio::time::timeout(Duration::from_secs(10), answer).await.expect("the body was waited for")
}

#[tokio::test]
async fn who_is_refused_is_answered_before_a_byte_of_the_body_is_read() {
    let gateway = GatewayBuilder::new()
        .tenant("blue")
        .tenant_with("red", |tenant| {
            tenant.limits.pace.requests.burst = NonZeroU32::MIN;
            tenant.limits.pace.places.wait_max = Duration::ZERO;
        })
        .token("red", "red", &[pushward::model::Verb::Push], |_| {})
        .start();
    let path = "/metrics/job/a";
    answer_without_a_body(gateway.stranger(), path).await.refused(401, "unauthenticated");
    let other = gateway.client("blue").with("x-scope-orgid", "red");
    answer_without_a_body(other, path).await.refused(403, "tenant_refused");
    gateway.client("red").put(path, "").await.ok();
    answer_without_a_body(gateway.client("red"), path).await.refused(429, "rate_limited");
    answer_without_a_body(gateway.client("blue"), "/metrics/job/a/odd").await.refused(400, "path_malformed");
}

#[tokio::test]
async fn an_answer_has_the_headers_it_needs_and_none_for_another_sites_page() {
    const ALLOWED: [&str; 10] = [
        "allow",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "retry-after",
        "vary",
        "www-authenticate",
        "x-content-type-options",
        "x-request-id",
    ];
    let gateway = GatewayBuilder::new().tenant("red").start();
    let (red, nobody) = (gateway.client("red"), gateway.stranger());
    for client in [red.clone(), nobody.clone(), gateway.at_ops(&red), gateway.at_ops(&nobody)] {
        let page = client.with("origin", "https://evil.example.org").with("accept-encoding", "gzip");
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"] {
            for path in ["/metrics", "/metrics/job/a", "/metrics/job/%FF", "/-/healthy", "/-/ready", "/", "/nothing"] {
                let answer = page.send(method, path, "m 1\n").await;
                for name in answer.headers.keys() {
                    assert!(ALLOWED.contains(&name.as_str()), "{method} {path}: {name}");
                }
                assert_eq!(answer.headers["cache-control"], "no-store", "{method} {path}");
                assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{method} {path}");
            }
        }
    }
}
