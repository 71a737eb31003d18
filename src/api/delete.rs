//! DELETE of a group.

use super::ApiError;
use super::grouping::key_of;
use super::state::Api;
use crate::namespace::Scope;
use crate::rejection::Rejection;
use axum::extract::State;
use http::StatusCode;
use http::Uri;

/// Removes exactly the group that the path names. 202 whether or not it was there: clients insist on that status. The
/// body, if any, is not read.
pub async fn delete(State(api): State<Api>, scope: Scope, uri: Uri) -> Result<StatusCode, Rejection> {
    let key = scope.bind(key_of(uri.path(), api.reading_of(scope.tenant())?.names).map_err(ApiError::from)?)?;
    api.store.delete(&scope, &key)?;
    Ok(StatusCode::ACCEPTED)
}
