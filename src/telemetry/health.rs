//! Is the gateway ready, and if not, why?

use super::audit::Audit;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

/// The state of the process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    loaded: AtomicBool,
    stopping: AtomicBool,
    audit: OnceLock<Audit>,
}

impl Health {
    /// All that was kept is loaded: scrapes are whole.
    pub fn set_loaded(&self) {
        self.inner.loaded.store(true, Ordering::Release);
    }

    /// A shutdown has begun: balancers should look elsewhere.
    pub fn set_stopping(&self) {
        self.inner.stopping.store(true, Ordering::Release);
    }

    /// Has an eye on the audit from now on.
    pub fn watch(&self, audit: &Audit) {
        let _ = self.inner.audit.set(audit.clone());
    }

    /// Why not all of it works, ready or not.
    pub fn degraded(&self) -> Vec<&'static str> {
        let mut reasons = self.reasons();
        if self.inner.audit.get().is_some_and(Audit::is_failing) {
            reasons.push("audit");
        }
        reasons
    }

    pub fn is_ready(&self) -> bool {
        self.inner.loaded.load(Ordering::Acquire) && !self.inner.stopping.load(Ordering::Acquire)
    }

    /// Why it is not ready, for operators.
    pub fn reasons(&self) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        if !self.inner.loaded.load(Ordering::Acquire) {
            reasons.push("loading");
        }
        if self.inner.stopping.load(Ordering::Acquire) {
            reasons.push("stopping");
        }
        reasons
    }
}
