//! A session belongs to the TLS it was made under, and to nobody who believes other CAs.

use super::clients::VERSIONS;
use super::clients::asking;
use super::clients::client;
use super::clients::knock;
use super::clients::listening;
use super::clients::shown;
use crate::config::ClientAuth;
use crate::testkit::TestCa;
use rustls::HandshakeKind;
use rustls::client::Resumption;
use rustls::client::Tls12Resumption;
use rustls::version::TLS12;

#[tokio::test]
async fn a_session_is_not_resumed_at_another_listener_whatever_it_believes() {
    let (edge, other) = (TestCa::named("edge"), TestCa::named("other"));
    let cert = edge.client(|c| c);
    let chain = shown(Some(&cert.chain_der));
    for version in VERSIONS {
        for auth in [ClientAuth::Optional, ClientAuth::Required] {
            let (here, same) = (listening(auth, &[&edge]), listening(auth, &[&edge, &other]));
            let elsewhere = listening(auth, &[&other]);
            let config = client(&[&here, &same, &elsewhere], version, "http/1.1", Some(&cert));
            knock(&here, &config).await.unwrap();
            assert_eq!(knock(&here, &config).await, Ok((HandshakeKind::Resumed, chain.clone())));
            assert_eq!(knock(&same, &config).await, Ok((HandshakeKind::Full, chain.clone())));
            knock(&here, &config).await.unwrap();
            let error = knock(&elsewhere, &config).await.unwrap_err();
            assert!(error.contains("fatal alert"), "{version:?}: {error}");
        }
    }
}

#[tokio::test]
async fn a_session_without_a_certificate_does_not_open_a_door_that_requires_one() {
    let edge = TestCa::named("edge");
    for version in VERSIONS {
        for first in [ClientAuth::Off, ClientAuth::Optional] {
            let (open, closed) = (listening(first, &[&edge]), listening(ClientAuth::Required, &[&edge]));
            let config = client(&[&open, &closed], version, "http/1.1", None);
            knock(&open, &config).await.unwrap();
            assert_eq!(knock(&open, &config).await, Ok((HandshakeKind::Resumed, shown(None))));
            let error = knock(&closed, &config).await.unwrap_err();
            assert!(error.contains("fatal alert"), "{version:?}: {error}");
            closed.told.will_have("handshake: no_certificate").await;
        }
    }
}

#[tokio::test]
async fn a_session_does_not_outlive_a_reload_that_takes_its_ca_away() {
    let (edge, other) = (TestCa::named("edge"), TestCa::named("other"));
    let cert = edge.client(|c| c);
    let by_ticket = |version| (version, Resumption::in_memory_sessions(8));
    let by_id = (&TLS12, Resumption::in_memory_sessions(8).tls12_resumption(Tls12Resumption::SessionIdOnly));
    for (version, resumption) in VERSIONS.map(by_ticket).into_iter().chain([by_id]) {
        let server = listening(ClientAuth::Optional, &[&edge, &other]);
        let mut config = client(&[&server], version, "http/1.1", Some(&cert));
        config.resumption = resumption;
        knock(&server, &config).await.unwrap();
        let resumed = knock(&server, &config).await;
        assert_eq!(resumed, Ok((HandshakeKind::Resumed, shown(Some(&cert.chain_der)))), "{version:?}");
        let tls = server.tls.as_ref().unwrap();
        tls.replace(asking(&server.ca, ClientAuth::Optional, &[&other.pem()]).unwrap());
        let error = knock(&server, &config).await.unwrap_err();
        assert!(error.contains("fatal alert"), "{version:?}: {error}");
        server.told.will_have("handshake: bad_certificate").await;
    }
}
