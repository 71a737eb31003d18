//! The PROXY protocol over real sockets: whom it names, and what is no header.

use super::harness::Server;
use super::harness::head_of_answer;
use super::harness::listener;
use super::harness::millis;
use super::harness::until_closed;
use crate::config::Listener;
use crate::config::ProxyProtocol;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const GET: &[u8] = b"GET /address HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// A listener behind a balancer in this network. Tests come from 127.0.0.1.
fn behind(network: &str, required: bool) -> Listener {
    let proxy = ProxyProtocol { trusted: vec![network.parse().unwrap()], required };
    Listener { proxy_protocol: Some(proxy), ..listener() }
}

fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, family], &length, rest].concat()
}

/// What is answered to a request behind `header`, in the clear and over TLS.
async fn addresses_behind(header: &[u8]) -> Vec<String> {
    let mut answers = Vec::new();
    for secure in [false, true] {
        let config = behind("127.0.0.0/8", true);
        let server = if secure { Server::secure(config) } else { Server::plain(config) };
        let mut tcp = server.tcp().await;
        tcp.write_all(header).await.unwrap();
        let answer = if secure {
            let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(server.client_config(&["http/1.1"])));
            let mut tls = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
            tls.write_all(GET).await.unwrap();
            until_closed(&mut tls).await
        } else {
            // In one write with the header: not a byte of the request may be lost to it.
            tcp.write_all(GET).await.unwrap();
            until_closed(&mut tcp).await
        };
        let answer = String::from_utf8(answer).unwrap();
        answers.push(answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned());
    }
    answers
}

/// Sends `bytes` to a listener and waits for the connection to end for the reason `why`, without an answer.
async fn ends(config: Listener, bytes: &[u8], why: &str) {
    let server = Server::plain(config);
    let mut client = server.tcp().await;
    drop(client.write_all(bytes).await);
    assert_eq!(String::from_utf8_lossy(&until_closed(&mut client).await), "", "{bytes:?}");
    server.told.will_have(&format!("closed: {why}")).await;
}

#[tokio::test]
async fn a_header_names_the_client_in_both_versions_and_families() {
    let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 16], &[0, 7, 0, 8]].concat();
    let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0, 9, 1, 187];
    let mapped = b"PROXY TCP6 ::ffff:192.0.2.1 ::1 8 443\r\n";
    for (header, expected) in [
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 9 443\r\n".to_vec(), "192.0.2.1:9 false"),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 7 8\r\n".to_vec(), "[2001:db8::1]:7 false"),
        (mapped.to_vec(), "192.0.2.1:8 false"),
        (v2(0x21, 0x11, &v4), "192.0.2.1:9 false"),
        (v2(0x21, 0x11, &[&v4[..], &[4, 1, 0xf9], &[0; 505]].concat()), "192.0.2.1:9 false"),
        (v2(0x21, 0x21, &v6), "[2001:db8::1]:7 false"),
    ] {
        assert_eq!(addresses_behind(&header).await, [expected; 2], "{header:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_speaks_for_nobody_keeps_its_address() {
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), v2(0x20, 0, &[]), v2(0x21, 0, &[])] {
        for answer in addresses_behind(&header).await {
            assert!(answer.starts_with("127.0.0.1:") && answer.ends_with(" true"), "{answer}");
        }
    }
}

#[tokio::test]
async fn what_is_no_header_ends_the_connection_where_one_is_required() {
    let trusted = || behind("127.0.0.0/8", true);
    ends(trusted(), GET, "proxy_missing").await;
    ends(trusted(), b"\x16\x03\x01\x02\x00", "proxy_missing").await;
    ends(trusted(), b"PROXY TCP4 garbage\r\n", "proxy_malformed").await;
    ends(trusted(), &[b"PROXY UNKNOWN ", &[b'x'; 200][..]].concat(), "proxy_malformed").await;
    ends(trusted(), &v2(0x21, 0x11, &[0; 4]), "proxy_malformed").await;
    ends(trusted(), &v2(0x21, 0x11, &[0; 521]), "proxy_malformed").await;
    ends(trusted(), &v2(0x31, 0x11, &[0; 12]), "proxy_malformed").await;
}

#[tokio::test]
async fn a_header_from_elsewhere_is_a_forgery() {
    for required in [true, false] {
        let forged = b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET /address HTTP/1.1\r\nhost: a\r\n\r\n";
        ends(behind("10.0.0.0/8", required), forged, "proxy_refused").await;
        ends(behind("10.0.0.0/8", required), &v2(0x21, 0x11, &[10; 12]), "proxy_refused").await;
        ends(behind("10.0.0.0/8", required), &v2(0x20, 0, &[]), "proxy_refused").await;
    }
    ends(behind("10.0.0.0/8", true), GET, "proxy_refused").await;
}

#[tokio::test]
async fn where_no_header_is_required_a_connection_without_one_is_its_own() {
    for network in ["127.0.0.0/8", "10.0.0.0/8"] {
        let server = Server::plain(behind(network, false));
        let mut client = server.tcp().await;
        client.write_all(GET).await.unwrap();
        let answer = head_of_answer(&mut client).await;
        assert!(answer.ends_with(" false") && answer.contains("127.0.0.1:"), "{network}: {answer}");
    }
}

#[tokio::test]
async fn a_header_that_comes_too_slowly_is_cut_at_the_handshakes_deadline() {
    let config = || {
        let mut config = behind("127.0.0.0/8", true);
        config.deadlines.handshake = millis(300);
        config
    };
    for part in [&b""[..], b"P", b"PROXY TCP4 192.0", &v2(0x21, 0x11, &[0; 12])[..20]] {
        ends(config(), part, "handshake").await;
    }
    // In pieces, but in time.
    let server = Server::plain(behind("127.0.0.0/8", true));
    let mut client = server.tcp().await;
    for piece in [&b"PRO"[..], b"XY TCP4 192.0.2.1 198.51.100.1 9 443\r", b"\n", GET] {
        client.write_all(piece).await.unwrap();
        tokio::time::sleep(millis(30)).await;
    }
    assert!(head_of_answer(&mut client).await.ends_with("192.0.2.1:9 false"));
}

async fn named(server: &Server, address: &str) -> TcpStream {
    let mut client = server.tcp().await;
    client.write_all(format!("PROXY TCP4 {address} 198.51.100.1 9 443\r\n").as_bytes()).await.unwrap();
    client
}

#[tokio::test]
async fn the_address_that_is_named_is_the_one_that_is_capped() {
    let mut config = behind("127.0.0.0/8", true);
    config.connections_per_address_max = 1;
    config.deadlines.first_request = super::harness::SOON;
    let server = Server::plain(config);
    let keep = b"GET /address HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut first = named(&server, "192.0.2.1").await;
    first.write_all(keep).await.unwrap();
    head_of_answer(&mut first).await;
    // Many from one balancer, each for another client: none is in another's way.
    for n in 2..20 {
        let mut other = named(&server, &format!("192.0.2.{n}")).await;
        other.write_all(keep).await.unwrap();
        head_of_answer(&mut other).await;
    }
    let mut second = named(&server, "192.0.2.1").await;
    drop(second.write_all(keep).await);
    assert_eq!(until_closed(&mut second).await, b"");
    server.told.will_have("closed: refused").await;
}
