//! The baton of this stage.

use crate::identity::Principal;
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

/// A principal that may use our time now.
#[derive(Clone, Debug)]
pub struct Permit {
    principal: Principal,
}

impl Permit {
    /// Only this stage makes one.
    pub(super) fn new(principal: Principal) -> Self {
        Self { principal }
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// A place among the requests under way, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    taken: Arc<AtomicU32>,
}

impl Slot {
    pub(super) fn take(taken: &Arc<AtomicU32>, max: u32) -> Option<Self> {
        let one_more = |now: u32| (now < max).then(|| now.saturating_add(1));
        taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok().map(|_| Self { taken: taken.clone() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

pin_project! {
    /// An answer that keeps its place until it is sent: a scrape is under way as long as somebody reads it.
    pub(super) struct Held {
        #[pin]
        body: Body,
        slot: Slot,
    }
}

impl Held {
    pub(super) fn new(body: Body, slot: Slot) -> Self {
        Self { body, slot }
    }
}

impl HttpBody for Held {
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
