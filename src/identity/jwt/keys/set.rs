//! A JWKS (RFC 7517): which of its keys can check which signatures.

use crate::config::Algorithm;
use crate::identity::jwt::json::Json;
use crate::identity::jwt::json::Members;
use crate::identity::jwt::json::object;
use crate::identity::jwt::token::algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::DecodingKeyKind;
use sha2::Digest;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

/// A set of a hundred keys of 8192 bits has a fifth of this; whoever serves more serves something else.
pub(super) const BYTES_MAX: usize = 1 << 20;
/// Issuers show two to six: the last, the present and the next.
const KEYS_MAX: usize = 100;
/// Below, somebody could compute the private key (NIST SP 800-131A); above, aws-lc checks no signature.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Keys, each with the algorithms that it checks.
pub(in crate::identity::jwt) struct KeySet {
    keys: Vec<Key>,
    /// Of the document, to tell whether the issuer changed it.
    digest: [u8; 32],
}

/// A public key.
pub(in crate::identity::jwt) struct Key {
    kid: Option<String>,
    algorithms: BTreeSet<Algorithm>,
    key: DecodingKey,
    /// A check takes more than a quarter of a millisecond: P-384, for which aws-lc has no fast path, and RSA beyond 4096
    /// bits.
    is_slow: bool,
}

/// Why a document is no set of keys that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("it is larger than 1MiB")]
    TooLarge,
    #[error("it is no JWKS: an object with a list `keys` is wanted, no member of any object twice")]
    NotKeys,
    #[error("it holds more than {KEYS_MAX} keys")]
    TooMany,
    #[error("none of its keys can be used{}", .0.map(|reason| format!("; the first: {reason}")).unwrap_or_default())]
    NoneUsable(Option<&'static str>),
}

impl KeySet {
    /// The keys in `document` that check one of `wanted`. Others are passed over, as RFC 7517 has it: issuers publish keys for
    /// encryption beside them. Keys that share a `kid` are all passed over: it would not say which is meant.
    pub(super) fn parse(document: &[u8], wanted: &BTreeSet<Algorithm>) -> Result<Self, KeySetError> {
        if document.len() > BYTES_MAX {
            return Err(KeySetError::TooLarge);
        }
        let members = object(document).ok_or(KeySetError::NotKeys)?;
        let Some(Json::List(items)) = members.get("keys") else {
            return Err(KeySetError::NotKeys);
        };
        if items.len() > KEYS_MAX {
            return Err(KeySetError::TooMany);
        }
        let mut first_reason = None;
        let mut keys = Vec::new();
        for item in items {
            match Key::parse(item, wanted) {
                Ok(key) => keys.push(key),
                Err(reason) => first_reason = first_reason.or(Some(reason)),
            }
        }
        let mut uses: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for key in &keys {
            *uses.entry(key.kid.clone()).or_default() += 1;
        }
        keys.retain(|key| key.kid.is_none() || uses.get(&key.kid) == Some(&1));
        if keys.is_empty() {
            let shared = (!uses.is_empty()).then_some("its kid stands twice");
            return Err(KeySetError::NoneUsable(first_reason.or(shared)));
        }
        Ok(Self { keys, digest: Sha256::digest(document).into() })
    }

    /// Whether both were made of the same document.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// The one key that `kid` names and that checks `algorithm`. A token that names none is checked by the only key there is
    /// for its algorithm, and by none where there are two.
    pub(in crate::identity::jwt) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let named = |key: &&Key| kid.is_none() || key.kid.as_deref() == kid;
        let mut fitting = self.keys.iter().filter(|key| key.algorithms.contains(&algorithm)).filter(named);
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| (&key.kid, &key.algorithms))).finish()
    }
}

impl Key {
    pub(in crate::identity::jwt) fn decoding(&self) -> &DecodingKey {
        &self.key
    }

    pub(in crate::identity::jwt) fn is_slow(&self) -> bool {
        self.is_slow
    }

