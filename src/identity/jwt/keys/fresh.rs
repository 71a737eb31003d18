//! Keys of a URL, fetched again and again.

use super::Believed;
use super::fetch::FetchError;
use super::fetch::Place;
use super::set::KeySet;
use super::set::KeySetError;
use crate::config::Algorithm;
use crate::config::Issuer;
use crate::model::SharedClock;
use crate::model::Tick;
use crate::model::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

/// A whole fetch: name, connection, TLS and answer.
const FETCH_MAX: Duration = Duration::from_secs(10);
/// As others do; an issuer that rotates its keys shows the next one for longer.
const REFRESH: Duration = Duration::from_secs(300);
/// By up to this much sooner, so that many gateways do not come at one time.
const JITTER: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Between two fetches that unknown keys ask for, however many of them come.
const ASKED_EVERY: Duration = Duration::from_secs(60);
/// How long a request waits for newer keys.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// How many requests do.
const WAITING_MAX: usize = 64;

/// The keys behind one URL. The task that fetches them ends when this is dropped.
#[derive(Debug)]
pub(in crate::identity::jwt) struct FreshKeys {
    shared: Arc<Shared>,
    is_kept: AtomicBool,
    tasks: TaskTracker,
    end: DropGuard,
}

#[derive(Debug)]
struct Shared {
    issuer: String,
    place: Place,
    algorithms: BTreeSet<Algorithm>,
    max_age: Duration,
    clock: SharedClock,
    state: Mutex<State>,
    /// Ends the pause between two fetches.
    asked: Notify,
    /// How many fetches have ended.
    fetches: watch::Sender<u64>,
    waiting: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Current>,
    fault: Option<String>,
    /// A fetch is under way, or was asked for and will be at once.
    under_way: bool,
    last_asked: Option<Tick>,
}

#[derive(Debug)]
struct Current {
    set: Arc<KeySet>,
    epoch: u64,
    fetched: Tick,
    fetched_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Fetch(#[from] FetchError),
    #[error("its answer: {0}")]
    Keys(#[from] KeySetError),
    #[error("it did not answer within 10 s")]
    TooSlow,
}

impl FreshKeys {
    pub(super) fn new(issuer: &Issuer, place: Place, clock: &SharedClock) -> Self {
        let shared = Shared {
            issuer: issuer.name.clone(),
            place,
            algorithms: issuer.algorithms.clone(),
            max_age: issuer.jwks_max_age,
            clock: clock.clone(),
            state: Mutex::default(),
            asked: Notify::new(),
            fetches: watch::Sender::new(0),
            waiting: Semaphore::new(WAITING_MAX),
        };
        Self {
            shared: Arc::new(shared),
            is_kept: AtomicBool::new(false),
            tasks: TaskTracker::new(),
            end: CancellationToken::new().drop_guard(),
        }
    }

    /// Does nothing outside a runtime, and nothing where the task runs.
    pub(super) fn keep_fresh(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if !self.is_kept.swap(true, Ordering::AcqRel) {
            self.shared.state.lock().under_way = true;
            let (shared, end) = (self.shared.clone(), self.end.token().clone());
            let keeping = async move {
                // The end comes first: `run_until_cancelled` would begin one more fetch.
                tokio::select! {
                    biased;
                    () = end.cancelled() => {}
                    () = shared.keep_fetching() => {}
                }
            };
            self.tasks.spawn_on(keeping, &runtime);
        }
    }

    pub(super) fn believed(&self) -> Option<Believed> {
        let now = self.shared.clock.tick();
        let state = self.shared.state.lock();
        let current = state.current.as_ref().filter(|current| now.since(current.fetched) < self.shared.max_age)?;
        Some(Believed { set: current.set.clone(), epoch: current.epoch })
    }

    /// For a token that names a key which is not here: has the keys fetched, if that was not asked for within the last minute,
    /// and waits for the fetch that is under way.
    pub(super) async fn look_for_newer(&self) {
        if !self.is_kept.load(Ordering::Acquire) {
            return;
        }
        let Ok(_place) = self.shared.waiting.try_acquire() else {
            return;
        };
        let mut fetches = self.shared.fetches.subscribe();
        let now = self.shared.clock.tick();
        if !self.shared.is_under_way(now) {
            return;
        }
        tokio::select! {
            _ = fetches.changed() => {}
            () = self.shared.clock.sleep_until(now.after(WAIT_MAX)) => {}
        }
    }

    pub(super) fn fault(&self) -> Option<String> {
        self.shared.state.lock().fault.clone()
    }

    pub(super) fn last_success(&self) -> Option<Timestamp> {
        self.shared.state.lock().current.as_ref().map(|current| current.fetched_at)
    }
}

impl Shared {
    /// Whether a fetch is under way by now.
    fn is_under_way(&self, now: Tick) -> bool {
        let mut state = self.state.lock();
        if state.under_way {
            return true;
        }
        if state.last_asked.is_some_and(|asked| now.since(asked) < ASKED_EVERY) {
            return false;
        }
        state.last_asked = Some(now);
        state.under_way = true;
        self.asked.notify_one();
        true
    }

    async fn keep_fetching(&self) {
        let mut retry = FIRST_RETRY;
        loop {
            self.state.lock().under_way = true;
            let pause = match self.fetch().await {
                Ok(set) => {
                    self.succeed(set);
                    retry = FIRST_RETRY;
                    REFRESH.saturating_sub(jitter())
                }
                Err(failure) => {
                    self.fail(&failure);
                    let longer = (retry * 2).min(REFRESH);
                    std::mem::replace(&mut retry, longer)
                }
            };
            self.fetches.send_modify(|fetches| *fetches += 1);
            tokio::select! {
                () = self.clock.sleep_until(self.clock.tick().after(pause)) => {}
                () = self.asked.notified() => {}
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, Failure> {
        let deadline = self.clock.tick().after(FETCH_MAX);
        let document = tokio::select! {
            document = self.place.fetch() => document?,
            () = self.clock.sleep_until(deadline) => return Err(Failure::TooSlow),
        };
        Ok(KeySet::parse(&document, &self.algorithms)?)
    }

    fn succeed(&self, set: KeySet) {
        let mut state = self.state.lock();
        let before = state.current.take();
        let is_same = before.as_ref().is_some_and(|before| before.set.is(&set));
        let epoch = before.map_or(0, |before| before.epoch) + u64::from(!is_same);
        if !is_same {
            tracing::info!(issuer = self.issuer, keys = ?set, "new keys");
        } else if state.fault.is_some() {
            tracing::info!(issuer = self.issuer, "the keys could be fetched again");
        }
        let (fetched, fetched_at) = (self.clock.tick(), self.clock.now());
        state.current = Some(Current { set: Arc::new(set), epoch, fetched, fetched_at });
        state.fault = None;
        state.under_way = false;
    }

    /// The keys that are there stay, as long as they are believed.
    fn fail(&self, failure: &Failure) {
        let fault = format!("its keys could not be fetched: {failure}");
        tracing::warn!(issuer = self.issuer, fault, "the last good keys are believed for jwks_max_age");
        let mut state = self.state.lock();
        state.fault = Some(fault);
        state.under_way = false;
    }
}

/// Up to [`JITTER`]. Without random numbers all gateways come at one time, which is no reason not to come.
fn jitter() -> Duration {
    let mut random = [0];
    match getrandom::fill(&mut random) {
        Ok(()) => JITTER * u32::from(random[0]) / 256,
        Err(_) => Duration::ZERO,
    }
}
