//! The baton of this stage for an operator.

use super::NamespaceError;
use crate::identity::OperatorGrant;
use crate::identity::Party;
use crate::identity::Principal;
use crate::limits::Meter;
use crate::limits::Permit;
use crate::model::OperatorScope;
use crate::model::TenantId;
use crate::rejection::Rejection;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The right to one operator's scope over all tenants, or over those it names.
#[derive(Clone, Debug)]
pub struct FleetScope {
    scope: OperatorScope,
    tenants: Option<Arc<BTreeSet<TenantId>>>,
    /// How many names the request gave.
    named: usize,
    /// `None` where nobody asks but ahead, and in tests.
    principal: Option<Principal>,
    meter: Meter,
}

impl FleetScope {
    /// Only this stage makes one. `asked` are the names of the request's `?tenant=`; none stands for all that the
    /// credential may see, and a name it may not see is refused as one that does not exist.
    pub(super) fn new(
        grant: &OperatorGrant,
        scope: OperatorScope,
        asked: &[String],
        exists: impl Fn(&TenantId) -> bool,
    ) -> Result<Self, NamespaceError> {
        if !grant.scopes.contains(&scope) {
            return Err(NamespaceError::Operator(scope));
        }
        let over = |tenants| Self { scope, tenants, named: asked.len(), principal: None, meter: Meter::default() };
        if asked.is_empty() {
            return Ok(over(grant.tenants.clone()));
        }
        let granted = |tenant: &TenantId| grant.tenants.as_ref().is_none_or(|tenants| tenants.contains(tenant));
        let tenants = asked.iter().map(|name| {
            TenantId::parse(name).ok().filter(|tenant| exists(tenant) && granted(tenant)).ok_or(NamespaceError::Tenant)
        });
        Ok(over(Some(Arc::new(tenants.collect::<Result<_, _>>()?))))
    }

    /// The same, of whoever holds this permit.
    pub(super) fn held_with(self, permit: &Permit) -> Self {
        Self { principal: Some(permit.principal().clone()), meter: permit.meter().clone(), ..self }
    }

    /// What of it the same credentials grant now, if others are in force than when the request began; `None`: no others
    /// are. To be asked where something was waited for.
    pub async fn renewed(&self) -> Result<Option<Self>, Rejection> {
        let Some(principal) = &self.principal else { return Ok(None) };
        let Some(renewed) = principal.renewed().await? else { return Ok(None) };
        let grant = match (principal.party(), renewed.party()) {
            (Party::Operator(was), Party::Operator(is)) if was.operator == is.operator => is,
            _ => return Err(Rejection::withdrawn()),
        };
        let now = Self::new(grant, self.scope, &[], |_| true)?;
        let tenants = match (&self.tenants, &now.tenants) {
            (Some(asked), Some(granted)) => Some(Arc::new(&**asked & &**granted)),
            (asked, granted) => asked.clone().or_else(|| granted.clone()),
        };
        Ok(Some(Self { tenants, principal: Some(renewed), ..self.clone() }))
    }

    /// What the request is charged while it is worked on.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Whether the groups of `tenant` are in view.
    pub fn admits(&self, tenant: &TenantId) -> bool {
        self.tenants.as_ref().is_none_or(|tenants| tenants.contains(tenant))
    }

    /// The tenant that the request named, if it named exactly one. A credential that may see one tenant alone still has
    /// to name it: what is changed is said.
    pub fn named_tenant(&self) -> Option<&TenantId> {
        self.tenants.as_ref().filter(|_| self.named == 1).and_then(|tenants| tenants.first())
    }

    /// Whether every tenant is in view, whoever that may be.
    pub fn is_everything(&self) -> bool {
        self.tenants.is_none()
    }

    /// A scope over all tenants or those named, for tests of the stages behind this one.
    #[cfg(any(test, feature = "testkit"))]
    pub fn for_test(tenants: Option<&[&str]>) -> Self {
        let parse = |names: &[&str]| names.iter().filter_map(|name| TenantId::parse(name).ok()).collect();
        Self {
            scope: OperatorScope::FleetRead,
            tenants: tenants.map(parse).map(Arc::new),
            named: tenants.map_or(0, <[_]>::len),
            principal: None,
            meter: Meter::default(),
        }
    }
}
