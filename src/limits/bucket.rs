//! The time of one party, or of one credential that has limits of its own.

use super::LimitsError;
use super::RateKind;
use super::flow::Flow;
use super::line::Line;
use super::line::Patience;
use super::line::Room;
use super::places::Place;
use super::places::Places;
use super::usage::PaceUsage;
use super::usage::PlacesUsage;
use crate::config::CredentialLimits;
use crate::config::OperatorLimits;
use crate::config::Pace;
use crate::config::Rate;
use crate::model::SharedClock;
use crate::model::Tick;
use std::sync::Arc;
use std::time::Duration;

/// What a bucket is made of. `None`: there is no such limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    requests: Option<Rate>,
    kib: Option<Rate>,
    samples: Option<Rate>,
    in_flight_max: Option<u32>,
    scrapes_in_flight_max: Option<u32>,
    wait_max: Duration,
    waiting_max: u32,
}

impl From<&Pace> for Size {
    fn from(pace: &Pace) -> Self {
        let Pace { requests, kib, samples, places } = *pace;
        Self {
            requests: Some(requests),
            kib: Some(kib),
            samples: Some(samples),
            in_flight_max: Some(places.in_flight_max),
            scrapes_in_flight_max: Some(places.scrapes_in_flight_max),
            wait_max: places.wait_max,
            waiting_max: places.waiting_max,
        }
    }
}

impl From<&OperatorLimits> for Size {
    fn from(limits: &OperatorLimits) -> Self {
        let OperatorLimits { requests, places } = *limits;
        Self { kib: None, samples: None, ..Self::from(&Pace { requests, places, ..Pace::default() }) }
    }
}

impl Size {
    /// That of a credential, which waits as its tenant does, in a room of its own.
    pub(super) fn of_credential(limits: &CredentialLimits, pace: &Pace) -> Self {
        let CredentialLimits { requests, kib, samples, in_flight_max } = *limits;
        let (wait_max, waiting_max) = (pace.places.wait_max, pace.places.waiting_max);
        Self { requests, kib, samples, in_flight_max, scrapes_in_flight_max: None, wait_max, waiting_max }
    }
}

/// Chosen: timers are late by milliseconds, and a bucket that is full meanwhile fills no further.
const LATE_MAX: Duration = Duration::from_secs(1);

/// A rate, and the line of those who are over it.
#[derive(Debug)]
struct Paced {
    flow: Flow,
    line: Line,
}

impl Paced {
    /// What was there, if it is of this rate.
    fn after(before: Option<&Arc<Self>>, of: RateKind, rate: Rate, clock: &SharedClock) -> Arc<Self> {
        let same = before.filter(|before| before.flow.is(rate)).cloned();
        same.unwrap_or_else(|| Arc::new(Self { flow: Flow::new(of, rate, clock), line: Line::new() }))
    }

    /// Charges so much if it is there and nobody waits for it. Never waits.
    fn try_charge(&self, cost: u64) -> Result<bool, LimitsError> {
        let Some(cost) = self.flow.fits(cost)? else { return Ok(true) };
        Ok(self.line.is_empty() && self.flow.charge(cost).is_ok())
    }

    /// Charges so much, after a wait where need be. Who could not be served in time is refused at once.
    async fn charge(&self, cost: u64, room: &Room, patience: &Patience) -> Result<(), LimitsError> {
        let (flow, clock) = (&self.flow, patience.clock());
        let Some(cost) = flow.fits(cost)? else { return Ok(()) };
        if self.line.is_empty() && flow.charge(cost).is_ok() {
            return Ok(());
        }
        let now = clock.tick();
        let wait = flow.wait_for(self.line.wanted().saturating_add(cost.get().into()), now);
        let (left, refused) = (patience.left(), flow.refuse(wait));
        if wait > left || left.is_zero() {
            return Err(refused);
        }
        let standing = self.line.join(cost.get().into(), room).ok_or(refused)?;
        // Whoever was told that it will do is not refused for a timer that was late, of his own or of those before him.
        let until = now.after(left).after(LATE_MAX);
        let turn = async {
            loop {
                match flow.charge(cost) {
                    Ok(()) => return Ok(()),
                    Err(at) if at > until => return Err(flow.refuse(at.since(clock.tick()))),
                    Err(at) => clock.sleep_until(at).await,
                }
            }
        };
        patience.wait(standing, turn).await
    }

    fn refund(&self, cost: u64) {
        if let Ok(Some(cost)) = self.flow.fits(cost) {
            self.flow.refund(cost);
        }
    }
}

