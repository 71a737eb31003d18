//! What a request is charged: itself before anything is done, bytes and samples while it is worked on.

use super::LimitsError;
use super::RateKind;
use super::bucket::Bucket;
use super::line::Patience;
use super::places::Held;
use super::places::Place;
use super::usage::PaceUsage;
use crate::model::SharedClock;
use axum::body::Body;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// The buckets of whoever asks: the tenant's or operator's, and before it those of the credentials that have their own.
/// Clones charge the same. The default is nobody's and charges nothing.
///
/// A credential's bucket is charged first, so that one over its own rate waits in its own line and holds up nobody else of
/// its tenant. Where a later bucket refuses, the earlier ones are given back what that call charged them.
#[derive(Clone, Default)]
pub struct Meter(Option<Arc<Metered>>);

struct Metered {
    /// Of credentials. Nearly always none.
    own: Vec<Arc<Bucket>>,
    party: Arc<Bucket>,
    patience: Patience,
    /// Of the body, by now.
    bytes: AtomicU64,
}

/// The places of one request, given back when this is dropped.
#[derive(Debug, Default)]
#[must_use = "the request is under way as long as its places are kept"]
pub struct Admitted {
    _own: Vec<Place>,
    _party: Place,
}

impl Admitted {
    /// The same body, which keeps the places until it is sent or nobody takes it any more.
    pub fn held_by(self, body: Body) -> Body {
        Body::new(Held::new(body, self))
    }
}

impl Meter {
    pub(super) fn new(own: Vec<Arc<Bucket>>, party: Arc<Bucket>, clock: SharedClock) -> Self {
        let patience = Patience::new(party.wait_max(), clock);
        Self(Some(Arc::new(Metered { own, party, patience, bytes: AtomicU64::new(0) })))
    }

    /// Charges one request and takes its places, in each line in its turn.
    pub(super) async fn admit(&self) -> Result<Admitted, LimitsError> {
        let Some(metered) = &self.0 else { return Ok(Admitted::default()) };
        let mut places = Vec::new();
        for (charged, bucket) in metered.own.iter().enumerate() {
            places.push(metered.admit_to(bucket, charged).await?);
        }
        let party = metered.admit_to(&metered.party, metered.own.len()).await?;
        Ok(Admitted { _own: places, _party: party })
    }

    /// Whether the request stood in any line, so that it may be another world by now.
    pub(super) fn has_waited(&self) -> bool {
        self.0.as_ref().is_some_and(|metered| metered.patience.was_tried())
    }

    /// That a body of so many bytes, known before it is read, may come at all.
    pub fn fits(&self, bytes: u64) -> Result<(), LimitsError> {
        let Some(metered) = &self.0 else { return Ok(()) };
        metered.all().try_for_each(|bucket| bucket.fits(RateKind::Bytes, kib(bytes)))
    }

    /// Charges so many more bytes of a body, decompressed, as it is read. Waits in line for as long as the request may.
    ///
    /// Each KiB that a body begins is charged once, in however many pieces it comes.
    pub async fn bytes(&self, more: u64) -> Result<(), LimitsError> {
        let Some(metered) = &self.0 else { return Ok(()) };
        let before = metered.bytes.fetch_add(more, Ordering::AcqRel);
        let whole = before.saturating_add(more);
        let cost = kib(whole).saturating_sub(kib(before));
        if cost == 0 {
            return Ok(());
        }
        // What came in pieces that each fit may still be more than fits.
        self.fits(whole)?;
        metered.charge(RateKind::Bytes, cost).await
    }

    /// Charges the samples of a push once they are parsed, before the store is touched. Waits in line for as long as the
    /// request may.
    pub async fn samples(&self, count: u64) -> Result<(), LimitsError> {
        match &self.0 {
            Some(metered) => metered.charge(RateKind::Samples, count).await,
            None => Ok(()),
        }
    }

    /// As [`Meter::samples`], if that needs no wait; whether they are charged now.
    pub fn try_samples(&self, count: u64) -> Result<bool, LimitsError> {
        let Some(metered) = &self.0 else { return Ok(true) };
        for (charged, bucket) in metered.all().enumerate() {
            match bucket.try_charge(RateKind::Samples, count) {
                Ok(true) => {}
                refused_or_waits => {
                    metered.refund(RateKind::Samples, count, charged);
                    return refused_or_waits;
                }
            }
        }
        Ok(true)
    }

    /// A place among the party's scrapes, to be held until the answer is sent.
    pub async fn scrape(&self) -> Result<Place, LimitsError> {
        match &self.0 {
            Some(metered) => metered.party.scrape(&metered.patience).await,
            None => Ok(Place::default()),
        }
    }

    /// What is left to whoever asks: of the tenant or operator, its credentials' own limits aside.
    pub fn usage(&self) -> Option<PaceUsage> {
        self.0.as_ref().map(|metered| metered.party.usage(metered.patience.clock().tick()))
    }
}

impl Metered {
    /// In the order in which they are charged.
    fn all(&self) -> impl Iterator<Item = &Arc<Bucket>> {
        self.own.iter().chain([&self.party])
    }

    /// `charged`: how many buckets before this one are.
    async fn admit_to(&self, bucket: &Bucket, charged: usize) -> Result<Place, LimitsError> {
        if let Err(refused) = bucket.charge(RateKind::Requests, 1, &self.patience).await {
            self.refund(RateKind::Requests, 1, charged);
            return Err(refused);
        }
        let place = bucket.place(&self.patience).await;
        if place.is_err() {
            self.refund(RateKind::Requests, 1, charged + 1);
        }
        place
    }

    async fn charge(&self, of: RateKind, cost: u64) -> Result<(), LimitsError> {
        // Before anything is charged: who never fits need not wait for the first bucket.
        self.all().try_for_each(|bucket| bucket.fits(of, cost))?;
        for (charged, bucket) in self.all().enumerate() {
            if let Err(refused) = bucket.charge(of, cost, &self.patience).await {
                self.refund(of, cost, charged);
                return Err(refused);
            }
        }
        Ok(())
    }

    /// Gives the first of all buckets back what they were charged.
    fn refund(&self, of: RateKind, cost: u64, charged: usize) {
        self.all().take(charged).for_each(|bucket| bucket.refund(of, cost));
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter(..)")
    }
}

const fn kib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 10)
}
