//! This stage as a layer: one for each route, told what the route asks for.

use super::Access;
use super::FleetScope;
use super::NamespaceError;
use super::Scope;
use super::View;
use crate::identity::Party;
use crate::limits::Permit;
use crate::model::OperatorScope;
use crate::model::TenantId;
use crate::model::Verb;
use crate::rejection::Rejection;
use crate::telemetry::Audit;
use crate::telemetry::AuditEvent;
use crate::telemetry::Initiator;
use arc_swap::ArcSwap;
use axum::extract::FromRequestParts;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the stage needs: which tenants there are, what this route asks for, and where to write down that an operator came.
#[derive(Clone, Debug)]
pub struct Namespace {
    pub tenants: Arc<ArcSwap<BTreeSet<TenantId>>>,
    pub access: Access,
    pub audit: Audit,
    /// The route's path, for the audit.
    pub path: &'static str,
}

/// The header with which clients of other multi-tenant systems name their tenant.
const ORG_ID: &str = "x-scope-orgid";

/// Lets a request on with its scope, or not at all. An operator's is written down first: it reaches over tenants, and what
/// cannot be written down is not done.
pub async fn admit(
    State(namespace): State<Arc<Namespace>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Rejection> {
    if namespace.access != Access::Open {
        let view = view_of(&namespace, &request)?;
        if matches!(view, View::Fleet(_)) {
            let event = operators(&namespace, &request)?;
            namespace.audit.record(event).await?;
        }
        let extensions = request.extensions_mut();
        // A handler for one party alone takes that party's baton, so that it has no other case to forget.
        match (namespace.access, view) {
            (Access::Either(..), view) => drop(extensions.insert(view)),
            (_, View::Tenant(scope)) => drop(extensions.insert(scope)),
            (_, View::Fleet(scope)) => drop(extensions.insert(scope)),
        }
    }
    Ok(next.run(request).await)
}

/// What an operator is about to do.
fn operators(namespace: &Namespace, request: &Request) -> Result<AuditEvent, Rejection> {
    let initiator = request.extensions().get::<Initiator>().ok_or(Rejection::Misassembled("no Initiator"))?;
    let event = match namespace.access {
        Access::Fleet(OperatorScope::FleetAdmin) | Access::Either(_, OperatorScope::FleetAdmin) => "operator_call",
        _ => "operator_read",
    };
    let event =
        AuditEvent::by(event, initiator).with("method", request.method().as_str()).with("route", namespace.path);
    let asked = asked_tenants(request);
    Ok(if asked.is_empty() { event } else { event.with("tenants", asked.join(",")) })
}

fn view_of(namespace: &Namespace, request: &Request) -> Result<View, Rejection> {
    let permit = request.extensions().get::<Permit>().ok_or(Rejection::Misassembled("no Permit"))?;
    let party = permit.principal().party();
    check_org_id(request.headers(), party)?;
    let scope = |verb: Verb| match party {
        Party::Tenant(grant) => Scope::new(permit.principal(), grant, verb, permit.meter().clone()),
        Party::Operator(_) => Err(NamespaceError::TenantOnly),
    };
    let fleet = |wanted: OperatorScope| match party {
        Party::Operator(grant) => {
            let tenants = namespace.tenants.load();
            let scope = FleetScope::new(grant, wanted, &asked_tenants(request), |tenant| tenants.contains(tenant));
            scope.map(|scope| scope.held_with(permit))
        }
        Party::Tenant(_) => Err(NamespaceError::OperatorOnly),
    };
    Ok(match (namespace.access, party) {
        (Access::Open, _) => return Err(Rejection::Misassembled("an open route asks for no scope")),
        (Access::Tenant(verb), _) => View::Tenant(scope(verb)?),
        (Access::Fleet(wanted), _) => View::Fleet(fleet(wanted)?),
        (Access::Either(verb, _), Party::Tenant(grant)) => {
            // Where an operator may name tenants, so may a tenant: itself, and nobody else.
            if asked_tenants(request).iter().any(|asked| asked != grant.tenant.as_str()) {
                return Err(NamespaceError::Tenant.into());
            }
            View::Tenant(scope(verb)?)
        }
        (Access::Either(_, wanted), Party::Operator(_)) => View::Fleet(fleet(wanted)?),
    })
}

/// A tenant may name itself, and nobody else.
fn check_org_id(headers: &HeaderMap, party: &Party) -> Result<(), NamespaceError> {
    let own = match party {
        Party::Tenant(grant) => grant.tenant.as_str(),
        Party::Operator(_) => "",
    };
    let own_alone = headers.get_all(ORG_ID).iter().all(|value| !own.is_empty() && value == own);
    if own_alone { Ok(()) } else { Err(NamespaceError::Tenant) }
}

/// The values of `?tenant=`. A tenant's name needs no escaping, so an escaped one is no tenant's name.
fn asked_tenants(request: &Request) -> Vec<String> {
    let query = request.uri().query().unwrap_or_default();
    let named = |pair: &str| match pair.split_once('=') {
        Some(("tenant", name)) => Some(name.to_owned()),
        // No other key is ours, but an escaped one may be meant to be, and is not to widen the view by being unread.
        Some((key, _)) if key.contains('%') => Some(String::new()),
        None if pair == "tenant" => Some(String::new()),
        _ => None,
    };
    query.split('&').filter_map(named).collect()
}

/// Takes the baton that [`admit`] laid down. A handler outside the stack finds none and answers nothing.
macro_rules! baton_of_namespace {
    ($baton:ty) => {
        impl<S: Sync> FromRequestParts<S> for $baton {
            type Rejection = Rejection;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
                parts.extensions.get::<Self>().cloned().ok_or(Rejection::Misassembled("no scope"))
            }
        }
    };
}

baton_of_namespace!(Scope);
baton_of_namespace!(FleetScope);
baton_of_namespace!(View);
