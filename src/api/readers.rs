//! Answers that are written from a snapshot as their clients take them, and what they keep alive meanwhile.
//!
//! What is replaced while a snapshot is held stays in memory. A client that takes nothing more would keep it there until its
//! deadline, so when all snapshots together keep more than the store allows ([`Store::pinned_max`]), they are cut: first the
//! one that keeps the most for each byte its client has taken. Its memory is free at once, and its client finds an answer
//! that breaks off. And when somebody waits for a place among scrapes, those are cut of which nothing was taken for
//! [`STALLED`]; else, if a tenant waits and another has two places more, one of that other's that has taken [`LONG`].
//!
//! [`Store::pinned_max`]: crate::store::Store::pinned_max

use super::turns::Turns;
use crate::limits::ScrapePlace;
use crate::model::SharedClock;
use crate::model::TenantId;
use crate::model::Tick;
use crate::store::Pin;
use crate::store::Store;
use axum::body::Body;
use axum::body::Bytes;
use http_body::Body as HttpBody;
use http_body::Frame;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

/// Chosen: a scraper that lives takes something every second, also over a bad line. Without anybody waiting,
/// `deadlines.stalled_write` is what counts.
const STALLED: Duration = Duration::from_secs(2);

/// Chosen: less than a scrape waits for a place, and longer than an answer takes on a line that is fit for its length.
const LONG: Duration = Duration::from_secs(3);

/// An answer in pieces.
pub(super) trait Pieces: Send {
    /// The next piece, which may be empty; `None` at the end.
    fn next(&mut self) -> Option<Vec<u8>>;

    /// Whether a piece takes so long that it is to be made beside the runtime, in its turn: not those that are only copied.
    fn takes_work(&self) -> bool {
        false
    }
}

/// The answers under way. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    under_way: Arc<Mutex<Vec<Weak<Reader>>>>,
    turns: Turns,
}

struct Reader {
    /// `None`: an operator's.
    tenant: Option<TenantId>,
    began: Tick,
    pin: Pin,
    taken: AtomicU64,
    /// When something was last asked for.
    moved: Mutex<Tick>,
    clock: SharedClock,
    /// A piece waits for its turn, or is made: it is not the client who takes nothing.
    at_work: AtomicBool,
    /// `None` once it is cut.
    open: Mutex<Option<Open>>,
}

struct Open {
    pieces: Box<dyn Pieces>,
    place: ScrapePlace,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} kept alive, {} taken)", self.pin.bytes(), self.taken.load(Ordering::Relaxed))
    }
}

impl Readers {
    /// None yet. Pieces that take work are made in these turns.
    pub(super) fn new(turns: Turns) -> Self {
        Self { under_way: Arc::default(), turns }
    }

    /// An answer of `pieces`. The place is kept until it is taken or cut.
    pub(super) fn answer(
        &self,
        clock: &SharedClock,
        tenant: Option<TenantId>,
        pin: Pin,
        place: ScrapePlace,
        pieces: impl Pieces + 'static,
    ) -> Body {
        let open = Mutex::new(Some(Open { pieces: Box::new(pieces), place }));
        let (taken, began, clock) = (AtomicU64::new(0), clock.tick(), clock.clone());
        let turns = tenant.as_ref().map_or_else(|| self.turns.clone(), |tenant| self.turns.of_tenant(tenant));
        let (moved, at_work) = (Mutex::new(began), AtomicBool::new(false));
        let reader = Arc::new(Reader { tenant, began, pin, taken, moved, clock, at_work, open });
        let mut readers = self.under_way.lock();
        readers.retain(|reader| reader.strong_count() > 0);
        readers.push(Arc::downgrade(&reader));
        drop(readers);
        Body::new(Answer { reader, turns, making: None })
    }

    /// Cuts answers until what they keep alive is within bounds. To be called after whatever replaces something; it looks at
    /// each answer under way.
    pub(super) fn relieve(&self, store: &Store) {
        for open in self.cut(store.pinned_max()) {
            tracing::warn!("an answer was cut: it kept alive too much of what was replaced since it began");
            free(open);
        }
    }

    /// Cuts answers, as `tenant` waits for a place, or an operator does: all of which nothing was taken for a while, or
    /// else one of whoever has many.
    pub(super) fn make_room(&self, tenant: Option<&TenantId>) {
        let readers: Vec<_> = self.under_way.lock().iter().filter_map(Weak::upgrade).collect();
        let stalled = |reader: &&Arc<Reader>| reader.is_stalled();
        let cut = readers.iter().filter(stalled).filter(|reader| reader.cut()).count();
        if cut > 0 {
            tracing::warn!(cut, "answers were cut: nothing of them was taken while others waited for their places");
            return;
        }
        if tenant.is_some_and(|tenant| readers_of_most(&readers, tenant).any(|reader| reader.cut())) {
            tracing::warn!("a long answer was cut: its tenant had several, and another waited for a place");
        }
    }

