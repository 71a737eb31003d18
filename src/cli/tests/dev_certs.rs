//! What `certs dev` writes.

use super::FAILED;
use super::GOOD;
use super::bad_usage;
use super::directory;
use super::made::day;
use super::made::provider;
use super::made::read;
use super::made::trusted;
use super::mode;
use super::pushward;
use crate::model::Timestamp;
use crate::testkit::TestCa;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

const PUBLIC: [&str; 6] = ["ca.pem", "server.pem", "edge-ca.pem", "edge.crl", "edge-1.pem", "edge-2.pem"];
const KEYS: [&str; 3] = ["server-key.pem", "edge-1-key.pem", "edge-2-key.pem"];

fn certificate(dir: &str, name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(Path::new(dir).join(name)).unwrap()
}

/// Whether a server that asks `ca` and `edge.crl` takes `name`.
fn let_in(dir: &str, ca: &str, name: &str, at: UnixTime) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(dir, ca)).unwrap();
    let crl = CertificateRevocationListDer::from_pem_file(Path::new(dir).join("edge.crl")).unwrap();
    let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), provider()).with_crls([crl]);
    let verifier = builder.enforce_revocation_expiration().build().unwrap();
    let verdict = verifier.verify_client_cert(&certificate(dir, name), &[], at);
    verdict.map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn dev_certificates_are_a_server_and_two_clients_of_which_one_is_revoked() {
    let (_dir, dir) = directory("certs");
    let ran = pushward(&["certs", "dev", "--dir", &dir, "--host", "push.example.org"]);
    assert_eq!((ran.code, &*ran.err), (GOOD, ""));
    for name in ["localhost", "127.0.0.1", "::1", "push.example.org"] {
        assert!(trusted(&dir, name, day(0)), "{name}");
    }
    for at in [0, 29] {
        assert_eq!(let_in(&dir, "edge-ca.pem", "edge-1.pem", day(at)), Ok(()));
    }
    for (ca, name, at, wrong) in [
        ("edge-ca.pem", "edge-2.pem", 0, "revoked"),
        ("edge-ca.pem", "edge-1.pem", 31, "expired"),
        ("edge-ca.pem", "server.pem", 0, "extended key usage"),
        ("ca.pem", "edge-1.pem", 0, "UnknownIssuer"),
        ("ca.pem", "server.pem", 0, "extended key usage"),
    ] {
        let error = let_in(&dir, ca, name, day(at)).unwrap_err().to_lowercase();
        assert!(error.contains(&wrong.to_lowercase()), "{name}: {error}");
    }
}

#[test]
fn a_dev_client_is_an_svid() {
    let (_dir, dir) = directory("certs");
    pushward(&["certs", "dev", "--dir", &dir]);
    for (file, uri, dns) in [
        ("edge-1.pem", "spiffe://edge.example.org/payments/site-1", "site-1.edge.example.org"),
        ("edge-2.pem", "spiffe://edge.example.org/payments/site-2", "site-2.edge.example.org"),
    ] {
        let der = certificate(&dir, file);
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        let names = &parsed.subject_alternative_name().unwrap().unwrap().value.general_names;
        assert_eq!(names[..], [GeneralName::URI(uri), GeneralName::DNSName(dns)]);
        let usage = parsed.key_usage().unwrap().unwrap();
        assert!(usage.critical && usage.value.digital_signature());
        assert!(!usage.value.key_cert_sign() && !usage.value.crl_sign() && !parsed.is_ca());
    }
}

#[test]
fn dev_certificates_are_all_there_is_and_their_keys_are_their_owners() {
    let (_dir, dir) = directory("certs");
    let ran = pushward(&["certs", "dev", "--dir", &dir]);
    let there: BTreeSet<_> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, PUBLIC.into_iter().chain(KEYS).map(str::to_owned).collect());
    for key in KEYS {
        assert_eq!(mode(&Path::new(&dir).join(key)), 0o600);
        for line in read(&dir, key).lines().filter(|line| !line.starts_with("-----")) {
            assert!(!ran.out.contains(line));
        }
    }
    // A CA's key is nowhere.
    for name in PUBLIC {
        assert!(!read(&dir, name).contains("PRIVATE KEY"), "{name}");
    }
    for line in [
        &format!("certificate_file: \"{dir}/server.pem\""),
        &format!("ca_file: \"{dir}/edge-ca.pem\""),
        &format!("crl_file: \"{dir}/edge.crl\""),
        "client_auth: optional",
        "edge-2 is site-2 of the same, and revoked",
        "uri: \"spiffe://edge.example.org/payments/*\", scopes: [push], labels: { site: \"{uri.2}\" }",
    ] {
        assert!(ran.out.contains(line), "{line} in\n{}", ran.out);
    }
}

