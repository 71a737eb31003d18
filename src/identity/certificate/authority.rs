//! A CA as its files say: its roots, its revocation lists, and whether it vouches for a chain.

use super::distrust::Distrust;
use crate::config::ClientCa;
use crate::model::Timestamp;
use rustls::CertRevocationListError;
use rustls::CertificateError;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// A revocation list of a million entries has 40 MB; beyond this a file is none.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Files that were loaded.
#[derive(Debug)]
pub(super) struct Authority {
    roots: Vec<Root>,
    next_update: Option<Timestamp>,
}

/// One certificate of `ca_file`. Each is asked by itself, since the verifier looks at no root's validity and path length, and
/// does not say which of several roots a chain has led to.
#[derive(Debug)]
struct Root {
    verifier: Arc<dyn ClientCertVerifier>,
    terms: Terms,
}

/// What a root says of itself.
#[derive(Debug)]
struct Terms {
    validity: Validity,
    /// How many CAs there may be between it and a leaf, at most.
    path_length: Option<usize>,
}

/// From the first moment to the last second, as X.509 counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

impl Authority {
    /// Blocks on the disk. The error is a sentence that names the file.
    pub(super) fn load(ca: &ClientCa) -> Result<Self, String> {
        let certificates = certificates(&ca.ca_file)?;
        let lists = ca.crl_file.as_deref().map(revocation_lists).transpose()?.unwrap_or_default();
        let next_update = lists.iter().map(|list| list.next_update).min();
        let lists: Vec<_> = lists.into_iter().map(|list| list.der).collect();
        let named = |file: &Path, detail: String| format!("{}: {detail}", file.display());
        let root = |certificate: CertificateDer<'static>| {
            let terms = terms_of_root(&certificate).map_err(|detail| named(&ca.ca_file, detail))?;
            let mut roots = RootCertStore::empty();
            roots.add(certificate).map_err(|error| named(&ca.ca_file, error.to_string()))?;
            let provider = Arc::new(aws_lc_rs::default_provider());
            // A chain is checked whole, and a certificate that no list speaks of is refused, where there are lists.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .with_crls(lists.clone())
                .enforce_revocation_expiration()
                .build()
                .map_err(|error| named(ca.crl_file.as_deref().unwrap_or(&ca.ca_file), error.to_string()))?;
            Ok(Root { verifier, terms })
        };
        let roots = certificates.into_iter().map(root).collect::<Result<_, String>>()?;
        Ok(Self { roots, next_update })
    }

    /// When the first of its revocation lists ends; `None` where none is named.
    pub(super) fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// The moments at which it may come to think otherwise of a chain, the chain's own aside.
    pub(super) fn moments(&self) -> impl Iterator<Item = Timestamp> {
        let validities =
            self.roots.iter().flat_map(|root| [root.terms.validity.not_before, root.terms.validity.not_after]);
        validities.chain(self.next_update)
    }

    /// Whether one of its roots vouches for the chain at `now`. One that calls it revoked outweighs the others.
    pub(super) fn vouch(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<(), Distrust> {
        let (leaf, others) = chain.split_first().ok_or(Distrust::Stranger)?;
        let mut verdict = Err(Distrust::Stranger);
        for root in &self.roots {
            match (root.vouch(leaf, others, now), verdict) {
                (Err(Distrust::Revoked), _) => return Err(Distrust::Revoked),
                (Ok(()), _) => verdict = Ok(()),
                (Err(this), Err(other)) => verdict = Err(this.max(other)),
                (Err(_), Ok(())) => {}
            }
        }
        verdict
    }
}

impl Root {
    fn vouch(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>], now: Timestamp) -> Result<(), Distrust> {
        let seconds = u64::try_from(now.unix_seconds()).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        // A chain is shown in its order: what stands further up is one CA too many, or the root again.
        let others = self.terms.path_length.and_then(|length| others.get(..length)).unwrap_or(others);
        self.verifier.verify_client_cert(leaf, others, at).map_err(|error| distrust_of(&error))?;
        self.terms.validity.judge(now)
    }
}

impl Validity {
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Self {
        let validity = certificate.validity();
        Self {
            not_before: Timestamp::from_unix_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_unix_seconds(validity.not_after.timestamp()),
        }
    }

