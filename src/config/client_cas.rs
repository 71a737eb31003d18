//! `listener.tls.client_auth` and `client_cas`: whose client certificates are asked for, and for whom each CA speaks.

use super::credentials::Known;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::nearest::nearest;
use super::tenants::narrowed_to;
use crate::model::TenantId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::PathBuf;

pub(super) const CLIENT_CA: Keys =
    Keys { known: &["ca_file", "crl_file", "trust_domain", "cn_allowed", "tenants", "operators"], later: &[] };

/// Whether a listener asks for a client's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    #[default]
    Off,
    /// A client may show one; one that no CA here signed ends the handshake.
    Optional,
    /// Without one there is no connection.
    Required,
}

/// One CA of a listener. It speaks for nobody but those it lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCa {
    /// What rules, metrics and the audit call it: one CA in the whole gateway.
    pub name: String,
    /// PEM: one or more certificates, all believed as roots.
    pub ca_file: PathBuf,
    /// PEM or DER. Named, it must load, and past its next update nobody of this CA is let in.
    pub crl_file: Option<PathBuf>,
    /// Present: its certificates are X.509-SVIDs of this SPIFFE trust domain, or are refused.
    pub trust_domain: Option<String>,
    /// Whether rules may look at the subject's common name.
    pub cn_allowed: bool,
    /// Who may write rules on it.
    pub tenants: BTreeSet<TenantId>,
    /// Operators who may.
    pub operators: BTreeSet<String>,
}

/// `client_auth` and `client_cas` of one listener. Its CAs are known to the rules from here on.
pub(super) fn read(
    section: &Section<'_>,
    known: &mut Known,
    faults: &mut Faults,
) -> (ClientAuth, BTreeMap<String, ClientCa>) {
    let words = [("off", ClientAuth::Off), ("optional", ClientAuth::Optional), ("required", ClientAuth::Required)];
    let written = section.get("client_auth").map(|field| field.word(&words, faults));
    let auth = written.map_or(Some(ClientAuth::Off), |written| written);
    let expected = "a map of CAs by their names";
    match (auth, section.get("client_cas")) {
        (Some(ClientAuth::Off), Some(field)) => {
            let text = "stands beside a client_auth that is off, so nobody is asked, expected optional or required";
            field.fault(faults, text);
        }
        (Some(ClientAuth::Optional | ClientAuth::Required), None) => {
            section.required("client_cas", expected, faults);
        }
        _ => {}
    }
    let mut cas = BTreeMap::new();
    if let Some(field) = section.get("client_cas") {
        let named = field.named(expected, faults).unwrap_or_default();
        if named.is_empty() {
            field.mismatch(faults, "a map of at least one CA by its name");
        }
        for (name, field) in named {
            let ca = ClientCa::read(name, &field, known, faults);
            cas.extend(ca.clone().map(|ca| (name.to_owned(), ca)));
            match known.client_cas.get(name) {
                Some(Some(other)) if ca.as_ref().is_some_and(|ca| ca != other) => {
                    let text = "is not as another listener's of this name, expected the same keys, or another name";
                    field.fault(faults, text);
                }
                Some(Some(_)) => {}
                _ => drop(known.client_cas.insert(name.to_owned(), ca)),
            }
        }
    }
    (auth.unwrap_or_default(), cas)
}

impl ClientCa {
    fn read(name: &str, field: &Field<'_>, known: &Known, faults: &mut Faults) -> Option<Self> {
        // As a tenant's: it stands in metrics and logs as it is.
        if TenantId::parse(name).is_err() {
            field.fault(faults, "is no name of a CA, expected 1 to 63 of a-z, 0-9 and '-', no '-' at either end");
        }
        let section = field.section(&CLIENT_CA, faults)?;
        section.required("ca_file", "the path of a PEM file", faults);
        let ca_file = section.path("ca_file", faults);
        let crl_file = section.get("crl_file").map(|_| section.path("crl_file", faults));
        let domain = section.get("trust_domain").map(|field| trust_domain(field, faults));
        let cn_allowed = section.flag("cn_allowed", faults).unwrap_or(false);
        if let Some(field) = section.get("cn_allowed").filter(|_| cn_allowed && domain.is_some()) {
            field.fault(faults, "stands beside trust_domain, where the SPIFFE ID alone counts, expected one of them");
        }
        let tenants = section.get("tenants").map(|field| narrowed_to(field, &known.tenants, faults));
        let operators = section.get("operators").map(|field| operators(field, &known.operators, faults));
        if tenants.is_none() && operators.is_none() {
            let text = "speaks for nobody, expected `tenants`, `operators` or both: who may write rules on it";
            section.field.fault(faults, text);
        }
        Some(Self {
            name: name.to_owned(),
            ca_file: ca_file?,
            crl_file: crl_file.map_or(Some(None), |file| file.map(Some))?,
            trust_domain: domain.map_or(Some(None), |domain| domain.map(Some))?,
            cn_allowed,
            tenants: tenants.unwrap_or_else(|| Some(BTreeSet::new()))?,
            operators: operators.unwrap_or_else(|| Some(BTreeSet::new()))?,
        })
    }
}

/// As the SPIFFE standard has it.
fn trust_domain(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let expected = "a trust domain of 1 to 255 of a-z, 0-9, '.', '-' and '_', without spiffe://";
    let text = field.text(expected, faults)?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    if (1..=255).contains(&text.len()) && text.bytes().all(plain) {
        return Some(text.to_owned());
    }
    field.mismatch(faults, expected);
    None
}

/// At least one, and each of them exists.
fn operators(field: &Field<'_>, known: &BTreeSet<String>, faults: &mut Faults) -> Option<BTreeSet<String>> {
    let mut operators = BTreeSet::new();
    for item in field.filled_list("a list of operators", faults)? {
        let Some(name) = item.text("an operator's name", faults) else {
            continue;
        };
        if known.contains(name) {
            operators.insert(name.to_owned());
            continue;
        }
        match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => item.fault(faults, format!("is {name:?}, no operator here, did you mean {near:?}?")),
            None => item.fault(faults, format!("is {name:?}, no operator here, expected a key of `operators`")),
        }
    }
    Some(operators)
}
