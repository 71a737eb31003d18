//! The thread that sees to the storage: mends it, writes checkpoints, forgets tenants that are long gone.

use super::journal::DiskJournal;
use super::journal::Inner;
use parking_lot::Condvar;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Chosen: a disk that refused is asked again so soon, and twice as late each time, up to the longest.
const MEND_FIRST: Duration = Duration::from_millis(50);
const MEND_LONGEST: Duration = Duration::from_secs(5);
/// Chosen: after a checkpoint that failed, mostly for want of space.
const CHECKPOINT_AGAIN: Duration = Duration::from_secs(30);
/// Chosen: what is kept for days is not looked at more often.
const LOOK: Duration = Duration::from_secs(600);

/// What the thread is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ring {
    Mend,
    Checkpoint,
    Stop,
}

/// How it is asked.
#[derive(Debug, Default)]
pub(super) struct Bell {
    asked: Arc<(Mutex<Asked>, Condvar)>,
    /// Logs of more bytes want a checkpoint.
    due: AtomicU64,
}

#[derive(Debug, Default)]
struct Asked {
    mend: bool,
    checkpoint: bool,
    stop: bool,
}

impl Bell {
    pub(super) fn ring(&self, ring: Ring) {
        let (asked, rung) = &*self.asked;
        let mut asked = asked.lock();
        match ring {
            Ring::Mend => asked.mend = true,
            Ring::Checkpoint => asked.checkpoint = true,
            Ring::Stop => asked.stop = true,
        }
        rung.notify_all();
    }

    pub(super) fn set_due(&self, bytes: u64) {
        self.due.store(bytes, Ordering::Release);
    }

    pub(super) fn is_due(&self, log_bytes: u64) -> bool {
        log_bytes > self.due.load(Ordering::Acquire)
    }
}

impl DiskJournal {
    /// Begins the thread, which ends with the journal.
    pub(super) fn keep_up(&self) {
        let (weak, asked) = (Arc::downgrade(&self.inner), self.inner.bell.asked.clone());
        let thread = std::thread::Builder::new().name("storage".to_owned());
        if let Err(error) = thread.spawn(move || keep(&weak, &asked)) {
            tracing::error!(%error, "the storage has no thread of its own: what fails once fails until a restart");
        }
    }
}

fn keep(journal: &Weak<Inner>, asked: &(Mutex<Asked>, Condvar)) {
    let (mut mend_in, mut checkpoint_in) = (None, None);
    let mut wait = LOOK;
    loop {
        let Asked { mend, checkpoint, stop } = {
            let mut now = asked.0.lock();
            if !(now.mend || now.checkpoint || now.stop) {
                asked.1.wait_for(&mut now, wait);
            }
            std::mem::take(&mut *now)
        };
        let Some(journal) = journal.upgrade().filter(|_| !stop) else { return };
        if mend || mend_in.is_some() {
            let last = mend_in.map_or(MEND_FIRST, |last: Duration| last.saturating_mul(2).min(MEND_LONGEST));
            mend_in = (!journal.mend()).then_some(last);
        }
        if (checkpoint || checkpoint_in.is_some()) && mend_in.is_none() {
            checkpoint_in = journal.checkpoint().err().map(|error| {
                tracing::warn!(%error, "no checkpoint was written, the logs grow");
                CHECKPOINT_AGAIN
            });
            if journal.writer.lock().is_open() {
                journal.forget_long_gone();
            } else {
                mend_in = Some(MEND_FIRST);
            }
        }
        journal.forget_long_gone();
        wait = [mend_in, checkpoint_in].into_iter().flatten().min().unwrap_or(LOOK);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.bell.ring(Ring::Stop);
    }
}