    /// The error says why it is not used.
    fn parse(item: &Json, wanted: &BTreeSet<Algorithm>) -> Result<Self, &'static str> {
        let Json::Object(members) = item else {
            return Err("it is no object");
        };
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(value) => value.as_text().map(Some).ok_or("kid, use and alg are texts"),
        };
        let kid = text("kid")?.map(str::to_owned);
        if text("use")?.is_some_and(|purpose| purpose != "sig") || !may_verify(members) {
            return Err("it is not for checking signatures");
        }
        // Whoever publishes it has told everybody how to sign.
        if members.contains_key("d") || members.contains_key("k") {
            return Err("it is a private or symmetric key");
        }
        let (key, mut algorithms) = material(members)?;
        if let Some(name) = text("alg")? {
            let own = algorithm(name);
            algorithms.retain(|algorithm| Some(*algorithm) == own);
        }
        algorithms.retain(|algorithm| wanted.contains(algorithm));
        if algorithms.is_empty() {
            return Err("it checks none of the issuer's `algorithms`");
        }
        let is_slow = match key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, .. } => bits(n) > 4096,
            DecodingKeyKind::SecretOrDer(_) => algorithms.contains(&Algorithm::Es384),
        };
        Ok(Self { kid, algorithms, key, is_slow })
    }
}

fn may_verify(members: &Members) -> bool {
    match members.get("key_ops") {
        None => true,
        Some(Json::List(operations)) => operations.iter().any(|operation| operation.as_text() == Some("verify")),
        Some(_) => false,
    }
}

/// The public key, and every algorithm that its kind can check (RFC 7518, 8037).
fn material(members: &Members) -> Result<(DecodingKey, BTreeSet<Algorithm>), &'static str> {
    let text = |name: &str| members.get(name).and_then(Json::as_text).unwrap_or_default();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)).unwrap_or_default();
    match (text("kty"), text("crv")) {
        ("RSA", _) => {
            let key = rsa(&bytes("n"), &bytes("e"))?;
            let (pkcs1, pss) = (
                [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512],
                [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512],
            );
            Ok((key, pkcs1.into_iter().chain(pss).collect()))
        }
        ("EC", "P-256") => Ok((point(&bytes("x"), &bytes("y"), 32)?, [Algorithm::Es256].into())),
        ("EC", "P-384") => Ok((point(&bytes("x"), &bytes("y"), 48)?, [Algorithm::Es384].into())),
        ("OKP", "Ed25519") => match bytes("x") {
            x if x.len() == 32 => Ok((DecodingKey::from_ed_der(&x), [Algorithm::EdDsa].into())),
            _ => Err("its x is not 32 bytes"),
        },
        _ => Err("its kind or curve is none that we know"),
    }
}

fn rsa(n: &[u8], e: &[u8]) -> Result<DecodingKey, &'static str> {
    let (n, e) = (without_zeros(n), without_zeros(e));
    if !RSA_BITS.contains(&bits(n)) {
        return Err("its modulus has not 2048 to 8192 bits");
    }
    // With an exponent of 1 every message would be its own signature. 33 bits are what aws-lc takes.
    let odd = e.last().is_some_and(|last| last % 2 == 1);
    if !odd || e == [1] || bits(e) > 33 {
        return Err("its exponent is not odd, 3 or more and of 33 bits at most");
    }
    Ok(DecodingKey::from_rsa_raw_components(n, e))
}

fn point(x: &[u8], y: &[u8], length: usize) -> Result<DecodingKey, &'static str> {
    if x.len() != length || y.len() != length {
        return Err("its x and y have not their curve's length");
    }
    // SEC 1, 2.3.3: an uncompressed point.
    Ok(DecodingKey::from_ec_der(&[&[4], x, y].concat()))
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Of a number without zeros in front.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |first| first.leading_zeros() as usize);
    number.len() * 8 - unused
}

#[cfg(test)]
mod tests;