    fn cut(&self, max: u64) -> Vec<Open> {
        let readers = self.under_way.lock();
        if readers.is_empty() {
            return Vec::new();
        }
        let mut readers: Vec<_> = readers.iter().filter_map(Weak::upgrade).map(|it| (it.pin.bytes(), it)).collect();
        let mut kept = readers.iter().fold(0_u64, |sum, (pinned, _)| sum.saturating_add(*pinned));
        let mut cut = Vec::new();
        if kept > max {
            readers.sort_by_key(|(pinned, reader)| pinned / reader.taken.load(Ordering::Relaxed).max(1));
        }
        while kept > max
            && let Some((pinned, reader)) = readers.pop()
        {
            // Whoever is being written to right now goes on: it takes what it is given.
            if let Some(open) = reader.open.try_lock().and_then(|mut open| open.take()) {
                kept = kept.saturating_sub(pinned);
                cut.push(open);
            }
        }
        cut
    }
}

impl Reader {
    fn is_stalled(&self) -> bool {
        !self.at_work.load(Ordering::Relaxed) && self.clock.tick().since(*self.moved.lock()) >= STALLED
    }

    /// The next piece, unless the answer was cut.
    fn piece(&self) -> Made {
        let mut open = self.open.lock();
        open.as_mut().map(|open| open.pieces.next()).ok_or(Cut)
    }

    fn takes_work(&self) -> bool {
        self.open.lock().as_ref().is_some_and(|open| open.pieces.takes_work())
    }

    /// Ends the answer where it is; whether it was under way and nobody is writing to it right now.
    fn cut(&self) -> bool {
        let open = self.open.try_lock().and_then(|mut open| open.take());
        let cut = open.is_some();
        open.into_iter().for_each(free);
        cut
    }
}

/// The long answers of the tenant that has the most, the longest first, where it has so many that it has not fewer than
/// `waits` when one of them goes.
fn readers_of_most<'r>(readers: &'r [Arc<Reader>], waits: &TenantId) -> impl Iterator<Item = &'r Arc<Reader>> {
    let mut places: HashMap<&TenantId, Vec<&Arc<Reader>>> = HashMap::new();
    for reader in readers.iter().filter(|reader| reader.open.try_lock().is_none_or(|open| open.is_some())) {
        if let Some(tenant) = &reader.tenant {
            places.entry(tenant).or_default().push(reader);
        }
    }
    let has = places.get(waits).map_or(0, Vec::len);
    let most = places.into_values().max_by_key(Vec::len).filter(|most| most.len() >= has + 2);
    let mut most = most.unwrap_or_default();
    most.retain(|reader| reader.clock.tick().since(reader.began) >= LONG);
    most.sort_by_key(|reader| reader.began);
    most.into_iter()
}

/// The place at once, the rest beside: millions of texts may go with it, and nobody is to wait for that.
fn free(open: Open) {
    let Open { pieces, place } = open;
    drop(place);
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || drop(pieces))),
        Err(_) => drop(pieces),
    }
}

/// A piece, or the end, or that the answer was cut.
type Made = Result<Option<Vec<u8>>, Cut>;

/// An answer as a body.
struct Answer {
    reader: Arc<Reader>,
    turns: Turns,
    /// The piece that is being made beside the runtime.
    making: Option<Pinned<Box<dyn Future<Output = Made> + Send>>>,
}

/// The answer was cut.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut, since it kept alive too much")]
struct Cut;

impl Answer {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Made> {
        if self.making.is_none() {
            if !self.reader.takes_work() {
                return Poll::Ready(self.reader.piece());
            }
            let (reader, turns) = (self.reader.clone(), self.turns.clone());
            self.reader.at_work.store(true, Ordering::Relaxed);
            self.making =
                Some(Box::pin(async move { turns.take_beside(move || reader.piece()).await.unwrap_or(Err(Cut)) }));
        }
        let Some(making) = &mut self.making else { return Poll::Ready(Err(Cut)) };
        let made = std::task::ready!(making.as_mut().poll(cx));
        self.making = None;
        self.reader.at_work.store(false, Ordering::Relaxed);
        *self.reader.moved.lock() = self.reader.clock.tick();
        Poll::Ready(made)
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pinned<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let now = self.reader.clock.tick();
        *self.reader.moved.lock() = now;
        loop {
            let piece = match std::task::ready!(self.poll_piece(cx)) {
                Ok(Some(piece)) if piece.is_empty() => continue,
                Ok(piece) => piece,
                Err(cut) => return Poll::Ready(Some(Err(cut))),
            };
            self.reader.taken.fetch_add(piece.as_ref().map_or(0, Vec::len) as u64, Ordering::Relaxed);
            return Poll::Ready(piece.map(|piece| Ok(Frame::data(piece.into()))));
        }
    }
}
