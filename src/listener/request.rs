//! A request as the service sees it; it tells the connection's course.

use super::answer::AnswerBody;
use super::course::LITTLE;
use super::course::RequestId;
use super::leftover::read_away;
use super::newcomer::Turns;
use super::peer::Peer;
use super::peer::Protocol;
use super::watch::Watch;
use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::header::CONNECTION;
use http::header::EXPECT;
use http::request::Parts;
use http_body::Body;
use http_body::Frame;
use http_body::SizeHint;
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use tokio_util::task::TaskTracker;

/// What a body may fail with: [`BodyTooSlow`], or hyper's error.
pub type BodyError = Box<dyn Error + Send + Sync>;

/// The client did not send its body within the time the configuration gives it (`deadlines.body`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request's body came too slowly")]
pub struct BodyTooSlow;

impl BodyTooSlow {
    /// Whether it is what `error` is, or came from.
    pub fn caused(error: &(dyn Error + 'static)) -> bool {
        std::iter::successors(Some(error), |&error| error.source()).any(<dyn Error>::is::<Self>)
    }
}

/// Ends its request when the last part of it is gone: the answer's body, or the service that was to make it.
pub(super) struct UnderWay {
    watch: Watch,
    id: RequestId,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.watch.request_ended(self.id);
    }
}

/// A request's body, under the deadline of bodies.
pub struct RequestBody {
    /// There until the drop.
    incoming: Option<Incoming>,
    watch: Watch,
    id: RequestId,
    /// It has come whole, and the watch was told.
    ended: bool,
    /// Where what nobody wants of it goes.
    rest: Rest,
}

/// What becomes of a body that is dropped before its end.
enum Rest {
    /// HTTP/1.1: a little is laid here for whoever answers, as the connection can only be kept without it.
    Left(Leftover),
    /// HTTP/2: its stream is read away by a task of this tracker.
    Apart(TaskTracker),
}

pub(super) type Leftover = Arc<Mutex<Option<Incoming>>>;

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestBody").field(&self.id).finish()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let Poll::Ready(frame) = Pin::new(&mut *incoming).poll_frame(cx) else {
            // What has come is handed on even when it is late: only a wait is too long.
            return if self.watch.body_awaited(self.id, cx) {
                Poll::Ready(Some(Err(Box::new(BodyTooSlow))))
            } else {
                Poll::Pending
            };
        };
        self.ended = incoming.is_end_stream() || frame.is_none();
        if let Some(Ok(frame)) = &frame {
            self.watch.body_received(self.id, frame.data_ref().map_or(0, Bytes::len));
        }
        if self.ended {
            self.watch.body_ended(self.id, 0);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map(Incoming::size_hint).unwrap_or_default()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let left = self.size_hint().upper().unwrap_or(u64::MAX);
        self.watch.body_ended(self.id, left);
        let Some(incoming) = self.incoming.take().filter(|incoming| !incoming.is_end_stream()) else {
            return;
        };
        match &self.rest {
            Rest::Left(leftover) if left <= LITTLE => *leftover.lock() = Some(incoming),
            Rest::Left(_) => {}
            Rest::Apart(tracker) => read_away(incoming, self.watch.clock().clone(), tracker),
        }
    }
}

/// How often the connection is given the time to read on: once for it to learn that it should, once to do so, and once for
/// the last piece.
const LOOKS: usize = 3;

/// Reads the little that is left of a body if it is here already. It is not waited for: what comes later would be taken for
/// the next request, so the connection has to end with the answer and the client be told.
async fn has_come(mut incoming: Incoming) -> bool {
    for _ in 0..=LOOKS {
        loop {
            match poll_fn(|cx| Poll::Ready(Pin::new(&mut incoming).poll_frame(cx))).await {
                Poll::Ready(Some(Ok(_))) if !incoming.is_end_stream() => {}
                Poll::Ready(Some(Ok(_)) | None) => return true,
                Poll::Ready(Some(Err(_))) => return false,
                Poll::Pending => break,
            }
        }
        tokio::task::yield_now().await;
    }
    false
}

/// A request, and who is at the other end of its connection.
#[derive(Debug)]
pub struct Asked<B> {
    pub peer: Peer,
    /// Behind a pointer, as it is handed on from stage to stage.
    pub head: Box<Parts>,
    pub body: B,
}

/// What answers the requests of connections.
pub trait Answers: Send + Sync + 'static {
    type Body: Body<Data = Bytes, Error: Into<BodyError> + Send> + Send + 'static;

    /// The answer: there always is one.
    fn respond(&self, asked: Asked<RequestBody>) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// What the requests of one connection share.
#[derive(Debug)]
pub(super) struct Common<A> {
    pub(super) app: A,
    pub(super) peer: Peer,
    pub(super) watch: Watch,
    pub(super) tracker: TaskTracker,
    pub(super) turns: Turns,
    /// Where HTTP/1.1 lays what is left of a body, of which it reads one at a time.
    pub(super) leftover: Leftover,
}

/// Hands each request of one connection to the app.
#[derive(Debug)]
pub(super) struct Requests<A>(Arc<Common<A>>);

impl<A> Clone for Requests<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> Requests<A> {
    pub(super) fn new(common: Common<A>) -> Self {
        Self(Arc::new(common))
    }
}

impl<A: Answers> hyper::service::Service<Request<Incoming>> for Requests<A> {
    type Response = Response<AnswerBody<A::Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let common = Arc::clone(&self.0);
        let (head, incoming) = request.into_parts();
        let watch = &common.watch;
        let id = watch.request_began(!incoming.is_end_stream());
        let under_way = UnderWay { watch: watch.clone(), id };
        let http1 = common.peer.protocol() == Protocol::Http1;
        // Who asks first whether to send the body at all is not to be told yes by our looking for it.
        let asks_first = head.headers.contains_key(EXPECT);
        let rest = if http1 { Rest::Left(common.leftover.clone()) } else { Rest::Apart(common.tracker.clone()) };
        let body = RequestBody { incoming: Some(incoming), watch: watch.clone(), id, ended: false, rest };
        let asked = Asked { peer: common.peer.clone(), head: Box::new(head), body };
        Box::pin(async move {
            let Common { app, watch, turns, leftover, .. } = &*common;
            if !id.is_first() {
                turns.wait(watch.standing()).await;
            }
            let mut answer = app.respond(asked).await;
            watch.standing().answered();
            let unread = leftover.lock().take();
            let mut missing = false;
            if let Some(unread) = unread {
                missing = asks_first || !Box::pin(has_come(unread)).await;
                if !missing {
                    watch.body_read_away(id);
                }
            }
            let last = watch.answer_began(id);
            if http1 && (last || missing) {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer.map(|inner| AnswerBody::new(inner, under_way)))
        })
    }
}
