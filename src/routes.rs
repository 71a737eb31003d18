//! Every door of the main listener, in one table: who may pass, with which method, where, to whom.
//!
//! The router and the test of every door are both built from it; no other place adds a route.

use crate::api;
use crate::api::Api;
use crate::model::OperatorScope::FleetAdmin;
use crate::model::OperatorScope::FleetRead;
use crate::model::Service;
use crate::model::Service::Health;
use crate::model::Service::Operator;
use crate::model::Service::Push;
use crate::model::Service::Scrape;
use crate::model::Verb;
use crate::namespace::Access;
use crate::namespace::Access::Either;
use crate::namespace::Access::Fleet;
use crate::namespace::Access::Open;
use crate::namespace::Access::Tenant;
use axum::routing::MethodRouter;
use axum::routing::delete;
use axum::routing::get;
use axum::routing::post;
use axum::routing::put;
use http::Method;
use std::collections::BTreeSet;

/// One door.
#[derive(Clone, Debug)]
pub struct Route {
    pub access: Access,
    /// Of what it is part for a tenant, or for anybody. An operator's half of `Either` is always of [`Service::Operator`].
    pub serves: Service,
    /// GET answers HEAD too.
    pub method: Method,
    pub path: &'static str,
    pub handler: fn() -> MethodRouter<Api>,
}

impl Route {
    /// Whether a listener with these services serves it to tenants, or to anybody; and whether to operators.
    pub fn served(&self, serves: &BTreeSet<Service>) -> (bool, bool) {
        let (own, operator) = (serves.contains(&self.serves), serves.contains(&Service::Operator));
        match self.access {
            Access::Open => (own, own),
            Access::Tenant(_) => (own, false),
            Access::Fleet(_) => (false, operator),
            Either(..) => (own, operator),
        }
    }
}

/// `/metrics/job/JOB{/NAME/VALUE}`.
const GROUP: &str = "/metrics/job/{*group}";
/// `/metrics/job@base64/JOB{/NAME/VALUE}`.
const GROUP_BASE64: &str = "/metrics/job@base64/{*group}";

/// The table. Every other path is 401 to a stranger and 404 to everybody else.
pub fn routes() -> Vec<Route> {
    let row = |access, serves, method, path, handler| Route { access, serves, method, path, handler };
    vec![
        row(Open, Health, Method::GET, "/-/healthy", || get(api::healthy)),
        row(Open, Health, Method::GET, "/-/ready", || get(api::ready)),
        row(Tenant(Verb::Push), Push, Method::PUT, GROUP, || put(api::replace)),
        row(Tenant(Verb::Push), Push, Method::POST, GROUP, || post(api::merge)),
        row(Tenant(Verb::Delete), Push, Method::DELETE, GROUP, || delete(api::delete)),
        row(Tenant(Verb::Push), Push, Method::PUT, GROUP_BASE64, || put(api::replace)),
        row(Tenant(Verb::Push), Push, Method::POST, GROUP_BASE64, || post(api::merge)),
        row(Tenant(Verb::Delete), Push, Method::DELETE, GROUP_BASE64, || delete(api::delete)),
        row(Either(Verb::Read, FleetRead), Scrape, Method::GET, "/metrics", || get(api::scrape)),
        row(Either(Verb::Read, FleetRead), Scrape, Method::GET, "/api/v1/metrics", || get(api::catalogue)),
        row(Either(Verb::Read, FleetRead), Scrape, Method::GET, "/api/v1/status", || get(api::status)),
        row(Either(Verb::Read, FleetRead), Scrape, Method::GET, "/api/v1/limits", || get(api::limits)),
        row(Fleet(FleetAdmin), Operator, Method::POST, "/-/reload", || post(api::reload)),
        row(Either(Verb::Admin, FleetAdmin), Push, Method::PUT, "/api/v1/admin/wipe", || put(api::wipe)),
    ]
}
