//! Whose certificates end a handshake well, and what a stranger's may cost.
//!
//! The handshake is a door and no more. It ends, with an alert, for a certificate that
//!
//! * leads to no root of any `client_cas` of the listener, through whatever else the client has sent;
//! * is not yet valid or no longer, itself or one between it and the root;
//! * names purposes (extended key usage) and not that of a client (one that names none is for all, and
//!   anyExtendedKeyUsage is not taken for it);
//! * is a CA's own (`cA`), is not made by the rules of X.509, or has a critical extension nobody here knows;
//! * is signed by what is not in TLS 1.3's set: RSA of 2048 to 8192 bits, P-256, P-384, P-521, Ed25519;
//! * comes without the proof that the client holds its key;
//! * comes with more than [`CERTIFICATES_MAX`] or [`CHAIN_BYTES_MAX`], or with two CAs' certificates of one name;
//!
//! and, where `client_auth` is `required`, for no certificate at all. Whatever else can be wrong reaches `identity`, request
//! by request, since it may become so while a connection is open or a session is kept: which CA of several it was, a
//! revoked certificate, a revocation list past its next update, a validity that has ended since, several names of type
//! URI, another trust domain, a name that no rule knows.

use super::tls::TlsError;
use crate::config::ClientAuth;
use crate::config::ClientCa;
use crate::config::Tls;
use rustls::CertificateError;
use rustls::DigitallySignedStruct;
use rustls::DistinguishedName;
use rustls::OtherError;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::UnixTime;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerified;
use rustls::server::danger::ClientCertVerifier;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// The most certificates of one client: its own, those between it and a root, and the root where a client sends it.
///
/// webpki bounds a way's length (six between leaf and root), which is no bound on what is read, kept with the connection
/// and put into tickets.
const CERTIFICATES_MAX: usize = 6;
/// And their bytes. rustls reads 64 KiB, and keeps them for as long as the connection is open, as we do: this is some
/// six certificates with RSA keys of 4096 bits.
const CHAIN_BYTES_MAX: usize = 16 * 1024;

/// What the handshake asks of a client, by the listener's configuration.
pub(super) struct Asked {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// Who is believed.
    pub(super) roots: Arc<RootCertStore>,
}

/// Reads the CAs' files. Blocks on the disk.
pub(super) fn asked(tls: &Tls, provider: Arc<CryptoProvider>) -> Result<Asked, TlsError> {
    if tls.client_auth == ClientAuth::Off {
        return Ok(Asked { verifier: WebPkiClientVerifier::no_client_auth(), roots: Arc::new(RootCertStore::empty()) });
    }
    let roots = Arc::new(roots(tls.client_cas.values(), UnixTime::now())?);
    // No names of CAs are sent: a stranger need not know whom we believe. And no revocation lists are asked here, since
    // open connections and resumed ones do not pass.
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider).clear_root_hint_subjects();
    if tls.client_auth == ClientAuth::Optional {
        builder = builder.allow_unauthenticated();
    }
    let inner = builder.build().map_err(TlsError::ClientAuth)?;
    Ok(Asked { verifier: Arc::new(Bounded(inner)), roots })
}

/// The roots of all CAs in one: which of them it was is asked later, by those who must know.
fn roots<'a>(cas: impl Iterator<Item = &'a ClientCa>, now: UnixTime) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let mut ended = None;
    for ca in cas {
        for (nth, certificate) in (1..).zip(read_roots(&ca.ca_file)?) {
            let wrong = |detail: String| TlsError::Root { file: ca.ca_file.clone(), nth, detail };
            if is_past(&certificate, now).map_err(wrong)? {
                // Nobody else looks at a root's dates: webpki does not.
                tracing::warn!(
                    ca = ca.name,
                    file = %ca.ca_file.display(),
                    "certificate {nth} of this CA has expired: nobody whom it signed is let in"
                );
                ended.get_or_insert_with(|| ca.ca_file.clone());
                continue;
            }
            roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
        }
    }
    match ended {
        _ if !roots.is_empty() => Ok(roots),
        Some(file) => Err(TlsError::RootsExpired { file }),
        None => Err(TlsError::NoClientCa),
    }
}

