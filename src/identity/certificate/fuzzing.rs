//! A door for the fuzz targets: what a chain says of itself, no signature of it checked.

use super::shown::Shown;
use super::spiffe;
use rustls::pki_types::CertificateDer;

/// What was read of a chain.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ReadCertificate {
    pub uris: Vec<String>,
    pub dns: Vec<String>,
    pub emails: Vec<String>,
    pub common_names: Vec<String>,
    pub serials: Vec<Vec<u8>>,
    pub is_ca: bool,
}

/// Reads a chain, the leaf first.
pub fn certificate(chain: &[&[u8]]) -> Result<ReadCertificate, &'static str> {
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(*der)).collect();
    let Shown { leaf, serials, .. } = Shown::read(&chain)?;
    Ok(ReadCertificate {
        uris: leaf.uris,
        dns: leaf.dns,
        emails: leaf.emails,
        common_names: leaf.common_names,
        serials,
        is_ca: leaf.is_ca,
    })
}

/// The one SPIFFE ID of the chain's leaf, if it is an X.509-SVID of this trust domain.
pub fn spiffe_id(chain: &[&[u8]], trust_domain: &str) -> Result<String, &'static str> {
    let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(*der)).collect();
    let shown = Shown::read(&chain)?;
    spiffe::check(&shown.leaf, trust_domain)?;
    Ok(shown.leaf.uris.concat())
}
