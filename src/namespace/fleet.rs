//! The baton of this stage for an operator.

use super::NamespaceError;
use crate::identity::OperatorGrant;
use crate::model::OperatorScope;
use crate::model::TenantId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The right to one operator's scope over all tenants, or over those it names.
#[derive(Clone, Debug)]
pub struct FleetScope {
    tenants: Option<Arc<BTreeSet<TenantId>>>,
    /// How many names the request gave.
    named: usize,
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
        if asked.is_empty() {
            return Ok(Self { tenants: grant.tenants.clone(), named: 0 });
        }
        let granted = |tenant: &TenantId| grant.tenants.as_ref().is_none_or(|tenants| tenants.contains(tenant));
        let tenants = asked.iter().map(|name| {
            TenantId::parse(name).ok().filter(|tenant| exists(tenant) && granted(tenant)).ok_or(NamespaceError::Tenant)
        });
        Ok(Self { tenants: Some(Arc::new(tenants.collect::<Result<_, _>>()?)), named: asked.len() })
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
        Self { tenants: tenants.map(parse).map(Arc::new), named: tenants.map_or(0, <[_]>::len) }
    }
}
