//! Is the gateway ready, and if not, why? And what is wrong although it is?

use super::audit::Audit;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// The state of the process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    loaded: watch::Sender<bool>,
    stopping: AtomicBool,
    audit: OnceLock<Audit>,
    degraded: Mutex<BTreeSet<&'static str>>,
}

impl Health {
    /// All that was kept is loaded: scrapes are whole.
    pub fn set_loaded(&self) {
        self.inner.loaded.send_replace(true);
    }

    /// Whether it is.
    pub fn is_loaded(&self) -> bool {
        *self.inner.loaded.borrow()
    }

    /// Completes when it is.
    pub async fn loaded(&self) {
        // The sender lives as long as this.
        let _ = self.inner.loaded.subscribe().wait_for(|loaded| *loaded).await;
    }

    /// A shutdown has begun: balancers should look elsewhere.
    pub fn set_stopping(&self) {
        self.inner.stopping.store(true, Ordering::Release);
    }

    /// Has an eye on the audit from now on.
    pub fn watch(&self, audit: &Audit) {
        let _ = self.inner.audit.set(audit.clone());
    }

    pub fn is_ready(&self) -> bool {
        self.is_loaded() && !self.inner.stopping.load(Ordering::Acquire)
    }

    /// Something is wrong, or no longer, that keeps nobody from scraping.
    pub fn set_degraded(&self, reason: &'static str, is: bool) {
        let mut degraded = self.inner.degraded.lock();
        if is {
            degraded.insert(reason);
        } else {
            degraded.remove(reason);
        }
    }

    /// What is wrong although it may be ready, for operators.
    pub fn degraded(&self) -> Vec<&'static str> {
        let mut degraded: Vec<_> = self.inner.degraded.lock().iter().copied().collect();
        if self.inner.audit.get().is_some_and(Audit::is_failing) {
            degraded.push("audit");
        }
        degraded
    }

    /// Why it is not ready, for operators.
    pub fn reasons(&self) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        if !self.is_loaded() {
            reasons.push("loading");
        }
        if self.inner.stopping.load(Ordering::Acquire) {
            reasons.push("stopping");
        }
        reasons
    }
}
