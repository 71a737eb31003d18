//! What a reload does to the keys of issuers, and to files of keys that cannot be read.

use super::DAY;
use super::Entrance;
use super::REFRESH;
use super::ci;
use super::config;
use super::settle;
use super::until;
use crate::issuer_server::IssuerServer;
use crate::issuer_server::Manner;
use pushward::config::KeySource;
use pushward::identity::IdentityError;
use pushward::model::Clock;
use pushward::testkit::GatewayBuilder;
use pushward::testkit::TestIssuer;
use std::time::Duration;

#[tokio::test]
async fn a_reload_keeps_the_keys_of_an_issuer_that_it_does_not_change() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let at = |path: &str| config(&issuer, server.source_at(path));
    let mut entrance = Entrance::open(&at("/a"));
    assert!(entrance.lets_in(&ci(&issuer)).await);
    let mut other_audience = at("/a");
    other_audience.issuers.get_mut("ci").unwrap().audiences.insert("https://more.example".into());
    entrance.reload(&other_audience);
    assert!(entrance.lets_in(&ci(&issuer)).await);
    settle().await;
    assert_eq!(server.paths(), ["/a"]);
    // The one task goes on.
    entrance.clock.advance(REFRESH);
    until(|| server.paths().len() == 2).await;
    // Another place: its keys are fetched from there, and the old ones are gone.
    entrance.reload(&at("/b"));
    assert!(entrance.lets_in(&ci(&issuer)).await);
    assert_eq!((server.paths(), server.connections()), (["/a", "/a", "/b"].map(str::to_owned).into(), 3));
    // Nobody fetches for an issuer that is gone.
    let without = GatewayBuilder::new().tenant("red").into_parts().0;
    entrance.reload(&without);
    assert!(!entrance.lets_in(&ci(&issuer)).await);
    entrance.clock.advance(DAY);
    settle().await;
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn what_a_reload_withdraws_is_withdrawn_from_proved_tokens_too() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let mut config = config(&issuer, server.source());
    let mut entrance = Entrance::open(&config);
    let token = ci(&issuer);
    assert!(entrance.lets_in(&token).await);
    let claims = config.tenants.values().next().unwrap().jwts[0].claims.clone();
    config.revoked.push(pushward::config::Revoked::Claims { issuer: "ci".into(), claims });
    entrance.reload(&config);
    let revoked = IdentityError::Revoked { credential: "of issuer ci".into() };
    assert_eq!(entrance.ask(&token).await, Err(revoked));
    config.revoked.clear();
    config.tenants.get_mut("red").unwrap().jwts.clear();
    entrance.reload(&config);
    assert_eq!(entrance.ask(&token).await, Err(IdentityError::NoRule));
}

#[tokio::test]
async fn a_file_of_keys_that_does_not_load_closes_its_issuer_at_the_start_and_changes_nothing_later() {
    let mut issuer = TestIssuer::new("ci");
    let config = config(&issuer, issuer.config().keys);
    let good = issuer.jwks();
    let token = ci(&issuer);
    for bad in ["", "{}", r#"{"keys":[]}"#, "garbage", &good[..good.len() / 2], &" ".repeat((1 << 20) + 1)] {
        issuer.publish_text(bad);
        let mut entrance = Entrance::open(&config);
        assert!(!entrance.lets_in(&token).await && !entrance.fault().is_empty(), "{bad}");
        assert_eq!(entrance.registry.key_ages(), [("ci".to_owned(), None)]);
        issuer.publish_text(&good);
        entrance.reload(&config);
        assert!(entrance.lets_in(&token).await && entrance.fault().is_empty(), "{bad}");
        let read = entrance.clock.now();
        entrance.clock.advance(Duration::from_secs(1));
        issuer.publish_text(bad);
        entrance.reload(&config);
        assert!(entrance.lets_in(&token).await && !entrance.fault().is_empty(), "{bad}");
        assert_eq!(entrance.registry.key_ages(), [("ci".to_owned(), Some(read))]);
        // A file of another name is another source: what the old one said is no longer asked for.
        let mut elsewhere = config.clone();
        elsewhere.issuers.get_mut("ci").unwrap().keys = KeySource::File("/absent/jwks.json".into());
        entrance.reload(&elsewhere);
        assert!(!entrance.lets_in(&token).await && entrance.fault().contains("cannot be read"), "{bad}");
    }
    issuer.publish_text(&good);
    let mut entrance = Entrance::open(&config);
    assert!(entrance.lets_in(&token).await);
    issuer.rotate();
    issuer.publish();
    entrance.reload(&config);
    assert!(!entrance.lets_in(&token).await && entrance.lets_in(&ci(&issuer)).await);
}

#[tokio::test]
async fn a_directory_in_the_place_of_a_file_is_no_file() {
    let issuer = TestIssuer::new("ci");
    let folder = tempfile::tempdir().unwrap();
    let entrance = Entrance::open(&config(&issuer, KeySource::File(folder.path().to_owned())));
    assert!(!entrance.lets_in(&ci(&issuer)).await && entrance.fault().contains("cannot be read"));
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_file_keeps_nobody_waiting() {
    let issuer = TestIssuer::new("ci");
    let server = IssuerServer::start(Manner::Keys(issuer.jwks())).await;
    let pipe = server.file("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let url = server.url("/jwks");
    for keys in [
        KeySource::File(pipe.clone()),
        KeySource::Url { url: url.clone(), ca_file: Some(pipe.clone()), token_file: None },
        KeySource::Url { url, ca_file: Some(server.file("ca.pem")), token_file: Some(pipe) },
    ] {
        // Without a runtime's threads: one that waited would keep the runtime from ending.
        let entrance = Entrance::open(&config(&issuer, keys));
        entrance.fails_with("it is no file").await;
        assert!(!entrance.lets_in(&ci(&issuer)).await);
    }
}
