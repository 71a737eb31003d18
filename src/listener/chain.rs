//! The certificates a client has shown, and proved to hold the key of.

use rustls::pki_types::CertificateDer;
use sha2::Digest;
use sha2::Sha256;
use std::fmt;

/// A client's chain, leaf first. That some CA of the listener signed it was checked in the handshake in which it was shown;
/// whether it is good *now*, and for whom it speaks, is for `identity` to say.
pub struct ClientChain {
    certificates: Vec<CertificateDer<'static>>,
    digest: [u8; 32],
}

impl ClientChain {
    pub(super) fn new(certificates: Vec<CertificateDer<'static>>) -> Self {
        let mut hash = Sha256::new();
        for certificate in &certificates {
            hash.update((certificate.len() as u64).to_be_bytes());
            hash.update(certificate);
        }
        Self { certificates, digest: hash.finalize().into() }
    }

    /// Leaf first; never empty.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// SHA-256 over all of them, each behind its length: what a verdict about the chain is kept under.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// A chain that nobody has shown, for tests of the stages after this one.
    #[cfg(any(test, feature = "testkit"))]
    pub fn invented(certificates: Vec<CertificateDer<'static>>) -> Self {
        Self::new(certificates)
    }
}

impl fmt::Debug for ClientChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientChain({} certificates)", self.certificates.len())
    }
}
