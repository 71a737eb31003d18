//! A throw-away certificate authority: its key lives in this process alone and is never written.

use super::Trouble;
use crate::model::Timestamp;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::PKCS_ECDSA_P256_SHA256;
use rcgen::SerialNumber;
use rustls::pki_types::ServerName;
use std::time::Duration;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// In every certificate that quickstart makes: `serve` and `check` know it by this.
pub(super) const QUICKSTART: &str = "Pushward quickstart (throw-away)";
/// In every certificate that `certs dev` makes.
pub(super) const DEV: &str = "Pushward dev (throw-away)";
/// How long such certificates and quickstart's tokens last.
pub(super) const LIFE: Duration = Duration::from_secs(30 * 86_400);
/// A clock that is a little behind still takes the certificate.
const CLOCKS_APART: Duration = Duration::from_secs(3_600);

/// A CA that can sign until it is dropped.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    organization: &'static str,
    now: Timestamp,
}

/// A certificate with its key, both PEM.
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: Zeroizing<String>,
}

impl Authority {
    pub(super) fn new(organization: &'static str, now: Timestamp) -> Result<Self, Trouble> {
        let mut params = params(organization, &format!("{organization} CA"), now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, new_key()?).map_err(refused)?;
        Ok(Self { issuer, organization, now })
    }

    /// The CA's own certificate: what others are told to trust.
    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server's certificate for these names and addresses, besides those of the machine itself.
    pub(super) fn server(&self, hosts: &[String]) -> Result<Issued, Trouble> {
        let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        for host in hosts {
            if ServerName::try_from(host.as_str()).is_err() {
                let text = format!("{host:?} is no name of a host, expected one such as push.example.org or 192.0.2.7");
                return Err(Trouble::Usage(text));
            }
            if !names.contains(host) {
                names.push(host.clone());
            }
        }
        self.issue("localhost", names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's certificate, known by this DNS name.
    pub(super) fn client(&self, name: &str) -> Result<Issued, Trouble> {
        self.issue(name, vec![name.to_owned()], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, common_name: &str, names: Vec<String>, usage: ExtendedKeyUsagePurpose) -> Result<Issued, Trouble> {
        let mut params = params(self.organization, common_name, self.now)?;
        params.subject_alt_names = CertificateParams::new(names).map_err(refused)?.subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(refused)?;
        Ok(Issued { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) })
    }
}

fn params(organization: &str, common_name: &str, now: Timestamp) -> Result<CertificateParams, Trouble> {
    let moment = |timestamp: Timestamp| {
        OffsetDateTime::from_unix_timestamp(timestamp.unix_seconds())
            .map_err(|error| Trouble::Failure(format!("the machine's clock is off: {error}")))
    };
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| Trouble::Failure(format!("no random numbers: {error}")))?;
    if let Some(first) = serial.first_mut() {
        // A serial is positive, and its length does not vary.
        *first = *first & 0x7f | 0x40;
    }
    let mut params = CertificateParams::default();
    params.not_before = moment(now)? - CLOCKS_APART;
    params.not_after = moment(now.saturating_add(LIFE))?;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

fn new_key() -> Result<KeyPair, Trouble> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(refused)
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn refused(error: rcgen::Error) -> Trouble {
    Trouble::Failure(format!("cannot make a certificate: {error}"))
}
