//! One request's panic is that request's.

use crate::rejection::Rejection;
use std::future::Future;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::pin::pin;
use std::task::Poll;

/// What comes of the work, or that it panicked. What it held is dropped as if it had been left: nobody sees it again.
pub(super) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, Rejection> {
    let mut work = pin!(work);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Rejection::Misassembled("a panic"))),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::caught;
    use crate::rejection::Rejection;

    #[tokio::test]
    async fn a_panic_is_our_fault_and_the_end_of_one_request() {
        let panics = async {
            tokio::task::yield_now().await;
            panic!("a handler's own") as u8
        };
        assert!(matches!(caught(panics).await, Err(Rejection::Misassembled("a panic"))));
        assert!(matches!(caught(async { 7 }).await, Ok(7)));
    }
}
