//! While what was pushed before is loaded, nobody is answered from half of it.

use super::ApiError;
use super::state::Api;
use std::time::Duration;

/// Chosen: clients of this protocol never ask again, so they wait; a scrape that waits longer has mostly failed.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Waits until all is loaded; after a while, 503.
pub async fn wait_until_loaded(api: &Api) -> Result<(), ApiError> {
    if !api.health.is_loaded() {
        let deadline = api.clock.sleep_until(api.clock.tick().after(WAIT_MAX));
        tokio::select! {
            () = api.health.loaded() => {}
            () = deadline => return Err(ApiError::Loading),
        }
    }
    Ok(())
}
