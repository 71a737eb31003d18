//! While what was pushed before is loaded, nobody is answered from half of it.

use super::ApiError;
use super::state::Api;
use crate::rejection::Rejection;
use axum::extract::Request;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use std::time::Duration;

/// Chosen: clients of this protocol never ask again, so they wait; a scrape that waits longer has mostly failed.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Waits until all is loaded; after a while, 503.
pub async fn wait_until_loaded(State(api): State<Api>, request: Request, next: Next) -> Response {
    if !api.health.is_loaded() {
        let deadline = api.clock.sleep_until(api.clock.tick().after(WAIT_MAX));
        tokio::select! {
            () = api.health.loaded() => {}
            () = deadline => return Rejection::from(ApiError::Loading).into_response(),
        }
    }
    next.run(request).await
}
