//! Every door of the main listener, in one table: who may pass, with which method, where, to whom.
//!
//! The doors of a listener and the test of every door are both built from it; no other place adds a route.

use crate::api;
use crate::doors::Door;
use crate::doors::either;
use crate::doors::fleet;
use crate::doors::open;
use crate::doors::tenant;
use crate::model::OperatorScope::FleetAdmin;
use crate::model::OperatorScope::FleetRead;
use crate::model::Service;
use crate::model::Service::Health;
use crate::model::Service::Operator;
use crate::model::Service::Push;
use crate::model::Service::Scrape;
use crate::model::Verb;
use crate::namespace::Access;
use http::Method;
use std::collections::BTreeSet;

/// One door, and where it is.
#[derive(Clone, Debug)]
pub struct Route {
    /// Of what it is part for a tenant, or for anybody. An operator's half of `Either` is always of [`Service::Operator`].
    pub serves: Service,
    /// GET answers HEAD too.
    pub method: Method,
    pub path: &'static str,
    pub door: Door,
}

impl Route {
    /// Whether a listener with these services serves it to tenants, or to anybody; and whether to operators.
    pub fn served(&self, serves: &BTreeSet<Service>) -> (bool, bool) {
        let (own, operator) = (serves.contains(&self.serves), serves.contains(&Service::Operator));
        match self.door.access {
            Access::Open => (own, own),
            Access::Tenant(_) => (own, false),
            Access::Fleet(_) => (false, operator),
            Access::Either(..) => (own, operator),
        }
    }
}

/// `/metrics/job/JOB{/NAME/VALUE}`.
const GROUP: &str = "/metrics/job/{*group}";
/// `/metrics/job@base64/JOB{/NAME/VALUE}`.
const GROUP_BASE64: &str = "/metrics/job@base64/{*group}";

/// The table. Every other path is 401 to a stranger and 404 to everybody else.
pub fn routes() -> Vec<Route> {
    let row = |serves, method, path, door| Route { serves, method, path, door };
    vec![
        row(Push, Method::PUT, GROUP, tenant(Verb::Push, api::replace)),
        row(Push, Method::POST, GROUP, tenant(Verb::Push, api::merge)),
        row(Push, Method::DELETE, GROUP, tenant(Verb::Delete, api::delete)),
        row(Push, Method::PUT, GROUP_BASE64, tenant(Verb::Push, api::replace)),
        row(Push, Method::POST, GROUP_BASE64, tenant(Verb::Push, api::merge)),
        row(Push, Method::DELETE, GROUP_BASE64, tenant(Verb::Delete, api::delete)),
        row(Scrape, Method::GET, "/metrics", either(Verb::Read, FleetRead, api::scrape)),
        row(Scrape, Method::GET, "/api/v1/metrics", either(Verb::Read, FleetRead, api::catalogue)),
        row(Scrape, Method::GET, "/api/v1/status", either(Verb::Read, FleetRead, api::status)),
        row(Scrape, Method::GET, "/api/v1/limits", either(Verb::Read, FleetRead, api::limits)),
        row(Operator, Method::POST, "/-/reload", fleet(FleetAdmin, api::reload)),
        row(Push, Method::PUT, "/api/v1/admin/wipe", either(Verb::Admin, FleetAdmin, api::wipe)),
        row(Health, Method::GET, "/-/healthy", open(api::healthy)),
        row(Health, Method::GET, "/-/ready", open(api::ready)),
    ]
}
