//! Users with passwords, by Basic.

use pushward::model::OperatorScope;
use pushward::model::Pattern;
use pushward::model::PlainToken;
use pushward::model::Timestamp;
use pushward::model::Verb;
use pushward::testkit::Answer;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use std::future::Future;
use std::time::Duration;

/// As many failures as an address has by default.
const BURST: usize = 20;

fn usual() -> GatewayBuilder {
    let bcrypt = bcrypt::hash("bobs password", 4).unwrap();
    GatewayBuilder::new().tenant("red").user("red", "alice", "alice's password", &Verb::ALL, |_| {}).user_with_hash(
        "red",
        "bob",
        &bcrypt,
        &[Verb::Push],
        |_| {},
    )
}

/// An answer that comes behind a pause, for which the clock is moved.
async fn behind_a_pause(gateway: &TestGateway, answer: impl Future<Output = Answer>) -> Answer {
    let mut answer = std::pin::pin!(answer);
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = tokio::task::yield_now() => gateway.clock.advance(Duration::from_millis(10)),
        }
    }
}

async fn spend(gateway: &TestGateway) {
    for n in 0..BURST {
        gateway.basic(&format!("nobody-{n}"), "wrong").get("/metrics").await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn users_of_both_schemes_get_in_with_what_they_are_granted() {
    let gateway = usual().start();
    let (alice, bob) = (gateway.basic("alice", "alice's password"), gateway.basic("bob", "bobs password"));
    for _ in 0..2 {
        alice.put("/metrics/job/a", "m 1\n").await.ok();
        bob.put("/metrics/job/b", "m 2\n").await.ok();
        bob.get("/metrics").await.refused(403, "scope_refused");
        assert_eq!(alice.scrape().await.len(), 2);
    }
}

#[tokio::test]
async fn whatever_is_wrong_with_a_password_the_answer_is_that_of_any_stranger() {
    let gateway = usual().start();
    let (long_name, long, past_bcrypt) = ("n".repeat(300), "x".repeat(513), format!("bobs password{}", "x".repeat(60)));
    let mut clients = vec![gateway.stranger()];
    clients.extend(
        [
            ("alice", "wrong"),
            ("alice", ""),
            ("alice", "bobs password"),
            ("Alice", "alice's password"),
            ("alice ", "alice's password"),
            ("alice", &long),
            ("bob", &past_bcrypt),
            ("bob", "bobs password\0"),
            ("nobody", "wrong"),
            ("", "wrong"),
            ("", ""),
            (&long_name, "wrong"),
            ("red", "alice's password"),
        ]
        .map(|(user, password)| gateway.basic(user, password)),
    );
    let mut told = Vec::new();
    for client in clients {
        for path in ["/metrics", "/nothing"] {
            let answer = client.get(path).await.refused(401, "unauthenticated");
            let body = answer.text().split(" request ").next().unwrap().to_owned();
            let mut headers = answer.headers.clone();
            headers.remove("x-request-id");
            told.push((body, headers, answer.reason));
        }
    }
    assert!(told.iter().all(|each| *each == told[0]), "{told:?}");
}

#[tokio::test]
async fn a_password_is_taken_by_basic_alone() {
    let gateway = usual().start();
    for header in ["Bearer alice's password", "Bearer alice:alice's password", "Digest alice:alice's password"] {
        gateway.stranger().with("authorization", header).get("/metrics").await.refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn what_has_the_shape_of_a_token_is_never_tried_as_a_password() {
    let token = PlainToken::generate("").unwrap();
    let mistyped = format!("{}x", &token.reveal()[..token.reveal().len() - 1]);
    let gateway = usual()
        .user("red", "carol", token.reveal(), &Verb::ALL, |_| {})
        .user("red", "dave", &mistyped, &Verb::ALL, |_| {})
        .start();
    // More often than there is budget for: none of it cost a hash.
    for _ in 0..2 * BURST {
        gateway.basic("carol", token.reveal()).get("/metrics").await.refused(401, "unauthenticated");
        gateway.basic("dave", &mistyped).get("/metrics").await.refused(401, "unauthenticated");
    }
    gateway.basic("alice", gateway.token("red")).get("/metrics").await.ok();
}

#[tokio::test]
async fn what_narrows_a_token_narrows_a_user_and_is_told_only_after_proof() {
    let gateway = usual()
        .user("red", "narrow", "narrow password", &Verb::ALL, |grant| {
            grant.jobs = Pattern::parse("backup-*").map(|pattern| vec![pattern]);
            grant.labels = [("env".to_owned(), "prod".to_owned())].into();
        })
        .user("red", "edge", "edge password", &[Verb::Push], |grant| {
            grant.networks = Some(vec!["203.0.113.0/24".parse().unwrap()]);
        })
        .user("red", "late", "late password", &[Verb::Push], |grant| {
            grant.expires = Some(Timestamp::from_unix_seconds(1_893_456_060));
        })
        .start();
    gateway.client("red").put("/metrics/job/other", "m 1\n").await.ok();
    let narrow = gateway.basic("narrow", "narrow password");
    narrow.put("/metrics/job/other", "m 1\n").await.refused(403, "job_refused");
    narrow.put("/metrics/job/backup-a/env/dev", "m 1\n").await.refused(403, "label_refused");
    narrow.put("/metrics/job/backup-a", "m 2\n").await.ok();
    assert_eq!(narrow.scrape().await, ["m{env=\"prod\",instance=\"\",job=\"backup-a\"} 2"]);

    let (edge, late) = (gateway.basic("edge", "edge password"), gateway.basic("late", "late password"));
    edge.clone().from_address("203.0.113.9").put("/metrics/job/a", "").await.ok();
    edge.put("/metrics/job/a", "").await.refused(403, "network_refused");
    gateway.basic("edge", "wrong").put("/metrics/job/a", "").await.refused(401, "unauthenticated");
    late.put("/metrics/job/a", "").await.ok();
    gateway.clock.advance(Duration::from_secs(60));
    let answer = late.put("/metrics/job/a", "").await.refused(401, "credential_expired");
    assert!(answer.text().contains("the credential late expired at 2030-01-01T00:01:00Z"), "{}", answer.text());
    gateway.basic("late", "wrong").put("/metrics/job/a", "").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn an_operators_user_reads_the_fleet() {
    let gateway = usual()
        .operator("prometheus", &[OperatorScope::FleetRead], |_| {})
        .operator_user("prometheus", "oscar", "oscars password", &[OperatorScope::FleetRead])
        .start();
    gateway.basic("alice", "alice's password").put("/metrics/job/a", "m 1\n").await.ok();
    let oscar = gateway.basic("oscar", "oscars password");
    assert_eq!(oscar.scrape().await, ["m{tenant=\"red\",instance=\"\",job=\"a\"} 1"]);
    oscar.put("/metrics/job/a", "m 1\n").await.refused(403, "scope_refused");
    gateway.basic("oscar", "wrong").get("/metrics").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_full_queue_is_a_503_that_says_when_to_come_again() {
    let mut builder = usual();
    (builder.config.passwords.concurrency, builder.config.passwords.queue) = (1, 0);
    let gateway = builder.start();
    let (alice, bob) = (gateway.basic("alice", "alice's password"), gateway.basic("bob", "bobs password"));
    let red = gateway.client("red");
    let (first, second, token) =
        tokio::join!(alice.put("/metrics/job/a", ""), bob.put("/metrics/job/a", ""), red.put("/metrics/job/b", ""),);
    first.ok();
    token.ok();
    let answer = second.refused(503, "authentication_busy");
    assert_eq!(answer.headers["retry-after"], "1");
    bob.put("/metrics/job/a", "").await.ok();
}

#[tokio::test]
async fn a_spent_budget_is_a_429_while_tokens_and_proved_passwords_go_on_and_others_get_in() {
    let gateway = usual().start();
    let alice = gateway.basic("alice", "alice's password");
    alice.put("/metrics/job/a", "").await.ok();
    spend(&gateway).await;
    for (user, password) in [("nobody", "wrong"), ("alice", "wrong"), ("bob", "wrong")] {
        let client = gateway.basic(user, password);
        let answer = behind_a_pause(&gateway, client.get("/metrics")).await.refused(429, "too_many_failures");
        let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=3).contains(&wait), "{wait}");
        assert!(!answer.headers.contains_key("www-authenticate"));
        // What the pause gave back.
        gateway.basic("nobody", "wrong").get("/metrics").await.refused(401, "unauthenticated");
    }
    for _ in 0..100 {
        alice.put("/metrics/job/a", "").await.ok();
        gateway.client("red").put("/metrics/job/a", "").await.ok();
    }
    // Never seen before, from the same address: it is found right at once.
    gateway.basic("bob", "bobs password").put("/metrics/job/b", "").await.ok();
    // And elsewhere nothing has happened.
    let elsewhere = gateway.basic("nobody", "wrong").from_address("198.51.100.1");
    elsewhere.get("/metrics").await.refused(401, "unauthenticated");
}
