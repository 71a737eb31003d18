//! What a push does, and what a refused one leaves.

use pushward::testkit::GatewayBuilder;

#[tokio::test]
async fn a_push_is_seen_by_the_next_scrape() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    red.put("/metrics/job/a", "m{x=\"1\"} 2\n").await.ok();
    println!("{}", red.get("/metrics").await.text());
    assert_eq!(red.scrape().await, ["m{instance=\"\",job=\"a\",x=\"1\"} 2"]);
}
