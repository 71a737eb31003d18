//! What `certs dev` writes.

use super::GOOD;
use super::bad_usage;
use super::directory;
use super::made::day;
use super::made::provider;
use super::made::read;
use super::made::trusted;
use super::mode;
use super::pushward;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use std::collections::BTreeSet;
use std::path::Path;
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
