//! What a chain says of itself: the leaf's names, each of its own kind, and when which of its certificates is valid.

use super::authority::Validity;
use crate::model::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// A chain whose every certificate was read. Nothing in it was checked.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) leaf: Leaf,
    /// Of all certificates, the leaf's first: their bytes without zeros in front.
    pub(super) serials: Vec<Vec<u8>>,
    pub(super) validities: Vec<Validity>,
}

/// The certificate that the client has the key of.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    /// As they are, whatever they hold.
    pub(super) uris: Vec<String>,
    pub(super) dns: Vec<String>,
    pub(super) emails: Vec<String>,
    /// Of the subject; several are as good as none.
    pub(super) common_names: Vec<String>,
    pub(super) is_ca: bool,
    /// Absent where the extension is.
    pub(super) key_usage: Option<KeyUsage>,
}

/// What of the extension `keyUsage` counts here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyUsage {
    pub(super) critical: bool,
    pub(super) digital_signature: bool,
    /// `keyCertSign` or `cRLSign`.
    pub(super) signs_for_a_ca: bool,
}

const UNREADABLE: &str = "a certificate of the chain cannot be read";
const NAMES: &str = "its subject alternative names cannot be read";
const EXTENSIONS: &str = "an extension of it cannot be read, or is there twice";

impl Shown {
    /// The error says what is wrong, and nothing of what was read.
    pub(super) fn read(chain: &[CertificateDer<'_>]) -> Result<Self, &'static str> {
        let mut shown = Self { leaf: Leaf::default(), serials: Vec::new(), validities: Vec::new() };
        for (position, der) in chain.iter().enumerate() {
            let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| UNREADABLE)?;
            if !rest.is_empty() {
                return Err(UNREADABLE);
            }
            if position == 0 {
                shown.leaf = Leaf::read(&certificate)?;
            }
            shown.serials.push(without_zeros(certificate.raw_serial()).to_vec());
            shown.validities.push(Validity::of(&certificate));
        }
        Ok(shown)
    }

    /// Every moment at which one of its certificates begins or ends.
    pub(super) fn moments(&self) -> impl Iterator<Item = Timestamp> {
        self.validities.iter().flat_map(|validity| [validity.not_before, validity.not_after])
    }

    /// When the leaf ends.
    pub(super) fn leaf_not_after(&self) -> Option<Timestamp> {
        self.validities.first().map(|validity| validity.not_after)
    }
}

impl Leaf {
    fn read(certificate: &X509Certificate<'_>) -> Result<Self, &'static str> {
        let mut leaf = Self::default();
        let names = certificate.subject_alternative_name().map_err(|_| NAMES)?;
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::URI(uri) => leaf.uris.push((*uri).to_owned()),
                GeneralName::DNSName(name) => leaf.dns.push((*name).to_owned()),
                GeneralName::RFC822Name(email) => leaf.emails.push((*email).to_owned()),
                GeneralName::Invalid(..) => return Err(NAMES),
                // Addresses and the like are names of nobody here.
                _ => {}
            }
        }
        let common_names = certificate.subject().iter_common_name();
        // One that is no text still counts as one.
        leaf.common_names = common_names.map(|name| name.as_str().unwrap_or_default().to_owned()).collect();
        let constraints = certificate.basic_constraints().map_err(|_| EXTENSIONS)?;
        leaf.is_ca = constraints.is_some_and(|constraints| constraints.value.ca);
        leaf.key_usage = certificate.key_usage().map_err(|_| EXTENSIONS)?.map(|usage| KeyUsage {
            critical: usage.critical,
            digital_signature: usage.value.digital_signature(),
            signs_for_a_ca: usage.value.key_cert_sign() || usage.value.crl_sign(),
        });
        Ok(leaf)
    }
}

fn without_zeros(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    serial.get(zeros..).unwrap_or_default()
}
