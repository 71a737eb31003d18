//! While what was pushed before is loaded, nobody is answered from half of it.

use super::ApiError;
use super::state::Api;
use crate::model::SharedClock;
use crate::rejection::Rejection;
use crate::relay::Relayed;
use crate::relay::Stage;
use crate::telemetry::Health;
use std::time::Duration;

/// Chosen: clients of this protocol never ask again, so they wait; a scrape that waits longer has mostly failed.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Lets requests on when all is loaded; after a while it says 503.
#[derive(Clone, Debug)]
pub struct Loaded(pub Api);

impl<B: Send, D: Send> Stage<B, D> for Loaded {
    type Given = B;

    async fn pass(&self, relayed: Relayed<B, D>) -> Result<Relayed<B, D>, Rejection> {
        loaded(&self.0.health, &self.0.clock).await?;
        Ok(relayed)
    }
}

async fn loaded(health: &Health, clock: &SharedClock) -> Result<(), ApiError> {
    if health.is_loaded() {
        return Ok(());
    }
    // Behind a box: within, each request would carry the room for the wait, and be moved with it.
    Box::pin(async {
        tokio::select! {
            () = health.loaded() => Ok(()),
            () = clock.sleep_until(clock.tick().after(WAIT_MAX)) => Err(ApiError::Loading),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::WAIT_MAX;
    use super::loaded;
    use crate::api::ApiError;
    use crate::model::SharedClock;
    use crate::telemetry::Health;
    use crate::testkit::MockClock;
    use std::sync::Arc;
    use std::time::Duration;

    #[tokio::test]
    async fn whoever_comes_before_all_is_loaded_waits_and_is_let_in_or_told_so() {
        let (health, clock) = (Health::default(), MockClock::new());
        let shared: SharedClock = Arc::new(clock.clone());
        let moved = async {
            tokio::task::yield_now().await;
            clock.advance(WAIT_MAX);
        };
        let (told, ()) = tokio::join!(loaded(&health, &shared), moved);
        assert!(matches!(told, Err(ApiError::Loading)), "{told:?}");
        let in_time = async {
            tokio::task::yield_now().await;
            clock.advance(WAIT_MAX.saturating_sub(Duration::from_millis(1)));
            tokio::task::yield_now().await;
            health.set_loaded();
        };
        let (told, ()) = tokio::join!(loaded(&health, &shared), in_time);
        assert!(told.is_ok(), "{told:?}");
        assert!(loaded(&health, &shared).await.is_ok(), "nobody waits any more");
    }
}
