//! HTTP over a connection that is secured: hyper, with every timer of its own off and its buffers bounded.

use super::accept::Connection;
use super::course::Verdict;
use super::events::CloseReason;
use super::handshake::Secured;
use super::linger::linger;
use super::newcomer::Turns;
use super::peer::Protocol;
use super::request::Answers;
use super::request::Common;
use super::request::Leftover;
use super::request::Requests;
use super::socket::Lent;
use super::socket::Returned;
use super::watch::Timer;
use super::watch::Watch;
use hyper::rt::Executor;
use hyper::server::conn::http1;
use hyper::server::conn::http2;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use tokio_util::task::TaskTracker;
use tower::Service;

/// Headers of one request; a client of this protocol sends some ten.
const HEADERS_MAX: usize = 64;
/// A request's line and headers, in bytes; in HTTP/2 as its header list counts them. HTTP/2's common default.
const HEAD_BYTES_MAX: u32 = 16 * 1024;
/// What hyper's HTTP/1 keeps of one connection in each direction.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Requests at one time on an HTTP/2 connection: the least that RFC 9113 §6.5.2 recommends.
const STREAMS_MAX: u32 = 100;
/// Unread body bytes of one stream; four times the protocol's default, so that a push over a long line is not slow.
const STREAM_WINDOW: u32 = 256 * 1024;
/// And of all streams of a connection, which is what a client can make us hold in memory.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What is held of one stream's answer until the client takes it.
const SEND_BUFFER: usize = 128 * 1024;
/// Streams the client opened and reset before they were looked at (CVE-2023-44487), and streams reset for the client's
/// errors (CVE-2025-8671), after which the connection ends. The values of h2 and of hyper.
const PENDING_RESETS_MAX: usize = 20;
const ERROR_RESETS_MAX: usize = 1024;

/// [`Secured`] in; each of its requests goes to the app. The last of the connection stages.
///
/// Each stage before it is cloned for each connection, and what comes behind it with it: so it is one pointer.
#[derive(Debug)]
pub struct HttpService<A>(Arc<Http<A>>);

impl<A> Clone for HttpService<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Http<A> {
    app: A,
    tracker: TaskTracker,
    turns: Turns,
    http1: http1::Builder,
    http2: http2::Builder<Tracked>,
}

impl<A> HttpService<A> {
    /// `app` is cloned for every connection. Requests of HTTP/2 run as tasks of `tracker`.
    pub fn new(app: A, tracker: TaskTracker) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .half_close(true)
            .max_headers(HEADERS_MAX)
            .max_header_size(usize::try_from(HEAD_BYTES_MAX).unwrap_or(usize::MAX))
            .max_buf_size(BUFFER_BYTES_MAX)
            .header_read_timeout(None);
        let mut http2 = http2::Builder::new(Tracked(tracker.clone()));
        http2
            .max_header_list_size(HEAD_BYTES_MAX)
            .max_concurrent_streams(STREAMS_MAX)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
            .max_local_error_reset_streams(ERROR_RESETS_MAX)
            .keep_alive_interval(None);
        Self(Arc::new(Http { app, tracker, turns: Turns::new(), http1, http2 }))
    }
}

impl<A> Service<Secured> for HttpService<A>
where
    A: Answers + Clone,
{
    type Response = CloseReason;
    type Error = Infallible;
    type Future = Connection;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, secured: Secured) -> Connection {
        let http = Arc::clone(&self.0);
        Box::pin(async move {
            let Secured { transport, peer, mut timer } = secured;
            let watch = timer.watch().clone();
            let protocol = peer.protocol();
            let listening = (protocol == Protocol::Http1).then(|| watch.clone());
            let (lent, returned) = Lent::new(transport, listening);
            let Http { app, tracker, turns, http1, http2 } = &*http;
            let (app, tracker, turns) = (app.clone(), tracker.clone(), turns.clone());
            let leftover = Leftover::default();
            let requests = Requests::new(Common { app, peer, watch, tracker, turns, leftover });
            let io = TokioIo::new(lent);
            let ended = match protocol {
                Protocol::Http1 => drive(http1.serve_connection(io, requests), &mut timer).await,
                Protocol::Http2 => drive(http2.serve_connection(io, requests), &mut timer).await,
            };
            Ok(close(ended, returned, timer.watch()).await)
        })
    }
}

/// What `drive` needs of hyper's two connections.
trait Drivable: Future<Output = hyper::Result<()>> {
    /// GOAWAY, or no further request after the one under way.
    fn ask_to_end(self: Pin<&mut Self>);
    /// Whether being asked now would lose a request of which a part is there.
    const LOSES_HEADS: bool;
}

impl<A: Answers> Drivable for http1::Connection<TokioIo<Lent>, Requests<A>> {
    const LOSES_HEADS: bool = true;

    fn ask_to_end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<A: Answers> Drivable for http2::Connection<TokioIo<Lent>, Requests<A>, Tracked> {
    const LOSES_HEADS: bool = false;

    fn ask_to_end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

enum Ended {
    Itself(hyper::Result<()>),
    Cut(CloseReason),
}

/// Runs `connection` until it ends or is cut. It is gone when this returns, and its transport given back.
async fn drive<C: Drivable>(connection: C, timer: &mut Timer) -> Ended {
    let mut connection = std::pin::pin!(connection);
    // It may have been asked before there was anybody to ask.
    let mut to_be_asked = timer.watch().is_ending();
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Ended::Itself(ended));
            }
            // hyper drops the part of a head it has when asked; the answer to that request will say `close` instead.
            if to_be_asked && !(C::LOSES_HEADS && timer.watch().owes_head()) {
                to_be_asked = false;
                connection.as_mut().ask_to_end();
                continue;
            }
            match timer.poll_verdict(cx) {
                Poll::Ready(Verdict::Cut(why)) => return Poll::Ready(Ended::Cut(why)),
                Poll::Ready(Verdict::End(_)) => to_be_asked = true,
                Poll::Ready(Verdict::BodyTooSlow(_)) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

async fn close(ended: Ended, returned: Returned, watch: &Watch) -> CloseReason {
    let Some((transport, heard_out)) = returned.take() else {
        return CloseReason::Done;
    };
    match ended {
        Ended::Itself(result) => {
            let protocol = result.is_err_and(|error| error.is_parse() || error.is_user());
            let why = watch.why_ending().unwrap_or(if protocol { CloseReason::Protocol } else { CloseReason::Done });
            // hyper has said goodbye in TLS and in TCP where it could; what is left is the client's side. Where that has ended,
            // as that of a job that had its answer and closes, there is nothing to wait for: two system calls, a timer and
            // a wake less for each connection.
            if !heard_out {
                watch.waits(true);
                linger(transport.into_tcp(), watch.clock()).await;
            }
            why
        }
        Ended::Cut(why) => {
            let stream = transport.into_tcp();
            if matches!(why, CloseReason::StalledWrite | CloseReason::Answer)
                && let Err(error) = stream.set_zero_linger()
            {
                // Without it the kernel keeps what nobody takes for minutes more.
                tracing::debug!(%error, "SO_LINGER");
            }
            why
        }
    }
}

/// Runs the requests of HTTP/2 where shutdown can wait for them.
#[derive(Clone, Debug)]
pub(super) struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
