//! `revoked`: what is refused at once, before any rule.

use super::Claims;
use super::certificates;
use super::claim_rules;
use super::credentials::Known;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use crate::model::Pattern;
use crate::model::TokenId;

pub(super) const REVOKED: Keys = Keys { known: &["token", "issuer", "claims", "ca", "serial", "uri"], later: &[] };

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
    let items = field
        .list("a list of maps with token, with issuer and claims, or with ca and serial or uri", faults)
        .unwrap_or_default();
    items.iter().filter_map(|item| Revoked::read(item, known, faults)).collect()
}

impl Revoked {
    fn read(field: &Field<'_>, known: &Known, faults: &mut Faults) -> Option<Self> {
        let before = faults.count();
        let section = field.section(&REVOKED, faults)?;
        let keys = ["token", "issuer", "claims", "ca", "serial", "uri"].map(|key| section.get(key));
        match keys {
            [Some(token), None, None, None, None, None] => {
                // A whole token may stand here by mistake: it is not repeated. One that is gone by now is no fault.
                let id = token.secret().and_then(|text| TokenId::parse(text).ok());
                if id.is_none() {
                    token.fault(faults, "is no token's id, expected 10 characters of 0-9, A-Z, a-z in quotes");
                }
                id.map(Self::Token)
            }
            [None, Some(issuer), Some(claims), None, None, None] => {
                let expected = "the name of an issuer, a key of `issuers`";
                let name = issuer.text(expected, faults);
                if name.is_some_and(|name| !known.issuers.contains_key(name)) {
                    issuer.mismatch(faults, expected);
                }
                let claims = claim_rules::read(claims, faults);
                Some(Self::Claims { issuer: name?.to_owned(), claims: claims? })
            }
            [None, None, None, Some(ca), Some(serial), None] => {
                let (ca, serial) = (ca_name(ca, known, faults), self::serial(serial, faults));
                Some(Self::Serial { ca: ca?.to_owned(), serial: serial? })
            }
            [None, None, None, Some(ca), None, Some(field)] => {
                let (ca, uri) = (ca_name(ca, known, faults), certificates::pattern(field, faults));
                let (ca, uri) = (ca?, uri?);
                let domain = known.client_cas.get(ca).and_then(|ca| ca.as_ref()?.trust_domain.as_ref());
                if let Some(wrong) = domain.and_then(|domain| certificates::outside(&uri, domain)) {
                    field.fault(faults, wrong);
                }
                Some(Self::Uri { ca: ca.to_owned(), uri })
            }
            // An unknown key has its fault already.
            _ if faults.count() > before => None,
            _ => {
                let text = "is no entry, expected { token: ID }, { issuer: NAME, claims: {…} }, { ca: NAME, serial: HEX } or { ca: NAME, uri: URI }";
                field.fault(faults, text);
                None
            }
        }
    }
}

fn ca_name<'d>(field: &Field<'d>, known: &Known, faults: &mut Faults) -> Option<&'d str> {
    let expected = "the name of a CA, a key of `client_cas` of a listener";
    let name = field.text(expected, faults)?;
    if !known.client_cas.contains_key(name) {
        field.mismatch(faults, expected);
    }
    Some(name)
}

/// As `openssl x509 -serial` prints it, or with a colon between two bytes.
fn serial(field: &Field<'_>, faults: &mut Faults) -> Option<Vec<u8>> {
    /// RFC 5280: a serial number has no more.
    const BYTES_MAX: usize = 20;
    let expected = "a serial number other than zero, of 1 to 20 bytes of two hexadecimal digits, such as \"0A:1B:2C\"";
    let text = field.text(expected, faults)?;
    let plain = text.split(':').all(|byte| byte.len() == 2);
    let digits = if plain { text.replace(':', "") } else { text.to_owned() };
    let bytes = digits.as_bytes().chunks(2).map(|pair| match pair {
        [_, _] if pair.iter().all(u8::is_ascii_hexdigit) => u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok(),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    let bytes = bytes.map(|bytes| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>());
    let bytes = bytes.filter(|bytes| (1..=BYTES_MAX).contains(&bytes.len()));
    if bytes.is_none() {
        field.mismatch(faults, expected);
    }
    bytes
}
