//! Every row of the table of routes, tried by everybody who should not pass, and by somebody who may.

use pushward::model::OperatorScope;
use pushward::model::Timestamp;
use pushward::model::Verb;
use pushward::namespace::Access;
use pushward::routes::Route;
use pushward::routes::routes;
use pushward::testkit::Client;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestGateway;

/// Past for a clock that stands in 2030.
const PAST: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// Red has a token for each verb, one for all but each verb, and an expired one; so has the operator.
fn gateway() -> TestGateway {
    let mut builder = GatewayBuilder::new().tenant("red").tenant("blue");
    builder = builder.token("red", "expired", &Verb::ALL, |token| token.expires = Some(PAST));
    for verb in Verb::ALL {
        let others: Vec<Verb> = Verb::ALL.into_iter().filter(|other| *other != verb).collect();
        builder = builder.token("red", &format!("only-{verb}"), &[verb], |_| {});
        builder = builder.token("red", &format!("not-{verb}"), &others, |_| {});
    }
    for scope in OperatorScope::ALL {
        let others: Vec<OperatorScope> = OperatorScope::ALL.into_iter().filter(|other| *other != scope).collect();
        builder = builder.operator(&format!("only-{scope}"), &[scope], |_| {});
        builder = builder.operator(&format!("not-{scope}"), &others, |_| {});
        builder = builder.operator(&format!("late-{scope}"), &[scope], |token| token.expires = Some(PAST));
    }
    builder.start()
}

fn path_of(route: &Route) -> String {
    route.path.replace("{*group}", "YQ")
}

async fn try_door(client: &Client, route: &Route) -> (u16, String) {
    let answer = client.send(route.method.as_str(), &path_of(route), "m 1\n").await;
    (answer.status.as_u16(), answer.code())
}

/// An operator says which tenant it means where something is changed.
async fn try_door_as(name: &str, client: &Client, route: &Route) -> (u16, String) {
    let changes = matches!(route.door.access, Access::Either(Verb::Admin, _)) && name.contains("fleet:");
    let path = if changes { format!("{}?tenant=red", path_of(route)) } else { path_of(route) };
    let answer = client.send(route.method.as_str(), &path, "m 1\n").await;
    (answer.status.as_u16(), answer.code())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn no_door_is_open_by_accident() {
    let gateway = gateway();
    let unauthenticated = refused(401, "unauthenticated");
    let garbage = ["Bearer nonsense", "Basic bm9uc2Vuc2U=", "Digest x", "Bearer ", "", "pward_"];
    for route in routes() {
        let open = route.door.access == Access::Open;
        let what = format!("{} {}", route.method, route.path);
        let stranger = try_door(&gateway.stranger(), &route).await;
        assert_eq!(stranger, if open { (200, String::new()) } else { unauthenticated.clone() }, "nobody at {what}");
        if open {
            continue;
        }
        for text in garbage {
            let client = gateway.stranger().with("authorization", text);
            assert_eq!(try_door(&client, &route).await, unauthenticated, "{text:?} at {what}");
        }
        // The right token with one character changed, its checksum left as it was.
        let token = gateway.token("red").replacen(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '0', '1', '2', '3'], "z", 1);
        let client = gateway.stranger().with("authorization", &format!("Bearer {token}"));
        assert_eq!(try_door(&client, &route).await, unauthenticated, "a mistyped token at {what}");
        for name in expired_for(route.door.access) {
            let late = try_door(&gateway.client(&name), &route).await;
            assert_eq!(late, refused(401, "credential_expired"), "{name} at {what}");
        }
    }
}

