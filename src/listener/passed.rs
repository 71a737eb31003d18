//! Sockets that were open before this process was, as systemd passes them: clients that come between two runs wait in
//! them, and a restart refuses nobody.

use listenfd::ListenFd;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;

/// Sockets that nobody has asked for yet. They are found by the address they listen on.
#[derive(Debug, Default)]
pub struct PassedSockets {
    sockets: Vec<(SocketAddr, TcpListener)>,
}

/// A socket that was passed and cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PassedError {
    /// Numbered from zero.
    #[error("the passed socket {number} cannot be used: {source}")]
    Unfit { number: usize, source: io::Error },
    /// Its clients would wait for ever.
    #[error("a socket was passed that listens on {0}, and no listener has this address")]
    Unwanted(SocketAddr),
}

impl PassedSockets {
    /// Takes what `LISTEN_FDS` says was passed to this process, if anything was. A second call would take them twice.
    pub fn from_environment() -> Result<Self, PassedError> {
        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::with_capacity(passed.len());
        for number in 0..passed.len() {
            let unfit = |source| PassedError::Unfit { number, source };
            // None: taken before, which it was not.
            if let Some(socket) = passed.take_tcp_listener(number).map_err(unfit)? {
                sockets.push((ready(&socket).map_err(unfit)?, socket));
            }
        }
        Ok(Self { sockets })
    }

    /// The one that listens on `address`.
    pub(super) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let at = self.sockets.iter().position(|(passed, _)| *passed == address)?;
        Some(self.sockets.swap_remove(at).1)
    }

    /// To be said when every listener has its own: none may be left.
    pub fn all_taken(&self) -> Result<(), PassedError> {
        self.sockets.first().map_or(Ok(()), |(address, _)| Err(PassedError::Unwanted(*address)))
    }
}

/// Makes it one that the runtime can wait for; its address.
fn ready(socket: &TcpListener) -> io::Result<SocketAddr> {
    if !SockRef::from(socket).is_listener()? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
    }
    socket.set_nonblocking(true)?;
    socket.local_addr()
}

/// Whether a socket of all IPv6 addresses takes all IPv4 ones too, as systemd opens a bare port.
pub(super) fn is_of_both_families(socket: &TcpListener) -> bool {
    let is_any_v6 = socket.local_addr().is_ok_and(|address| address.is_ipv6() && address.ip().is_unspecified());
    is_any_v6 && SockRef::from(socket).only_v6().is_ok_and(|only| !only)
}
