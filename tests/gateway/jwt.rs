//! Who comes with a JWT, by keys of a file.

mod rules;

use crate::caught::Caught;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pushward::config::Algorithm;
use pushward::config::ClaimValue;
use pushward::config::Claims;
use pushward::model::Pattern;
use pushward::testkit::Answer;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use pushward::testkit::TestIssuer;
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

/// Now, in tests.
const NOW: i64 = 1_893_456_000;

fn bearer(gateway: &TestGateway, token: &str) -> Client {
    gateway.stranger().with("authorization", &format!("Bearer {token}"))
}

async fn push(gateway: &TestGateway, token: &str) -> Answer {
    bearer(gateway, token).put("/metrics/job/a", "m 1\n").await
}

/// The tenant `red`, which lets in whoever `issuer` calls `sub: ci`.
fn red(issuer: &TestIssuer) -> GatewayBuilder {
    GatewayBuilder::new().tenant("red").issuer(issuer, &["red"], |_| {}).jwt_rule(
        "red",
        &issuer.name,
        &[("sub", "ci")],
        |_| {},
    )
}

fn ci() -> Value {
    json!({ "sub": "ci" })
}

fn text(pattern: &str) -> ClaimValue {
    ClaimValue::Text(Pattern::parse(pattern).unwrap())
}

fn wanted(claims: &[(&str, ClaimValue)]) -> Claims {
    claims.iter().map(|(name, value)| ((*name).to_owned(), vec![value.clone()])).collect()
}

