//! Is the gateway ready, and is anything less than it should be?

use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::sync::Arc;
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
    degraded: RwLock<BTreeSet<&'static str>>,
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

    /// Something works less well than it should, scrapes go on. Degraded is not unready.
    pub fn set_degraded(&self, reason: &'static str, is_so: bool) {
        let mut reasons = self.inner.degraded.write();
        if is_so {
            reasons.insert(reason);
        } else {
            reasons.remove(reason);
        }
    }

    /// Loaded, and no shutdown under way.
    pub fn is_ready(&self) -> bool {
        self.inner.loaded.load(Ordering::Acquire) && !self.inner.stopping.load(Ordering::Acquire)
    }

    /// Why it is not ready or degraded, for operators.
    pub fn reasons(&self) -> Vec<&'static str> {
        let mut reasons: Vec<_> = self.inner.degraded.read().iter().copied().collect();
        if !self.inner.loaded.load(Ordering::Acquire) {
            reasons.push("loading");
        }
        if self.inner.stopping.load(Ordering::Acquire) {
            reasons.push("stopping");
        }
        reasons
    }
}
