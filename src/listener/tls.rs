//! The server's certificate, and the TLS it is shown by. What is asked of clients is in `client_auth`.

use super::client_auth;
use super::client_auth::Asked;
use crate::config::Tls;
use crate::config::TlsProfile;
use crate::model::Timestamp;
use arc_swap::ArcSwap;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem;
use rustls::pki_types::pem::PemObject;
use rustls::server::ServerSessionMemoryCache;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::TLS12;
use rustls::version::TLS13;
use sha2::Digest;
use sha2::Sha256;
use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// What the server offers by ALPN, the preferred first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// Sessions kept for TLS 1.2 clients that take no ticket; rustls' own default.
const SESSIONS_MAX: usize = 256;

/// Tickets after a handshake of TLS 1.3. A job comes back with one connection, and most clients keep one ticket; a second, which
/// is rustls' default, would be a twentieth of what a new connection costs us.
const TICKETS: usize = 1;

/// Why TLS cannot be served. Every text names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{}: the file is empty", file.display())]
    Empty { file: PathBuf },
    #[error("{}: this is not PEM: {source}", file.display())]
    Pem { file: PathBuf, source: pem::Error },
    #[error("{}: no certificate in it (a PEM section BEGIN CERTIFICATE is wanted)", file.display())]
    NoCertificate { file: PathBuf },
    #[error("{}: no private key in it (PKCS #8, PKCS #1 or SEC 1 in PEM, without a password)", file.display())]
    NoKey { file: PathBuf },
    #[error("{}: the first certificate cannot be read: {detail}", file.display())]
    Certificate { file: PathBuf, detail: String },
    #[error("{}: holds {found}, expected the certificates of a CA and nothing else", file.display())]
    Foreign { file: PathBuf, found: &'static str },
    #[error("{}: certificate {nth} cannot be a CA's root: {detail}", file.display())]
    Root { file: PathBuf, nth: usize, detail: String },
    #[error("{}: has expired, and `client_cas` has no other CA that is valid now", file.display())]
    RootsExpired { file: PathBuf },
    #[error("`client_auth` asks for certificates, and `client_cas` names no CA that could have signed them")]
    NoClientCa,
    #[error("`client_cas` cannot be used: {0}")]
    ClientAuth(rustls::server::VerifierBuilderError),
    #[error("{}: the key is not the one of the certificate in {}", key_file.display(), certificate_file.display())]
    KeyMismatch { key_file: PathBuf, certificate_file: PathBuf },
    #[error("{} and {}: {source}", certificate_file.display(), key_file.display())]
    Unusable { certificate_file: PathBuf, key_file: PathBuf, source: rustls::Error },
}

/// A certificate and key that were loaded and fit each other, ready to be served.
///
/// Each has its own session storage and its own ticket keys, so that a session made under one is never resumed under
/// another, with other rules or other CAs. A session keeps the chain that was shown when it was made, and rustls does not
/// look at it again: whoever resumes is [`Peer::chain`](super::Peer::chain) as before, for `identity` to judge.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    not_after: Timestamp,
    serial: String,
    /// Of the chain, the key and the profile.
    fingerprint: [u8; 32],
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Reads the server's certificate and, where clients are asked for theirs, every `ca_file`: one that cannot be loaded
    /// is an error, and nobody else's roots, such as the system's, ever stand in. Blocks on the disk.
    pub fn load(tls: &Tls) -> Result<Self, TlsError> {
        let chain = certificates(&tls.certificate_file, &read(&tls.certificate_file)?)?;
        let (serial, not_after) = serial_and_end(&tls.certificate_file, &chain)?;
        let key = read_key(&tls.key_file)?;
        // The provider's own order is Mozilla's: X25519MLKEM768, X25519, P-256, P-384; its suites are `intermediate`'s.
        let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
        let Asked { verifier, roots } = client_auth::asked(tls, Arc::clone(&provider))?;
        let fingerprint = fingerprint(&chain, &key, tls, &roots);
        let config = server_config(tls.profile, provider, verifier, chain, key).map_err(|source| {
            let certificate_file = tls.certificate_file.clone();
            let key_file = tls.key_file.clone();
            match source {
                rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch { key_file, certificate_file },
                source => TlsError::Unusable { certificate_file, key_file, source },
            }
        })?;
        Ok(Self { config: Arc::new(config), not_after, serial, fingerprint })
    }

    /// When the leaf certificate expires.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The serial number of the leaf certificate, in hexadecimal digits.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Whether both serve the same certificates and key in the same way.
    pub fn serves_as(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// The TLS that new connections are made with. Clones share it.
#[derive(Clone, Debug)]
pub struct CurrentTls(Arc<ArcSwap<ServerTls>>);

impl CurrentTls {
    pub fn new(tls: ServerTls) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(tls)))
    }

    /// For connections from now on; those that are open keep what they have.
    pub fn replace(&self, tls: ServerTls) {
        self.0.store(Arc::new(tls));
    }

    /// What new connections are made with at this moment.
    pub fn in_force(&self) -> Arc<ServerTls> {
        self.0.load_full()
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.0.load().config()
    }
}

fn server_config(
    profile: TlsProfile,
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ClientCertVerifier>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let versions: &[_] = match profile {
        TlsProfile::Intermediate => &[&TLS13, &TLS12],
        TlsProfile::Modern => &[&TLS13],
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = ALPN.iter().map(|protocol| protocol.to_vec()).collect();
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = TICKETS;
    // Of the suites that both have, ours decides, strongest first: all are good, and a client's list is easily old.
    config.ignore_client_order = true;
    // A request in early data could be replayed, and a push is not idempotent for those who alert on its time.
    config.max_early_data_size = 0;
    Ok(config)
}

pub(super) fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let content = std::fs::read(file).map_err(|source| TlsError::Read { file: file.to_path_buf(), source })?;
    if content.iter().all(u8::is_ascii_whitespace) {
        return Err(TlsError::Empty { file: file.to_path_buf() });
    }
    Ok(content)
}

/// At least one; `file` is where they were read, for the error.
pub(super) fn certificates(file: &Path, content: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(content)
        .collect::<Result<_, _>>()
        .map_err(|source| TlsError::Pem { file: file.to_path_buf(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { file: file.to_path_buf() });
    }
    Ok(certificates)
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let content = zeroize::Zeroizing::new(read(file)?);
    PrivateKeyDer::from_pem_slice(&content).map_err(|source| match source {
        pem::Error::NoItemsFound => TlsError::NoKey { file: file.to_path_buf() },
        source => TlsError::Pem { file: file.to_path_buf(), source },
    })
}

fn serial_and_end(file: &Path, chain: &[CertificateDer<'_>]) -> Result<(String, Timestamp), TlsError> {
    let leaf = chain.first().map_or([].as_slice(), |leaf| leaf.as_ref());
    let (_, leaf) = X509Certificate::from_der(leaf)
        .map_err(|error| TlsError::Certificate { file: file.to_path_buf(), detail: error.to_string() })?;
    let not_after = Timestamp::from_unix_seconds(leaf.validity().not_after.timestamp());
    Ok((leaf.raw_serial_as_string(), not_after))
}

/// Every part with its length in front, so that no two lists of parts are one.
fn fingerprint(chain: &[CertificateDer<'_>], key: &PrivateKeyDer<'_>, tls: &Tls, believed: &RootCertStore) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([tls.profile as u8, tls.client_auth as u8]);
    let roots = believed.roots.iter().flat_map(|root| [root.subject.as_ref(), root.subject_public_key_info.as_ref()]);
    for part in chain.iter().map(AsRef::as_ref).chain([key.secret_der()]).chain(roots) {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
