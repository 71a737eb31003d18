//! Routes that a listener serves to one side alone: to the other they are not there.

use super::NamespaceError;
use crate::identity::Party;
use crate::limits::Permit;
use crate::rejection::Rejection;
use axum::extract::MatchedPath;
use axum::extract::Request;
use std::sync::Arc;

/// The paths of a listener that are served to tenants alone, and to operators alone.
#[derive(Clone, Debug, Default)]
pub struct Halves {
    pub of_tenants: Arc<[&'static str]>,
    pub of_operators: Arc<[&'static str]>,
}

/// Answers whoever comes from the other side as on an unknown path, whatever the method.
pub fn admit_side(halves: &Halves, request: &Request) -> Result<(), Rejection> {
    let permit = request.extensions().get::<Permit>().ok_or(Rejection::Misassembled("no Permit"))?;
    let of_others = match permit.principal().party() {
        Party::Tenant(_) => &halves.of_operators,
        Party::Operator(_) => &halves.of_tenants,
    };
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if path.is_some_and(|path| of_others.contains(&path)) {
        return Err(NamespaceError::NotServed.into());
    }
    Ok(())
}
