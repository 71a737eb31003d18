//! The socket as the layers above it hold it: watched below TLS for what it takes, above TLS for what it brings.

use super::tickets::Tickets;
use super::watch::Watch;
use parking_lot::Mutex;
use std::fmt;
use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A TCP socket that says when it takes no bytes.
///
/// Below TLS, because TLS has a buffer of its own: above it, a write that was taken may be no byte on the wire, and a
/// flush that is pending may be many.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    watch: Watch,
    blocked: bool,
    first: First,
    tickets: Tickets,
}

/// What came first to a port of TLS.
enum First {
    Awaited,
    /// The start of something in the clear, with whatever secret is in it.
    Clear(Vec<u8>),
    /// TLS, or nothing that this has to look at.
    Fine,
}

impl fmt::Debug for First {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Awaited => "Awaited",
            Self::Clear(_) => "Clear",
            Self::Fine => "Fine",
        })
    }
}

impl Socket {
    pub(super) fn new(tcp: TcpStream, watch: Watch) -> Self {
        Self { tcp, watch, blocked: false, first: First::Fine, tickets: Tickets::none() }
    }

    /// One on which a read fails if HTTP in the clear comes first; see [`take_clear`](Self::take_clear).
    pub(super) fn for_tls(tcp: TcpStream, watch: Watch) -> Self {
        Self { first: First::Awaited, tickets: Tickets::awaited(), ..Self::new(tcp, watch) }
    }

    pub(super) fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    /// The handshake is over, or has failed.
    pub(super) fn shaken(&mut self) {
        self.tickets.over();
    }

    /// Writes what is kept back, such as an alert that was no ticket, if the kernel takes it at once.
    pub(super) fn say_rest(&mut self) {
        self.shaken();
        if !self.tickets.kept().is_empty()
            && let Ok(bytes) = self.tcp.try_write(self.tickets.kept())
        {
            self.tickets.written(bytes);
        }
    }

    /// As much as was read of what came in the clear.
    pub(super) fn take_clear(&mut self) -> Option<Vec<u8>> {
        match std::mem::replace(&mut self.first, First::Fine) {
            First::Clear(start) => Some(start),
            First::Awaited | First::Fine => None,
        }
    }

    /// Looks at the first bytes that came, as they are read for TLS: to peek at them would be a system call more for each
    /// connection.
    fn look_at_first(&mut self, came: &[u8]) -> io::Result<()> {
        // A TLS record of a handshake begins with 22; every HTTP method with a letter.
        match came.first() {
            None => Ok(()),
            Some(first) if first.is_ascii_alphabetic() => {
                self.first = First::Clear(came.to_vec());
                Err(io::ErrorKind::InvalidData.into())
            }
            Some(_) => {
                self.first = First::Fine;
                Ok(())
            }
        }
    }

    /// The course is told of a change, not of every write.
    fn note(&mut self, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match (&wrote, self.blocked) {
            (Poll::Pending, false) => {
                self.blocked = true;
                self.watch.write_blocked();
            }
            (Poll::Ready(Ok(_)), true) => {
                self.blocked = false;
                self.watch.wrote();
            }
            _ => {}
        }
        wrote
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(cx, buf);
        self.watch.waits(read.is_pending());
        if matches!(read, Poll::Ready(Ok(()))) {
            let came = buf.filled().get(before..).unwrap_or_default();
            self.tickets.came(came);
            if matches!(self.first, First::Awaited) {
                self.look_at_first(came)?;
            }
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(kept) = self.tickets.keep(bufs) {
            return Poll::Ready(Ok(kept));
        }
        while !self.tickets.kept().is_empty() {
            let wrote = {
                let Self { tcp, tickets, .. } = &mut *self;
                let all: Vec<_> = std::iter::once(IoSlice::new(tickets.kept())).chain(bufs.iter().copied()).collect();
                Pin::new(tcp).poll_write_vectored(cx, &all)
            };
            let bytes = ready!(self.note(wrote))?;
            match self.tickets.written(bytes) {
                // Of what was asked to be written nothing was: that would be the end.
                0 => {}
                others => return Poll::Ready(Ok(others)),
            }
        }
        let wrote = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        if matches!(wrote, Poll::Ready(Ok(_))) {
            self.tickets.wrote();
        }
        self.note(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// With TLS or without.
#[derive(Debug)]
pub(super) enum Transport {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

impl Transport {
    /// The socket below whatever is above it.
    pub(super) fn into_tcp(self) -> TcpStream {
        match self {
            Self::Plain(socket) => socket.into_tcp(),
            Self::Tls(tls) => tls.into_inner().0.into_tcp(),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(socket) => socket.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

/// Where a transport lies after HTTP is done with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Returned(Arc<Mutex<Option<(Transport, HeardOut)>>>);

/// Whether the client has ended its side, in TLS or in TCP: it sends nothing any more that could be left unread.
pub(super) type HeardOut = bool;

impl Returned {
    pub(super) fn take(&self) -> Option<(Transport, HeardOut)> {
        self.0.lock().take()
    }
}

/// The transport while HTTP has it. Dropped, it gives the transport back, since hyper returns one from HTTP/1 only.
#[derive(Debug)]
pub(super) struct Lent {
    transport: Option<Transport>,
    heard_out: HeardOut,
    back: Returned,
    /// For HTTP/1, whose first byte begins a head. In HTTP/2 bytes alone mean nothing.
    listening: Option<Watch>,
}

impl Lent {
    pub(super) fn new(transport: Transport, listening: Option<Watch>) -> (Self, Returned) {
        let back = Returned::default();
        let lent = Self { transport: Some(transport), heard_out: false, back: back.clone(), listening };
        (lent, back)
    }

    fn transport(&mut self) -> io::Result<Pin<&mut Transport>> {
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        self.transport.as_mut().map(Pin::new).ok_or_else(gone)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let heard_out = self.heard_out;
        *self.back.0.lock() = self.transport.take().map(|transport| (transport, heard_out));
    }
}

impl AsyncRead for Lent {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = self.transport()?.poll_read(cx, buf);
        if buf.filled().len() > before {
            if let Some(watch) = &self.listening {
                watch.bytes_arrived();
            }
        } else if matches!(read, Poll::Ready(Ok(()))) && buf.remaining() > 0 {
            self.heard_out = true;
        }
        read
    }
}

impl AsyncWrite for Lent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.transport()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.transport()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport()?.poll_shutdown(cx)
    }
}
