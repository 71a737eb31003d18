//! Paths that mean another one, and methods that every path has.

use pushward::testkit::GatewayBuilder;

#[tokio::test]
async fn a_path_to_be_cleaned_is_redirected_to_the_clean_one_on_this_host() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    for (method, path, status, location) in [
        ("GET", "//metrics", 307, "/metrics"),
        ("PUT", "/metrics//job/a?x=1&y", 307, "/metrics/job/a?x=1&y"),
        ("DELETE", "/metrics/job/a/b/..", 307, "/metrics/job/a"),
        ("GET", "//evil.example", 307, "/evil.example"),
        ("GET", "//\\evil.example", 307, "/%5Cevil.example"),
        ("GET", "///", 307, "/"),
        ("GET", "/metrics/", 301, "/metrics"),
        ("HEAD", "/metrics/?tenant=red", 301, "/metrics?tenant=red"),
        ("GET", "/-/ready/", 301, "/-/ready"),
        ("PUT", "/metrics/job/", 307, "/metrics/job"),
        ("PUT", "/metrics/job/x/a//b/c", 307, "/metrics/job/x/a/b/c"),
    ] {
        let answer = red.send(method, path, "m 1\n").await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.headers["location"], location, "{method} {path}");
    }
    for (method, path) in [("PUT", "/metrics/job"), ("PUT", "/metrics/job@base64/"), ("GET", "/"), ("GET", "/nothing/")]
    {
        red.send(method, path, "m 1\n").await.refused(404, "not_found");
    }
    assert!(red.scrape().await.is_empty());
}

#[tokio::test]
async fn an_encoded_path_leads_where_the_decoded_one_does() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red");
    red.put("/metrics/job%40base64/YS9i", "m 1\n").await.ok();
    red.put("/%6Detrics/j%6fb/%63/l%40base64/ZA", "m 2\n").await.ok();
    red.put("/metrics/job/e/x%2Fy", "m 3\n").await.ok();
    assert_eq!(
        red.scrape().await,
        [
            "m{instance=\"\",job=\"a/b\"} 1",
            "m{instance=\"\",job=\"c\",l=\"d\"} 2",
            "m{instance=\"\",job=\"e\",x=\"y\"} 3"
        ]
    );
    red.get("/%6detric%73?x=y").await.ok();
}

#[tokio::test]
async fn a_listener_with_a_prefix_knows_no_path_outside_it() {
    let mut builder = GatewayBuilder::new().tenant("red");
    builder.config.listeners[0].route_prefix = "/pg".to_owned();
    let gateway = builder.start();
    let red = gateway.client("red");
    red.put("/pg/metrics/job/a", "m 1\n").await.ok();
    red.put("/pg/metrics/job@base64/YS9i", "m 2\n").await.ok();
    assert_eq!(red.get("/pg/metrics").await.ok().text().matches("\nm{").count(), 2);
    assert_eq!(gateway.stranger().get("/pg/-/healthy").await.ok().text(), "OK");
    for path in ["/metrics", "/-/healthy", "/pg", "/pgx/metrics", "/"] {
        red.get(path).await.refused(404, "not_found");
        gateway.stranger().get(path).await.refused(401, "unauthenticated");
    }
    let moved = red.get("/pg/metrics/").await;
    assert_eq!((moved.status.as_u16(), moved.headers["location"].to_str().unwrap()), (301, "/pg/metrics"));
    assert_eq!(red.delete("/pg/metrics/job/a").await.status.as_u16(), 202);
}

#[tokio::test]
async fn options_names_the_methods_of_a_known_path_to_those_who_may_ask() {
    let gateway = GatewayBuilder::new().tenant("red").start();
    let red = gateway.client("red").with("origin", "https://evil.example");
    for (path, methods) in [
        ("/metrics", "GET, HEAD, OPTIONS"),
        ("/metrics/job/a", "DELETE, OPTIONS, POST, PUT"),
        ("/-/ready", "GET, HEAD, OPTIONS"),
    ] {
        let answer = red.send("OPTIONS", path, "").await.ok();
        assert_eq!((answer.headers["allow"].to_str().unwrap(), answer.text().as_str()), (methods, ""), "{path}");
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{path}");
    }
    red.send("OPTIONS", "/nothing", "").await.refused(404, "not_found");
    gateway.stranger().send("OPTIONS", "/metrics/job/a", "").await.refused(401, "unauthenticated");
}
