//! The PROXY protocol: what a balancer in front says of its client, before TLS and under the deadline of the handshake.
//!
//! Whom the header names is who counts from here on: for the cap of its address, for networks, budgets and logs. A header
//! is believed from trusted addresses alone; from any other it is a forgery and the end of the connection.

#[cfg(feature = "fuzzing")]
pub(in crate::listener) mod fuzzing;
mod header;

use self::header::Beginning;
use self::header::Named;
use super::accept::Connection;
use super::caps::AddressCaps;
use super::caps::AddressSlot;
use super::caps::CapsLayer;
use super::deadline::Watched;
use super::events::CloseReason;
use crate::config::Listener;
use crate::config::ProxyProtocol;
use crate::model::SharedClock;
use crate::model::Subscriber;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tower::Layer;
use tower::Service;
use tower::ServiceExt;

/// Between two looks at a beginning that came in pieces; the deadline of the handshake ends them.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// [`Watched`] in, [`Watched`] out, with the address that the header names.
#[derive(Clone, Debug)]
pub struct ProxyLayer {
    proxy: Option<Arc<ProxyProtocol>>,
    caps: AddressCaps,
}

impl ProxyLayer {
    /// `caps` are those before it: they leave the cap of a trusted proxy's clients to this layer.
    pub fn new(listener: &Listener, caps: &CapsLayer) -> Self {
        Self { proxy: listener.proxy_protocol.clone().map(Arc::new), caps: caps.of_addresses() }
    }

    /// The connection as it goes on, and its slot where it has none yet.
    async fn name(&self, watched: Watched) -> Result<(Watched, Option<AddressSlot>), CloseReason> {
        let Some(proxy) = &self.proxy else {
            return Ok((watched, None));
        };
        let Watched { mut arrival, mut timer } = watched;
        let real = arrival.address();
        let trusted = proxy.trusts(real.ip());
        if !trusted && proxy.required {
            return Err(CloseReason::ProxyRefused);
        }
        let clock = timer.watch().clock().clone();
        let beginning = timer.within(beginning(arrival.stream(), &clock)).await?;
        let Ok(beginning) = beginning else { return Err(CloseReason::Done) };
        let headed = matches!(beginning, Beginning::V1 | Beginning::V2);
        let named = match (trusted, headed) {
            (false, true) => {
                tracing::debug!(peer = %real, "a PROXY header from an address that is not trusted");
                return Err(CloseReason::ProxyRefused);
            }
            (false, false) => return Ok((Watched { arrival, timer }, None)),
            (true, false) if proxy.required => return Err(CloseReason::ProxyMissing),
            (true, false) => None,
            (true, true) => {
                let named = timer.within(read(arrival.stream_mut(), beginning)).await?;
                Some(named.ok().flatten().ok_or(CloseReason::ProxyMalformed)?)
            }
        };
        match named {
            Some(Named::Client(address)) => arrival.name(address),
            Some(Named::Nobody) => arrival.name_nobody(),
            None => {}
        }
        let address = arrival.address().ip();
        if !arrival.is_for_nobody() {
            arrival.standing().name(Subscriber::of(address));
        }
        let admitted = self.caps.admit(address, &clock);
        // It is for its address's slot that we wait, and not for anything of its own.
        timer.watch().waits(false);
        let slot = timer.within(admitted).await?.map_err(|_| CloseReason::Refused)?;
        timer.watch().waits(true);
        Ok((Watched { arrival, timer }, Some(slot)))
    }
}

/// Waits for as much as tells whether there is a header, and leaves it where it is.
async fn beginning(stream: &TcpStream, clock: &SharedClock) -> io::Result<Beginning> {
    let mut first = [0_u8; header::SIGNATURE_MAX];
    loop {
        let read = stream.peek(&mut first).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match header::beginning(first.get(..read).unwrap_or_default()) {
            // What was looked at is still there, so the socket stays readable: waiting for that would be no wait.
            Beginning::Unknown => clock.sleep_until(clock.tick().after(LOOK_AGAIN)).await,
            known => return Ok(known),
        }
    }
}

/// Takes exactly the header from the stream; none if it is malformed.
async fn read(stream: &mut TcpStream, beginning: Beginning) -> io::Result<Option<Named>> {
    match beginning {
        Beginning::V1 => read_v1(stream).await,
        Beginning::V2 => read_v2(stream).await,
        Beginning::Other | Beginning::Unknown => Ok(None),
    }
}

async fn read_v1(stream: &mut TcpStream) -> io::Result<Option<Named>> {
    let mut line = Vec::with_capacity(header::V1_BYTES_MAX);
    let mut chunk = [0_u8; header::V1_BYTES_MAX];
    while line.last() != Some(&b'\n') {
        let room = header::V1_BYTES_MAX - line.len();
        let there = stream.peek(chunk.get_mut(..room).unwrap_or_default()).await?;
        let there = chunk.get(..there).unwrap_or_default();
        // Up to the end of the line and not a byte more: behind it stands TLS.
        let taken = memchr::memchr(b'\n', there).map_or(there.len(), |end| end + 1);
        if taken == 0 {
            return Ok(None);
        }
        stream.read_exact(chunk.get_mut(..taken).unwrap_or_default()).await?;
        line.extend_from_slice(chunk.get(..taken).unwrap_or_default());
    }
    Ok(header::read_v1(&line))
}

async fn read_v2(stream: &mut TcpStream) -> io::Result<Option<Named>> {
    let mut fixed = [0_u8; header::V2_FIXED];
    stream.read_exact(&mut fixed).await?;
    let Some(rest) = header::v2_rest(&fixed) else { return Ok(None) };
    let mut whole = fixed.to_vec();
    whole.resize(header::V2_FIXED + rest, 0);
    stream.read_exact(whole.get_mut(header::V2_FIXED..).unwrap_or_default()).await?;
    Ok(header::read_v2(&whole))
}

impl<S> Layer<S> for ProxyLayer {
    type Service = ProxyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ProxyService { layer: self.clone(), inner }
    }
}

/// See [`ProxyLayer`].
#[derive(Clone, Debug)]
pub struct ProxyService<S> {
    layer: ProxyLayer,
    inner: S,
}

impl<S> Service<Watched> for ProxyService<S>
where
    S: Service<Watched, Response = CloseReason, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = CloseReason;
    type Error = Infallible;
    type Future = Connection;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, watched: Watched) -> Connection {
        let layer = self.layer.clone();
        let inner = self.inner.clone();
        Box::pin(async move {
            match layer.name(watched).await {
                Ok((watched, _slot)) => inner.oneshot(watched).await,
                Err(why) => Ok(why),
            }
        })
    }
}
