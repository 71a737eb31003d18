//! `revoked`: what is refused at once, before any rule.

use super::Claims;
use super::claim_rules;
use super::credentials::Known;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use crate::model::Pattern;
use crate::model::TokenId;

pub(super) const REVOKED: Keys = Keys { known: &["token", "issuer", "claims"], later: &["ca", "serial", "uri"] };

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    Token(TokenId),
    /// The certificate of this CA with this serial number: its bytes, without zeros in front.
    Serial {
        ca: String,
        serial: Vec<u8>,
    },
    /// Every certificate of this CA with a name of type URI that fits.
    Uri {
        ca: String,
        uri: Pattern,
    },
    /// Every JWT of this issuer with all of these claims.
    Claims {
        issuer: String,
        claims: Claims,
    },
}

/// `revoked`. An entry that could be read in no way would let in what it was written against, so each is exact.
pub(super) fn read(field: &Field<'_>, known: &Known, faults: &mut Faults) -> Vec<Revoked> {
    let items = field.list("a list of maps with token, or with issuer and claims", faults).unwrap_or_default();
    items.iter().filter_map(|item| Revoked::read(item, known, faults)).collect()
}

impl Revoked {
    fn read(field: &Field<'_>, known: &Known, faults: &mut Faults) -> Option<Self> {
        let before = faults.count();
        let section = field.section(&REVOKED, faults)?;
        match (section.get("token"), section.get("issuer"), section.get("claims")) {
            (Some(token), None, None) => {
                // A whole token may stand here by mistake: it is not repeated. One that is gone by now is no fault.
                let id = token.secret().and_then(|text| TokenId::parse(text).ok());
                if id.is_none() {
                    token.fault(faults, "is no token's id, expected 10 characters of 0-9, A-Z, a-z in quotes");
                }
                id.map(Self::Token)
            }
            (None, Some(issuer), Some(claims)) => {
                let expected = "the name of an issuer, a key of `issuers`";
                let name = issuer.text(expected, faults);
                if name.is_some_and(|name| !known.issuers.contains_key(name)) {
                    issuer.mismatch(faults, expected);
                }
                let claims = claim_rules::read(claims, faults);
                Some(Self::Claims { issuer: name?.to_owned(), claims: claims? })
            }
            // A key of a later version, or an unknown one, has its fault already.
            _ if faults.count() > before => None,
            _ => {
                field.fault(faults, "is no entry, expected { token: ID } or { issuer: NAME, claims: {…} }");
                None
            }
        }
    }
}
