//! An answer's body as its connection takes it: in pieces that are written at one time, and never so many in a row that
//! others wait for it.

mod turn;

use self::turn::Turn;
use super::request::UnderWay;
use bytes::Buf;
use bytes::Bytes;
use bytes::buf::Chain;
use http_body::Body;
use http_body::Frame;
use http_body::SizeHint;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

/// An answer's data is handed on in pieces of so many bytes. With what HTTP/1.1 writes around a chunk (four digits and two ends of
/// lines) they are as many as hyper waits for before it writes and rustls takes at one time: four full records and one
/// system call. Of 64 KiB without it, the last eight bytes were a record, a system call and a packet of their own. No more are
/// handed on at one time, so that what is still to be taken of a large answer lies here, where it is counted, and not in a buffer of
/// HTTP's.
const PIECE: usize = 64 * 1024 - 8;

/// After so many bytes others are let in. hyper goes on until the socket is full, which that of a fast client never is, and
/// tokio lets it for 128 writes: 8 MiB, in which no push on its thread would be answered. Chosen: some 200 µs of a scrape, of
/// which letting others in takes a hundredth.
const TURN_BYTES: usize = 8 * PIECE;

pin_project_lite::pin_project! {
    /// An answer's body. Its request is under way until it is gone.
    pub struct AnswerBody<B: Body> {
        #[pin]
        inner: B,
        // Of what came, what is not handed on.
        rest: Bytes,
        // What came behind it, if that was no data: the end, too.
        behind: Option<Option<Result<Frame<Bytes>, B::Error>>>,
        turn: Turn,
        // What is handed on since others were let in.
        handed: usize,
        under_way: Option<UnderWay>,
    }
}

impl<B: Body> AnswerBody<B> {
    pub(super) fn new(inner: B, under_way: UnderWay) -> Self {
        Self { under_way: Some(under_way), ..Self::of(inner) }
    }

    fn of(inner: B) -> Self {
        Self { inner, rest: Bytes::new(), behind: None, turn: Turn::default(), handed: 0, under_way: None }
    }
}

impl<B> Body for AnswerBody<B>
where
    B: Body<Data = Bytes>,
{
    type Data = Chain<Bytes, Bytes>;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, B::Error>>> {
        if self.handed >= TURN_BYTES && !self.is_end_stream() {
            ready!(self.as_mut().project().turn.poll_had(cx));
            *self.as_mut().project().handed = 0;
        }
        let mut this = self.project();
        let first = this.rest.split_to(PIECE.min(this.rest.len()));
        // A piece that is not full is filled up with what comes next, if it is there.
        if first.len() < PIECE && this.behind.is_none() && (first.is_empty() || !this.inner.is_end_stream()) {
            match this.inner.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(trailers) => *this.behind = Some(Some(Ok(trailers))),
                },
                Poll::Ready(other) => *this.behind = Some(other),
                Poll::Pending if first.is_empty() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        if first.is_empty()
            && let Some(behind) = this.behind.take()
        {
            let ended = behind.is_none();
            if ended {
                *this.under_way = None;
                // Whoever asks once more is told so once more.
                *this.behind = Some(None);
            }
            // There is no data in it.
            return Poll::Ready(
                behind.map(|frame| frame.map(|trailers| trailers.map_data(|it| it.chain(Bytes::new())))),
            );
        }
        let second = this.rest.split_to((PIECE - first.len()).min(this.rest.len()));
        let piece = if first.is_empty() { second.chain(first) } else { first.chain(second) };
        *this.handed += piece.remaining();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        let ends = || matches!(self.behind, Some(None)) || (self.behind.is_none() && self.inner.is_end_stream());
        self.rest.is_empty() && ends()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

#[cfg(test)]
mod tests;
