//! The accept loop: nothing that a client or the kernel does ends it before the gateway does.

use super::events::CloseReason;
use super::events::ListenerEvents;
use super::newcomer::Standing;
use crate::model::SharedClock;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;
use tower::ServiceExt;

/// What every connection stage returns: the life of the connection, to its end.
pub type Connection = Pin<Box<dyn Future<Output = Result<CloseReason, Infallible>> + Send>>;

/// The first pause after an accept error that the next accept would meet again; each further one is twice as long.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
/// Short enough that a freed descriptor is soon used, long enough that a full table costs no processor.
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// An accepted socket of which nothing has been read.
#[derive(Debug)]
pub struct Arrival {
    stream: TcpStream,
    address: SocketAddr,
    for_nobody: bool,
    standing: Standing,
}

impl Arrival {
    pub fn new(stream: TcpStream, address: SocketAddr) -> Self {
        Self { stream, address, for_nobody: false, standing: Standing::default() }
    }

    /// As the kernel gives it: an IPv4 client of an IPv6 socket is still a mapped one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A trusted proxy says whom it speaks for.
    pub(super) fn name(&mut self, client: SocketAddr) {
        self.address = client;
    }

    /// A trusted proxy says that it speaks for nobody, or does not know for whom.
    pub(super) fn name_nobody(&mut self) {
        self.for_nobody = true;
    }

    pub(super) fn is_for_nobody(&self) -> bool {
        self.for_nobody
    }

    /// It has a slot now, and by that a standing.
    pub(super) fn stands(&mut self, standing: Standing) {
        self.standing = standing;
    }

    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(super) fn stream_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// Accepts on all `listeners` and hands each socket to `stack`, until `shutdown`; returns when the last connection is
/// gone. How long that can take is what the deadlines in the stack say.
///
/// `tracker` is this listener's own, the one its HTTP service was made with: all of its tasks are waited for.
pub async fn serve<S>(
    listeners: Vec<TcpListener>,
    stack: S,
    shutdown: CancellationToken,
    tracker: TaskTracker,
    clock: SharedClock,
    events: Arc<dyn ListenerEvents>,
) where
    S: Service<Arrival, Response = CloseReason, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    for door in listeners {
        let accepting = Accepting {
            door,
            stack: stack.clone(),
            tracker: tracker.clone(),
            clock: clock.clone(),
            events: Arc::clone(&events),
        };
        let shutdown = shutdown.clone();
        tracker.spawn(async move { shutdown.run_until_cancelled(accepting.run()).await });
    }
    shutdown.cancelled().await;
    tracker.close();
    tracker.wait().await;
}

/// Where sockets come from: a port, or a test.
trait Door: Send + Sync + 'static {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Door for TcpListener {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        self.accept()
    }
}

struct Accepting<D, S> {
    door: D,
    stack: S,
    tracker: TaskTracker,
    clock: SharedClock,
    events: Arc<dyn ListenerEvents>,
}

impl<D, S> Accepting<D, S>
where
    D: Door,
    S: Service<Arrival, Response = CloseReason, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    async fn run(self) {
        let mut backoff = BACKOFF_MIN;
        loop {
            match self.door.accept().await {
                Ok((stream, address)) => {
                    backoff = BACKOFF_MIN;
                    self.begin(stream, address);
                }
                Err(error) => {
                    self.events.accept_failed();
                    if is_of_one_client(&error) {
                        continue;
                    }
                    tracing::warn!(%error, retry_in = ?backoff, "accept failed");
                    self.clock.sleep_until(self.clock.tick().after(backoff)).await;
                    backoff = BACKOFF_MAX.min(backoff * 2);
                }
            }
        }
    }

    fn begin(&self, stream: TcpStream, address: SocketAddr) {
        // Answers are written whole; waiting for more to send only delays them. A socket that refuses is about to fail.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let connection = self.stack.clone().oneshot(Arrival::new(stream, address));
        self.tracker.spawn(connection);
    }
}

/// Errors of the connection that was to be accepted, and not of accepting.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests;
