//! What `quickstart` writes.

use super::FAILED;
use super::GOOD;
use super::bad_usage;
use super::directory;
use super::mode;
use super::pushward;
use crate::config::Config;
use crate::config::Reading;
use crate::model::PlainToken;
use crate::model::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

const SECRETS: [&str; 7] =
    ["push.token", "read.token", "admin.token", "prometheus.token", "operator.token", "push.header", "server-key.pem"];

pub(super) fn read(dir: &str, name: &str) -> String {
    std::fs::read_to_string(Path::new(dir).join(name)).unwrap()
}

fn token(dir: &str, name: &str) -> PlainToken {
    PlainToken::parse(&read(dir, &format!("{name}.token"))).unwrap()
}

fn config(dir: &str) -> Config {
    Config::load(&Path::new(dir).join("pushward.yml")).unwrap()
}

pub(super) fn roots(dir: &str) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(Path::new(dir).join("ca.pem")).unwrap();
    roots.add(ca).unwrap();
    Arc::new(roots)
}

pub(super) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Days after the test's clock began.
pub(super) fn day(days: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000 + days * 86_400))
}

/// Whether a client that trusts DIR/ca.pem takes DIR/server.pem for `name`.
pub(super) fn trusted(dir: &str, name: &str, at: UnixTime) -> bool {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(dir), provider()).build().unwrap();
    let server = CertificateDer::from_pem_file(Path::new(dir).join("server.pem")).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(&server, &[], &name, &[], at).is_ok()
}

#[test]
fn quickstart_makes_what_the_contract_lists_and_serves_it() {
    let (_dir, dir) = directory("q");
    let ran = pushward(&["quickstart", "--dir", &dir]);
    assert_eq!((ran.code, &*ran.err), (GOOD, ""));
    let there: BTreeSet<_> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let listed =
        SECRETS.into_iter().chain(["pushward.yml", "ca.pem", "server.pem", "data", "prometheus.yml", "rules.yml"]);
    assert_eq!(there, listed.map(str::to_owned).collect());
    for secret in SECRETS {
        assert_eq!(mode(&Path::new(&dir).join(secret)), 0o600, "{secret}");
        for line in read(&dir, secret).lines().filter(|line| !line.starts_with("-----")) {
            let secret = line.trim_start_matches("Authorization: Bearer ");
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret));
        }
    }
    assert_eq!(mode(&Path::new(&dir).join("data")), 0o700);
    assert_eq!(read(&dir, "push.header"), format!("Authorization: Bearer {}\n", read(&dir, "push.token")));
    let served = ran.served.unwrap();
    assert_eq!(served.listeners[0].addresses, ["127.0.0.1:9091".parse().unwrap()]);
    assert_eq!(pushward(&["check", "--config", &format!("{dir}/pushward.yml")]).code, GOOD);
    for line in ["--cacert", "/push.header", "prometheus --config.file=", "What was pushed is kept in"] {
        assert!(ran.out.contains(line), "{line} in\n{}", ran.out);
    }
    // Only the CA's certificate is anywhere, never its key.
    let keys = there.iter().filter(|name| *name != "data" && read(&dir, name).contains("PRIVATE KEY"));
    assert_eq!(keys.collect::<Vec<_>>(), ["server-key.pem"]);
}

#[test]
fn quickstarts_tokens_are_what_the_contract_says() {
    let (_dir, dir) = directory("q");
    let (_dir2, exposed) = directory("q");
    pushward(&["quickstart", "--dir", &dir]);
    pushward(&["quickstart", "--dir", &exposed, "--expose", "--address", ":9091"]);
    let ends = Some(Timestamp::from_unix_seconds(1_893_456_000 + 30 * 86_400));
    for (dir, open) in [(&dir, false), (&exposed, true)] {
        let config = config(dir);
        for (name, scopes) in [("push", "push delete"), ("read", "read"), ("admin", "push delete read admin")] {
            let token = token(dir, name);
            let found = config.tenants["demo"].tokens.iter().find(|entry| entry.id == token.id()).unwrap();
            assert_eq!((found.digest, found.grant.expires), (token.digest(), ends));
            assert!(found.id.as_str().starts_with("qs"));
            let granted: Vec<_> = found.grant.scopes.iter().map(|verb| verb.name()).collect();
            assert_eq!(granted.join(" "), scopes);
            assert_eq!(found.grant.networks.is_none(), open && name != "admin", "{name}");
            for network in found.grant.networks.iter().flatten() {
                assert!(["127.0.0.0/8", "::1/128"].contains(&&*network.to_string()));
            }
        }
        for (name, scopes) in [("prometheus", "fleet:read ops:read"), ("operator", "fleet:read fleet:admin")] {
            let token = token(dir, name);
            let found = &config.operators[name].tokens[0];
            assert_eq!((found.id, found.digest, found.grant.expires), (token.id(), token.digest(), ends));
            let granted: Vec<_> = found.grant.scopes.iter().map(|scope| scope.name()).collect();
            assert_eq!(granted.join(" "), scopes);
            assert_eq!(found.grant.networks.as_ref().unwrap().len(), 2);
        }
    }
}

