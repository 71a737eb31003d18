//! The answer of this stage without a request: what a party may do, for whoever asks ahead.

use super::FleetScope;
use super::NamespaceError;
use super::Narrowing;
use crate::identity::Party;
use crate::model::GroupingKey;
use crate::model::OperatorScope;
use crate::model::Verb;

/// The group that `verb` on `key` would mean for `party`, bound labels added; `key` as it is for an operator, who may read
/// alone. Nothing comes of it that the store would take.
pub fn explain(party: &Party, verb: Verb, key: GroupingKey) -> Result<GroupingKey, NamespaceError> {
    match (party, verb) {
        (Party::Tenant(grant), _) if !grant.scopes.contains(&verb) => Err(NamespaceError::Verb(verb)),
        (Party::Tenant(grant), _) => Narrowing::new(grant.jobs.clone(), grant.labels.clone()).bind(key),
        (Party::Operator(grant), Verb::Read) => {
            FleetScope::new(grant, OperatorScope::FleetRead, &[], |_| true).map(|_| key)
        }
        (Party::Operator(_), _) => Err(NamespaceError::TenantOnly),
    }
}
