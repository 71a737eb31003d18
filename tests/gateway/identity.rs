//! Who is let in, and what narrows them.

use pushward::model::Pattern;
use pushward::model::Timestamp;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;
use std::time::Duration;

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn a_token_is_taken_as_bearer_or_as_any_users_password() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let token = gateway.token("red").to_owned();
    for header in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER   {token}"),
        basic("", &token),
        basic("red", &token),
        basic("whoever", &token),
    ] {
        gateway.stranger().with("authorization", &header).get("/metrics").await.ok();
    }
    for header in [basic(&token, ""), basic("red", &format!("{token}x")), token.clone(), format!("Bearer {token} x")] {
        gateway.stranger().with("authorization", &header).get("/metrics").await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_stranger_is_challenged_with_every_scheme() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let answer = gateway.stranger().get("/metrics").await.refused(401, "unauthenticated");
    let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, [r#"Bearer realm="pushward""#, r#"Basic realm="pushward", charset="UTF-8""#]);
}

#[tokio::test]
async fn two_authorization_headers_are_neither() {
    let gateway = GatewayBuilder::new().tenant("red").tenant("blue").start();
    let both = gateway.client("red").with("authorization", &format!("Bearer {}", gateway.token("blue")));
    both.get("/metrics").await.refused(400, "several_credentials");
}

#[tokio::test]
async fn an_expired_token_says_so_and_when_but_only_after_proof() {
    let expires = Timestamp::from_unix_seconds(1_893_456_060);
    let gateway = GatewayBuilder::new()
        .tenant("red")
        .token("red", "cron", &[Verb::Push], |token| token.expires = Some(expires))
        .start();
    let cron = gateway.client("cron");
    cron.put("/metrics/job/a", "").await.ok();
    gateway.clock.advance(Duration::from_secs(60));
    let answer = cron.put("/metrics/job/a", "").await.refused(401, "credential_expired");
    assert!(answer.text().starts_with("the credential cron expired at 2030-01-01T00:01:00Z"), "{}", answer.text());
    assert_eq!(answer.headers["www-authenticate"], r#"Bearer realm="pushward", error="invalid_token""#);
}

#[tokio::test]
async fn a_token_is_used_from_its_networks_alone() {
    let gateway = GatewayBuilder::new()
        .tenant("red")
        .token("red", "edge", &[Verb::Push], |token| {
            token.networks = Some(vec!["203.0.113.0/24".parse().unwrap(), "2001:db8::/48".parse().unwrap()]);
        })
        .start();
    let edge = gateway.client("edge");
    for (address, status) in [
        ("203.0.113.9", 200),
        ("::ffff:203.0.113.9", 200),
        ("2001:db8::1", 200),
        ("203.0.114.1", 403),
        ("127.0.0.1", 403),
        ("2001:db9::1", 403),
    ] {
        let answer = edge.clone().from_address(address).put("/metrics/job/a", "").await;
        assert_eq!(answer.status.as_u16(), status, "{address}");
        if status == 403 {
            answer.refused(403, "network_refused");
        }
    }
}

#[tokio::test]
async fn a_narrowed_token_pushes_deletes_and_sees_its_own_groups_alone() {
    let gateway = GatewayBuilder::new()
        .tenant("red")
        .token("red", "narrow", &Verb::ALL, |token| {
            token.jobs = Pattern::parse("backup-*").map(|pattern| vec![pattern]);
            token.labels = [("env".to_owned(), "prod".to_owned())].into();
        })
        .start();
    let (red, narrow) = (gateway.client("red"), gateway.client("narrow"));
    red.put("/metrics/job/other", "# HELP m theirs\n# TYPE m gauge\nm 1\n").await.ok();
    red.put("/metrics/job/backup-db/env/dev", "# TYPE d counter\nd 1\n").await.ok();

    narrow.put("/metrics/job/other", "m 1\n").await.refused(403, "job_refused");
    narrow.put("/metrics/job/Backup-db", "m 1\n").await.refused(403, "job_refused");
    narrow.put("/metrics/job/backup-db/env/dev", "m 1\n").await.refused(403, "label_refused");
    narrow.delete("/metrics/job/backup-db/env/dev").await.refused(403, "label_refused");

    let mine = "m{env=\"prod\",instance=\"\",job=\"backup-db\"} 2";
    for path in ["/metrics/job/backup-db", "/metrics/job/backup-db/env/", "/metrics/job/backup-db/env/prod"] {
        narrow.put(path, "# TYPE m gauge\nm 2\n").await.ok();
        assert_eq!(narrow.scrape().await, [mine]);
        narrow.delete(path).await.ok();
        assert!(narrow.scrape().await.is_empty());
    }
    narrow.put("/metrics/job/backup-db", "# TYPE m gauge\nm 2\n").await.ok();
    let view = narrow.get("/metrics").await.text();
    assert!(!view.contains("theirs") && !view.contains("dev"), "{view}");
    // A contradiction with a group it cannot see names neither the group nor its type.
    let answer = narrow.post("/metrics/job/backup-db", "# TYPE d gauge\nd 1\n").await.refused(400, "inconsistent");
    assert!(!answer.text().contains("dev") && !answer.text().to_lowercase().contains("counter"), "{}", answer.text());
    assert_eq!(red.scrape().await.len(), 3);
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red").with("host", "push.example.org");
    let page = red.clone().with("origin", "https://evil.example.org");
    page.put("/metrics/job/a", "m 1\n").await.refused(403, "origin_refused");
    page.delete("/metrics/job/a").await.refused(403, "origin_refused");
    page.get("/metrics").await.ok();
    red.clone().with("sec-fetch-site", "cross-site").post("/metrics/job/a", "").await.refused(403, "origin_refused");
    red.with("origin", "https://push.example.org").put("/metrics/job/a", "").await.ok();
}

#[tokio::test]
async fn who_may_push_may_empty_a_group_but_not_delete_it() {
    let gateway = GatewayBuilder::new().tenant("red").token("red", "ci", &[Verb::Push], |_| {}).start();
    let (red, ci) = (gateway.client("red"), gateway.client("ci"));
    red.put("/metrics/job/a", "m 1\n").await.ok();
    ci.delete("/metrics/job/a").await.refused(403, "scope_refused");
    assert_eq!(red.scrape().await.len(), 1);
    ci.put("/metrics/job/a", "").await.ok();
    assert!(red.scrape().await.is_empty());
    assert!(red.get("/metrics").await.text().contains("push_time_seconds{"));
}

#[tokio::test]
async fn jobs_alone_or_labels_alone_narrow_what_is_seen() {
    let gateway = GatewayBuilder::new()
        .tenant("red")
        .token("red", "by-job", &Verb::ALL, |token| {
            token.jobs = Pattern::parse("a*").map(|pattern| vec![pattern]);
        })
        .token("red", "by-label", &Verb::ALL, |token| {
            token.labels = [("env".to_owned(), "prod".to_owned())].into();
        })
        .start();
    for path in ["/metrics/job/a1", "/metrics/job/b/env/prod", "/metrics/job/b"] {
        gateway.client("red").put(path, "# HELP m words\nm 1\n").await.ok();
    }
    assert_eq!(gateway.client("red").scrape().await.len(), 3);
    assert_eq!(gateway.client("by-job").scrape().await, ["m{instance=\"\",job=\"a1\"} 1"]);
    assert_eq!(gateway.client("by-label").scrape().await, ["m{env=\"prod\",instance=\"\",job=\"b\"} 1"]);
}
