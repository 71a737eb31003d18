//! Opening the ports.

use socket2::Domain;
use socket2::Protocol;
use socket2::SockAddr;
use socket2::Socket;
use socket2::Type;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// How many connections the kernel keeps for us between two accepts; it takes `net.core.somaxconn` where that is less.
const BACKLOG: i32 = 1024;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    pub address: SocketAddr,
    pub source: io::Error,
}

/// Listens on every one of `addresses`, or on none.
///
/// A machine without IPv6 is no error where the same port is also wanted on IPv4, as `:9091` means it.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for &address in addresses {
        match bind_one(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if lacks_ipv6(&error) && has_ipv4_twin(address, addresses) => {
                tracing::warn!(%address, %error, "no IPv6 here, listening on IPv4 alone");
            }
            Err(source) => return Err(BindError { address, source }),
        }
    }
    Ok(listeners)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it a restart would wait for the connections of the last run to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // The configuration names both families; a v6 socket that took v4 too would be in its twin's way.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn lacks_ipv6(error: &io::Error) -> bool {
    /// Linux' EAFNOSUPPORT, for which `ErrorKind` has no stable name.
    const ADDRESS_FAMILY_NOT_SUPPORTED: i32 = 97;
    error.raw_os_error() == Some(ADDRESS_FAMILY_NOT_SUPPORTED) || error.kind() == io::ErrorKind::AddrNotAvailable
}

fn has_ipv4_twin(address: SocketAddr, addresses: &[SocketAddr]) -> bool {
    address.is_ipv6()
        && address.ip().is_unspecified()
        && addresses
            .iter()
            .any(|other| other.is_ipv4() && other.ip().is_unspecified() && other.port() == address.port())
}
