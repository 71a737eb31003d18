//! Headers as they should be, as they should not be, and as chance has them.

use super::Beginning;
use super::Named;
use super::beginning;
use super::read_v1;
use super::read_v2;
use super::v2_rest;
use proptest::prelude::*;
use std::net::SocketAddr;

fn client(text: &str) -> Option<Named> {
    Some(Named::Client(text.parse().unwrap()))
}

fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, family], &length, rest].concat()
}

#[test]
fn version_1_names_a_client_or_nobody() {
    for (line, named) in [
        ("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", client("192.0.2.1:56324")),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", client("[2001:db8::1]:1")),
        ("PROXY TCP6 ::ffff:192.0.2.1 ::1 0 0\r\n", client("[::ffff:192.0.2.1]:0")),
        ("PROXY UNKNOWN\r\n", Some(Named::Nobody)),
        ("PROXY UNKNOWN ffff::1 what ever\r\n", Some(Named::Nobody)),
    ] {
        assert_eq!(read_v1(line.as_bytes()), named, "{line:?}");
    }
}

#[test]
fn a_malformed_line_names_nobody_and_is_no_header() {
    for line in [
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 01 443\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100 1 443\r\n",
        "PROXY TCP4 ::1 ::1 1 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 1 443\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 1 443\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY UNKNOWN a\nb\r\n",
        "PROXY \r\n",
        "PROXY\r\n",
        "proxy TCP4 192.0.2.1 198.51.100.1 1 443\r\n",
        "",
    ] {
        assert_eq!(read_v1(line.as_bytes()), None, "{line:?}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert_eq!((long.len(), read_v1(long.as_bytes())), (108, None));
    assert_eq!(read_v1(&[&long.as_bytes()[..105], b"\r\n"].concat()), Some(Named::Nobody));
}

#[test]
fn version_2_names_a_client_or_nobody_and_skips_what_is_behind() {
    let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 1, 187];
    let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 16], &[0, 7, 0, 8]].concat();
    let tlv = [3, 0, 4, 1, 2, 3, 4];
    for (header, named) in [
        (v2(0x21, 0x11, &v4), client("192.0.2.1:56324")),
        (v2(0x21, 0x11, &[&v4[..], &tlv].concat()), client("192.0.2.1:56324")),
        (v2(0x21, 0x11, &[&v4[..], &[0xff; 508]].concat()), client("192.0.2.1:56324")),
        (v2(0x21, 0x21, &v6), client("[2001:db8::1]:7")),
        (v2(0x20, 0x00, &[]), Some(Named::Nobody)),
        (v2(0x20, 0x11, &v4), Some(Named::Nobody)),
        (v2(0x21, 0x00, &tlv), Some(Named::Nobody)),
        (v2(0x21, 0x31, &[0; 216]), Some(Named::Nobody)),
        (v2(0x21, 0x12, &v4), None),
        (v2(0x21, 0x11, &v4[..11]), None),
        (v2(0x21, 0x21, &v4), None),
        (v2(0x22, 0x11, &v4), None),
        (v2(0x11, 0x11, &v4), None),
        (v2(0x21, 0x44, &v4), None),
        (v2(0x21, 0x11, &[0; 521]), None),
        (v2(0x21, 0x11, &v4)[..20].to_vec(), None),
    ] {
        assert_eq!(read_v2(&header), named, "{header:?}");
    }
}

#[test]
fn a_header_is_known_by_its_beginning() {
    for (bytes, expected) in [
        (&b""[..], Beginning::Unknown),
        (b"P", Beginning::Unknown),
        (b"PROXY", Beginning::Unknown),
        (b"PROXY ", Beginning::V1),
        (b"PRI * HTTP/2.0", Beginning::Other),
        (b"PUT /", Beginning::Other),
        (b"\x16\x03\x01", Beginning::Other),
        (b"\r\n\r\n", Beginning::Unknown),
        (b"\r\n\r\nGET", Beginning::Other),
        (b"\r\n\r\n\0\r\nQUIT\n", Beginning::V2),
    ] {
        assert_eq!(beginning(bytes), expected, "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), command in any::<u8>(), family in any::<u8>()) {
        beginning(&bytes);
        read_v1(&bytes);
        read_v1(&[b"PROXY ", &bytes[..], b"\r\n"].concat());
        read_v2(&bytes);
        read_v2(&v2(command, family, &bytes));
        if let Some(fixed) = bytes.first_chunk() {
            v2_rest(fixed);
        }
    }

    #[test]
    fn every_address_is_read_as_it_was_written(source in any::<SocketAddr>(), destination in any::<SocketAddr>(), tlvs in prop::collection::vec(any::<u8>(), 0..400)) {
        let mixed = source.is_ipv4() != destination.is_ipv4();
        let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
        let line = format!("PROXY {family} {} {} {} {}\r\n", source.ip(), destination.ip(), source.port(), destination.port());
        let plain = SocketAddr::new(source.ip(), source.port());
        prop_assert_eq!(read_v1(line.as_bytes()), (!mixed).then_some(Named::Client(plain)));
        prop_assert!(line.len() <= super::V1_BYTES_MAX);
        if !mixed {
            let octets = |ip| match ip { std::net::IpAddr::V4(ip) => ip.octets().to_vec(), std::net::IpAddr::V6(ip) => ip.octets().to_vec() };
            let rest = [octets(source.ip()), octets(destination.ip()), source.port().to_be_bytes().to_vec(), destination.port().to_be_bytes().to_vec(), tlvs].concat();
            let header = v2(0x21, if source.is_ipv4() { 0x11 } else { 0x21 }, &rest);
            prop_assert_eq!(read_v2(&header), Some(Named::Client(plain)));
            prop_assert_eq!(read_v2(&header[..header.len() - 1]), None);
        }
    }
}
