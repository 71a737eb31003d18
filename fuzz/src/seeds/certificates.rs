//! Certificates. Their keys are made, sign, and are forgotten.

use crate::Seed;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::SanType;

pub(crate) fn certificates() -> Vec<Seed> {
    let uri = |uri: &str| SanType::URI(uri.try_into().expect("ASCII"));
    let dns = |name: &str| SanType::DnsName(name.try_into().expect("ASCII"));
    let email = |name: &str| SanType::Rfc822Name(name.try_into().expect("ASCII"));
    vec![
        ("svid", leaf(&[uri("spiffe://edge.example.org/payments/laptop-7")], true, false)),
        ("svid-two", leaf(&[uri("spiffe://edge.example.org/a"), uri("spiffe://edge.example.org/b")], true, false)),
        ("svid-path", leaf(&[uri("spiffe://edge.example.org/a/../b")], true, false)),
        ("svid-ca", leaf(&[uri("spiffe://edge.example.org/a")], true, true)),
        ("no-usage", leaf(&[uri("spiffe://edge.example.org/a")], false, false)),
        ("names", leaf(&[dns("host.example.org"), email("a@example.org"), uri("https://example.org/x")], true, false)),
        ("plain", leaf(&[], false, false)),
        ("nothing", Vec::new()),
    ]
}

fn leaf(names: &[SanType], usage: bool, is_ca: bool) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "a client");
    params.subject_alt_names = names.to_vec();
    if usage {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    }
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().expect("a key");
    params.self_signed(&key).expect("a certificate").der().to_vec()
}
