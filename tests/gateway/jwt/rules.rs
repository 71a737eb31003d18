//! Which tenant a genuine token is let in to, and with what.

use super::NOW;
use super::bearer;
use super::ci;
use super::push;
use super::red;
use super::text;
use super::wanted;
use pushward::config::ClaimValue;
use pushward::config::LabelTemplate;
use pushward::config::Revoked;
use pushward::config::TemplatePart;
use pushward::model::OperatorScope;
use pushward::model::Pattern;
use pushward::model::Timestamp;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestIssuer;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_token_that_two_tenants_claim_is_refused_and_names_neither() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer)
        .tenant("blue")
        .issuer(&issuer, &["red", "blue"], |_| {})
        .jwt_rule("blue", "ci", &[("org", "*")], |_| {})
        .start();
    let both = issuer.sign(&json!({ "sub": "ci", "org": "o" }));
    let answer = push(&gateway, &both).await.refused(401, "ambiguous_identity");
    assert!(!answer.text().contains("red") && !answer.text().contains("blue"), "{}", answer.text());
    push(&gateway, &issuer.sign(&json!({ "org": "o" }))).await.ok();
    push(&gateway, &issuer.sign(&ci())).await.ok();
    assert_eq!((gateway.client("red").scrape().await.len(), gateway.client("blue").scrape().await.len()), (1, 1));
}

#[tokio::test]
async fn a_tenant_that_the_issuer_does_not_list_has_no_word_on_it() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer).tenant("blue").jwt_rule("blue", "ci", &[("sub", "*")], |_| {}).start();
    push(&gateway, &issuer.sign(&json!({ "sub": "other" }))).await.refused(401, "no_rule");
    push(&gateway, &issuer.sign(&ci())).await.ok();
    assert!(gateway.client("blue").scrape().await.is_empty());
}

