//! What is left of a body that nobody reads, on HTTP/2: there the stream is kept as a socket is kept in `linger`.
//!
//! Dropped unread, it is reset with NO_ERROR once the answer is out. That is what RFC 9113 §8.1 says, and yet clients
//! that are still sending lose the answer over it (curl 7.88 shows error 92 and no status).

use super::linger::LINGER_BYTES_MAX;
use super::linger::LINGER_MAX;
use crate::model::SharedClock;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// Reads `incoming` away in the background: as much, and for as long, as a socket lingers.
pub(super) fn read_away(incoming: Incoming, clock: SharedClock, tracker: &TaskTracker) {
    // A body may be dropped anywhere; where there is no runtime it is reset, which is the lesser courtesy.
    let Ok(runtime) = Handle::try_current() else { return };
    let too_late = clock.sleep_until(clock.tick().after(LINGER_MAX));
    tracker.spawn_on(
        async move {
            tokio::select! {
                biased;
                () = drain(incoming) => {}
                () = too_late => {}
            }
        },
        &runtime,
    );
}

async fn drain(mut incoming: Incoming) {
    let mut left = LINGER_BYTES_MAX;
    while left > 0 {
        match incoming.frame().await {
            Some(Ok(frame)) => left = left.saturating_sub(frame.data_ref().map_or(0, bytes::Bytes::len)),
            Some(Err(_)) | None => return,
        }
    }
}
