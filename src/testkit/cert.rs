//! A client's certificate in the making, and made.

use super::ca::moment;
use crate::model::Timestamp;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::KeyUsagePurpose;
use rcgen::SanType;
use rcgen::SerialNumber;
use rcgen::SignatureAlgorithm;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::fmt;

/// What a certificate is to say. The methods add; whatever they do not reach is in `params`.
#[derive(Clone, Debug)]
pub struct TestCertParams {
    pub params: CertificateParams,
    /// Of the key: `rcgen::PKCS_ECDSA_P256_SHA256`, `…_P384_SHA384`, `PKCS_ED25519`, `PKCS_RSA_SHA256` (2048 bits).
    pub key: &'static SignatureAlgorithm,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct TestCert {
    /// Leaf first, then the intermediates, without the root.
    pub chain_pem: String,
    pub key_pem: String,
    /// The same as `chain_pem`.
    pub chain_der: Vec<CertificateDer<'static>>,
    /// Big-endian, without zeros in front.
    pub serial: Vec<u8>,
    pub(super) key_der: Vec<u8>,
}

impl TestCertParams {
    pub(super) fn client() -> Self {
        let mut serial = [0_u8; 16];
        getrandom::fill(&mut serial).expect("the system has random numbers");
        serial[0] = serial[0] & 0x7f | 0x40;
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.distinguished_name = DistinguishedName::new();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        Self { params, key: &rcgen::PKCS_ECDSA_P256_SHA256 }
    }

    /// Whatever has no method of its own.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        change(&mut self.params);
        self
    }

    /// The common name of the subject, which is empty without.
    #[must_use]
    pub fn cn(self, name: &str) -> Self {
        self.with(|params| params.distinguished_name.push(DnType::CommonName, name))
    }

    #[must_use]
    pub fn uri(self, uri: &str) -> Self {
        self.san(SanType::URI(uri.try_into().expect("ASCII")))
    }

    #[must_use]
    pub fn dns(self, name: &str) -> Self {
        self.san(SanType::DnsName(name.try_into().expect("ASCII")))
    }

    #[must_use]
    pub fn email(self, address: &str) -> Self {
        self.san(SanType::Rfc822Name(address.try_into().expect("ASCII")))
    }

    #[must_use]
    pub fn ip(self, address: &str) -> Self {
        self.san(SanType::IpAddress(address.parse().expect("an IP address")))
    }

    #[must_use]
    pub fn san(self, name: SanType) -> Self {
        self.with(|params| params.subject_alt_names.push(name))
    }

    /// In place of client authentication.
    #[must_use]
    pub fn usages(self, usages: &[ExtendedKeyUsagePurpose]) -> Self {
        self.with(|params| params.extended_key_usages = usages.to_vec())
    }

    #[must_use]
    pub fn valid(self, from: Timestamp, to: Timestamp) -> Self {
        self.with(|params| (params.not_before, params.not_after) = (moment(from), moment(to)))
    }

    /// Past its end, whatever a test's clock says.
    #[must_use]
    pub fn expired(self) -> Self {
        self.with(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1))
    }

    /// Before its beginning, whatever a test's clock says.
    #[must_use]
    pub fn not_yet_valid(self) -> Self {
        self.with(|params| params.not_before = rcgen::date_time_ymd(3000, 1, 1))
    }

    /// In place of a random one. Big-endian.
    #[must_use]
    pub fn serial(self, serial: &[u8]) -> Self {
        self.with(|params| params.serial_number = Some(SerialNumber::from_slice(serial)))
    }

    /// In place of P-256.
    #[must_use]
    pub fn key(self, key: &'static SignatureAlgorithm) -> Self {
        Self { key, ..self }
    }
}

impl TestCert {
    /// For rustls.
    pub fn key_der(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.clone()).into()
    }
}

impl fmt::Debug for TestCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCert").field("certificates", &self.chain_der.len()).finish_non_exhaustive()
    }
}
