//! A throw-away certificate authority: its key lives in this process alone and is never written.

use super::Trouble;
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
use rcgen::PKCS_ECDSA_P256_SHA256;
use rcgen::RevocationReason;
use rcgen::RevokedCertParams;
use rcgen::SanType;
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
    pub(super) serial: SerialNumber,
}

impl Authority {
    /// `role` is what sets it apart from other CAs of the organization; it may be empty.
    pub(super) fn new(organization: &'static str, role: &str, now: Timestamp) -> Result<Self, Trouble> {
        let (mut params, _) = params(organization, &format!("{organization}{role} CA"), now)?;
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
        let names = CertificateParams::new(names).map_err(refused)?.subject_alt_names;
        self.issue("localhost", names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client's certificate, known by this URI (an X.509-SVID, if it is a SPIFFE ID) and this DNS name.
    pub(super) fn client(&self, uri: &str, dns: &str) -> Result<Issued, Trouble> {
        let names =
            vec![SanType::URI(uri.try_into().map_err(refused)?), SanType::DnsName(dns.try_into().map_err(refused)?)];
        self.issue(dns, names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A revocation list with these on it, in PEM; the next one would be due when everything else ends as well.
    pub(super) fn crl(&self, revoked: &[&Issued]) -> Result<String, Trouble> {
        let this_update = moment(self.now)? - CLOCKS_APART;
        let entry = |issued: &&Issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: this_update,
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update,
            next_update: moment(self.now.saturating_add(LIFE))?,
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(refused)
    }

    fn issue(&self, name: &str, names: Vec<SanType>, usage: ExtendedKeyUsagePurpose) -> Result<Issued, Trouble> {
        let (mut params, serial) = params(self.organization, name, self.now)?;
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(refused)?;
        Ok(Issued { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()), serial })
    }
}

fn moment(timestamp: Timestamp) -> Result<OffsetDateTime, Trouble> {
    OffsetDateTime::from_unix_timestamp(timestamp.unix_seconds())
        .map_err(|error| Trouble::Failure(format!("the machine's clock is off: {error}")))
}

/// And the serial number that is in them.
fn params(organization: &str, common_name: &str, now: Timestamp) -> Result<(CertificateParams, SerialNumber), Trouble> {
    let mut serial = [0; 16];
    getrandom::fill(&mut serial).map_err(|error| Trouble::Failure(format!("no random numbers: {error}")))?;
    if let Some(first) = serial.first_mut() {
        // A serial is positive, and its length does not vary.
        *first = *first & 0x7f | 0x40;
    }
    let mut params = CertificateParams::default();
    params.not_before = moment(now)? - CLOCKS_APART;
    params.not_after = moment(now.saturating_add(LIFE))?;
    let serial = SerialNumber::from_slice(&serial);
    params.serial_number = Some(serial.clone());
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok((params, serial))
}

fn new_key() -> Result<KeyPair, Trouble> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(refused)
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn refused(error: rcgen::Error) -> Trouble {
    Trouble::Failure(format!("cannot make a certificate: {error}"))
}