    fn judge(self, now: Timestamp) -> Result<(), Distrust> {
        if now < self.not_before {
            return Err(Distrust::NotYetValid(self.not_before));
        }
        if now.unix_seconds() > self.not_after.unix_seconds() {
            return Err(Distrust::Expired(self.not_after));
        }
        Ok(())
    }
}

fn distrust_of(error: &rustls::Error) -> Distrust {
    let moment = |at: &UnixTime| Timestamp::from_unix_seconds(i64::try_from(at.as_secs()).unwrap_or(i64::MAX));
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::Revoked => Distrust::Revoked,
            CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => Distrust::RevocationUnknown,
            CertificateError::ExpiredContext { not_after, .. } => Distrust::Expired(moment(not_after)),
            CertificateError::NotValidYetContext { not_before, .. } => Distrust::NotYetValid(moment(not_before)),
            _ => Distrust::Stranger,
        },
        rustls::Error::InvalidCertRevocationList(
            CertRevocationListError::BadSignature
            | CertRevocationListError::IssuerInvalidForCrl
            | CertRevocationListError::UnsupportedSignatureAlgorithmContext { .. }
            | CertRevocationListError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => Distrust::RevocationUnknown,
        _ => Distrust::Stranger,
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    File::open(file)
        .and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_end(&mut content))
        .map_err(|error| format!("{}: cannot be read: {error}", file.display()))?;
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("{}: is larger than 64MiB", file.display()));
    }
    if content.iter().all(u8::is_ascii_whitespace) {
        return Err(format!("{}: the file is empty", file.display()));
    }
    Ok(content)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_slice_iter(&read(file)?).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| format!("{}: this is not PEM: {error}", file.display()))?;
    if found.is_empty() {
        return Err(format!("{}: no certificate in it, expected PEM", file.display()));
    }
    Ok(found)
}

/// The verifier believes whatever it is given as a root, a client's certificate too.
fn terms_of_root(certificate: &CertificateDer<'_>) -> Result<Terms, String> {
    let (rest, root) = X509Certificate::from_der(certificate).map_err(|_| "a certificate in it cannot be read")?;
    let constraints = root.basic_constraints().ok().flatten().map(|constraints| constraints.value);
    let Some(constraints) = constraints.filter(|constraints| constraints.ca && rest.is_empty()) else {
        return Err(format!("{} is no CA's certificate", root.subject()));
    };
    let length = constraints.path_len_constraint;
    let path_length = length.map(usize::try_from).transpose().map_err(|error| error.to_string())?;
    Ok(Terms { validity: Validity::of(&root), path_length })
}

struct RevocationList {
    der: CertificateRevocationListDer<'static>,
    this_update: Timestamp,
    next_update: Timestamp,
}

/// All lists of a file, the newest first: of two lists of one issuer the verifier asks the first.
fn revocation_lists(file: &Path) -> Result<Vec<RevocationList>, String> {
    let content = read(file)?;
    let is_pem = content.windows(11).any(|window| window == b"-----BEGIN ");
    let found = if is_pem {
        CertificateRevocationListDer::pem_slice_iter(&content).collect::<Result<Vec<_>, _>>()
    } else {
        Ok(vec![CertificateRevocationListDer::from(content)])
    };
    let found = found.map_err(|error| format!("{}: this is not PEM: {error}", file.display()))?;
    if found.is_empty() {
        return Err(format!("{}: no revocation list in it, expected PEM or DER", file.display()));
    }
    let read = |der: CertificateRevocationListDer<'static>| {
        let (rest, list) = CertificateRevocationList::from_der(&der).ok()?;
        let next_update = list.next_update().filter(|_| rest.is_empty())?;
        let next_update = Timestamp::from_unix_seconds(next_update.timestamp());
        let this_update = Timestamp::from_unix_seconds(list.last_update().timestamp());
        Some(RevocationList { der, this_update, next_update })
    };
    let lists = found.into_iter().map(read).collect::<Option<Vec<_>>>();
    let mut lists = lists.ok_or_else(|| {
        format!("{}: a revocation list in it cannot be read, or does not say its next update", file.display())
    })?;
    lists.sort_by_key(|list| std::cmp::Reverse(list.this_update));
    Ok(lists)
}
