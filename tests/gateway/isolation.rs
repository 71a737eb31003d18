//! Two tenants do whatever they like, and neither can tell whether the other is there.

use proptest::prelude::*;
use pushward::testkit::Answer;
use pushward::testkit::GatewayBuilder;

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn tenants_cannot_tell_whether_there_are_others(red in ops(), blue in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (alone, together) = runtime.block_on(async { (history(&red, &[]).await, history(&red, &blue).await) });
        prop_assert_eq!(alone, together);
    }
}
