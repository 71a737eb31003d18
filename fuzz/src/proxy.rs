//! The header of the PROXY protocol, both versions.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use pushward::fuzzing::ProxyBeginning;
use pushward::fuzzing::ProxyNamed;
use pushward::fuzzing::proxy_beginning;
use pushward::fuzzing::proxy_v1;
use pushward::fuzzing::proxy_v2;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "proxy",
    run: proxy,
    bytes_max: 1 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"PROXY ",
        b"TCP4 ",
        b"TCP6 ",
        b"UNKNOWN",
        b"\r\n",
        b"127.0.0.1 ",
        b"::1 ",
        b"65535",
        b"65536",
        b"\r\n\r\n\0\r\nQUIT\n",
        b"\x21\x11\0\x0c",
        b"\x21\x21\0\x24",
        b"\x20\0\0\0",
        b"\x21\x31",
    ],
};

/// Nothing is held: a header is read where it lies.
const BOUND: Bound = Bound { per_byte: 0, constant: 0 };

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Reads `data` as the first bytes of a connection.
pub fn proxy(data: &[u8]) -> Seen {
    let beginning = proxy_beginning(data);
    hold_beginnings(data, beginning);
    let (first, second) = BOUND.hold(data.len(), || (proxy_v1(data), proxy_v2(data)));
    if let Some(named) = first {
        assert_eq!(beginning, ProxyBeginning::V1);
        assert!(data.len() <= 107 && data.ends_with(b"\r\n"));
        assert_eq!(data.iter().filter(|byte| **byte == b'\n').count(), 1, "two lines in one");
        hold_named(named);
    }
    if let Some(named) = second {
        assert_eq!(beginning, ProxyBeginning::V2);
        let rest = usize::from(u16::from_be_bytes([data[14], data[15]]));
        assert!(data.len() == 16 + rest && data.len() <= 536);
        hold_named(named);
    }
    match first.or(second) {
        Some(named) => {
            let family = matches!(named, ProxyNamed::Client(address) if address.is_ipv6());
            Seen::taken((first.is_some(), family, std::mem::discriminant(&named)), named)
        }
        None => Seen::refused(&format!("{beginning:?}")),
    }
}

/// What has begun does not become something else as more of it comes.
fn hold_beginnings(data: &[u8], whole: ProxyBeginning) {
    for length in 0..data.len().min(16) {
        let sooner = proxy_beginning(&data[..length]);
        assert!(
            sooner == ProxyBeginning::Unknown || sooner == whole,
            "{sooner:?} after {length} bytes, then {whole:?}"
        );
    }
    assert!(data.len() < 12 || whole != ProxyBeginning::Unknown);
}

/// Whoever is named is named by the header that says so, in both versions.
fn hold_named(named: ProxyNamed) {
    let ProxyNamed::Client(address) = named else { return };
    assert_eq!(proxy_v1(line(address).as_bytes()), Some(named));
    let mut header = SIGNATURE.to_vec();
    match address.ip() {
        IpAddr::V4(ip) => {
            header.extend([0x21, 0x11, 0, 12]);
            header.extend(ip.octets());
            header.extend([0; 4]);
        }
        IpAddr::V6(ip) => {
            header.extend([0x21, 0x21, 0, 36]);
            header.extend(ip.octets());
            header.extend([0; 16]);
        }
    }
    header.extend(address.port().to_be_bytes());
    header.extend([0, 1]);
    assert_eq!(proxy_v2(&header), Some(named));
}

fn line(address: SocketAddr) -> String {
    let family = if address.is_ipv4() { "TCP4" } else { "TCP6" };
    let (ip, port) = (address.ip(), address.port());
    format!("PROXY {family} {ip} {ip} {port} 443\r\n")
}
