//! `PUT /api/v1/admin/wipe`: deletes everything that whoever asks can see.

use super::ApiError;
use super::call::Call;
use crate::namespace::View;
use crate::rejection::Rejection;
use crate::store::Written;
use crate::telemetry::AuditEvent;
use http::StatusCode;

/// A tenant's credential deletes the groups within its scope; an operator's those of the one tenant that it names. It is
/// written down first: what cannot be written down is not done.
pub async fn wipe(Call { api, scope: view, initiator, .. }: Call<View>) -> Result<StatusCode, Rejection> {
    let wipe = AuditEvent::by("wipe", &initiator);
    match view {
        View::Tenant(scope) => {
            api.audit.record(wipe).await?;
            let store = api.store.clone();
            written(move || store.wipe(&scope)).await?;
        }
        View::Fleet(scope) => {
            let tenant = scope.named_tenant().ok_or(ApiError::NoTenantNamed)?;
            api.audit.record(wipe.with("tenants", tenant.as_str())).await?;
            let store = api.store.clone();
            written(move || store.wipe_named(&scope)).await?;
        }
    }
    Ok(StatusCode::ACCEPTED)
}

/// Beside the runtime: what is not journalled is wiped there and then, which takes as long as there are groups.
async fn written(wipe: impl FnOnce() -> Written + Send + 'static) -> Result<(), Rejection> {
    let written = tokio::task::spawn_blocking(wipe).await.map_err(|_| Rejection::Misassembled("a panic"))?;
    Ok(written.await?)
}
