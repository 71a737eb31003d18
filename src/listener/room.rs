//! The slots of all connections, and who leaves his where there is none left.
//!
//! Whoever opens a socket and says nothing holds a slot until the deadline of his handshake, longer than anybody waits for
//! one: with enough addresses, a few dozen at the defaults, he would hold them all. So where all are taken a socket does not
//! only stand in line: of the connections that have proved nothing (`newcomer`), the one that has let us wait for the
//! longest, of the address that has the most of them, is closed and its slot handed to whoever waits. Only for one of whose
//! address there are fewer: between two who are equally many nothing would be won.

use super::newcomer::Newcomer;
use crate::model::SharedClock;
use crate::model::Subscriber;
use crate::model::Tick;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;

/// How long an honest client may let us wait in all before it has proved something, without losing its slot to another. Chosen:
/// a handshake of TLS 1.2 over a satellite (three times 0.6 s) of which one packet is lost (1 s). It is waiting for bytes that
/// counts, and not the time that we take ourselves.
const GRACE: Duration = Duration::from_secs(3);
/// So many of one address have all of it each; of more, each has the less the more they are. Chosen: what jobs behind one NAT
/// have in their handshakes at one moment, as a rule; at the default cap of 256 it leaves each a tenth of a second.
const FEW: usize = 8;
/// Addresses and their connections among which the one to ask is found, the largest crowds and the oldest connections first.
/// Those who may not be asked are passed over and do not count, or a few hundred of them would shield all others.
const CROWDS_MAX: usize = 8;
const OLDEST_MAX: usize = 64;
/// Who waits and found nobody to ask looks again so soon, or when somebody's grace is over.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
const LOOK_AGAIN_MIN: Duration = Duration::from_millis(5);
/// But so much later for each who waits, and for each that was passed over in vain. Chosen: some twenty times what a wake and a
/// look cost, so that all of them together take a twentieth of a processor however many they are.
const LOOK_AGAIN_PER_WAITING: Duration = Duration::from_micros(25);
const LOOK_AGAIN_PER_LOOK: Duration = Duration::from_micros(1);

/// The slots of all.
pub(super) struct Room {
    slots: Arc<Semaphore>,
    newcomers: Mutex<Newcomers>,
    /// How many wait for somebody to leave.
    waiting: AtomicUsize,
    /// Until this tick, in nanoseconds, nobody has to go for anybody's sake: read without the lock, since all who wait read it.
    nobody_before: AtomicU64,
}

/// The connections that have proved nothing.
#[derive(Default)]
struct Newcomers {
    next_id: u64,
    of: HashMap<Subscriber, BTreeMap<u64, Arc<Newcomer>>>,
    /// How many there are of each address.
    crowds: BTreeSet<(usize, Subscriber)>,
    /// Until then nobody has to go for whoever has so many, or more: one looked, for all.
    nobody: (usize, Tick),
}

