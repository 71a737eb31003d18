//! The baton of this stage for one tenant.

use super::NamespaceError;
use super::narrowing::Narrowing;
use crate::identity::TenantGrant;
use crate::model::GroupingKey;
use crate::model::TenantId;
use crate::model::Verb;
use std::sync::Arc;

/// The right to use one verb on those groups of one tenant that the credential can see.
#[derive(Clone, Debug)]
pub struct Scope {
    tenant: TenantId,
    narrowing: Arc<Narrowing>,
}

impl Scope {
    /// Only this stage makes one: of a grant that holds the verb.
    pub(super) fn new(grant: &TenantGrant, verb: Verb) -> Result<Self, NamespaceError> {
        if !grant.scopes.contains(&verb) {
            return Err(NamespaceError::Verb(verb));
        }
        let narrowing = Arc::new(Narrowing::new(grant.jobs.clone(), grant.labels.clone()));
        Ok(Self { tenant: grant.tenant.clone(), narrowing })
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

    pub fn narrowing(&self) -> &Arc<Narrowing> {
        &self.narrowing
    }

    /// A scope over all of a tenant, for tests of the stages behind this one.
    #[cfg(any(test, feature = "testkit"))]
    #[expect(clippy::expect_used, reason = "a test that names a bad tenant is to fail here")]
    pub fn for_test(tenant: &str) -> Self {
        let tenant = TenantId::parse(tenant).expect("a test names a good tenant");
        Self { tenant, narrowing: Arc::default() }
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
