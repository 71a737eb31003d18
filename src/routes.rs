//! Every door of the main listener, in one table: who may pass, with which method, where, to whom.
//!
//! The router and the test of every door are both built from it; no other place adds a route.

use crate::api;
use crate::api::Api;
use crate::model::OperatorScope::FleetAdmin;
use crate::model::OperatorScope::FleetRead;
use crate::model::Verb::Admin;
use crate::model::Verb::Delete;
use crate::model::Verb::Push;
use crate::model::Verb::Read;
use crate::namespace::Access;
use crate::namespace::Access::Either;
use crate::namespace::Access::Open;
use crate::namespace::Access::Tenant;
use axum::routing::MethodRouter;
use axum::routing::delete;
use axum::routing::get;
use axum::routing::post;
use axum::routing::put;
use http::Method;

/// One door.
#[derive(Clone, Debug)]
pub struct Route {
    pub access: Access,
    /// GET answers HEAD too.
    pub method: Method,
    pub path: &'static str,
    pub handler: fn() -> MethodRouter<Api>,
}

/// `/metrics/job/JOB{/NAME/VALUE}`.
const GROUP: &str = "/metrics/job/{*group}";
/// `/metrics/job@base64/JOB{/NAME/VALUE}`.
const GROUP_BASE64: &str = "/metrics/job@base64/{*group}";

/// The table. Every other path is 401 to a stranger and 404 to everybody else.
pub fn routes() -> Vec<Route> {
    let row = |access, method, path, handler| Route { access, method, path, handler };
    vec![
        row(Open, Method::GET, "/-/healthy", || get(api::healthy)),
        row(Open, Method::GET, "/-/ready", || get(api::ready)),
        row(Tenant(Push), Method::PUT, GROUP, || put(api::replace)),
        row(Tenant(Push), Method::POST, GROUP, || post(api::merge)),
        row(Tenant(Delete), Method::DELETE, GROUP, || delete(api::delete)),
        row(Tenant(Push), Method::PUT, GROUP_BASE64, || put(api::replace)),
        row(Tenant(Push), Method::POST, GROUP_BASE64, || post(api::merge)),
        row(Tenant(Delete), Method::DELETE, GROUP_BASE64, || delete(api::delete)),
        row(Either(Read, FleetRead), Method::GET, "/metrics", || get(api::scrape)),
        row(Either(Read, FleetRead), Method::GET, "/api/v1/metrics", || get(api::catalogue)),
        row(Either(Read, FleetRead), Method::GET, "/api/v1/status", || get(api::status)),
        row(Either(Admin, FleetAdmin), Method::PUT, "/api/v1/admin/wipe", || put(api::wipe)),
    ]
}
