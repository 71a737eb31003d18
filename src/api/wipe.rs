//! `PUT /api/v1/admin/wipe`: deletes everything that whoever asks can see.

use super::ApiError;
use super::state::Api;
use crate::namespace::View;
use crate::rejection::Rejection;
use axum::extract::State;
use http::StatusCode;

/// A tenant's credential deletes the groups within its scope; an operator's those of the one tenant that it names.
pub async fn wipe(State(api): State<Api>, view: View) -> Result<StatusCode, Rejection> {
    match view {
        View::Tenant(scope) => {
            api.store.wipe(&scope)?;
            tracing::info!(tenant = scope.tenant().as_str(), "wiped by the tenant");
        }
        View::Fleet(scope) => {
            let tenant = scope.named_tenant().ok_or(ApiError::NoTenantNamed)?;
            api.store.wipe_named(&scope)?;
            tracing::info!(tenant = tenant.as_str(), "wiped by an operator");
        }
    }
    Ok(StatusCode::ACCEPTED)
}