#[tokio::test]
async fn a_job_pushes_with_a_token_of_its_issuer_in_every_algorithm() {
    let keys = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ];
    for algorithm in keys {
        let issuer = TestIssuer::with_keys("ci", &[algorithm]);
        let gateway = red(&issuer).start();
        push(&gateway, &issuer.sign(&ci())).await.ok();
        assert_eq!(gateway.client("red").scrape().await, ["m{instance=\"\",job=\"a\"} 1"], "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_token_whose_algorithm_the_issuer_is_not_allowed_is_a_strangers() {
    let issuer = TestIssuer::with_keys("ci", &[Algorithm::Rs256]);
    let allowed = |algorithm: Algorithm| {
        let builder = GatewayBuilder::new().tenant("red");
        let builder = builder.issuer(&issuer, &["red"], |config| config.algorithms = [algorithm].into());
        builder.jwt_rule("red", "ci", &[("sub", "ci")], |_| {}).start()
    };
    push(&allowed(Algorithm::Rs256), &issuer.sign(&ci())).await.ok();
    push(&allowed(Algorithm::Es256), &issuer.sign(&ci())).await.refused(401, "unauthenticated");
    // The key could check PS256, the signature is RS256, and the header lies about it.
    let lie = issuer.sign_with_header(&json!({ "alg": "PS256" }), &ci());
    push(&allowed(Algorithm::Ps256), &lie).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_public_key_is_nobodys_secret() {
    let issuer = TestIssuer::with_keys("ci", &[Algorithm::Rs256]);
    let gateway = red(&issuer).start();
    let jwks: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    let modulus = jwks["keys"][0]["n"].as_str().unwrap();
    let claims = URL_SAFE_NO_PAD.encode(issuer.claims(&ci()).to_string());
    for name in ["HS256", "HS384", "HS512", "none", "NONE", ""] {
        let header = json!({ "typ": "JWT", "alg": name, "kid": jwks["keys"][0]["kid"] });
        let signed = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header.to_string()));
        // Whatever of the public key a confused verifier would take for the secret: modulus, JWK, JWKS.
        for secret in
            [URL_SAFE_NO_PAD.decode(modulus).unwrap(), jwks["keys"][0].to_string().into(), issuer.jwks().into()]
        {
            let key = jsonwebtoken::EncodingKey::from_secret(&secret);
            let signature =
                jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
            push(&gateway, &format!("{signed}.{signature}")).await.refused(401, "unauthenticated");
        }
        push(&gateway, &format!("{signed}.")).await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_token_that_was_touched_or_signed_by_another_is_a_strangers() {
    let (issuer, other) = (TestIssuer::new("ci"), TestIssuer::new("ci"));
    let gateway = red(&issuer).start();
    let good = issuer.sign(&ci());
    push(&gateway, &good).await.ok();
    push(&gateway, &other.sign(&ci())).await.refused(401, "unauthenticated");
    let parts: Vec<&str> = good.split('.').collect();
    let admin = URL_SAFE_NO_PAD.encode(issuer.claims(&json!({ "sub": "ci", "exp": NOW + 9_999 })).to_string());
    for bad in [
        format!("{}.{admin}.{}", parts[0], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], other.sign(&ci()).rsplit('.').next().unwrap()),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.AAAA", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        format!("{good}="),
        format!("{good}."),
        format!(".{good}"),
        good.replace('.', ""),
    ] {
        push(&gateway, &bad).await.refused(401, "unauthenticated");
    }
    push(&gateway, &good).await.ok();
}

#[tokio::test]
async fn a_header_chooses_no_key_and_asks_for_nothing() {
    let (issuer, other) = (TestIssuer::new("ci"), TestIssuer::new("other"));
    let gateway = red(&issuer).start();
    let with = |header: Value| issuer.sign_with_header(&header, &ci());
    for fine in [
        json!({ "typ": null }),
        json!({ "typ": "jwt" }),
        json!({ "typ": "at+jwt" }),
        json!({ "kid": null }),
        json!({ "jku": "https://evil.example", "x5u": "https://evil.example", "x5c": ["x"], "jwk": {} }),
    ] {
        push(&gateway, &with(fine)).await.ok();
    }
    for bad in [
        json!({ "crit": ["exp"] }),
        json!({ "crit": [], }),
        json!({ "zip": "DEF" }),
        json!({ "cty": "JWT" }),
        json!({ "typ": "logout+jwt" }),
        json!({ "kid": "../../../../dev/null" }),
        json!({ "kid": "ci-1' OR '1'='1" }),
        json!({ "kid": "" }),
        json!({ "kid": 1 }),
        json!({ "kid": ["ci-1"] }),
        json!({ "x": "x".repeat(3000) }),
    ] {
        push(&gateway, &with(bad.clone())).await.refused(401, "unauthenticated");
    }
    // A token that brings its own key along.
    let jwks: Value = serde_json::from_str(&other.jwks()).unwrap();
    let own = other.sign_with_header(&json!({ "jwk": jwks["keys"][0], "kid": "ci-1" }), &issuer.claims(&ci()));
    push(&gateway, &own).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_member_that_stands_twice_is_refused_though_it_was_signed() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).start();
    let header = r#"{"alg":"ES256","kid":"ci-1"}"#;
    let claims = issuer.claims(&ci()).to_string();
    push(&gateway, &issuer.sign_text(header, &claims)).await.ok();
    for (header, claims) in [
        (r#"{"alg":"ES256","alg":"ES256","kid":"ci-1"}"#, claims.clone()),
        (header, claims.replacen('{', r#"{"sub":"ci","#, 1)),
        (header, claims.replacen('{', r#"{"o":{"a":1,"a":1},"#, 1)),
        (header, format!("{claims}{claims}")),
        (header, format!("[{claims}]")),
    ] {
        push(&gateway, &issuer.sign_text(header, &claims)).await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_token_of_8_kib_is_looked_into_and_a_longer_one_is_not() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).start();
    let sized = |bytes: usize| issuer.sign(&json!({ "sub": "ci", "x": "x".repeat(bytes) }));
    let (mut small, mut large) = (0, 8 << 10);
    while large - small > 1 {
        let middle = usize::midpoint(small, large);
        if sized(middle).len() <= 8 << 10 { small = middle } else { large = middle }
    }
    push(&gateway, &sized(small)).await.ok();
    push(&gateway, &sized(large)).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn an_issuer_is_known_by_its_whole_name() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).start();
    for iss in
        ["https://ci.example/", "https://CI.example", "https://ci.example.evil", "https://other.example", "", "*"]
    {
        let token = issuer.sign(&json!({ "sub": "ci", "iss": iss }));
        push(&gateway, &token).await.refused(401, "unauthenticated");
    }
    for claims in [json!({ "iss": null }), json!({ "iss": ["https://ci.example"] }), json!({ "exp": null })] {
        push(&gateway, &issuer.sign(&claims)).await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn after_proof_a_refusal_says_why_and_when() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).start();
    let expected = format!("expected {}", TestIssuer::AUDIENCE);
    for (claims, code, says) in [
        (json!({ "exp": NOW }), "credential_expired", "the credential of issuer ci expired at 2030-01-01T00:00:00Z"),
        (
            json!({ "nbf": NOW + 61 }),
            "credential_not_yet_valid",
            "of issuer ci is not valid before 2030-01-01T00:01:01Z",
        ),
        (
            json!({ "iat": NOW + 61 }),
            "credential_not_yet_valid",
            "of issuer ci is not valid before 2030-01-01T00:01:01Z",
        ),
        (json!({ "aud": "https://other.example" }), "audience_refused", &expected),
        (json!({ "aud": [] }), "audience_refused", &expected),
        (json!({ "aud": null }), "audience_refused", &expected),
        (json!({ "sub": "cd" }), "no_rule", "no rule of a tenant matches"),
    ] {
        let mut all = ci();
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let answer = push(&gateway, &issuer.sign(&all)).await.refused(401, code);
        assert!(answer.text().contains(says), "{}", answer.text());
        assert_eq!(answer.headers["www-authenticate"], r#"Bearer realm="pushward", error="invalid_token""#);
        // Without proof there is no why.
        let forged = TestIssuer::new("ci").sign(&all);
        push(&gateway, &forged).await.refused(401, "unauthenticated");
    }
    for audience in [json!(TestIssuer::AUDIENCE), json!(["https://other.example", TestIssuer::AUDIENCE])] {
        push(&gateway, &issuer.sign(&json!({ "sub": "ci", "aud": audience }))).await.ok();
    }
}

#[tokio::test]
async fn clocks_may_be_apart_by_the_leeway() {
    let issuer = TestIssuer::new("ci");
    let builder = GatewayBuilder::new().tenant("red");
    let builder = builder.issuer(&issuer, &["red"], |config| config.leeway = Duration::from_secs(60));
    let gateway = builder.jwt_rule("red", "ci", &[("sub", "ci")], |_| {}).start();
    push(&gateway, &issuer.sign(&json!({ "sub": "ci", "exp": NOW - 59, "nbf": NOW + 60 }))).await.ok();
    push(&gateway, &issuer.sign(&json!({ "sub": "ci", "exp": NOW - 60 }))).await.refused(401, "credential_expired");
    let early = issuer.sign(&json!({ "sub": "ci", "nbf": NOW + 61 }));
    push(&gateway, &early).await.refused(401, "credential_not_yet_valid");
}

#[tokio::test]
async fn a_proved_token_is_refused_in_the_second_in_which_it_ends() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).start();
    let token = issuer.sign(&json!({ "sub": "ci", "exp": NOW + 60 }));
    push(&gateway, &token).await.ok();
    gateway.clock.advance(Duration::from_millis(59_999));
    push(&gateway, &token).await.ok();
    gateway.clock.advance(Duration::from_millis(1));
    let answer = push(&gateway, &token).await.refused(401, "credential_expired");
    assert!(answer.text().contains("expired at 2030-01-01T00:01:00Z"), "{}", answer.text());
}

#[tokio::test]
async fn whoever_forges_bad_tokens_is_soon_told_no_more_than_a_stranger() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).start();
    let forger = TestIssuer::new("ci");
    let expired = issuer.sign(&json!({ "sub": "ci", "exp": 1 }));
    // Genuine ones are not counted, however many.
    for _ in 0..50 {
        push(&gateway, &expired).await.refused(401, "credential_expired");
    }
    for number in 0..20 {
        let forged = forger.sign(&json!({ "sub": "ci", "exp": 1, "n": number }));
        push(&gateway, &forged).await.refused(401, "unauthenticated");
    }
    push(&gateway, &expired).await.refused(401, "unauthenticated");
    let elsewhere = bearer(&gateway, &expired).from_address("192.0.2.77");
    elsewhere.get("/metrics").await.refused(401, "credential_expired");
    // Tokens that fit never meet the allowance.
    push(&gateway, &issuer.sign(&ci())).await.ok();
    gateway.clock.advance(Duration::from_secs(3));
    push(&gateway, &expired).await.refused(401, "credential_expired");
}

#[tokio::test]
async fn a_jwt_is_no_password_and_no_second_credential() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).start();
    let token = issuer.sign(&ci());
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("ci:{token}"));
    let stranger = gateway.stranger().with("authorization", &format!("Basic {basic}"));
    stranger.get("/metrics").await.refused(401, "unauthenticated");
    let twice = bearer(&gateway, &token).with("authorization", &format!("Bearer {}", gateway.token("red")));
    twice.get("/metrics").await.refused(400, "several_credentials");
    bearer(&gateway, &token).get("/metrics").await.ok();
}

