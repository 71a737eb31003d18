//! This stage as a layer.

use super::Access;
use super::FleetScope;
use super::NamespaceError;
use super::Scope;
use super::View;
use crate::identity::Party;
use crate::limits::Permit;
use crate::model::OperatorScope;
use crate::model::TenantId;
use crate::rejection::Rejection;
use crate::relay::Relayed;
use crate::relay::Stage;
use crate::telemetry::Audit;
use crate::telemetry::AuditEvent;
use crate::telemetry::Initiator;
use arc_swap::ArcSwap;
use http::HeaderMap;
use http::HeaderName;
use http::Uri;
use http::request::Parts;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the stage needs: which tenants there are, and where to write down that an operator came.
#[derive(Clone, Debug)]
pub struct Namespace {
    pub tenants: Arc<ArcSwap<BTreeSet<TenantId>>>,
    pub audit: Audit,
}

/// The header with which clients of other multi-tenant systems name their tenant.
const ORG_ID: HeaderName = HeaderName::from_static("x-scope-orgid");

/// Where a request leads, as far as this stage has to know it.
pub trait Destination: Send {
    /// Who may pass.
    fn access(&self) -> Access;
    /// Its path as the table of routes writes it.
    fn route(&self) -> &'static str;
}

/// Permit to [`View`]. An operator's is written down first: it reaches over tenants, and what cannot be written down is not
/// done.
impl<D: Destination> Stage<Permit, D> for Namespace {
    type Given = View;

    async fn pass(&self, relayed: Relayed<Permit, D>) -> Result<Relayed<View, D>, Rejection> {
        let Relayed { baton: permit, to, initiator, head, body } = relayed;
        let view = view_of(self, to.access(), permit, &head)?;
        if matches!(view, View::Fleet(_)) {
            // Behind a box: within, each push would carry the room for it, and be moved with it.
            Box::pin(self.audit.record(operators(to.access(), to.route(), &head, &initiator))).await?;
        }
        Ok(Relayed { baton: view, to, initiator, head, body })
    }
}

/// What an operator is about to do.
fn operators(access: Access, route: &str, head: &Parts, initiator: &Initiator) -> AuditEvent {
    let event = match access {
        Access::Fleet(OperatorScope::FleetAdmin) | Access::Either(_, OperatorScope::FleetAdmin) => "operator_call",
        _ => "operator_read",
    };
    let event = AuditEvent::by(event, initiator).with("method", head.method.as_str()).with("route", route);
    let asked = asked_tenants(&head.uri);
    if asked.is_empty() { event } else { event.with("tenants", asked.join(",")) }
}

fn view_of(namespace: &Namespace, access: Access, permit: Permit, head: &Parts) -> Result<View, Rejection> {
    let party = permit.principal().party();
    check_org_id(&head.headers, party)?;
    let fleet = |wanted: OperatorScope| match party {
        Party::Operator(grant) => {
            let tenants = namespace.tenants.load();
            let scope = FleetScope::new(grant, wanted, &asked_tenants(&head.uri), |tenant| tenants.contains(tenant));
            scope.map(|scope| scope.held_with(&permit))
        }
        Party::Tenant(_) => Err(NamespaceError::OperatorOnly),
    };
    let verb = match (access, party) {
        (Access::Open, _) => return Err(Rejection::Misassembled("an open route asks for no scope")),
        (Access::Fleet(wanted), _) | (Access::Either(_, wanted), Party::Operator(_)) => {
            return Ok(View::Fleet(fleet(wanted)?));
        }
        (Access::Tenant(_), Party::Operator(_)) => return Err(NamespaceError::TenantOnly.into()),
        (Access::Tenant(verb), Party::Tenant(_)) => verb,
        (Access::Either(verb, _), Party::Tenant(grant)) => {
            // Where an operator may name tenants, so may a tenant: itself, and nobody else.
            if asked_tenants(&head.uri).iter().any(|asked| asked != grant.tenant.as_str()) {
                return Err(NamespaceError::Tenant.into());
            }
            verb
        }
    };
    Ok(View::Tenant(Scope::new(permit, verb)?))
}

/// A tenant may name itself, and nobody else.
fn check_org_id(headers: &HeaderMap, party: &Party) -> Result<(), NamespaceError> {
    let own = match party {
        Party::Tenant(grant) => grant.tenant.as_str(),
        Party::Operator(_) => "",
    };
    // One look at each header, of which there are five or ten: hardly any client sends it.
    let is_named = headers.keys().any(|name| *name == ORG_ID);
    let own_alone = !is_named || headers.get_all(ORG_ID).iter().all(|value| !own.is_empty() && value == own);
    if own_alone { Ok(()) } else { Err(NamespaceError::Tenant) }
}

/// The values of `?tenant=`. A tenant's name needs no escaping, so an escaped one is no tenant's name.
fn asked_tenants(uri: &Uri) -> Vec<String> {
    let query = uri.query().unwrap_or_default();
    let named = |pair: &str| match pair.split_once('=') {
        Some(("tenant", name)) => Some(name.to_owned()),
        // No other key is ours, but an escaped one may be meant to be, and is not to widen the view by being unread.
        Some((key, _)) if key.contains('%') => Some(String::new()),
        None if pair == "tenant" => Some(String::new()),
        _ => None,
    };
    query.split('&').filter_map(named).collect()
}
