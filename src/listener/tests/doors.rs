//! TLS: what is loaded, what is offered, and what comes without it.

use super::harness::Server;
use super::harness::head_of_answer;
use super::harness::listener;
use super::harness::server_tls;
use super::harness::until_closed;
use crate::config::Tls;
use crate::config::TlsProfile;
use crate::listener::PassedSockets;
use crate::listener::ServerTls;
use crate::listener::bind;
use crate::testkit::TestCa;
use rustls::HandshakeKind;
use rustls::NamedGroup;
use rustls::ProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::version::TLS12;
use rustls::version::TLS13;
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

async fn in_clear(request: &[u8]) -> (String, Server) {
    let server = Server::secure(listener());
    let mut client = server.tcp().await;
    client.write_all(request).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
    drop(client);
    server.told.will_have("closed: plain_http").await;
    (answer, server)
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_to_use_https() {
    let (answer, server) = in_clear(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
    assert!(head.contains("Connection: close") && !head.contains("Location"), "{head}");
    assert!(body.contains("https://") && body.ends_with('\n') && body.len() <= 512, "{body}");
    assert!(!server.told.has("in clear: 4fQk2ZtR1a"));
}

#[tokio::test]
async fn a_valid_token_in_the_clear_is_reported_by_its_id() {
    let (_, server) = in_clear(b"GET / HTTP/1.1\r\nauthorization:  Bearer valid\r\n\r\n").await;
    server.told.will_have("in clear: 4fQk2ZtR1a").await;
    let (_, server) = in_clear(b"GET / HTTP/1.1\r\nauthorization: Bearer other\r\n\r\n").await;
    assert!(!server.told.has("in clear: 4fQk2ZtR1a"));
}

#[tokio::test]
async fn a_head_that_comes_in_the_clear_byte_by_byte_is_read_whole() {
    let server = Server::secure(listener());
    let mut client = server.tcp().await;
    for byte in b"GET / HTTP/1.1\r\nauthorization: Bearer valid\r\n\r\n" {
        client.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let answer = String::from_utf8(until_closed(&mut client).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    server.told.will_have("in clear: 4fQk2ZtR1a").await;
}

#[tokio::test]
async fn a_large_push_in_the_clear_still_reads_the_answer() {
    let mut request = b"POST / HTTP/1.1\r\ncontent-length: 10000000\r\n\r\n".to_vec();
    request.resize(10_000_000, b'x');
    let (answer, _) = in_clear(&request).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_head_in_the_clear_without_end_is_answered_after_eight_kibibytes() {
    let (answer, _) = in_clear(&[b'G'; 9000]).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn what_is_neither_tls_nor_http_is_closed() {
    let server = Server::secure(listener());
    let mut client = server.tcp().await;
    client.write_all(&[0; 64]).await.unwrap();
    until_closed(&mut client).await;
    server.told.will_have("handshake: failed").await;
}

#[tokio::test]
async fn the_hybrid_of_ml_kem_comes_first_and_http2_is_preferred() {
    let server = Server::secure(listener());
    let client = server.tls(&["http/1.1", "h2"]).await;
    let session = client.get_ref().1;
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(session.alpn_protocol(), Some(b"h2".as_slice()));
    let group = session.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
}

#[tokio::test]
async fn tls_1_2_is_spoken_by_intermediate_and_not_by_modern() {
    for (profile, spoken) in [(TlsProfile::Intermediate, true), (TlsProfile::Modern, false)] {
        let server = Server::start(listener(), Some(profile));
        let provider = server.client_config(&[]).crypto_provider().clone();
        let old = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS12])
            .unwrap()
            .with_root_certificates(server.roots())
            .with_no_client_auth();
        let handshake = server.tls_as(old).await;
        assert_eq!(handshake.is_ok(), spoken, "{profile:?}: {handshake:?}");
    }
}

#[tokio::test]
async fn of_the_suites_that_both_have_the_servers_order_decides() {
    let server = Server::start(listener(), Some(TlsProfile::Intermediate));
    for versions in [[&TLS12], [&TLS13]] {
        let mut provider = CryptoProvider::clone(server.client_config(&[]).crypto_provider());
        provider.cipher_suites.reverse();
        let weakest_first = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&versions)
            .unwrap()
            .with_root_certificates(server.roots())
            .with_no_client_auth();
        let stream = server.tls_as(weakest_first).await.unwrap();
        let suite = stream.get_ref().1.negotiated_cipher_suite().unwrap().suite();
        assert!(format!("{suite:?}").contains("AES_256_GCM"), "{suite:?}");
    }
}

#[tokio::test]
async fn a_session_is_resumed_and_not_across_a_change_of_the_servers_tls() {
    let mut config = listener();
    config.deadlines.idle = super::harness::SOON;
    let server = Server::secure(config);
    let client = server.client_config(&["http/1.1"]);
    let handshake = async || {
        let mut stream = server.tls_as(client.clone()).await.unwrap();
        stream.write_all(b"GET /peer HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        head_of_answer(&mut stream).await;
        stream.get_ref().1.handshake_kind()
    };
    assert_eq!(handshake().await, Some(HandshakeKind::Full));
    assert_eq!(handshake().await, Some(HandshakeKind::Resumed));
    let tls = server.tls.as_ref().unwrap();
    tls.replace(server_tls(&server.ca, TlsProfile::Intermediate));
    assert_eq!(handshake().await, Some(HandshakeKind::Full));
}

#[test]
fn the_expiry_of_the_leaf_is_known() {
    let tls = server_tls(&TestCa::new(), TlsProfile::Modern);
    // rcgen's default: the year 4096, which is later than nanoseconds reach.
    assert_eq!(tls.not_after().unix_nanos(), i64::MAX);
}

fn error_of(certificate: &str, key: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let tls = Tls::of_server(file("server.pem"), file("server-key.pem"), TlsProfile::default());
    let write = |file: &Path, content: &str| {
        if content != "absent" {
            std::fs::write(file, content).unwrap();
        }
    };
    write(&tls.certificate_file, certificate);
    write(&tls.key_file, key);
    ServerTls::load(&tls).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_served_names_its_file() {
    let ca = TestCa::new();
    let (certificate, key) = ca.server(&["a.example"]);
    let (_, other_key) = ca.server(&["b.example"]);
    let broken = certificate.replace('M', "!");
    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (certificate, key, file, wanted) in [
        ("absent", key.as_str(), "server.pem", "No such file"),
        ("", &key, "server.pem", "empty"),
        (&key, &key, "server.pem", "no certificate"),
        (&broken, &key, "server.pem", "not PEM"),
        (no_der, &key, "server.pem", "cannot be read"),
        (&certificate, "absent", "server-key.pem", "No such file"),
        (&certificate, " \n", "server-key.pem", "empty"),
        (&certificate, &certificate, "server-key.pem", "no private key"),
        (&certificate, &other_key, "server-key.pem", "not the one"),
    ] {
        let error = error_of(certificate, key);
        assert!(error.contains(file) && error.contains(wanted), "{wanted}: {error}");
    }
}

#[tokio::test]
async fn both_families_listen_on_one_port() {
    let v6 = bind(&["[::]:0".parse().unwrap()], &mut PassedSockets::default()).unwrap();
    let port = v6[0].local_addr().unwrap().port();
    let v4 = bind(&[([0, 0, 0, 0], port).into()], &mut PassedSockets::default()).unwrap();
    let error = bind(&[([0, 0, 0, 0], port).into()], &mut PassedSockets::default()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on 0.0.0.0:{port}: ")), "{error}");
    drop((v4, v6));
}

#[tokio::test]
async fn a_plaintext_listener_serves_plaintext() {
    let server = Server::plain(listener());
    let mut client = server.tcp().await;
    client.write_all(b"GET /peer HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("test false Http1"), "{answer}");
}