impl Room {
    pub(super) fn new(slots: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: Arc::new(Semaphore::new(slots)),
            newcomers: Mutex::default(),
            waiting: AtomicUsize::new(0),
            nobody_before: AtomicU64::new(0),
        })
    }

    pub(super) fn free(&self) -> usize {
        self.slots.available_permits()
    }

    /// A slot, as soon as there is one. `of` is none where nobody knows yet whose the connection is.
    pub(super) async fn seat(self: &Arc<Self>, of: Option<Subscriber>, clock: &SharedClock) -> Option<Seat> {
        let slot = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => slot,
            Err(_) => self.waited_for(of, clock).await?,
        };
        let newcomer = Newcomer::new(Arc::clone(self), clock.tick());
        if let Some(of) = of {
            newcomer.name(of);
        }
        Some(Seat { slot: Some(slot), newcomer })
    }

    /// First in line, or first to whom somebody leaves his.
    async fn waited_for(&self, of: Option<Subscriber>, clock: &SharedClock) -> Option<OwnedSemaphorePermit> {
        let _one = OneWaiting::of(&self.waiting);
        let mut line = std::pin::pin!(Arc::clone(&self.slots).acquire_owned());
        loop {
            let left = async {
                match self.ask(of, clock.tick()) {
                    Ok(left) => left.await.ok(),
                    Err(look_again) => {
                        clock.sleep_until(look_again).await;
                        None
                    }
                }
            };
            tokio::select! {
                biased;
                slot = &mut line => return slot.ok(),
                // Nobody was asked, or who was asked had something to say after all.
                slot = left => if slot.is_some() { return slot },
            }
        }
    }

    /// Asks somebody to leave, or says when there may be somebody.
    fn ask(&self, of: Option<Subscriber>, now: Tick) -> Result<oneshot::Receiver<OwnedSemaphorePermit>, Tick> {
        let nobody_before = Tick::from_nanos(self.nobody_before.load(Ordering::Relaxed));
        if now < nobody_before {
            return Err(nobody_before);
        }
        let mut newcomers = self.newcomers.lock();
        let own = of.map_or(0, |of| newcomers.count(of));
        if own >= newcomers.nobody.0 && now < newcomers.nobody.1 {
            return Err(newcomers.nobody.1);
        }
        match newcomers.to_be_asked(own, now) {
            Ok((of, newcomer)) => {
                let (heir, left) = oneshot::channel();
                // It counts no more, so that two who wait do not drive out two where one is enough.
                if let Some(id) = newcomer.ask(heir, now) {
                    newcomers.change(of, |its| drop(its.remove(&id)));
                }
                Ok(left)
            }
            Err(wait) => {
                let waiting = u32::try_from(self.waiting.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
                let look_again = now.after(wait.max(LOOK_AGAIN_MIN).max(LOOK_AGAIN_PER_WAITING * waiting));
                newcomers.nobody = (own, look_again);
                if own == 0 {
                    self.nobody_before.store(look_again.as_nanos(), Ordering::Relaxed);
                }
                Err(look_again)
            }
        }
    }

    pub(super) fn add(&self, of: Subscriber, newcomer: &Arc<Newcomer>) {
        let mut newcomers = self.newcomers.lock();
        let id = newcomers.next_id;
        newcomers.next_id += 1;
        // Under this lock it learns how it is known, before anybody could ask it.
        if newcomer.is_known(of, id) {
            newcomers.change(of, |its| drop(its.insert(id, Arc::clone(newcomer))));
        }
    }

    pub(super) fn remove(&self, of: Subscriber, id: u64) {
        self.newcomers.lock().change(of, |its| drop(its.remove(&id)));
    }

    #[cfg(test)]
    pub(super) fn newcomers(&self) -> usize {
        let newcomers = self.newcomers.lock();
        assert_eq!(newcomers.crowds.len(), newcomers.of.len());
        newcomers.crowds.iter().map(|(count, _)| count).sum()
    }
}

impl Newcomers {
    fn count(&self, of: Subscriber) -> usize {
        self.of.get(&of).map_or(0, BTreeMap::len)
    }

    /// Who is to be asked for the sake of one of whose address there are `own`, or how long to wait for that.
    fn to_be_asked(&self, own: usize, now: Tick) -> Result<(Subscriber, Arc<Newcomer>), Duration> {
        let (mut wait, mut looks) = (LOOK_AGAIN, 0_u32);
        let larger = self.crowds.iter().rev().take_while(|(count, _)| *count > own + 1);
        let longest_of_each = larger.filter_map(|(count, crowd)| {
            let its = self.of.get(crowd)?.values().inspect(|_| looks = looks.saturating_add(1));
            let askable = its.filter_map(|newcomer| Some((newcomer.lets_wait(now)?, newcomer)));
            // Of two who have waited for as long, the older.
            let longest = askable.take(OLDEST_MAX).reduce(|one, next| if next.0 > one.0 { next } else { one });
            longest.map(|(waited, newcomer)| (count, crowd, waited, newcomer))
        });
        for (count, crowd, waited, newcomer) in longest_of_each.take(CROWDS_MAX) {
            match grace(*count).checked_sub(waited) {
                None | Some(Duration::ZERO) => return Ok((*crowd, Arc::clone(newcomer))),
                Some(left) => wait = wait.min(left),
            }
        }
        Err(wait.max(LOOK_AGAIN_PER_LOOK * looks))
    }

    fn change(&mut self, of: Subscriber, change: impl FnOnce(&mut BTreeMap<u64, Arc<Newcomer>>)) {
        let its = self.of.entry(of).or_default();
        let before = its.len();
        change(its);
        let after = its.len();
        if after == 0 {
            self.of.remove(&of);
        }
        self.crowds.remove(&(before, of));
        if after > 0 {
            self.crowds.insert((after, of));
        }
    }
}

/// What each has of so many of one address.
fn grace(count: usize) -> Duration {
    let share = u32::try_from(count.max(FEW) / FEW).unwrap_or(u32::MAX);
    GRACE / share
}

/// Counts one who waits, for as long as he does.
struct OneWaiting<'r>(&'r AtomicUsize);

impl<'r> OneWaiting<'r> {
    fn of(waiting: &'r AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for OneWaiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A slot that somebody has.
pub(super) struct Seat {
    /// There until the drop.
    slot: Option<OwnedSemaphorePermit>,
    newcomer: Arc<Newcomer>,
}

impl Seat {
    pub(super) fn newcomer(&self) -> &Arc<Newcomer> {
        &self.newcomer
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.newcomer.leave(slot);
        }
    }
}