#[test]
fn quickstarts_certificate_is_trusted_through_its_ca_for_thirty_days() {
    let (_dir, dir) = directory("q");
    pushward(&["quickstart", "--dir", &dir, "--host", "push.example.org", "--address", "192.0.2.7:9091"]);
    for name in ["localhost", "127.0.0.1", "::1", "push.example.org", "192.0.2.7"] {
        assert!(trusted(&dir, name, day(0)) && trusted(&dir, name, day(29)), "{name}");
        assert!(!trusted(&dir, name, day(31)));
    }
    assert!(!trusted(&dir, "example.org", day(0)));
    let server = CertificateDer::from_pem_file(Path::new(&dir).join("server.pem")).unwrap();
    let (_, parsed) = X509Certificate::from_der(&server).unwrap();
    assert_eq!(parsed.public_key().parsed().unwrap().key_size(), 256);
    assert!(parsed.raw_serial().len() == 16);
    // The tokens are for loopback, so it listens there too.
    let addresses: Vec<_> = config(&dir).listeners[0].addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["192.0.2.7:9091", "127.0.0.1:9091"]);
    assert!(read(&dir, "prometheus.yml").contains("[\"127.0.0.1:9091\"]"));
}

#[test]
fn quickstart_beyond_loopback_is_warned_of_and_a_fault_of_check() {
    let (_dir, dir) = directory("q");
    let ran = pushward(&["quickstart", "--dir", &dir, "--address", ":9091"]);
    assert!(ran.served.is_some());
    let path = format!("{dir}/pushward.yml");
    let check = pushward(&["check", "--config", &path]);
    assert_eq!(check.code, FAILED);
    let serve = pushward(&["serve", "--config", &path]);
    assert_eq!(serve.code, GOOD);
    for text in [&ran.err, &check.err, &serve.err] {
        // Five tokens and the certificate.
        let warned = text.lines().filter(|line| line.contains("quickstart") && line.contains("beyond loopback"));
        assert_eq!(warned.count(), 6, "{text}");
    }
    assert_eq!(Reading::load(Path::new(&path)).unwrap().cautions.len(), 5);
}

#[test]
fn quickstart_changes_nothing_that_is_there() {
    let (_dir, dir) = directory("q");
    pushward(&["quickstart", "--dir", &dir]);
    let before = read(&dir, "push.token");
    std::fs::remove_dir(Path::new(&dir).join("data")).unwrap();
    let again = pushward(&["quickstart", "--dir", &dir, "--expose"]);
    assert!(again.served.is_some() && again.err.contains("--expose are for a new directory"));
    assert_eq!(read(&dir, "push.token"), before);
    std::fs::remove_file(Path::new(&dir).join("server.pem")).unwrap();
    let half = pushward(&["quickstart", "--dir", &dir]);
    assert_eq!(half.code, bad_usage());
    assert!(half.served.is_none() && half.err.contains("is half made: server.pem missing, ca.pem, "), "{}", half.err);
    assert!(!Path::new(&dir).join("server.pem").exists());
}

#[test]
fn what_quickstart_cannot_serve_it_does_not_make() {
    for wrong in [
        &["--address", "localhost:9091"][..],
        &["--address", "127.0.0.1:0"],
        &["--address", "127.0.0.1"],
        &["--host", "not a host"],
        &["--host", "https://example.org"],
    ] {
        let (_dir, dir) = directory("q");
        let ran = pushward(&[&["quickstart", "--dir", &dir], wrong].concat());
        assert_eq!(ran.code, bad_usage(), "{wrong:?}");
        assert!(!Path::new(&dir).exists() && ran.served.is_none());
    }
    let (_dir, dir) = directory("q");
    let ran = pushward(&["quickstart", "--dir", &dir, "--address", "127.0.0.1:9191"]);
    assert_eq!(ran.served.unwrap().ops.listener.addresses[0].port(), 9192);
}
