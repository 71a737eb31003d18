//! A clock that stands still until a test moves it.

use crate::model::Clock;
use crate::model::Sleep;
use crate::model::Tick;
use crate::model::Timestamp;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Starts at 2030-01-01T00:00:00Z and tick zero. Clones share the time.
#[derive(Clone, Debug)]
pub struct MockClock {
    wall: Arc<Mutex<Timestamp>>,
    tick: Arc<watch::Sender<Tick>>,
}

impl MockClock {
    pub fn new() -> Self {
        let start = Timestamp::from_unix_seconds(1_893_456_000);
        Self { wall: Arc::new(Mutex::new(start)), tick: Arc::new(watch::Sender::new(Tick::default())) }
    }

    /// Moves both clocks and wakes whoever waited for a moment that has come.
    pub fn advance(&self, by: Duration) {
        {
            let mut wall = self.wall.lock();
            *wall = wall.saturating_add(by);
        }
        self.tick.send_modify(|tick| *tick = tick.after(by));
    }
}

impl Default for MockClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        *self.wall.lock()
    }

    fn tick(&self) -> Tick {
        *self.tick.borrow()
    }

    fn sleep_until(&self, deadline: Tick) -> Sleep {
        let mut ticks = self.tick.subscribe();
        Box::pin(async move {
            // The sender lives in every clone of the clock; when the last is gone nobody can move time any more.
            if ticks.wait_for(|tick| *tick >= deadline).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
