//! How answers are cut, and who is let in between.

use super::AnswerBody;
use super::PIECE;
use super::TURN_BYTES;
use bytes::Buf;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use http_body::Frame;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::pin::Pin;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::task::Wake;
use std::task::Waker;
use tokio_util::task::TaskTracker;

/// What a body says when it is polled.
#[derive(Clone, Debug)]
enum Said {
    Data(usize),
    Pending,
    Trailers,
    Error,
}

/// Says one after the other, in bytes that are counted on.
struct Says(VecDeque<Said>, u8);

impl Body for Says {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        match self.0.pop_front() {
            Some(Said::Data(len)) => {
                let data: Vec<u8> = (0..len).map(|_| self.count()).collect();
                Poll::Ready(Some(Ok(Frame::data(data.into()))))
            }
            Some(Said::Pending) => Poll::Pending,
            Some(Said::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new())))),
            Some(Said::Error) => Poll::Ready(Some(Err("broken off"))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

impl Says {
    fn count(&mut self) -> u8 {
        self.1 = self.1.wrapping_mul(5).wrapping_add(1);
        self.1
    }
}

/// Counts how often it was woken.
#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    let data = prop_oneof![Just(0), 1..40_usize, (PIECE - 9)..(PIECE + 9), 1..(3 * PIECE)];
    let one = prop_oneof![6 => data.prop_map(Said::Data), 2 => Just(Said::Pending)];
    (prop::collection::vec(one, 0..12), prop::option::of(prop_oneof![Just(Said::Trailers), Just(Said::Error)]))
        .prop_map(|(says, last)| says.into_iter().chain(last).collect())
}

proptest! {
    #[test]
    fn an_answer_is_what_it_was_before_it_was_cut(says in said()) {
        let (mut whole, mut counting) = (Vec::new(), Says(VecDeque::new(), 0));
        says.iter().for_each(|said| if let Said::Data(len) = said { whole.extend((0..*len).map(|_| counting.count())) });
        let last = says.last().cloned();
        let (mut body, mut cx) = (pin!(AnswerBody::of(Says(says.into(), 0))), Context::from_waker(Waker::noop()));
        let (mut taken, mut trailers) = (Vec::new(), false);
        let end = loop {
            let ends = body.is_end_stream();
            prop_assert!(body.size_hint().lower() <= (whole.len() - taken.len()) as u64);
            match body.as_mut().poll_frame(&mut cx) {
                Poll::Pending => prop_assert!(!ends),
                Poll::Ready(None) => break None,
                Poll::Ready(Some(Err(error))) => break Some(error),
                Poll::Ready(Some(Ok(frame))) => {
                    prop_assert!(!ends);
                    match frame.into_data() {
                        Ok(mut data) => {
                            prop_assert!(data.remaining() <= PIECE);
                            taken.extend_from_slice(&data.copy_to_bytes(data.remaining()));
                        }
                        Err(_) => trailers = true,
                    }
                }
            }
        };
        prop_assert_eq!(end.is_some(), matches!(last, Some(Said::Error)));
        prop_assert_eq!(trailers, matches!(last, Some(Said::Trailers)));
        prop_assert!(taken == whole);
    }
}

#[test]
fn frames_that_are_a_little_longer_than_a_piece_come_in_full_pieces() {
    let says = vec![Said::Data(PIECE + 3000); 30];
    let (mut body, mut cx) = (pin!(AnswerBody::of(Says(says.into(), 0))), Context::from_waker(Waker::noop()));
    let mut pieces = Vec::new();
    loop {
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => pieces.push(frame.into_data().unwrap().remaining()),
            Poll::Ready(_) => break,
            Poll::Pending => {}
        }
    }
    let last = pieces.pop().unwrap();
    assert!(pieces.iter().all(|piece| *piece == PIECE), "{pieces:?}");
    assert_eq!(pieces.len() * PIECE + last, 30 * (PIECE + 3000));
}

#[test]
fn an_answer_of_which_all_is_there_lets_others_in_again_and_again() {
    let (woken, mut since, mut let_in) = (Arc::new(Counts::default()), 0, 0);
    let waker = Waker::from(woken.clone());
    let (mut body, mut cx) =
        (pin!(AnswerBody::of(Says(vec![Said::Data(PIECE); 64].into(), 0))), Context::from_waker(&waker));
    loop {
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Pending => (since, let_in) = (0, let_in + 1),
            Poll::Ready(Some(Ok(frame))) => since += frame.into_data().unwrap().remaining(),
            Poll::Ready(_) => break,
        }
        assert!(since < TURN_BYTES + PIECE, "{since} bytes in a row");
        assert_eq!(woken.0.load(Ordering::Relaxed), let_in, "who is not woken waits for ever");
    }
    assert!(let_in >= 64 * PIECE / (TURN_BYTES + PIECE));
}

/// As hyper polls it: a body that is pending is asked again, and again.
#[tokio::test]
async fn whoever_is_let_in_comes_before_the_next_piece() {
    let (came, tracker) = (Arc::new(Counts::default()), TaskTracker::new());
    let mut body = pin!(AnswerBody::of(Says(vec![Said::Data(PIECE); 64].into(), 0)));
    let (mut waits_since, mut let_in) = (None, 0);
    std::future::poll_fn(|cx| {
        for _ in 0..16 {
            match body.as_mut().poll_frame(cx) {
                Poll::Pending if waits_since.is_none() => {
                    waits_since = Some(came.0.load(Ordering::Relaxed));
                    let other = came.clone();
                    tracker.spawn(async move { other.wake() });
                }
                Poll::Pending => {}
                Poll::Ready(Some(Ok(_))) => {
                    if let Some(since) = waits_since.take() {
                        assert!(came.0.load(Ordering::Relaxed) > since, "it went on before the other one came");
                        let_in += 1;
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
        // Whoever spins here is woken by nothing but the turn.
        if waits_since.is_none() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
    assert!(let_in > 0);
}
