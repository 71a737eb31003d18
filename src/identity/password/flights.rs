//! Attempts under way: the same password for the same user, asked for by many at one time, is hashed once.
//!
//! At midnight sixty jobs come with one password. Each that finds the attempt under way waits for its verdict instead of
//! a turn of its own. An attempt goes on when whoever began it hangs up, so hanging up saves a guesser nothing.

use super::hash::Verify;
use super::proved::Proved;
use super::proved::Tag;
use super::turns::Place;
use crate::config::PasswordHash;
use crate::identity::scheme::Secret;
use crate::identity::strangers::Charge;
use crate::identity::strangers::Strangers;
use crate::model::SharedClock;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// It was not made: the queue is full.
    Busy,
}

/// What an attempt is charged to. Those on the reserve are told less, so they are not mixed with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    Budget,
    Reserve,
}

/// Somebody's wait for a verdict.
#[derive(Debug)]
pub(super) struct Flight(watch::Receiver<Option<Verdict>>);

impl Flight {
    pub(super) async fn verdict(mut self) -> Verdict {
        // The sender is gone without a verdict when the runtime ends.
        self.0.wait_for(Option::is_some).await.ok().and_then(|verdict| *verdict).unwrap_or(Verdict::Busy)
    }
}

/// All attempts under way: as many as compute and wait for a turn, and a moment more.
#[derive(Debug, Default)]
pub(super) struct Flights {
    under_way: Arc<Mutex<UnderWay>>,
    tasks: TaskTracker,
}

type UnderWay = HashMap<(Tag, Lane), watch::Receiver<Option<Verdict>>>;

/// All that an attempt needs when its turn comes.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) hash: PasswordHash,
    pub(super) password: Secret,
    /// Where a right password is remembered, and for how long; nowhere for a name that is nobody's, whose attempt is wrong
    /// whatever is computed.
    pub(super) proved: Option<(Arc<Proved>, Duration)>,
    /// Kept if it fails. `None`: it was proved before, and is charged to nobody.
    pub(super) charge: Option<Charge>,
}

/// What all attempts share.
#[derive(Clone, Debug)]
pub(super) struct Means {
    pub(super) verify: Arc<dyn Verify>,
    pub(super) strangers: Arc<Strangers>,
    pub(super) clock: SharedClock,
}

impl Flights {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.lock().is_empty()
    }

    /// The one under way, or the one that is begun now; `None` where there is none and `begin` does not want one.
    pub(super) fn board(
        &self,
        (tag, lane): (Tag, Lane),
        means: &Means,
        begin: impl FnOnce() -> Option<(Attempt, Place)>,
    ) -> Option<Flight> {
        let key = (tag, lane);
        let mut under_way = self.under_way.lock();
        if let Some(verdict) = under_way.get(&key) {
            return Some(Flight(verdict.clone()));
        }
        let (attempt, place) = begin()?;
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key, receiver.clone());
        drop(under_way);
        let (under_way, means) = (self.under_way.clone(), means.clone());
        self.tasks.spawn(async move {
            let verdict = attempt.make(place, tag, &means).await;
            // A right password is remembered by now, so whoever comes behind the removal finds that.
            under_way.lock().remove(&key);
            sender.send_replace(Some(verdict));
        });
        Some(Flight(receiver))
    }
}

impl Attempt {
    async fn make(self, place: Place, tag: Tag, means: &Means) -> Verdict {
        let Self { hash, password, proved, charge } = self;
        let Some(mut turn) = place.turn().await else {
            charge.inspect(|charge| means.strangers.give_back(charge));
            return Verdict::Busy;
        };
        let verify = means.verify.clone();
        let (sender, computed) = oneshot::channel();
        let is_begun = in_the_background(move || {
            let is_right = verify.verify(password.as_str().as_bytes(), &hash, &mut turn.memory);
            drop(turn);
            // The runtime may have ended meanwhile.
            let _ = sender.send(is_right);
        });
        if let Err(error) = is_begun {
            tracing::error!(%error, "no thread for a password's hash");
            charge.inspect(|charge| means.strangers.give_back(charge));
            return Verdict::Busy;
        }
        let is_right = computed.await.unwrap_or(false);
        match proved.filter(|_| is_right) {
            Some((proved, ttl)) => {
                proved.remember(tag, means.clock.tick(), ttl);
                charge.inspect(|charge| means.strangers.give_back(charge));
                Verdict::Right
            }
            None => Verdict::Wrong,
        }
    }
}

/// A tenth of the share of a thread that answers requests, where there is not enough for both: a guesser's hashes are not to
/// make everybody else wait. Chosen.
#[cfg(all(target_os = "linux", not(test)))]
const NICENESS: i32 = 10;

/// Runs `work` on a thread of its own, which is less urgent than all others: a thread cannot become more urgent again, so
/// none of a pool will do. There are never more of them than turns.
fn in_the_background(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let thread = std::thread::Builder::new().name("password".into()).spawn(move || {
        // Elsewhere it would be the whole process' urgency. Where it is not allowed, the work is done all the same.
        // A test waits for it on a thread that is never idle.
        #[cfg(all(target_os = "linux", not(test)))]
        let _ = rustix::process::nice(NICENESS);
        work();
    });
    thread.map(drop)
}
