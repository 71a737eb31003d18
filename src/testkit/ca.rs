//! Certificate authorities that live as long as a test.

use super::cert::TestCert;
use super::cert::TestCertParams;
use crate::model::Timestamp;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertificateRevocationListParams;
use rcgen::CertifiedIssuer;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyIdMethod;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::RevocationReason;
use rcgen::RevokedCertParams;
use rcgen::SerialNumber;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

/// Before any clock of a test.
const LONG_AGO: i64 = 1_577_836_800;

/// Signs what tests need; trusted by whoever is given its certificate.
#[derive(Debug)]
pub struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// What its clients show besides their own certificate: the issuer's and those above it, but no root.
    path: Vec<CertificateDer<'static>>,
    path_pem: String,
}

/// A revocation list.
#[derive(Clone, Debug)]
pub struct TestCrl {
    pub pem: String,
    pub der: Vec<u8>,
}

impl TestCa {
    /// A root.
    pub fn new() -> Self {
        Self::named("test CA")
    }

    /// A root of this common name.
    pub fn named(name: &str) -> Self {
        Self::with(name, |_| {})
    }

    /// A root that is not what roots are: `change` comes after everything else.
    #[expect(clippy::expect_used, reason = "parameters that are written here are valid")]
    pub fn with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca_params(name);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        Self { issuer, path: Vec::new(), path_pem: String::new() }
    }

    /// A CA that this one has signed.
    pub fn intermediate(&self, name: &str) -> Self {
        self.intermediate_with(name, |_| {})
    }

    /// A CA that this one has signed and that is not what such a CA is.
    #[expect(clippy::expect_used, reason = "parameters that are written here are valid")]
    pub fn intermediate_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = ca_params(name);
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::signed_by(params, key, &self.issuer).expect("a certificate");
        let path = std::iter::once(issuer.der().clone()).chain(self.path.iter().cloned()).collect();
        let path_pem = issuer.pem() + &self.path_pem;
        Self { issuer, path, path_pem }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A server's certificate for these names and addresses, and its key, both in PEM.
    #[expect(clippy::expect_used, reason = "a test that names something else is to fail here")]
    pub fn server(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("DNS names and IP addresses");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.distinguished_name.push(DnType::CommonName, "test server");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// A client's certificate: valid, for client authentication, P-256, without a name until `change` gives it one.
    #[expect(clippy::expect_used, reason = "a test that asks for what cannot be is to fail here")]
    pub fn client(&self, change: impl FnOnce(TestCertParams) -> TestCertParams) -> TestCert {
        let TestCertParams { params, key } = change(TestCertParams::client());
        let key = KeyPair::generate_for(key).expect("a key");
        let leaf = params.signed_by(&key, &self.issuer).expect("a certificate");
        let serial = params.serial_number.as_ref().map(SerialNumber::to_bytes).unwrap_or_default();
        TestCert {
            chain_pem: leaf.pem() + &self.path_pem,
            key_pem: key.serialize_pem(),
            chain_der: std::iter::once(leaf.der()).chain(&self.path).cloned().collect(),
            serial: serial.into_iter().skip_while(|byte| *byte == 0).collect(),
            key_der: key.serialize_der(),
        }
    }

    /// A list that this CA has signed, with these serial numbers on it, good until `next_update`.
    #[expect(clippy::expect_used, reason = "parameters that are written here are valid")]
    pub fn crl(&self, serials: &[&[u8]], next_update: Timestamp) -> TestCrl {
        let this_update = Timestamp::from_unix_seconds(LONG_AGO.min(next_update.unix_seconds() - 86_400));
        let revoked = |serial: &&[u8]| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: moment(this_update),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: moment(this_update),
            next_update: moment(next_update),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let crl = params.signed_by(&self.issuer).expect("a list");
        TestCrl { pem: crl.pem().expect("PEM of any DER"), der: crl.der().to_vec() }
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

#[expect(clippy::expect_used, reason = "a test that names a moment beyond the year 9999 is to fail here")]
pub(super) fn moment(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.unix_seconds()).expect("a moment")
}

#[cfg(test)]
mod tests;
