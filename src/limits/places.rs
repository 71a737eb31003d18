//! Places for what is under way at one time.

use super::line::Line;
use super::line::Patience;
use super::line::Room;
use super::usage::PlacesUsage;
use axum::body::Body;
use axum::body::Bytes;
use http_body::Body as HttpBody;
use http_body::Frame;
use http_body::SizeHint;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use tokio::sync::Notify;

/// The places of one party. Another configuration has others of which the same are taken, so whoever is under way is never
/// forgotten, and who waits goes on waiting in the same line.
#[derive(Clone, Debug)]
pub(super) struct Places {
    shared: Arc<Shared>,
    max: u32,
}

#[derive(Debug)]
struct Shared {
    taken: AtomicU32,
    freed: Notify,
    line: Line,
}

/// A place, given back when it is dropped. The default is one of an unlimited number.
#[derive(Debug, Default)]
pub struct Place(Option<Arc<Shared>>);

impl Places {
    pub(super) fn new(max: u32, before: Option<&Self>) -> Self {
        let empty = || Arc::new(Shared { taken: AtomicU32::new(0), freed: Notify::new(), line: Line::new() });
        Self { shared: before.map_or_else(empty, |before| before.shared.clone()), max }
    }

    pub(super) fn max(&self) -> u32 {
        self.max
    }

    /// A place, if one is free and nobody waits for it.
    pub(super) fn take(&self) -> Option<Place> {
        if self.shared.line.is_empty() { self.take_any() } else { None }
    }

    /// A place, when it is the caller's turn; `None` if patience or room ended first.
    pub(super) async fn wait(&self, room: &Room, patience: &Patience) -> Option<Place> {
        if patience.left().is_zero() {
            return None;
        }
        let standing = self.shared.line.join(1, room)?;
        let turn = async {
            loop {
                if let Some(place) = self.take_any() {
                    return place;
                }
                // One that comes free between the two lines is kept in mind.
                self.shared.freed.notified().await;
            }
        };
        patience.wait_at_most(standing, turn).await
    }

    fn take_any(&self) -> Option<Place> {
        let one_more = |now: u32| (now < self.max).then(|| now.saturating_add(1));
        let taken = self.shared.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        taken.ok().map(|_| Place(Some(self.shared.clone())))
    }

    pub(super) fn usage(&self) -> PlacesUsage {
        PlacesUsage { now: self.shared.taken.load(Ordering::Acquire), max: self.max }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.taken.fetch_sub(1, Ordering::AcqRel);
            // Only whoever stands in front listens.
            shared.freed.notify_one();
        }
    }
}

impl Place {
    /// The same body, which keeps the place until it is sent or nobody takes it any more.
    pub fn held_by(self, body: Body) -> Body {
        Body::new(Held { body, kept: self })
    }
}

pin_project! {
    /// An answer that keeps something until it is sent: a scrape is under way as long as somebody reads it.
    pub(super) struct Held<K> {
        #[pin]
        body: Body,
        kept: K,
    }
}

impl<K> Held<K> {
    pub(super) fn new(body: Body, kept: K) -> Self {
        Self { body, kept }
    }
}

impl<K> HttpBody for Held<K> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
