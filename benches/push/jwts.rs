//! What it costs to believe a JWT: at its first sight, when it was proved before, and when it is forged.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use pushward::config::Algorithm;
use pushward::identity::Registry;
use pushward::listener::Peer;
use pushward::model::Clock;
use pushward::model::SharedClock;
use pushward::model::SystemClock;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::MockClock;
use pushward::testkit::TestIssuer;
use serde_json::json;
use std::sync::Arc;

const TOKENS: u32 = 1000;

/// One line for each algorithm. Nothing but the registry is asked: no connection, no store.
pub(crate) fn measure() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("{TOKENS} tokens of 1.4 KiB of claims, as long as those of GitHub Actions; wall time of one thread");
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
        println!("  {}", runtime.block_on(cost_of(algorithm)));
    }
}

async fn cost_of(algorithm: Algorithm) -> String {
    let issuer = TestIssuer::with_keys("ci", &[algorithm]);
    let builder = GatewayBuilder::new().tenant("red").issuer(&issuer, &["red"], |_| {});
    let (config, _) = builder.jwt_rule("red", "ci", &[("sub", "ci")], |_| {}).into_parts();
    // The issuer's tokens are valid at the time at which this clock stands.
    let clock: SharedClock = Arc::new(MockClock::new());
    let registry = Registry::new(&config, &clock, None);
    let token = |number: u32| issuer.sign(&json!({ "sub": "ci", "jti": number, "filler": "x".repeat(1300) }));
    let forged = |token: &String| format!("{}{}", &token[..token.len() - 8], "AAAAAAAA");
    let tokens: Vec<String> = (0..TOKENS).map(token).collect();
    let forgeries: Vec<String> = tokens.iter().map(forged).collect();
    let peer = Peer::invented(([192, 0, 2, 1], 1).into(), true);
    let mut line = format!("{algorithm:?}, {} bytes:", tokens[0].len());
    for (what, tokens, good) in [("new", &tokens, true), ("proved", &tokens, true), ("forged", &forgeries, false)] {
        let watch = SystemClock::new();
        let start = watch.tick();
        for token in tokens {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
            assert_eq!(registry.authenticate(&headers, &peer, clock.now()).await.is_ok(), good);
        }
        let each = watch.tick().since(start) / TOKENS;
        line.push_str(&format!(" {what} {:.1} µs;", each.as_secs_f64() * 1e6));
    }
    line
}
