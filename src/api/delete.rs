//! DELETE of a group.

use super::ApiError;
use super::body::discard;
use super::call::Call;
use super::grouping::key_of;
use crate::namespace::Scope;
use crate::rejection::Rejection;
use crate::telemetry::AuditEvent;
use http::StatusCode;

/// More than this no client sends with a DELETE, and none is read.
const BODY_MAX: usize = 64 << 10;

/// Removes exactly the group that the path names. 202 whether or not it was there: clients insist on that status. A body
/// means nothing; it is read all the same, as some clients take an answer before its end for a failure. The bounds of a push do not
/// bind it: what is there can be deleted, however much a bound has been lowered since.
pub async fn delete(Call { api, scope, initiator, head, body }: Call<Scope>) -> Result<StatusCode, Rejection> {
    let key = scope.bind(key_of(head.uri.path(), api.reading_of(scope.tenant())?.names).map_err(ApiError::from)?)?;
    discard(body, BODY_MAX).await;
    let scope = scope.renewed().await?.unwrap_or(scope);
    let key = scope.bind(key)?;
    api.store.delete(&scope, &key).await?;
    api.audit.note(&AuditEvent::by("delete", &initiator).with_group(&key));
    Ok(StatusCode::ACCEPTED)
}