#[tokio::test]
async fn a_credential_opens_the_doors_of_its_scopes_and_no_other() {
    for route in routes().into_iter().filter(|route| route.door.access != Access::Open) {
        let what = format!("{} {}", route.method, route.path);
        for (name, passes) in tries_for(route.door.access) {
            // A gateway of its own, so that no try is met by what another left.
            let outcome = try_door_as(&name, &gateway().client(&name), &route).await;
            if passes {
                assert!(outcome.0 < 300, "{name} at {what}: {outcome:?}");
            } else {
                assert_eq!(outcome, refused(403, "scope_refused"), "{name} at {what}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_speaks_for_another_tenant_whether_or_not_it_exists() {
    let gateway = gateway();
    for route in routes().into_iter().filter(|route| route.door.access != Access::Open) {
        for tenant in ["red", "nobody", "", "RED", "blue,red"] {
            let client = gateway.client("blue").with("x-scope-orgid", tenant);
            assert_eq!(try_door(&client, &route).await, refused(403, "tenant_refused"), "{} {tenant:?}", route.path);
        }
        let both = gateway.client("blue").with("x-scope-orgid", "blue").with("x-scope-orgid", "red");
        assert_eq!(try_door(&both, &route).await, refused(403, "tenant_refused"));
        let itself = gateway.client("blue").with("x-scope-orgid", "blue");
        match route.door.access {
            Access::Fleet(_) => assert_eq!(try_door(&itself, &route).await, refused(403, "scope_refused")),
            _ => assert!(try_door(&itself, &route).await.0 < 300, "{}", route.path),
        }
    }
    let operator = gateway.client("only-fleet:read").with("x-scope-orgid", "red");
    operator.get("/metrics").await.refused(403, "tenant_refused");
    assert!(gateway.client("red").scrape().await.is_empty());
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_route_from_no_route() {
    let gateway = gateway();
    let stranger = gateway.stranger();
    let strip = |text: String| text.split(" request ").next().unwrap_or_default().to_owned();
    let expected = strip(stranger.get("/metrics").await.text());
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("PATCH", "/metrics/job/a"),
        ("GET", "/metrics/job/a"),
        ("POST", "/metrics"),
        ("OPTIONS", "/metrics"),
        ("TRACE", "/metrics"),
        ("GET", "/metrics/"),
        ("GET", "/-/"),
        ("GET", "/debug/pprof/"),
        ("GET", "/%00"),
        ("PUT", "/metrics/job/%FF"),
        ("PUT", "/metrics/job/"),
        ("GET", "//metrics"),
        ("GET", "//evil.example"),
        ("PUT", "/metrics/./job/a"),
        ("GET", "/-/healthy/"),
    ] {
        let answer = stranger.send(method, path, "").await.refused(401, "unauthenticated");
        assert_eq!(strip(answer.text()), expected, "{method} {path}");
        assert!(!answer.headers.contains_key("allow") && !answer.headers.contains_key("location"));
    }
    gateway.client("red").get("/nothing").await.refused(404, "not_found");
    let wrong = gateway.client("red").send("PATCH", "/metrics/job/a", "").await.refused(405, "method_not_allowed");
    assert_eq!(wrong.headers["allow"], "DELETE, OPTIONS, POST, PUT");
}

#[tokio::test]
async fn health_answers_head_and_says_no_more_than_ok() {
    let gateway = gateway();
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(gateway.stranger().get(path).await.ok().text(), "OK");
        assert_eq!(gateway.stranger().send("HEAD", path, "").await.ok().text(), "");
    }
    assert_eq!(gateway.client("red").send("HEAD", "/metrics", "").await.ok().text(), "");
}

fn expired_for(access: Access) -> Vec<String> {
    match access {
        Access::Open => Vec::new(),
        Access::Tenant(_) => vec!["expired".to_owned()],
        Access::Fleet(scope) => vec![format!("late-{scope}")],
        Access::Either(_, scope) => vec!["expired".to_owned(), format!("late-{scope}")],
    }
}

/// Who tries a door, and whether it opens.
fn tries_for(access: Access) -> Vec<(String, bool)> {
    let tenant = |verb: Verb| vec![(format!("only-{verb}"), true), (format!("not-{verb}"), false)];
    let operator = |scope: OperatorScope| vec![(format!("only-{scope}"), true), (format!("not-{scope}"), false)];
    let nobody = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), false)).collect::<Vec<_>>();
    match access {
        Access::Open => Vec::new(),
        Access::Tenant(verb) => [tenant(verb), nobody(&["only-fleet:read", "only-fleet:admin"])].concat(),
        Access::Fleet(scope) => [operator(scope), nobody(&["red"])].concat(),
        Access::Either(verb, scope) => [tenant(verb), operator(scope)].concat(),
    }
}
