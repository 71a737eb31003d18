//! What can be said of a listener's certificate before it is served.

use super::authority;
use crate::config::Config;
use crate::config::Fault;
use crate::config::Listener;
use crate::config::Tls;
use crate::model::Timestamp;
use crate::model::rfc3339;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// When `serve` begins to warn, too.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// What is wrong with a configuration's certificates.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// With these it cannot serve.
    pub(super) faults: Vec<Fault>,
    /// With these it can, and it is hardly meant.
    pub(super) cautions: Vec<Fault>,
    /// What ends soon: `serve` tells of it again and again by itself.
    pub(super) soon: Vec<Fault>,
}

/// Looks at the certificates of all listeners.
pub(super) fn inspect(config: &Config, now: Timestamp) -> Findings {
    let mut findings = Findings::default();
    for (key, listener) in listeners(config) {
        if let Some(tls) = &listener.tls {
            findings.listener(&key, listener, tls, now);
        }
    }
    findings
}

/// All listeners, and the ways to them in the file.
pub(super) fn listeners(config: &Config) -> impl Iterator<Item = (String, &Listener)> {
    let several = config.listeners.len() > 1;
    let key = move |nth: usize| if several { format!("listener[{nth}]") } else { "listener".to_owned() };
    let listeners = config.listeners.iter().enumerate().map(move |(nth, listener)| (key(nth), listener));
    listeners.chain([("ops".to_owned(), &config.ops.listener)])
}

/// What is to be said of a certificate's dates.
pub(super) fn begins_or_ends(certificate: &X509Certificate<'_>, now: Timestamp) -> Option<String> {
    let (from, to) = dates(certificate);
    if now < from {
        Some(format!("begins on {}, expected one that is valid now", rfc3339(from)))
    } else if to < now {
        Some(format!("ended on {}, expected one that is valid now", rfc3339(to)))
    } else {
        None
    }
}

/// What is to be said of a certificate that is valid now, and not for long.
pub(super) fn ends_soon(certificate: &X509Certificate<'_>, now: Timestamp) -> Option<String> {
    let (from, to) = dates(certificate);
    let soon = from <= now && now <= to && to < now.saturating_add(SOON);
    soon.then(|| format!("ends on {}, expected one that is valid for 14 days more", rfc3339(to)))
}

fn dates(certificate: &X509Certificate<'_>) -> (Timestamp, Timestamp) {
    let seconds = |moment: x509_parser::time::ASN1Time| Timestamp::from_unix_seconds(moment.timestamp());
    (seconds(certificate.validity().not_before), seconds(certificate.validity().not_after))
}

impl Findings {
    fn listener(&mut self, key: &str, listener: &Listener, tls: &Tls, now: Timestamp) {
        let certificate_key = format!("{key}.tls.certificate_file");
        let about_certificate = |text: String| Fault::new(&tls.certificate_file, None, &certificate_key, text);
        let chain = match chain(&tls.certificate_file) {
            Ok(chain) => chain,
            Err(wrong) => return self.faults.push(about_certificate(wrong)),
        };
        if let Err(wrong) = pair(&chain, &tls.key_file) {
            let key = format!("{key}.tls.key_file");
            self.faults.push(Fault::new(&tls.key_file, None, &key, wrong));
        }
        let parsed = chain.first().map(|leaf| X509Certificate::from_der(leaf));
        let Some(Ok((_, leaf))) = parsed else {
            let wrong = "is no X.509 certificate, expected one as the first in the file";
            return self.faults.push(about_certificate(wrong.into()));
        };
        self.cautions.extend(begins_or_ends(&leaf, now).map(about_certificate));
        self.soon.extend(ends_soon(&leaf, now).map(about_certificate));
        let mut organizations = leaf.subject().iter_organization();
        let quickstart = organizations.any(|name| name.as_str() == Ok(authority::QUICKSTART));
        if let Some(address) = listener.beyond_loopback().filter(|_| quickstart) {
            let text = format!(
                "was made by `pushward quickstart` to try things, and {address} reaches beyond loopback, expected one of \
                 your own CA"
            );
            self.cautions.push(about_certificate(text));
        }
    }
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let expected = "expected a PEM file with the server's certificate first";
    let chain = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match chain {
        Ok(chain) if chain.is_empty() => Err(format!("holds no certificate, {expected}")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(format!("cannot be read: {error}, {expected}")),
    }
}

/// Whether the key can be used and is the one of the certificate.
fn pair(chain: &[CertificateDer<'static>], file: &Path) -> Result<(), String> {
    let expected = "expected a PEM file with the certificate's private key";
    let key = PrivateKeyDer::from_pem_file(file).map_err(|error| format!("cannot be read: {error}, {expected}"))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain.to_vec(), key, &provider)
        .map(|_| ())
        .map_err(|error| format!("does not fit its certificate: {error}, {expected}"))
}