#[tokio::test]
async fn a_rule_on_one_issuer_says_nothing_about_another() {
    let (ci_issuer, other) = (TestIssuer::new("ci"), TestIssuer::new("other"));
    let gateway = red(&ci_issuer).issuer(&other, &["red"], |_| {}).start();
    push(&gateway, &other.sign(&ci())).await.refused(401, "no_rule");
    // Nor may one issuer sign in another's name.
    let claims = json!({ "sub": "ci", "iss": "https://ci.example" });
    let stolen = other.sign_with_header(&json!({ "kid": "ci-1" }), &claims);
    push(&gateway, &stolen).await.refused(401, "unauthenticated");
    push(&gateway, &other.sign(&claims)).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn two_issuers_of_one_name_are_neither() {
    let issuer = TestIssuer::new("ci");
    let gateway = red(&issuer)
        .issuer(&issuer, &["red"], |config| config.name = "twin".into())
        .jwt_rule("red", "twin", &[("sub", "ci")], |_| {})
        .start();
    push(&gateway, &issuer.sign(&ci())).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_closed_tenant_lets_nobody_in() {
    let issuer = TestIssuer::new("ci");
    let mut builder = red(&issuer);
    builder.config.tenants.get_mut("red").unwrap().closed = true;
    push(&builder.start(), &issuer.sign(&ci())).await.refused(401, "no_rule");
}

#[tokio::test]
async fn a_rule_narrows_as_a_token_does() {
    let issuer = TestIssuer::new("ci");
    let mut builder = GatewayBuilder::new();
    builder.config.ops.auth = pushward::config::OpsAuth::Operators;
    let gateway = builder
        .tenant("red")
        .tenant("blue")
        .operator("boss", &OperatorScope::ALL, |_| {})
        .issuer(&issuer, &["red"], |_| {})
        .jwt_rule("red", "ci", &[("sub", "ci")], |rule| {
            rule.grant.scopes = [Verb::Push].into();
            rule.grant.jobs = Some(vec![Pattern::parse("ci-*").unwrap()]);
            rule.grant.labels = [("env".to_owned(), "prod".to_owned())].into();
            rule.grant.networks = Some(vec!["127.0.0.0/8".parse().unwrap()]);
        })
        .start();
    let job = bearer(&gateway, &issuer.sign(&ci()));
    job.put("/metrics/job/ci-a", "m 1\n").await.ok();
    assert_eq!(gateway.client("red").scrape().await, ["m{env=\"prod\",instance=\"\",job=\"ci-a\"} 1"]);
    job.put("/metrics/job/a", "m 1\n").await.refused(403, "job_refused");
    job.put("/metrics/job/ci-a/env/dev", "m 1\n").await.refused(403, "label_refused");
    job.delete("/metrics/job/ci-a").await.refused(403, "scope_refused");
    job.get("/metrics").await.refused(403, "scope_refused");
    job.clone().from_address("192.0.2.1").put("/metrics/job/ci-a", "").await.refused(403, "network_refused");
    job.get("/metrics?tenant=blue").await.refused(403, "tenant_refused");
    assert!(job.send("POST", "/-/reload", "").await.status.is_client_error());
    gateway.at_ops(&job).get("/metrics").await.refused(403, "scope_refused");
    for other in ["blue", "nobody"] {
        job.clone().with("x-scope-orgid", other).put("/metrics/job/ci-a", "").await.refused(403, "tenant_refused");
    }
    job.clone().with("x-scope-orgid", "red").put("/metrics/job/ci-a", "").await.ok();
    job.send("PUT", "/api/v1/admin/wipe", "").await.refused(403, "scope_refused");
}

#[tokio::test]
async fn a_rule_ends_when_it_says_so_though_the_token_does_not() {
    let issuer = TestIssuer::new("ci");
    let builder = GatewayBuilder::new().tenant("red").issuer(&issuer, &["red"], |_| {});
    let builder = builder.jwt_rule("red", "ci", &[("sub", "ci")], |rule| {
        rule.grant.expires = Some(Timestamp::from_unix_seconds(NOW + 60));
    });
    let gateway = builder.start();
    let token = issuer.sign(&ci());
    push(&gateway, &token).await.ok();
    gateway.clock.advance(Duration::from_secs(60));
    let answer = push(&gateway, &token).await.refused(401, "credential_expired");
    assert!(answer.text().contains("the credential red-ci expired at 2030-01-01T00:01:00Z"), "{}", answer.text());
}

#[tokio::test]
async fn the_first_rule_that_matches_decides() {
    let issuer = TestIssuer::new("ci");
    let builder = GatewayBuilder::new().tenant("red").issuer(&issuer, &["red"], |_| {});
    let builder = builder
        .jwt_rule("red", "ci", &[("ref", "refs/heads/*")], |rule| rule.grant.scopes = [Verb::Read].into())
        .jwt_rule("red", "ci", &[("ref", "refs/heads/main")], |_| {});
    let gateway = builder.start();
    let token = issuer.sign(&json!({ "ref": "refs/heads/main" }));
    push(&gateway, &token).await.refused(403, "scope_refused");
    bearer(&gateway, &token).get("/metrics").await.ok();
}

#[tokio::test]
async fn a_label_comes_from_the_token_and_binds_the_push() {
    let issuer = TestIssuer::new("ci");
    let parts = vec![
        TemplatePart::Claim("repository".into()),
        TemplatePart::Text("@".into()),
        TemplatePart::Claim("run".into()),
    ];
    let builder = GatewayBuilder::new().tenant("red").issuer(&issuer, &["red"], |_| {});
    let gateway = builder
        .jwt_rule("red", "ci", &[("sub", "ci")], |rule| {
            rule.labels = [("repo".to_owned(), LabelTemplate { parts })].into();
        })
        .start();
    let token = issuer.sign(&json!({ "sub": "ci", "repository": "o/r", "run": 7 }));
    push(&gateway, &token).await.ok();
    assert_eq!(gateway.client("red").scrape().await, ["m{instance=\"\",job=\"a\",repo=\"o/r@7\"} 1"]);
    let other = bearer(&gateway, &token).put("/metrics/job/a/repo/other", "m 1\n").await;
    other.refused(403, "label_refused");
    for bad in [json!({}), json!({ "repository": "" }), json!({ "repository": ["o/r"] }), json!({ "repository": true })]
    {
        let mut claims = json!({ "sub": "ci", "run": 7 });
        claims.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        push(&gateway, &issuer.sign(&claims)).await.refused(401, "no_rule");
    }
}

#[tokio::test]
async fn a_number_is_not_its_text() {
    let issuer = TestIssuer::new("ci");
    let builder = GatewayBuilder::new().tenant("red").issuer(&issuer, &["red"], |_| {});
    let gateway = builder
        .jwt_rule("red", "ci", &[("owner", "12")], |_| {})
        .jwt_rule("red", "ci", &[("x", "x")], |rule| rule.claims = wanted(&[("id", ClaimValue::Number(7))]))
        .start();
    for (claims, is_let_in) in [
        (json!({ "owner": "12" }), true),
        (json!({ "owner": ["9", "12"] }), true),
        (json!({ "owner": 12 }), false),
        (json!({ "id": 7 }), true),
        (json!({ "id": "7" }), false),
        (json!({ "id": 7.0 }), false),
        (json!({ "id": true }), false),
        (json!({ "nested": { "id": 7, "owner": "12" } }), false),
    ] {
        let answer = push(&gateway, &issuer.sign(&claims)).await;
        assert_eq!(answer.status == 200, is_let_in, "{claims} {}", answer.text());
    }
}

#[tokio::test]
async fn a_revoked_set_of_claims_is_refused_before_any_rule() {
    let issuer = TestIssuer::new("ci");
    let mut builder = red(&issuer);
    let claims = wanted(&[("repository_id", text("777")), ("sub", text("c*"))]);
    builder.config.revoked.push(Revoked::Claims { issuer: "ci".into(), claims: claims.clone() });
    builder.config.revoked.push(Revoked::Claims { issuer: "other".into(), claims: wanted(&[("sub", text("*"))]) });
    let gateway = builder.start();
    push(&gateway, &issuer.sign(&ci())).await.ok();
    push(&gateway, &issuer.sign(&json!({ "sub": "ci", "repository_id": "778" }))).await.ok();
    for sub in ["ci", "c-that-no-rule-matches"] {
        let token = issuer.sign(&json!({ "sub": sub, "repository_id": "777" }));
        let answer = push(&gateway, &token).await.refused(401, "credential_revoked");
        assert!(answer.text().contains("the credential of issuer ci was revoked"), "{}", answer.text());
    }
}
