//! The PROXY protocol's header, versions 1 and 2, as haproxy's `proxy-protocol.txt` has it. Pure: bytes in, address out.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

/// A line of version 1 with its CRLF: what §2.1 calls the worst case.
pub(in crate::listener) const V1_BYTES_MAX: usize = 107;
/// A header of version 2 in all: what §2.2 tells every receiver to accept. A longer one is refused.
pub(in crate::listener) const V2_BYTES_MAX: usize = 536;
/// The part of version 2 whose length is known: signature, version and command, family, length of the rest.
pub(in crate::listener) const V2_FIXED: usize = 16;
/// What is enough to know a header by.
pub(in crate::listener) const SIGNATURE_MAX: usize = V2_SIGNATURE.len();

const V1_SIGNATURE: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::listener) enum Beginning {
    V1,
    V2,
    /// No header: TLS, HTTP, or anything.
    Other,
    /// Too little to know.
    Unknown,
}

/// Whom a header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::listener) enum Named {
    Client(SocketAddr),
    /// Nobody: the proxy speaks for itself, or does not know.
    Nobody,
}

/// What `bytes`, the first of a connection, begin.
pub(in crate::listener) fn beginning(bytes: &[u8]) -> Beginning {
    let meets = |signature: &[u8]| bytes.iter().zip(signature).all(|(byte, expected)| byte == expected);
    match (meets(V1_SIGNATURE), meets(V2_SIGNATURE)) {
        (true, _) if bytes.len() >= V1_SIGNATURE.len() => Beginning::V1,
        (_, true) if bytes.len() >= V2_SIGNATURE.len() => Beginning::V2,
        (false, false) => Beginning::Other,
        _ => Beginning::Unknown,
    }
}

/// Reads a whole header of version 1, with its CRLF. None if it is malformed.
pub(in crate::listener) fn read_v1(header: &[u8]) -> Option<Named> {
    if header.len() > V1_BYTES_MAX {
        return None;
    }
    let line = header.strip_prefix(V1_SIGNATURE)?.strip_suffix(b"\r\n")?;
    if line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ") {
        // Whatever stands behind it is to be ignored, but not another line.
        return (!line.contains(&b'\n')).then_some(Named::Nobody);
    }
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (family, source, destination) = (words.next()?, words.next()?, words.next()?);
    let (source_port, destination_port) = (port(words.next()?)?, port(words.next()?)?);
    let ip = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    // The destination tells us nothing, but a header with a bad one is a bad header.
    let (source, _, _) = (ip(source)?, ip(destination)?, destination_port);
    words.next().is_none().then_some(Named::Client(SocketAddr::new(source, source_port)))
}

/// A port in decimal, in as many digits as it needs.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// How many bytes stand behind the fixed part of a header of version 2; none if that is malformed or too many.
pub(in crate::listener) fn v2_rest(fixed: &[u8; V2_FIXED]) -> Option<usize> {
    let [.., version_and_command, family, high, low] = *fixed;
    let rest = usize::from(u16::from_be_bytes([high, low]));
    let known = fixed.starts_with(V2_SIGNATURE) && matches!(version_and_command, 0x20 | 0x21) && family <= 0x32;
    (known && V2_FIXED + rest <= V2_BYTES_MAX).then_some(rest)
}

/// Reads a whole header of version 2. What stands behind the addresses (TLVs) is skipped. None if it is malformed.
pub(in crate::listener) fn read_v2(header: &[u8]) -> Option<Named> {
    let (fixed, rest) = header.split_first_chunk::<V2_FIXED>()?;
    if v2_rest(fixed)? != rest.len() {
        return None;
    }
    let [.., version_and_command, family, _, _] = *fixed;
    if version_and_command == 0x20 {
        return Some(Named::Nobody);
    }
    match family {
        // TCP over IPv4: two addresses, two ports, the source's first.
        0x11 => {
            let (&[a, b, c, d, _, _, _, _, high, low, _, _], _) = rest.split_first_chunk::<12>()?;
            Some(Named::Client((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low])).into()))
        }
        // TCP over IPv6.
        0x21 => {
            let (source, rest) = rest.split_first_chunk::<16>()?;
            let (_, rest) = rest.split_first_chunk::<16>()?;
            let (&[high, low, _, _], _) = rest.split_first_chunk::<4>()?;
            Some(Named::Client((Ipv6Addr::from(*source), u16::from_be_bytes([high, low])).into()))
        }
        // Unspecified, or a Unix socket: there is a client, and no address of it.
        0x00 | 0x31 => Some(Named::Nobody),
        // Datagrams: not on this connection.
        _ => None,
    }
}

#[cfg(test)]
mod tests;
