//! `PUT /api/v1/admin/wipe`: deletes everything that whoever asks can see.

use super::ApiError;
use super::state::Api;
use crate::namespace::View;
use crate::rejection::Rejection;
use crate::telemetry::AuditEvent;
use crate::telemetry::Initiator;
use axum::Extension;
use axum::extract::State;
use http::StatusCode;

/// A tenant's credential deletes the groups within its scope; an operator's those of the one tenant that it names. It is
/// written down first: what cannot be written down is not done.
pub async fn wipe(
    State(api): State<Api>,
    view: View,
    Extension(initiator): Extension<Initiator>,
) -> Result<StatusCode, Rejection> {
    let wipe = AuditEvent::by("wipe", &initiator);
    match view {
        View::Tenant(scope) => {
            api.audit.record(wipe).await?;
            api.store.wipe(&scope)?;
        }
        View::Fleet(scope) => {
            let tenant = scope.named_tenant().ok_or(ApiError::NoTenantNamed)?;
            api.audit.record(wipe.with("tenants", tenant.as_str())).await?;
            api.store.wipe_named(&scope)?;
        }
    }
    Ok(StatusCode::ACCEPTED)
}
