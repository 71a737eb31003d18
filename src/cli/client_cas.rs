//! What can be said of client CAs before anybody shows a certificate.

use super::certificate::begins_or_ends;
use super::certificate::ends_soon;
use super::certificate::listeners;
use crate::config::ClientAuth;
use crate::config::ClientCa;
use crate::config::Config;
use crate::config::Fault;
use crate::config::Tls;
use crate::identity::Registry;
use crate::listener::ServerTls;
use crate::listener::TlsError;
use crate::model::SharedClock;
use crate::model::Timestamp;
use crate::model::rfc3339;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// Looks at the CAs and revocation lists of all listeners, as those who would ask them do, and at their dates.
pub(super) fn inspect(config: &Config, clock: &SharedClock) -> Vec<Fault> {
    let closed: BTreeMap<_, _> = Registry::new(config, clock, None).faults().into_iter().collect();
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for (key, listener) in listeners(config) {
        let Some(tls) = listener.tls.as_ref().filter(|tls| tls.client_auth != ClientAuth::Off) else {
            continue;
        };
        let fault_of = |ca: &ClientCa| closed.get(&format!("ca:{}", ca.name));
        for ca in tls.client_cas.values().filter(|ca| seen.insert(&ca.name)) {
            let key = format!("{key}.tls.client_cas.{}", ca.name);
            match fault_of(ca) {
                Some(why) => found.push(not_loaded(ca, &key, why)),
                None => dates(ca, &key, clock.now(), &mut found),
            }
        }
        if tls.client_cas.values().all(|ca| fault_of(ca).is_none()) {
            found.extend(no_door(tls, &key));
        }
    }
    found
}

/// Said of the file that the reason names.
fn not_loaded(ca: &ClientCa, key: &str, why: &str) -> Fault {
    let of = |file: &Path| why.strip_prefix(&format!("{}: ", file.display())).map(str::to_owned);
    if let Some((file, why)) = ca.crl_file.as_deref().and_then(|file| Some((file, of(file)?))) {
        return Fault::new(file, None, &format!("{key}.crl_file"), why);
    }
    let why = of(&ca.ca_file).unwrap_or_else(|| why.to_owned());
    Fault::new(&ca.ca_file, None, &format!("{key}.ca_file"), why)
}

/// What the handshake alone holds against a CA. Faults of the server's own certificate are told elsewhere.
fn no_door(tls: &Tls, key: &str) -> Option<Fault> {
    let error = ServerTls::load(tls).err()?;
    let file = match &error {
        TlsError::Root { file, .. } | TlsError::Foreign { file, .. } => file,
        TlsError::ClientAuth(_) => &tls.certificate_file,
        _ => return None,
    };
    let text = error.to_string();
    let text = text.strip_prefix(&format!("{}: ", file.display())).unwrap_or(&text);
    Some(Fault::new(file, None, &format!("{key}.tls.client_cas"), text))
}

fn dates(ca: &ClientCa, key: &str, now: Timestamp, found: &mut Vec<Fault>) {
    let roots: Vec<_> = CertificateDer::pem_file_iter(&ca.ca_file).into_iter().flatten().flatten().collect();
    let roots = roots.iter().filter_map(|root| Some(X509Certificate::from_der(root).ok()?.1));
    let lists = ca.crl_file.as_deref().map(lists).unwrap_or_default();
    let lists: Vec<_> =
        lists.iter().filter_map(|list| Some(CertificateRevocationList::from_der(list).ok()?.1)).collect();
    for (nth, root) in (1..).zip(roots) {
        if let Some(text) = begins_or_ends(&root, now).or_else(|| ends_soon(&root, now)) {
            let text = format!("certificate {nth} {text}");
            found.push(Fault::new(&ca.ca_file, None, &format!("{key}.ca_file"), text));
        }
        if let Some(file) = ca.crl_file.as_deref().filter(|_| !lists.iter().any(|list| is_of(list, &root))) {
            let text = format!(
                "holds no revocation list of certificate {nth} in {}, so nobody whom that one signed is let in, expected one",
                ca.ca_file.display()
            );
            found.push(Fault::new(file, None, &format!("{key}.crl_file"), text));
        }
    }
    let ends = lists.iter().filter_map(CertificateRevocationList::next_update);
    let first = ends.map(|end| Timestamp::from_unix_seconds(end.timestamp())).min();
    if let (Some(file), Some(end)) = (&ca.crl_file, first.filter(|end| *end <= now)) {
        let text = format!("was to be renewed by {}, and nobody is let in by it, expected a newer one", rfc3339(end));
        found.push(Fault::new(file, None, &format!("{key}.crl_file"), text));
    }
}

/// PEM or DER; what cannot be read has its fault already.
fn lists(file: &Path) -> Vec<CertificateRevocationListDer<'static>> {
    let content = std::fs::read(file).unwrap_or_default();
    let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(&content).flatten().collect();
    if lists.is_empty() { vec![content.into()] } else { lists }
}

/// Whether a list is by this CA, by all that it says of that: its name, and its key's identifier where both give one.
fn is_of(list: &CertificateRevocationList<'_>, root: &X509Certificate<'_>) -> bool {
    let signer = list.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    });
    let own = root.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    });
    let same_key = signer.zip(own).is_none_or(|(signer, own)| signer == own);
    list.issuer().as_raw() == root.subject().as_raw() && same_key
}
