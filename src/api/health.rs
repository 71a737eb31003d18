//! Whether the gateway lives, and whether it can answer. Reasons are for the `ops` listener alone.

use super::call::Call;
use crate::rejection::Rejection;
use http::StatusCode;

/// The process answers.
pub async fn healthy(_: Call<()>) -> Result<&'static str, Rejection> {
    Ok("OK")
}

/// Scrapes can be answered, and no shutdown is under way.
pub async fn ready(Call { api, .. }: Call<()>) -> Result<(StatusCode, &'static str), Rejection> {
    Ok(match api.health.is_ready() {
        true => (StatusCode::OK, "OK"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    })
}
