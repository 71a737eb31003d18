//! Tenants do whatever they like, and none can tell whether the others are there.

use axum::body::Body;
use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use http_body::Frame;
use proptest::prelude::*;
use pushward::config::Tenant;
use pushward::model::Verb;
use pushward::testkit::Answer;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use std::convert::Infallible;
use std::io::Write;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use tokio::task::JoinHandle;

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

/// So narrow that some dozen operations meet every limit there is. Some wait: for a rate, or for a place.
fn narrow(tenant: &mut Tenant) {
    let number = |number| NonZeroU32::new(number).unwrap();
    let limits = &mut tenant.limits;
    let places = &mut limits.pace.places;
    (places.wait_max, places.waiting_max) = (Duration::from_millis(1_200), 3);
    (places.in_flight_max, places.scrapes_in_flight_max) = (3, 1);
    limits.push.decompression_ratio_max = 100;
    (limits.pace.requests.per_second, limits.pace.requests.burst) = (number(2), number(6));
    (limits.pace.kib.per_second, limits.pace.kib.burst) = (number(1), number(4));
    (limits.pace.samples.per_second, limits.pace.samples.burst) = (number(2), number(5));
    (limits.push.body_bytes_max, limits.push.line_bytes_max, limits.push.labels_per_series_max) = (120, 60, 4);
    (limits.quota.groups_max, limits.quota.series_max, limits.quota.stored_bytes_max) = (2, 5, 8_000);
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
    /// A body of those, compressed; or, as the last of them, a bomb.
    SendsPacked(usize),
    /// Begins a push whose body never ends, or a scrape that it does not read, and leaves a while later.
    Dawdles(bool),
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
        2 => (0..=LIMITED_BODIES.len()).prop_map(Does::SendsPacked),
        2 => any::<bool>().prop_map(Does::Dawdles),
        2 => (0..READS.len()).prop_map(Does::Reads),
        1 => Just(Does::Guesses),
    ];
    prop::collection::vec((0..FIVE.len(), 0..700_u64, does), 1..60)
}

fn packed(body: usize) -> Vec<u8> {
    let bomb = "#".repeat(1 << 20);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(LIMITED_BODIES.get(body).copied().unwrap_or(&bomb).as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A body of which a line comes, and then nothing.
struct Endless(Option<&'static str>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |line| Poll::Ready(Some(Ok(Frame::data(line.into())))))
    }
}

async fn deed(gateway: &TestGateway, who: usize, does: &Does) -> String {
    let client = gateway.client(FIVE[who]).from_address(&format!("192.0.2.{who}"));
    let answer = match does {
        Does::Sends((method, path, body)) => client.send(METHODS[*method], PATHS[*path], BODIES[*body]).await,
        Does::SendsLimited((method, path, body)) => {
            client.send(METHODS[*method], PATHS[*path], LIMITED_BODIES[*body]).await
        }
        Does::SendsPacked(body) => {
            client.with("content-encoding", "gzip").send("POST", "/metrics/job/a", packed(*body)).await
        }
        Does::Dawdles(true) => client.send("PUT", "/metrics/job/a", Body::new(Endless(Some("m 1\n")))).await,
        Does::Dawdles(false) => {
            let unread = client.begin("GET", "/metrics", "").await;
            if unread.status() == StatusCode::OK {
                std::future::pending::<()>().await;
            }
            return unread.status().to_string();
        }
        Does::Wipes => client.send("PUT", "/api/v1/admin/wipe", "").await,
        Does::Reads(path) => client.get(READS[*path]).await,
        Does::Guesses => {
            let stranger = gateway.stranger().from_address(&format!("192.0.2.{who}"));
            stranger.with("authorization", "Bearer guess").put("/metrics/job/a", "m 1\n").await
        }
    };
    told(&answer)
}

/// Everything that can go on has gone on: as many turns as the longest of these requests takes, and more. Beside the runtime
/// one thing is done after the other, and the audit has written what it has.
async fn settled(gateway: &TestGateway) {
    for _ in 0..4 {
        for _ in 0..25 {
            tokio::task::yield_now().await;
        }
        gateway.auditing().flush();
        tokio::task::spawn_blocking(|| {}).await.unwrap();
    }
}

/// A deed under way: whose it is, since when, and where what was told comes to.
struct UnderWay {
    nth: usize,
    since: usize,
    task: JoinHandle<String>,
}

/// How many deeds later one that has not ended is given up.
const GIVEN_UP: usize = 5;

/// What the first of them was told in this history, and when; with `alone`, the others do nothing. Time passes all the same.
async fn limited_history(deeds: &[(usize, u64, Does)], alone: bool) -> Vec<String> {
    let with =
        |builder: GatewayBuilder, name: &&str| builder.tenant_with(name, narrow).token(name, name, &Verb::ALL, |_| {});
    let gateway = Arc::new(FIVE.iter().fold(GatewayBuilder::new(), with).start());
    let (mut answers, mut under_way) = (Vec::new(), Vec::<UnderWay>::new());
    let rest = (0..30).map(|_| (usize::MAX, 200, None));
    let steps = deeds.iter().map(|(who, millis, does)| (*who, *millis, Some(does.clone()))).chain(rest);
    for (step, (who, millis, does)) in steps.enumerate() {
        gateway.clock.advance(Duration::from_millis(millis));
        settled(&gateway).await;
        for UnderWay { task, .. } in under_way.iter().filter(|deed| step - deed.since >= GIVEN_UP) {
            task.abort();
        }
        if let Some(does) = does.filter(|_| who == 0 || !alone) {
            let gateway = gateway.clone();
            let task = tokio::spawn(async move { deed(&gateway, who, &does).await });
            under_way.push(UnderWay { nth: who, since: step, task });
        }
        settled(&gateway).await;
        for UnderWay { nth, since, task } in under_way.extract_if(.., |deed| deed.task.is_finished()) {
            let told = task.await.unwrap_or_else(|_| "given up".to_owned());
            if nth == 0 {
                answers.push(format!("{since} at {step}: {told}"));
            }
        }
    }
    gateway.clock.advance(Duration::from_secs(60));
    answers.push(gateway.client("red").get("/metrics").await.ok().text());
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn with_every_limit_near_five_tenants_cannot_tell_whether_there_are_others(deeds in deeds()) {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let told = |alone| runtime.block_on(limited_history(&deeds, alone));
        prop_assert_eq!(told(true), told(false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn tenants_cannot_tell_whether_there_are_others(red in ops(), blue in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (alone, together) = runtime.block_on(async { (history(&red, &[]).await, history(&red, &blue).await) });
        prop_assert_eq!(alone, together);
    }
}
