//! Which certificates come through the handshake, and what is handed on of them.

use super::clients::ASKING;
use super::clients::PROTOCOLS;
use super::clients::VERSIONS;
use super::clients::client;
use super::clients::knock;
use super::clients::listening;
use super::clients::shown;
use super::harness::Server;
use crate::config::ClientAuth;
use crate::testkit::TestCa;
use crate::testkit::TestCert;
use rcgen::BasicConstraints;
use rcgen::CustomExtension;
use rcgen::ExtendedKeyUsagePurpose::Any;
use rcgen::ExtendedKeyUsagePurpose::ClientAuth as ForClients;
use rcgen::ExtendedKeyUsagePurpose::ServerAuth as ForServers;
use rcgen::IsCa;
use rcgen::KeyUsagePurpose::DigitalSignature;
use rcgen::KeyUsagePurpose::KeyCertSign;
use rustls::HandshakeKind;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

/// Names of 31 bytes each.
fn sites(count: u32) -> impl Iterator<Item = String> {
    (100..100 + count).map(|nth| format!("spiffe://edge.example.org/{nth}"))
}

/// Those that `identity` is to look at.
fn good(edge: &TestCa, other: &TestCa) -> Vec<(&'static str, TestCert)> {
    let below = edge.intermediate("below");
    let mut with_root = below.client(|c| c);
    with_root.chain_der.push(edge.der());
    let deep = (1..=4).fold(edge.intermediate("0"), |ca, nth| ca.intermediate(&nth.to_string()));
    vec![
        ("P-256", edge.client(|c| c.uri("spiffe://edge.example.org/a"))),
        ("P-384", edge.client(|c| c.key(&rcgen::PKCS_ECDSA_P384_SHA384))),
        ("Ed25519", edge.client(|c| c.key(&rcgen::PKCS_ED25519))),
        ("RSA", edge.client(|c| c.key(&rcgen::PKCS_RSA_SHA256))),
        ("the other CA", other.client(|c| c)),
        ("an intermediate", below.client(|c| c)),
        ("six certificates", deep.client(|c| c)),
        ("almost 16 KiB", edge.client(|c| sites(480).fold(c, |c, uri| c.uri(&uri)))),
        ("its root beside it", with_root),
        ("no purposes", edge.client(|c| c.usages(&[]))),
        ("several purposes", edge.client(|c| c.usages(&[ForServers, ForClients]))),
        ("two URIs", edge.client(|c| c.uri("spiffe://edge.example.org/a").uri("spiffe://edge.example.org/b"))),
        ("no name but CN", edge.client(|c| c.cn("edge-1"))),
        ("capital and wildcard DNS names", edge.client(|c| c.dns("EDGE.Example.ORG").dns("*.example.org"))),
        ("an address and an email", edge.client(|c| c.ip("192.0.2.7").email("a@example.org"))),
        ("keyCertSign", edge.client(|c| c.with(|params| params.key_usages = vec![DigitalSignature, KeyCertSign]))),
    ]
}