#[test]
fn what_certs_dev_prints_is_a_configuration_without_a_fault() {
    let (_dir, dir) = directory("certs");
    let ran = pushward(&["certs", "dev", "--dir", &dir]);
    let (_, printed) = ran.out.split_once("\nlistener:\n").unwrap();
    let config = format!("{dir}/p.yml");
    let text = format!("listener:\n  address: 127.0.0.1:1\n{printed}");
    std::fs::write(&config, &text).unwrap();
    let checked = pushward(&["check", "--config", &config]);
    assert_eq!((checked.code, &*checked.err), (GOOD, ""));
    let explain = |name: &str| {
        let (certificate, job) = (format!("{dir}/{name}"), ["--job", "j"]);
        pushward(&[&["explain", "--config", &config, "--certificate", &certificate][..], &job].concat())
    };
    let first = explain("edge-1.pem");
    assert!(first.code == GOOD && first.out.contains("bound: site=\"site-1\""), "{}{}", first.out, first.err);
    assert_eq!(explain("edge-2.pem").code, FAILED);
}

/// What `check` says of a CA with these files.
fn check_says(ca_file: &str, crl_file: &str) -> Vec<String> {
    let (tmp, dir) = directory("certs");
    pushward(&["certs", "dev", "--dir", &dir]);
    let ca = tmp.path().join("ca");
    std::fs::write(&ca, ca_file).unwrap();
    let crl = match crl_file {
        "" => String::new(),
        text => {
            std::fs::write(tmp.path().join("crl"), text).unwrap();
            format!("crl_file: {}", tmp.path().join("crl").display())
        }
    };
    let text = format!(
        "listener: {{ address: '127.0.0.1:1', tls: {{ certificate_file: server.pem, key_file: server-key.pem,\n\
         client_auth: optional, client_cas: {{ edge: {{ tenants: [a], ca_file: {}, {crl} }} }} }} }}\n\
         tenants: {{ a: {{ certificates: [ {{ ca: edge, dns: x, scopes: [push] }} ] }} }}\n",
        ca.display()
    );
    std::fs::write(format!("{dir}/p.yml"), text).unwrap();
    let ran = pushward(&["check", "--config", &format!("{dir}/p.yml")]);
    assert_eq!(ran.code == GOOD, ran.err.is_empty());
    ran.err.lines().map(str::to_owned).collect()
}

#[test]
fn check_finds_cas_and_lists_that_let_in_nobody_or_soon_will() {
    let now = Timestamp::from_unix_seconds(1_893_456_000);
    let in_days = |days: u64| now.saturating_add(Duration::from_secs(days * 86_400));
    let until = |days: i64| {
        let end = now.unix_seconds() + days * 86_400;
        TestCa::with("edge", |ca| ca.not_after = time::OffsetDateTime::from_unix_timestamp(end).unwrap())
    };
    let (good, other) = (until(100), TestCa::named("other"));
    let list = |ca: &TestCa, days: u64| ca.crl(&[], in_days(days)).pem;
    assert!(check_says(&good.pem(), "").is_empty());
    assert!(check_says(&good.pem(), &list(&good, 1)).is_empty());
    let both = list(&good, 1) + &list(&other, 1);
    assert!(check_says(&(good.pem() + &other.pem()), &both).is_empty());
    for (ca, crl, key, expected) in [
        (until(13).pem(), String::new(), "ca_file", "certificate 1 ends on 2030-01-14T00:00:00Z"),
        (until(-1).pem(), String::new(), "ca_file", "certificate 1 ended on"),
        ("x".to_owned(), String::new(), "ca_file", "no certificate"),
        (good.client(|c| c.dns("x")).chain_pem, String::new(), "ca_file", ""),
        (good.pem(), "x".to_owned(), "crl_file", "revocation list"),
        (good.pem(), list(&good, 0), "crl_file", "was to be renewed by 2030-01-01T00:00:00Z"),
        (good.pem(), list(&other, 1), "crl_file", "holds no revocation list of certificate 1 in"),
        (good.pem(), list(&until(100), 1), "crl_file", "holds no revocation list of certificate 1 in"),
        (good.pem() + &other.pem(), list(&good, 1), "crl_file", "holds no revocation list of certificate 2 in"),
    ] {
        let told = check_says(&ca, &crl);
        assert_eq!(told.len(), 1, "{told:?}");
        let key = format!("listener.tls.client_cas.edge.{key}: ");
        assert!(told[0].contains(&key) && told[0].contains(expected), "{expected}: {told:?}");
    }
}

#[test]
fn dev_certificates_overwrite_nothing() {
    let (_dir, dir) = directory("certs");
    pushward(&["certs", "dev", "--dir", &dir]);
    let before = read(&dir, "server.pem");
    std::fs::remove_file(Path::new(&dir).join("ca.pem")).unwrap();
    let again = pushward(&["certs", "dev", "--dir", &dir]);
    assert_eq!(again.code, bad_usage());
    let all = "has server.pem, server-key.pem, edge-ca.pem, edge.crl, edge-1.pem, edge-1-key.pem, edge-2.pem, \
               edge-2-key.pem already";
    assert!(again.err.contains(all), "{}", again.err);
    assert_eq!(read(&dir, "server.pem"), before);
    assert!(!Path::new(&dir).join("ca.pem").exists());
}
