//! Tenants do whatever they like, and none can tell whether the others are there.

use proptest::prelude::*;
use pushward::config::Tenant;
use pushward::model::Verb;
use pushward::testkit::Answer;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use std::num::NonZeroU32;
use std::time::Duration;

const PATHS: [&str; 7] = [
    "/metrics/job/a",
    "/metrics/job/a/instance/",
    "/metrics/job/a/instance/i",
    "/metrics/job/b/l/1",
    "/metrics/job/%FF",
    "/metrics/job/a/odd",
    "/metrics",
];

const BODIES: [&str; 9] = [
    "",
    "m 1\n",
    "# TYPE m counter\nm 2\n",
    "# TYPE m histogram\nm_bucket{le=\"1\"} 1\nm_sum 1\nm_count 1\n",
    "m_count 3\nm_sum{x=\"y\"} 4\n",
    "m{instance=\"i\"} 5\nm 6\n",
    "m 1 1000\n",
    "garbage\n",
    "# HELP m words\n# TYPE m gauge\nm{l=\"1\"} 7\nup 0\n",
];

const METHODS: [&str; 4] = ["PUT", "POST", "DELETE", "GET"];

type Op = (usize, usize, usize);

fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec((0..METHODS.len(), 0..PATHS.len(), 0..BODIES.len()), 1..12)
}

/// What a tenant was told, without what differs from request to request.
fn told(answer: &Answer) -> String {
    let text = answer.text();
    let text = text.split(" request ").next().unwrap_or_default();
    format!("{} {:?} {text}", answer.status, answer.reason)
}

/// What red was told in its history, with and without others in between.
async fn history(red: &[Op], blue: &[Op]) -> Vec<String> {
    let gateway = GatewayBuilder::new().tenant("red").tenant("blue").start();
    let mut answers = Vec::new();
    for n in 0..red.len().max(blue.len()) {
        for (name, ops) in [("blue", blue), ("red", red)] {
            let Some((method, path, body)) = ops.get(n) else {
                continue;
            };
            let client = gateway.client(name);
            let answer = client.send(METHODS[*method], PATHS[*path], BODIES[*body]).await;
            let view = client.get("/metrics").await;
            if name == "red" {
                answers.extend([told(&answer), view.text()]);
            }
        }
    }
    answers
}

const FIVE: [&str; 5] = ["red", "blue", "green", "black", "white"];

/// So narrow that some dozen operations meet every limit there is, and nobody waits: the clock stands still meanwhile.
fn narrow(tenant: &mut Tenant) {
    let number = |number| NonZeroU32::new(number).unwrap();
    let limits = &mut tenant.limits;
    limits.pace.places.wait_max = Duration::ZERO;
    (limits.pace.requests.per_second, limits.pace.requests.burst) = (number(2), number(6));
    (limits.pace.kib.per_second, limits.pace.kib.burst) = (number(1), number(4));
    (limits.pace.samples.per_second, limits.pace.samples.burst) = (number(2), number(5));
    (limits.push.body_bytes_max, limits.push.line_bytes_max, limits.push.labels_per_series_max) = (120, 60, 4);
    (limits.quota.groups_max, limits.quota.series_max, limits.quota.stored_bytes_max) = (2, 5, 6_000);
}

/// What is sent besides what unlimited tenants send: too much of everything, and what they are not to do.
const LIMITED_BODIES: [&str; 6] = [
    "a 1\nb 1\nc 1\nd 1\n",
    "a 1\nb 1\nc 1\nd 1\ne 1\nf 1\n",
    "m{a=\"1\",b=\"2\",c=\"3\",d=\"4\"} 1\n",
    "m{l=\"a line that is longer than sixty bytes, as is easily counted\"} 1\n",
    "# HELP m one\nm 1\n# HELP n two\nn 2\n# HELP o three\no 3\n# HELP p four\np 4\n# HELP q five\nq 5\n# TYPE q gauge\n\n\n",
    "m 1\nm 1\n",
];
const READS: [&str; 4] = ["/metrics", "/api/v1/metrics", "/api/v1/status", "/api/v1/limits"];

#[derive(Clone, Debug)]
enum Does {
    Sends(Op),
    SendsLimited(Op),
    Wipes,
    Reads(usize),
    Guesses,
}

fn deeds() -> impl Strategy<Value = Vec<(usize, u64, Does)>> {
    let op = || (0..METHODS.len(), 0..PATHS.len(), 0..BODIES.len());
    let limited = (0..METHODS.len(), 0..PATHS.len(), 0..LIMITED_BODIES.len());
    let does = prop_oneof![
        5 => op().prop_map(Does::Sends),
        5 => limited.prop_map(Does::SendsLimited),
        1 => Just(Does::Wipes),
        2 => (0..READS.len()).prop_map(Does::Reads),
        1 => Just(Does::Guesses),
    ];
    prop::collection::vec((0..FIVE.len(), 0..700_u64, does), 1..60)
}

async fn deed(gateway: &TestGateway, who: usize, does: &Does) -> Answer {
    let client = gateway.client(FIVE[who]).from_address(&format!("192.0.2.{who}"));
    match does {
        Does::Sends((method, path, body)) => client.send(METHODS[*method], PATHS[*path], BODIES[*body]).await,
        Does::SendsLimited((method, path, body)) => {
            client.send(METHODS[*method], PATHS[*path], LIMITED_BODIES[*body]).await
        }
        Does::Wipes => client.send("PUT", "/api/v1/admin/wipe", "").await,
        Does::Reads(path) => client.get(READS[*path]).await,
        Does::Guesses => {
            let stranger = gateway.stranger().from_address(&format!("192.0.2.{who}"));
            stranger.with("authorization", "Bearer guess").put("/metrics/job/a", "m 1\n").await
        }
    }
}

/// What the first of them was told in this history; with `alone`, the others do nothing. Time passes all the same.
async fn limited_history(deeds: &[(usize, u64, Does)], alone: bool) -> Vec<String> {
    let with =
        |builder: GatewayBuilder, name: &&str| builder.tenant_with(name, narrow).token(name, name, &Verb::ALL, |_| {});
    let gateway = FIVE.iter().fold(GatewayBuilder::new(), with).start();
    let mut answers = Vec::new();
    for (who, millis, does) in deeds {
        gateway.clock.advance(Duration::from_millis(*millis));
        if *who == 0 {
            answers.push(told(&deed(&gateway, 0, does).await));
        } else if !alone {
            deed(&gateway, *who, does).await;
        }
    }
    gateway.clock.advance(Duration::from_secs(60));
    answers.push(gateway.client("red").get("/metrics").await.ok().text());
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn with_every_limit_near_five_tenants_cannot_tell_whether_there_are_others(deeds in deeds()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let told = |alone| runtime.block_on(limited_history(&deeds, alone));
        prop_assert_eq!(told(true), told(false));
    }

    #[test]
    fn tenants_cannot_tell_whether_there_are_others(red in ops(), blue in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (alone, together) = runtime.block_on(async { (history(&red, &[]).await, history(&red, &blue).await) });
        prop_assert_eq!(alone, together);
    }
}
