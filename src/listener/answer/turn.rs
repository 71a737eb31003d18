//! Letting others in.

use parking_lot::Mutex;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;

/// A turn of the runtime: ready when it has done what else there was to do, and has looked at its sockets.
///
/// A task that wakes itself is polled again before that, and hyper polls a body that is pending once more at once. So the
/// waker is one of its own, which the runtime is to wake then ([`tokio::task::yield_now`]), and until it does the turn is pending
/// however often it is asked for.
#[derive(Debug, Default)]
pub(super) struct Turn(Option<Arc<Awaited>>);

#[derive(Debug)]
struct Awaited(Mutex<State>);

#[derive(Debug)]
struct State {
    had: bool,
    task: Waker,
}

impl Wake for Awaited {
    fn wake(self: Arc<Self>) {
        let task = {
            let mut state = self.0.lock();
            state.had = true;
            state.task.clone()
        };
        task.wake();
    }
}

impl Turn {
    /// Begins a turn, or says that it was had; then the next one begins another.
    pub(super) fn poll_had(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(awaited) = &self.0 {
            let mut state = awaited.0.lock();
            if !state.had {
                state.task.clone_from(cx.waker());
                return Poll::Pending;
            }
            drop(state);
            self.0 = None;
            return Poll::Ready(());
        }
        let awaited = Arc::new(Awaited(Mutex::new(State { had: false, task: cx.waker().clone() })));
        self.0 = Some(awaited.clone());
        // Of it the waker is all that stays; it is ready only to be asked again.
        let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&Waker::from(awaited)));
        Poll::Pending
    }
}