/// Whether a CA's own certificate has ended; or what makes it none.
fn is_past(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<bool, String> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
    let ca = parsed.basic_constraints().map_err(|error| error.to_string())?;
    if !ca.is_some_and(|extension| extension.value.ca) {
        return Err("it is not a CA's (basicConstraints does not say so)".to_owned());
    }
    let usage = parsed.key_usage().map_err(|error| error.to_string())?;
    if usage.is_some_and(|extension| !extension.value.key_cert_sign()) {
        return Err("it is not for signing certificates (keyUsage does not say so)".to_owned());
    }
    // What ended before 1970 has ended.
    let end = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    Ok(end < now.as_secs())
}

/// Every certificate of the file, which holds nothing else.
fn read_roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let content = zeroize::Zeroizing::new(super::tls::read(file)?);
    if let Some(found) = foreign_section(&content) {
        return Err(TlsError::Foreign { file: file.to_path_buf(), found });
    }
    super::tls::certificates(file, &content)
}

/// What a file of CAs holds besides certificates. The reader passes over it, and whoever put a revocation list there
/// would believe that it counts.
fn foreign_section(content: &[u8]) -> Option<&'static str> {
    let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let labels = lines.filter_map(|line| line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----"));
    let mut foreign = labels.filter(|label| *label != b"CERTIFICATE");
    foreign.next().map(|label| match label {
        _ if label.ends_with(b"PRIVATE KEY") => "a private key",
        b"X509 CRL" => "a revocation list (its place is `crl_file`)",
        _ => "a PEM section other than CERTIFICATE",
    })
}

/// Looks at how much there is to verify before anybody does.
#[derive(Debug)]
struct Bounded(Arc<dyn ClientCertVerifier>);

/// Why it would cost too much.
#[derive(Debug, thiserror::Error)]
enum Unbounded {
    #[error("{certificates} certificates of {bytes} bytes, more than {CERTIFICATES_MAX} or {CHAIN_BYTES_MAX}")]
    TooLong { certificates: usize, bytes: usize },
    #[error("two certificates of CAs of one name")]
    OneName,
    #[error("a certificate that cannot be read")]
    Unreadable,
}

/// What a client has sent can be verified with a few checks of a signature.
fn bounded(leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>]) -> Result<(), Unbounded> {
    let certificates = rest.len().saturating_add(1);
    let bytes = rest.iter().fold(leaf.len(), |sum, next| sum.saturating_add(next.len()));
    if certificates > CERTIFICATES_MAX || bytes > CHAIN_BYTES_MAX {
        return Err(Unbounded::TooLong { certificates, bytes });
    }
    // Names all different, there is one way at most. Five of a root's own name are 326 ways, and webpki tries them until
    // it has checked 100 signatures: 80 ms where the root's key is of P-384, for a stranger who knows no more than its
    // name. Whoever has an intermediate that two roots have signed sends the one or the other.
    let mut names = BTreeSet::new();
    for certificate in rest.iter().filter(|_| rest.len() > 1) {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| Unbounded::Unreadable)?;
        if !names.insert(parsed.subject().as_raw().to_vec()) {
            return Err(Unbounded::OneName);
        }
    }
    Ok(())
}

impl ClientCertVerifier for Bounded {
    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        bounded(end_entity, intermediates).map_err(|why| CertificateError::Other(OtherError(Arc::new(why))))?;
        self.0.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::bounded;
    use crate::testkit::TestCa;

    #[test]
    fn a_maze_is_refused_before_anybody_walks_it() {
        let root = TestCa::named("edge");
        let own = root.intermediate("edge").client(|c| c).chain_der;
        let maze = (0..5).fold(root, |ca, _| ca.intermediate("edge")).client(|c| c).chain_der;
        let verdict = |chain: &[_]| bounded(&chain[0], &chain[1..]).map_err(|why| why.to_string());
        assert_eq!(verdict(&own), Ok(()));
        for certificates in 3..=6 {
            assert_eq!(verdict(&maze[..certificates]), Err("two certificates of CAs of one name".to_owned()));
        }
    }
}