/// Those that nobody behind the handshake ever sees.
fn bad(edge: &TestCa) -> Vec<(&'static str, TestCert)> {
    let below = edge.intermediate("below");
    let ended = edge.intermediate_with("ended", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let last = edge.intermediate_with("last", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let no_ca = edge.intermediate_with("no CA", |params| params.is_ca = IsCa::NoCa);
    let deep = (1..=5).fold(edge.intermediate("0"), |ca, nth| ca.intermediate(&nth.to_string()));
    let mut alone = below.client(|c| c);
    alone.chain_der.truncate(1);
    let mut padded = edge.client(|c| c);
    padded.chain_der.extend(["1", "2", "3", "4", "5", "6"].map(|name| edge.intermediate(name).der()));
    let mut twice = edge.client(|c| c);
    twice.chain_der.extend([below.der(), below.der()]);
    let mut garbled = edge.client(|c| c);
    garbled.chain_der.extend([below.der(), vec![0x30, 0].into()]);
    let maze = (0..5).fold(TestCa::named("edge"), |ca, _| ca.intermediate("edge"));
    let unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
    vec![
        ("expired", edge.client(|c| c.expired())),
        ("not yet valid", edge.client(|c| c.not_yet_valid())),
        ("a stranger's CA of the same name", TestCa::named("edge").client(|c| c)),
        ("that of a CA under itself in every order", maze.client(|c| c)),
        ("for servers", edge.client(|c| c.usages(&[ForServers]))),
        ("for anything", edge.client(|c| c.usages(&[Any]))),
        ("a CA's", edge.client(|c| c.with(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)))),
        ("without its intermediate", alone),
        ("under an expired intermediate", ended.client(|c| c)),
        ("under one too many", last.intermediate("more").client(|c| c)),
        ("under what is no CA", no_ca.client(|c| c)),
        ("seven certificates", deep.client(|c| c)),
        ("six more than it takes", padded),
        ("two of one name", twice),
        ("something else beside it", garbled),
        ("more than 16 KiB", edge.client(|c| sites(700).fold(c, |c, uri| c.uri(&uri)))),
        (
            "an unknown critical extension",
            edge.client(|c| {
                let mut unknown = unknown;
                unknown.set_criticality(true);
                c.with(|params| params.custom_extensions.push(unknown))
            }),
        ),
    ]
}

#[tokio::test]
async fn the_peer_has_the_chain_that_was_shown_fresh_and_resumed() {
    let (edge, other) = (TestCa::named("edge"), TestCa::named("other"));
    let certificates = good(&edge, &other);
    for auth in ASKING {
        let server = listening(auth, &[&edge, &other]);
        for (name, cert) in &certificates {
            for version in VERSIONS {
                for protocol in PROTOCOLS {
                    let config = client(&[&server], version, protocol, Some(cert));
                    let chain = shown(Some(&cert.chain_der));
                    let fresh = knock(&server, &config).await;
                    assert_eq!(fresh, Ok((HandshakeKind::Full, chain.clone())), "{name} {auth:?} {version:?}");
                    let again = knock(&server, &config).await;
                    assert_eq!(again, Ok((HandshakeKind::Resumed, chain)), "{name} {auth:?} {version:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_bad_certificate_ends_the_handshake_also_where_none_would_do() {
    let edge = TestCa::named("edge");
    let certificates = bad(&edge);
    for auth in ASKING {
        for (name, cert) in &certificates {
            let server = listening(auth, &[&edge]);
            for version in VERSIONS {
                for protocol in PROTOCOLS {
                    let config = client(&[&server], version, protocol, Some(cert));
                    for _ in ["fresh", "after a session that never was"] {
                        let error = knock(&server, &config).await.expect_err(name);
                        assert!(error.contains("fatal alert"), "{name} {auth:?} {version:?} {protocol}: {error}");
                    }
                }
            }
            server.told.will_have("handshake: bad_certificate").await;
            assert!(!server.told.has("handshake: ok") && !server.told.has("handshake: failed"), "{name}");
        }
    }
}

#[tokio::test]
async fn without_a_certificate_optional_lets_in_a_nobody_and_required_nobody() {
    let edge = TestCa::named("edge");
    for version in VERSIONS {
        for protocol in PROTOCOLS {
            let server = listening(ClientAuth::Optional, &[&edge]);
            let config = client(&[&server], version, protocol, None);
            assert_eq!(knock(&server, &config).await, Ok((HandshakeKind::Full, shown(None))));
            assert_eq!(knock(&server, &config).await, Ok((HandshakeKind::Resumed, shown(None))));

            let server = listening(ClientAuth::Required, &[&edge]);
            let config = client(&[&server], version, protocol, None);
            for _ in ["fresh", "again"] {
                let error = knock(&server, &config).await.unwrap_err();
                assert!(error.contains("fatal alert"), "{version:?} {protocol}: {error}");
            }
            server.told.will_have("handshake: no_certificate").await;
            assert!(!server.told.has("handshake: ok"));
        }
    }
}

#[tokio::test]
async fn with_client_auth_off_nobody_is_asked_and_nobody_has_a_chain() {
    let edge = TestCa::named("edge");
    let server = listening(ClientAuth::Off, &[&edge]);
    let cert = edge.client(|c| c);
    for version in VERSIONS {
        for protocol in PROTOCOLS {
            let config = client(&[&server], version, protocol, Some(&cert));
            for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
                assert_eq!(knock(&server, &config).await, Ok((kind, shown(None))));
            }
        }
    }
}

/// Shows one certificate with whatever key, and notes whom it was asked for.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>, parking_lot::Mutex<Vec<usize>>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.1.lock().push(hints.len());
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn shows(cert: &TestCert, key: &TestCert) -> Arc<Shows> {
    let key = any_supported_type(&key.key_der()).unwrap();
    Arc::new(Shows(Arc::new(CertifiedKey::new(cert.chain_der.clone(), key)), parking_lot::Mutex::default()))
}

#[tokio::test]
async fn strangers_are_not_told_whose_certificates_are_believed() {
    let edge = TestCa::named("edge");
    let cert = edge.client(|c| c);
    for auth in ASKING {
        for version in VERSIONS {
            let server = listening(auth, &[&edge]);
            let resolver = shows(&cert, &cert);
            let mut config = client(&[&server], version, "h2", None);
            config.client_auth_cert_resolver = resolver.clone();
            knock(&server, &config).await.unwrap();
            assert_eq!(*resolver.1.lock(), [0], "{auth:?} {version:?}");
        }
    }
}

#[tokio::test]
async fn somebody_elses_certificate_without_its_key_is_refused() {
    let edge = TestCa::named("edge");
    let (theirs, mine) = (edge.client(|c| c), edge.client(|c| c));
    for auth in ASKING {
        for version in VERSIONS {
            let server = listening(auth, &[&edge]);
            let mut config = client(&[&server], version, "http/1.1", None);
            config.client_auth_cert_resolver = shows(&theirs, &mine);
            let error = knock(&server, &config).await.unwrap_err();
            assert!(error.contains("fatal alert"), "{auth:?} {version:?}: {error}");
            server.told.will_have("handshake: bad_certificate").await;
        }
    }
}

async fn big_push(server: &Server, cert: Option<&TestCert>) -> String {
    let mut stream = server.tls_as(client(&[server], &TLS13, "http/1.1", cert)).await.unwrap();
    let mut request = b"POST /push HTTP/1.1\r\nhost: a\r\ncontent-length: 8000000\r\n\r\n".to_vec();
    request.resize(8_000_000, b'x');
    stream.write_all(&request).await.unwrap();
    stream.flush().await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_client_refused_while_it_already_pushes_reads_the_alert_and_no_reset() {
    let edge = TestCa::named("edge");
    let server = listening(ClientAuth::Required, &[&edge]);
    let (none, expired) = (big_push(&server, None).await, big_push(&server, Some(&edge.client(|c| c.expired()))).await);
    assert!(none.contains("CertificateRequired"), "{none}");
    assert!(expired.contains("CertificateExpired"), "{expired}");
}
