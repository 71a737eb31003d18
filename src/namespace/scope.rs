//! The baton of this stage for one tenant.

use super::NamespaceError;
use super::narrowing::Narrowing;
use crate::identity::Party;
use crate::identity::Principal;
use crate::limits::Meter;
use crate::limits::Permit;
use crate::model::GroupingKey;
use crate::model::TenantId;
use crate::model::Verb;
use crate::rejection::Rejection;
use std::sync::Arc;

/// The right to use one verb on those groups of one tenant that the credential can see.
#[derive(Clone, Debug)]
pub struct Scope {
    tenant: TenantId,
    narrowing: Arc<Narrowing>,
    verb: Verb,
    /// `None` only in tests.
    principal: Option<Principal>,
    meter: Meter,
}

impl Scope {
    /// Only this stage makes one: of a grant that holds the verb.
    pub(super) fn new(permit: Permit, verb: Verb) -> Result<Self, NamespaceError> {
        let (principal, meter) = permit.into_parts();
        Self::of(principal, verb, meter)
    }

    fn of(principal: Principal, verb: Verb, meter: Meter) -> Result<Self, NamespaceError> {
        let Party::Tenant(grant) = principal.party() else {
            return Err(NamespaceError::TenantOnly);
        };
        if !grant.scopes.contains(&verb) {
            return Err(NamespaceError::Verb(verb));
        }
        let narrowing = Arc::new(Narrowing::new(grant.jobs.clone(), grant.labels.clone()));
        Ok(Self { tenant: grant.tenant.clone(), narrowing, verb, principal: Some(principal), meter })
    }

    /// What the same credentials grant now, if others are in force than when the request began; `None`: no others are.
    /// To be asked where something was waited for.
    pub async fn renewed(&self) -> Result<Option<Self>, Rejection> {
        let Some(principal) = &self.principal else {
            return Ok(None);
        };
        let Some(principal) = principal.renewed().await? else {
            return Ok(None);
        };
        match principal.party() {
            Party::Tenant(grant) if grant.tenant == self.tenant => {
                Ok(Some(Self::of(principal, self.verb, self.meter.clone())?))
            }
            // Whose group was meant is not to be guessed.
            _ => Err(Rejection::withdrawn()),
        }
    }

    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Whether the group `key` exists for this scope.
    pub fn admits(&self, key: &GroupingKey) -> bool {
        self.narrowing.admits(key)
    }

    /// The group that a request for `key` means, bound labels added.
    pub fn bind(&self, key: GroupingKey) -> Result<GroupingKey, NamespaceError> {
        self.narrowing.bind(key)
    }

    /// What the request is charged while it is worked on.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    pub fn narrowing(&self) -> &Arc<Narrowing> {
        &self.narrowing
    }

    /// A scope over all of a tenant, for tests of the stages behind this one.
    #[cfg(any(test, feature = "testkit"))]
    #[expect(clippy::expect_used, reason = "a test that names a bad tenant is to fail here")]
    pub fn for_test(tenant: &str) -> Self {
        let tenant = TenantId::parse(tenant).expect("a test names a good tenant");
        Self { tenant, narrowing: Arc::default(), verb: Verb::Push, principal: None, meter: Meter::default() }
    }

    /// The same, narrowed.
    #[cfg(any(test, feature = "testkit"))]
    pub fn for_test_narrowed(tenant: &str, jobs: &[&str], labels: &[(&str, &str)]) -> Self {
        let jobs = jobs.iter().filter_map(|job| crate::model::Pattern::parse(job)).collect::<Arc<[_]>>();
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let narrowing =
            Narrowing::new(Some(jobs).filter(|jobs| !jobs.is_empty()).into_iter().collect(), Arc::new(labels));
        Self { narrowing: Arc::new(narrowing), ..Self::for_test(tenant) }
    }
}