#[tokio::test]
async fn a_gateway_without_issuers_knows_no_jwt() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    push(&gateway, &TestIssuer::new("ci").sign(&ci())).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn who_writes_a_first_rule_is_told_which_claims_there_are_and_not_what_they_say() {
    let caught = Caught::listen();
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).start();
    push(&gateway, &issuer.sign(&json!({ "sub": "other", "ref": "secret-branch" }))).await.refused(401, "no_rule");
    let said = caught.said();
    let line = said.lines().find(|line| line.contains("no rule matches")).unwrap();
    assert!(line.contains("DEBUG") && line.contains("ref sub") && !line.contains("secret-branch"), "{line}");
}

#[tokio::test]
async fn a_jwt_sent_everywhere_comes_out_nowhere() {
    let caught = Caught::listen();
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).start();
    let claims = |more: Value| {
        let mut all = json!({ "sub": "ci", "note": "canary-in-a-claim" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        issuer.sign(&all)
    };
    let tokens = [
        claims(json!({})),
        claims(json!({ "exp": 1 })),
        claims(json!({ "aud": "canary-in-aud" })),
        claims(json!({ "sub": "canary-in-sub" })),
        claims(json!({ "iss": "canary-in-iss" })),
        issuer.sign_with_header(&json!({ "kid": "canary-in-kid" }), &ci()),
        TestIssuer::new("ci").sign(&json!({ "sub": "canary-in-a-forgery" })),
    ];
    let mut seen = String::new();
    for token in &tokens {
        for (method, path) in [("GET", "/metrics"), ("PUT", "/metrics/job/a"), ("GET", "/nothing")] {
            for header in [format!("Bearer {token}"), format!("Bearer {token}x"), format!("Digest {token}")] {
                let client = gateway.stranger().with("authorization", &header);
                let answer = client.send(method, path, "").await;
                seen.push_str(&format!("{:?}{:?}{}", answer.headers, answer.reason, answer.text()));
            }
        }
    }
    seen.push_str(&gateway.at_ops(&gateway.stranger()).get("/metrics").await.text());
    seen.push_str(&format!("{gateway:?}"));
    seen.push_str(&gateway.audit_text());
    assert!(seen.contains("refused"), "nothing was audited, so nothing was shown");
    seen.push_str(&caught.said());
    assert!(!seen.contains("canary"), "a claim came out");
    for token in &tokens {
        assert!(token.split('.').all(|part| !seen.contains(&part[..part.len().min(40)])), "a token came out");
    }
}
