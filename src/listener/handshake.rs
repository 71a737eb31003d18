//! From a socket to a [`Peer`]: the TLS handshake, under its deadline, outside the accept loop.

use super::accept::Arrival;
use super::accept::Connection;
use super::chain::ClientChain;
use super::deadline::Watched;
use super::events::CloseReason;
use super::events::Handshake;
use super::events::ListenerEvents;
use super::in_clear;
use super::linger::linger;
use super::peer::Peer;
use super::peer::Protocol;
use super::socket::Socket;
use super::socket::Transport;
use super::tls::CurrentTls;
use super::watch::Timer;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Layer;
use tower::Service;
use tower::ServiceExt;

/// Asked for the id of the credential in an `Authorization` value that came in the clear; none if it is not valid.
pub type InClear = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A connection that may speak HTTP.
#[derive(Debug)]
pub struct Secured {
    pub(super) transport: Transport,
    pub(super) peer: Peer,
    pub(super) timer: Timer,
}

/// [`Watched`] in, [`Secured`] out. One pointer, as it is cloned for each connection by each stage before it.
#[derive(Clone, Debug)]
pub struct TlsLayer(Arc<Securing>);

struct Securing {
    listener: Arc<str>,
    tls: Option<CurrentTls>,
    in_clear: InClear,
    events: Arc<dyn ListenerEvents>,
}

impl fmt::Debug for Securing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Securing").field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl TlsLayer {
    /// `listener` is its name; without `tls` the listener is a plaintext one.
    pub fn new(listener: &str, tls: Option<CurrentTls>, in_clear: InClear, events: Arc<dyn ListenerEvents>) -> Self {
        Self(Arc::new(Securing { listener: Arc::from(listener), tls, in_clear, events }))
    }
}

impl Securing {
    /// The handshake, or why the connection ends with it.
    async fn secure(&self, watched: Watched) -> Result<Secured, CloseReason> {
        let Watched { arrival, mut timer } = watched;
        let (address, nobody) = (arrival.address(), arrival.is_for_nobody());
        let standing = arrival.standing().clone();
        let peer = |secure, protocol| {
            Peer::new(address, Arc::clone(&self.listener), secure, protocol).of_nobody(nobody).standing(standing)
        };
        let Some(tls) = &self.tls else {
            timer.watch().secured();
            let socket = Socket::new(arrival.into_stream(), timer.watch().clone());
            return Ok(Secured { transport: Transport::Plain(socket), peer: peer(false, Protocol::Http1), timer });
        };
        let stream = self.handshake(tls, arrival, &mut timer).await?;
        self.events.handshake(Handshake::Ok);
        let session = stream.get_ref().1;
        let protocol = match session.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        // Of a resumed session too: it is the chain of the handshake that the session began with.
        let shown = session.peer_certificates().filter(|chain| !chain.is_empty());
        let chain = shown.map(|chain| Arc::new(ClientChain::new(chain.to_vec())));
        timer.watch().secured();
        let peer = peer(true, protocol).with_chain(chain);
        Ok(Secured { transport: Transport::Tls(Box::new(stream)), peer, timer })
    }

    async fn handshake(
        &self,
        tls: &CurrentTls,
        arrival: Arrival,
        timer: &mut Timer,
    ) -> Result<TlsStream<Socket>, CloseReason> {
        let socket = Socket::for_tls(arrival.into_stream(), timer.watch().clone());
        let accepting = TlsAcceptor::from(tls.config()).accept(socket).into_fallible();
        match timer.within(accepting).await {
            Ok(Ok(mut stream)) => {
                stream.get_mut().0.shaken();
                Ok(stream)
            }
            Ok(Err((error, mut socket))) => {
                socket.say_rest();
                if let Some(start) = socket.take_clear() {
                    return Err(self.answer_in_clear(start, socket.into_tcp(), timer).await);
                }
                let result = about_certificate(&error);
                let why = self.failed(&error, result.unwrap_or(Handshake::Failed));
                if result.is_some() {
                    // In TLS 1.3 the client is through with its own handshake when it is refused, and may be sending a
                    // request: a reset would take the alert from it that says why.
                    let watch = timer.watch().clone();
                    watch.waits(true);
                    linger(socket.into_tcp(), watch.clock()).await;
                }
                Err(why)
            }
            Err(why) => Err(self.timed_out(why)),
        }
    }

    fn timed_out(&self, why: CloseReason) -> CloseReason {
        if why == CloseReason::Handshake {
            self.events.handshake(Handshake::TimedOut);
        }
        why
    }

    fn failed(&self, error: &io::Error, result: Handshake) -> CloseReason {
        // At debug: what scanners send is no news, and the metric counts it.
        tracing::debug!(%error, "TLS handshake failed");
        self.events.handshake(result);
        CloseReason::Tls
    }

    /// `start` has been read already.
    async fn answer_in_clear(&self, start: Vec<u8>, mut stream: TcpStream, timer: &mut Timer) -> CloseReason {
        self.events.handshake(Handshake::PlainHttp);
        // All of it counts: what is read here is read past the `Socket`, and is nothing that could be served.
        timer.watch().waits(true);
        let authorization = match timer.within(in_clear::answer(start, &mut stream)).await {
            Ok(Ok(authorization)) => authorization,
            Ok(Err(_)) => return CloseReason::PlainHttp,
            Err(why) => return why,
        };
        if let Some(credential) = authorization.and_then(|value| (self.in_clear)(&value)) {
            self.events.token_in_clear(&credential);
        }
        let watch = timer.watch().clone();
        linger(stream, watch.clock()).await;
        CloseReason::PlainHttp
    }
}

/// Whether a handshake failed for what the client has shown of itself, or has not.
fn about_certificate(error: &io::Error) -> Option<Handshake> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::NoCertificatesPresented => Some(Handshake::NoCertificate),
        rustls::Error::InvalidCertificate(_) => Some(Handshake::BadCertificate),
        _ => None,
    }
}

impl<S> Layer<S> for TlsLayer {
    type Service = TlsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TlsService { layer: self.clone(), inner }
    }
}

/// See [`TlsLayer`].
#[derive(Clone, Debug)]
pub struct TlsService<S> {
    layer: TlsLayer,
    inner: S,
}

impl<S> Service<Watched> for TlsService<S>
where
    S: Service<Secured, Response = CloseReason, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = CloseReason;
    type Error = Infallible;
    type Future = Connection;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, watched: Watched) -> Connection {
        let securing = Arc::clone(&self.layer.0);
        let inner = self.inner.clone();
        Box::pin(async move {
            match securing.secure(watched).await {
                Ok(secured) => inner.oneshot(secured).await,
                Err(why) => Ok(why),
            }
        })
    }
}
