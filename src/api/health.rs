//! Whether the gateway lives, and whether it can answer. Reasons are for the `ops` listener alone.

use super::state::Api;
use axum::extract::State;
use http::StatusCode;

/// The process answers.
pub async fn healthy() -> &'static str {
    "OK"
}

/// Scrapes can be answered, and no shutdown is under way.
pub async fn ready(State(api): State<Api>) -> (StatusCode, &'static str) {
    match api.health.is_ready() {
        true => (StatusCode::OK, "OK"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    }
}
