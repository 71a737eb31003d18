//! Listeners that serve some of the routes: the rest is not there.

use pushward::config::Listener;
use pushward::model::OperatorScope;
use pushward::model::Service;
use pushward::model::Verb;
use pushward::namespace::Access;
use pushward::routes::routes;
use pushward::testkit::Answer;
use pushward::testkit::GatewayBuilder;

/// A listener for each set of services that is not empty, named by its letters.
fn gateway() -> GatewayBuilder {
    let mut builder = GatewayBuilder::new().tenant("red").operator("o", &OperatorScope::ALL, |_| {});
    builder.config.listeners = sets()
        .into_iter()
        .map(|(name, serves)| Listener { name, serves: serves.into_iter().collect(), ..Listener::on(Vec::new()) })
        .collect();
    builder
}

fn sets() -> Vec<(String, Vec<Service>)> {
    (1..16_u8)
        .map(|bits| {
            let services: Vec<_> =
                (0..).zip(Service::ALL).filter(|(n, _)| bits & (1 << n) != 0).map(|(_, s)| s).collect();
            (services.iter().map(|service| service.name()).collect::<Vec<_>>().join("-"), services)
        })
        .collect()
}

/// An answer without what differs from one to the next.
fn plain(answer: &Answer) -> (u16, Vec<String>, String) {
    let mut headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    headers.retain(|header| !header.starts_with("x-request-id"));
    headers.sort();
    (answer.status.as_u16(), headers, answer.text().split(" request ").next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_unserved_route_is_answered_exactly_as_an_unknown_one() {
    for (name, services) in sets() {
        let gateway = gateway().start();
        for route in routes() {
            let path = route.path.replace("{*group}", "YQ");
            let path = if route.path.contains("admin") { format!("{path}?tenant=red") } else { path };
            let serves = |service: Service| services.contains(&service);
            for who in ["", "red", "o"] {
                let client = if who.is_empty() { gateway.stranger() } else { gateway.client(who) };
                let client = gateway.at(&name, &client);
                let served = match (route.door.access, who) {
                    (Access::Open, _) => serves(Service::Health),
                    // A tenant's route tells an operator that it is one, where tenants are served at all.
                    (Access::Tenant(_), _) => serves(Service::Push),
                    // An operator's tells a tenant, where operators are.
                    (Access::Fleet(_), _) | (_, "o") => serves(Service::Operator),
                    (Access::Either(Verb::Admin, _), _) => serves(Service::Push),
                    (_, _) => serves(Service::Scrape),
                };
                let unknown = plain(&client.get("/nothing").await);
                for method in [route.method.as_str(), "OPTIONS", "PATCH"] {
                    let answer = plain(&client.send(method, &path, "m 1\n").await);
                    let what = format!("{who:?} {method} {path} at {name}: {answer:?}");
                    if !served {
                        assert_eq!(answer, unknown, "{what}");
                    } else if who.is_empty() && route.door.access != Access::Open {
                        assert_eq!(answer.0, 401, "{what}");
                    } else {
                        assert_ne!(answer.0, 404, "{what}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn redirects_lead_only_to_what_is_served() {
    let gateway = gateway().start();
    let red = gateway.client("red");
    for (listener, path, status) in [
        ("push-health", "/metrics/", 404),
        ("scrape", "/metrics/", 301),
        ("scrape", "/metrics/job/", 404),
        ("push", "/metrics/job/", 301),
        ("scrape", "/-/ready/", 404),
    ] {
        assert_eq!(gateway.at(listener, &red).get(path).await.status.as_u16(), status, "{listener} {path}");
    }
}

#[tokio::test]
async fn listeners_share_what_is_stored() {
    let gateway = gateway().start();
    let red = gateway.client("red");
    gateway.at("push", &red).put("/metrics/job/a", "m 1\n").await.ok();
    assert_eq!(gateway.at("scrape", &red).scrape().await.len(), 1);
    assert_eq!(gateway.at("operator", &gateway.client("o")).scrape().await.len(), 1);
}
