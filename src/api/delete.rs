//! DELETE of a group.

use super::ApiError;
use super::body::discard;
use super::grouping::key_of;
use super::state::Api;
use crate::namespace::Scope;
use crate::rejection::Rejection;
use crate::telemetry::AuditEvent;
use crate::telemetry::Initiator;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use http::Uri;

/// More than this no client sends with a DELETE, and none is read.
const BODY_MAX: usize = 64 << 10;

/// Removes exactly the group that the path names. 202 whether or not it was there: clients insist on that status. A body
/// means nothing; it is read all the same, as some clients take an answer before its end for a failure. The bounds of a push do not
/// bind it: what is there can be deleted, however much a bound has been lowered since.
pub async fn delete(
    State(api): State<Api>,
    scope: Scope,
    Extension(initiator): Extension<Initiator>,
    uri: Uri,
    body: Body,
) -> Result<StatusCode, Rejection> {
    let key = scope.bind(key_of(uri.path(), api.reading_of(scope.tenant())?.names).map_err(ApiError::from)?)?;
    discard(body, BODY_MAX).await;
    let scope = scope.renewed().await?.unwrap_or(scope);
    let key = scope.bind(key)?;
    api.store.delete(&scope, &key).await?;
    api.audit.note(&AuditEvent::by("delete", &initiator).with_group(&key));
    Ok(StatusCode::ACCEPTED)
}
