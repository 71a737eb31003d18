//! Opening the ports.

use super::passed::PassedSockets;
use super::passed::is_of_both_families;
use socket2::Domain;
use socket2::Protocol;
use socket2::SockAddr;
use socket2::Socket;
use socket2::Type;
use std::io;
use std::net::Ipv4Addr;
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
/// A socket that was passed is taken in the place of a new one. A machine without IPv6 is no error where the same port is
/// also wanted on IPv4, as `:9091` means it.
pub fn bind(addresses: &[SocketAddr], passed: &mut PassedSockets) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    let mut of_both_families = Vec::new();
    for &address in in_order(addresses) {
        if address.ip() == Ipv4Addr::UNSPECIFIED && of_both_families.contains(&address.port()) {
            continue;
        }
        let opened = match passed.take(address) {
            Some(socket) => {
                of_both_families.extend(is_of_both_families(&socket).then_some(address.port()));
                TcpListener::from_std(socket)
            }
            None => bind_one(address),
        };
        match opened {
            Ok(listener) => listeners.push(listener),
            Err(error) if lacks_ipv6(&error) && has_ipv4_twin(address, addresses) => {
                tracing::warn!(%address, %error, "no IPv6 here, listening on IPv4 alone");
            }
            Err(source) => return Err(BindError { address, source }),
        }
    }
    Ok(listeners)
}

/// IPv6 first: a passed socket may take its IPv4 twin's clients along.
fn in_order(addresses: &[SocketAddr]) -> impl Iterator<Item = &SocketAddr> {
    let v6 = |wanted| addresses.iter().filter(move |address| address.is_ipv6() == wanted);
    v6(true).chain(v6(false))
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
