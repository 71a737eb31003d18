//! A door for the fuzz targets: the header of the PROXY protocol.

use super::header;
use super::header::Beginning;
use super::header::Named;
use std::net::SocketAddr;

/// What the first bytes of a connection begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyBeginning {
    V1,
    V2,
    Other,
    Unknown,
}

/// Whom a header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyNamed {
    Client(SocketAddr),
    Nobody,
}

/// What the first bytes of a connection begin.
pub fn proxy_beginning(bytes: &[u8]) -> ProxyBeginning {
    match header::beginning(bytes) {
        Beginning::V1 => ProxyBeginning::V1,
        Beginning::V2 => ProxyBeginning::V2,
        Beginning::Other => ProxyBeginning::Other,
        Beginning::Unknown => ProxyBeginning::Unknown,
    }
}

/// A whole header of version 1.
pub fn proxy_v1(bytes: &[u8]) -> Option<ProxyNamed> {
    header::read_v1(bytes).map(named)
}

/// A whole header of version 2.
pub fn proxy_v2(bytes: &[u8]) -> Option<ProxyNamed> {
    header::read_v2(bytes).map(named)
}

fn named(named: Named) -> ProxyNamed {
    match named {
        Named::Client(address) => ProxyNamed::Client(address),
        Named::Nobody => ProxyNamed::Nobody,
    }
}
