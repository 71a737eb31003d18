use super::TestCa;
use crate::model::Timestamp;
use rcgen::ExtendedKeyUsagePurpose::ServerAuth;
use rcgen::SignatureAlgorithm;
use rustls::RootCertStore;
use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

const NOW: u64 = 1_893_456_000;

fn verdict(root: &TestCa, cert: &super::TestCert) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots.add(root.der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
    let (leaf, rest) = cert.chain_der.split_first().unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    verifier.verify_client_cert(leaf, rest, now).map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn what_is_asked_for_is_what_a_verifier_finds() {
    let root = TestCa::new();
    let below = root.intermediate("below").intermediate("further below");
    let keys: [&'static SignatureAlgorithm; 4] =
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256];
    for key in keys {
        assert_eq!(verdict(&root, &root.client(|c| c.key(key))), Ok(()), "{key:?}");
    }
    let deep = below.client(|c| c.cn("deep"));
    assert_eq!((deep.chain_der.len(), verdict(&root, &deep)), (3, Ok(())));
    assert_eq!(deep.chain_pem.matches("BEGIN CERTIFICATE").count(), 3);
    for (cert, wrong) in [
        (root.client(|c| c.expired()), "expired"),
        (root.client(|c| c.not_yet_valid()), "not valid yet"),
        (root.client(|c| c.usages(&[ServerAuth])), "extended key usage"),
        (TestCa::named("other").client(|c| c), "UnknownIssuer"),
    ] {
        let error = verdict(&root, &cert).unwrap_err();
        assert!(error.contains(wrong), "{wrong}: {error}");
    }
}

#[test]
fn names_and_serials_are_in_the_certificate() {
    let cert = TestCa::new().client(|c| {
        c.cn("c")
            .uri("spiffe://a.example/b")
            .uri("urn:x")
            .dns("A.example")
            .email("a@b.example")
            .ip("::1")
            .serial(&[7, 9])
    });
    let (_, parsed) = X509Certificate::from_der(&cert.chain_der[0]).unwrap();
    let names = &parsed.subject_alternative_name().unwrap().unwrap().value.general_names;
    assert!(matches!(
        names[..],
        [
            GeneralName::URI("spiffe://a.example/b"),
            GeneralName::URI("urn:x"),
            GeneralName::DNSName("A.example"),
            GeneralName::RFC822Name("a@b.example"),
            GeneralName::IPAddress(_)
        ]
    ));
    assert_eq!((parsed.raw_serial(), cert.serial.as_slice()), (&[7, 9][..], &[7, 9][..]));
}

#[test]
fn a_list_names_serials_and_its_end() {
    let ca = TestCa::new();
    for end in [1_000_000_000, 4_000_000_000] {
        let crl = ca.crl(&[&[7, 9]], Timestamp::from_unix_seconds(end));
        let (_, parsed) = CertificateRevocationList::from_der(&crl.der).unwrap();
        assert_eq!(parsed.next_update().unwrap().timestamp(), end);
        let serials: Vec<_> = parsed.iter_revoked_certificates().map(|entry| entry.raw_serial().to_vec()).collect();
        assert_eq!(serials, [[7, 9]]);
    }
}