/// The time of one party, or of one credential.
#[derive(Debug)]
pub(super) struct Bucket {
    size: Size,
    requests: Option<Arc<Paced>>,
    kib: Option<Arc<Paced>>,
    samples: Option<Arc<Paced>>,
    in_flight: Option<Places>,
    scrapes: Option<Places>,
    room: Room,
}

impl Bucket {
    /// The bucket that was there, if it is of this size: a reload fills none. Of one of another size each rate that is the
    /// same goes on as it is and each other one begins full, with a line of its own: who waits waits on as he was told.
    /// Whoever is under way keeps a place.
    pub(super) fn after(before: Option<&Arc<Self>>, size: Size, clock: &SharedClock) -> Arc<Self> {
        if let Some(before) = before.filter(|before| before.size == size) {
            return before.clone();
        }
        let paced = |of, rate: Option<Rate>| {
            let before = before.and_then(|before| before.paced(of));
            rate.map(|rate| Paced::after(before, of, rate, clock))
        };
        // Places that nobody counts now are counted from the next reload that limits them.
        let places = |max: Option<u32>, before: Option<&Places>| max.map(|max| Places::new(max, before));
        Arc::new(Self {
            size,
            requests: paced(RateKind::Requests, size.requests),
            kib: paced(RateKind::Bytes, size.kib),
            samples: paced(RateKind::Samples, size.samples),
            in_flight: places(size.in_flight_max, before.and_then(|before| before.in_flight.as_ref())),
            scrapes: places(size.scrapes_in_flight_max, before.and_then(|before| before.scrapes.as_ref())),
            room: Room::new(size.waiting_max, before.map(|before| &before.room)),
        })
    }

    pub(super) fn wait_max(&self) -> Duration {
        self.size.wait_max
    }

    fn paced(&self, of: RateKind) -> Option<&Arc<Paced>> {
        match of {
            RateKind::Requests => self.requests.as_ref(),
            RateKind::Bytes => self.kib.as_ref(),
            RateKind::Samples => self.samples.as_ref(),
        }
    }

    /// That `cost` may come at all.
    pub(super) fn fits(&self, of: RateKind, cost: u64) -> Result<(), LimitsError> {
        self.paced(of).map_or(Ok(()), |paced| paced.flow.fits(cost).map(drop))
    }

    /// Charges so much if that needs no wait; whether it did.
    pub(super) fn try_charge(&self, of: RateKind, cost: u64) -> Result<bool, LimitsError> {
        self.paced(of).map_or(Ok(true), |paced| paced.try_charge(cost))
    }

    /// Charges so much, in its turn.
    pub(super) async fn charge(&self, of: RateKind, cost: u64, patience: &Patience) -> Result<(), LimitsError> {
        match self.paced(of) {
            // The wait behind a box, here and for a place: within, each request would carry the room for it, and be moved with it.
            Some(paced) if !paced.try_charge(cost)? => Box::pin(paced.charge(cost, &self.room, patience)).await,
            _ => Ok(()),
        }
    }

    /// Gives back what was charged for nothing.
    pub(super) fn refund(&self, of: RateKind, cost: u64) {
        if let Some(paced) = self.paced(of) {
            paced.refund(cost);
        }
    }

    /// A place among the requests under way, in its turn.
    pub(super) async fn place(&self, patience: &Patience) -> Result<Place, LimitsError> {
        self.place_of(self.in_flight.as_ref(), patience).await.map_err(|limit| LimitsError::InFlight { limit })
    }

    /// A place among the scrapes under way, in its turn.
    pub(super) async fn scrape(&self, patience: &Patience) -> Result<Place, LimitsError> {
        self.place_of(self.scrapes.as_ref(), patience).await.map_err(|limit| LimitsError::ScrapesInFlight { limit })
    }

    /// `Err`: how many there are.
    async fn place_of(&self, places: Option<&Places>, patience: &Patience) -> Result<Place, u32> {
        let Some(places) = places else { return Ok(Place::default()) };
        match places.take() {
            Some(place) => Ok(place),
            None => Box::pin(places.wait(&self.room, patience)).await.ok_or_else(|| places.max()),
        }
    }

    pub(super) fn usage(&self, now: Tick) -> PaceUsage {
        let rate = |paced: &Option<Arc<Paced>>| paced.as_ref().map(|paced| paced.flow.usage(now));
        let places =
            |places: &Option<Places>| places.as_ref().map_or(PlacesUsage { now: 0, max: u32::MAX }, Places::usage);
        PaceUsage {
            requests: rate(&self.requests),
            bytes: rate(&self.kib),
            samples: rate(&self.samples),
            in_flight: places(&self.in_flight),
            scrapes_in_flight: places(&self.scrapes),
            waiting: PlacesUsage { now: self.room.taken(), max: self.room.max() },
        }
    }
}
