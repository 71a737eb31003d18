//! Whoever leaves, at whatever moment, leaves nothing behind: no place, no room in a line, no byte.

use super::PATH;
use super::rate;
use axum::body::Body;
use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Response;
use http_body::Body as HttpBody;
use http_body::Frame;
use proptest::prelude::*;
use pushward::config::CredentialLimits;
use pushward::config::Tenant;
use pushward::model::OperatorScope;
use pushward::model::Verb;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;
use serde_json::Value;
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

/// A body that comes in frames, and after some of them makes whoever asks wait for a look or for ever.
struct Halting {
    frames: Vec<Bytes>,
    halts: usize,
    ends: bool,
}

impl HttpBody for Halting {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.halts > 0 {
            self.halts -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.frames.pop() {
            Some(frame) => {
                self.halts = 1;
                Poll::Ready(Some(Ok(Frame::data(frame))))
            }
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Push { frames: usize, ends: bool, packed: bool },
    Scrape,
    Lists,
    Deletes,
}

#[derive(Clone, Debug)]
enum Step {
    Begins(usize, Kind),
    Looks(usize),
    Leaves(usize),
    Passes(u64),
}

const WHO: [&str; 4] = ["red", "narrow", "blue", "ops"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![
        4 => (0..4_usize, prop::bool::weighted(0.8), any::<bool>())
            .prop_map(|(frames, ends, packed)| Kind::Push { frames, ends, packed }),
        2 => Just(Kind::Scrape),
        1 => Just(Kind::Lists),
        1 => Just(Kind::Deletes),
    ];
    let step = prop_oneof![
        4 => (0..WHO.len(), kind).prop_map(|(who, kind)| Step::Begins(who, kind)),
        6 => any::<usize>().prop_map(Step::Looks),
        2 => any::<usize>().prop_map(Step::Leaves),
        1 => (1..3_000_u64).prop_map(Step::Passes),
    ];
    prop::collection::vec(step, 1..80)
}

enum Request {
    UnderWay(Pin<Box<dyn Future<Output = Response<Body>>>>),
    Answered(Response<Body>),
}

fn body_of(frames: usize, ends: bool, packed: bool) -> Body {
    let mut bytes = "m 1\nn 2\no 3\n".repeat(usize::from(frames > 0)).into_bytes();
    if packed {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        bytes = encoder.finish().unwrap();
    }
    let piece = bytes.len().div_ceil(frames.max(1)).max(1);
    let mut frames: Vec<_> = bytes.chunks(piece).map(Bytes::copy_from_slice).collect();
    frames.reverse();
    Body::new(Halting { frames, halts: 0, ends })
}

fn begun(gateway: &TestGateway, who: usize, kind: Kind) -> Request {
    let mut client = gateway.client(WHO[who]);
    let (method, path, body) = match kind {
        Kind::Push { frames, ends, packed } => ("PUT", PATH, body_of(frames, ends, packed)),
        Kind::Scrape => ("GET", "/metrics", Body::empty()),
        Kind::Lists => ("GET", "/api/v1/metrics", Body::empty()),
        Kind::Deletes => ("DELETE", PATH, Body::empty()),
    };
    if matches!(kind, Kind::Push { packed: true, .. }) {
        client = client.with("content-encoding", "gzip");
    }
    Request::UnderWay(Box::pin(async move { client.begin(method, path, body).await }))
}

/// Goes on with it as far as it goes now: of an answer, a piece is taken.
async fn look(request: &mut Request) {
    let answer = std::future::poll_fn(|cx| {
        Poll::Ready(match request {
            Request::UnderWay(future) => future.as_mut().poll(cx),
            Request::Answered(answer) => {
                let _ = Pin::new(answer.body_mut()).poll_frame(cx);
                Poll::Pending
            }
        })
    });
    if let Poll::Ready(answer) = answer.await {
        *request = Request::Answered(answer);
    }
}

/// A gateway of which everything is scarce.
fn gateway() -> TestGateway {
    let scarce = |tenant: &mut Tenant| {
        let pace = &mut tenant.limits.pace;
        (pace.requests, pace.kib, pace.samples) = (rate(2, 6), rate(2, 4), rate(4, 9));
        (pace.places.in_flight_max, pace.places.scrapes_in_flight_max, pace.places.waiting_max) = (3, 1, 3);
    };
    let narrow = CredentialLimits { requests: Some(rate(1, 3)), kib: None, samples: None, in_flight_max: Some(2) };
    let mut builder = GatewayBuilder::new()
        .tenant_with("red", scarce)
        .token("red", "red", &Verb::ALL, |_| {})
        .token("red", "narrow", &Verb::ALL, |token| token.limits = Some(narrow))
        .tenant_with("blue", scarce)
        .token("blue", "blue", &Verb::ALL, |_| {})
        .operator("ops", &[OperatorScope::FleetRead], |_| {});
    builder.config.gateway.scrapes_in_flight_max = 2;
    builder.config.gateway.bodies_in_flight_bytes_max = 300 << 10;
    builder.start()
}

/// What is taken of everything that comes back.
async fn taken(gateway: &TestGateway) -> Vec<(String, u64)> {
    let told = gateway.client("ops").get("/api/v1/limits").await.ok();
    let told: Value = serde_json::from_slice(&told.body).unwrap();
    let mut taken = Vec::new();
    let mut read = |of: &str, usage: &Value, keys: &[&str]| {
        for key in keys {
            taken.push((format!("{of} {key}"), usage[key].as_u64().unwrap()));
        }
    };
    for tenant in told["data"]["tenants"].as_array().unwrap() {
        let keys =
            ["in_flight_max", "scrapes_in_flight_max", "waiting_max", "requests_burst", "bytes_burst", "samples_burst"];
        read(tenant["tenant"].as_str().unwrap(), &tenant["usage"], &keys);
    }
    read("gateway", &told["data"]["gateway"]["usage"], &["bodies_in_flight_bytes_max", "scrapes_in_flight_max"]);
    read("ops", &told["data"]["operator"]["usage"], &["scrapes_in_flight_max", "waiting_max"]);
    taken
}

async fn lived(steps: &[Step]) -> Vec<(String, u64)> {
    let gateway = gateway();
    let mut requests: Vec<Request> = Vec::new();
    for step in steps {
        let count = requests.len().max(1);
        match step {
            Step::Begins(who, kind) => requests.push(begun(&gateway, *who, *kind)),
            Step::Looks(which) => {
                if let Some(request) = requests.get_mut(which % count) {
                    look(request).await;
                }
            }
            Step::Leaves(which) if which % count < requests.len() => drop(requests.swap_remove(which % count)),
            Step::Leaves(_) => {}
            Step::Passes(millis) => gateway.clock.advance(Duration::from_millis(*millis)),
        }
    }
    requests.clear();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    gateway.clock.advance(Duration::from_secs(3_600));
    let taken = taken(&gateway).await;
    // And nobody stands in the way of whoever comes now.
    for who in ["red", "narrow", "blue"] {
        gateway.client(who).put(PATH, "m 1\n").await.ok();
        gateway.client(who).get("/metrics").await.ok();
    }
    taken
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whoever_leaves_at_whatever_moment_leaves_nothing_behind(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (what, taken) in runtime.block_on(lived(&steps)) {
            prop_assert_eq!(taken, 0, "{}", what);
        }
    }
}
