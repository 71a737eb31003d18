//! A token as it came: taken apart and read within bounds, nothing of it believed.

use super::dates::Dates;
use super::json::Json;
use super::json::Members;
use super::json::object;
use crate::config::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Encoded. Issuers write some 200 bytes; a chain of certificates in it is nothing that we would look at.
const HEADER_BYTES_MAX: usize = 2 << 10;
/// Encoded: RSA with 8192 bits.
const SIGNATURE_BYTES_MAX: usize = 1366;

/// What a token says of itself. Whether any of it is true is for the signature to show.
pub(super) struct Token {
    pub(super) algorithm: Algorithm,
    /// Which of its issuer's keys it names; an index and nothing else.
    pub(super) kid: Option<String>,
    pub(super) issuer: String,
    /// Empty where the claim is missing.
    pub(super) audiences: Vec<String>,
    pub(super) dates: Dates,
    pub(super) claims: Members,
    /// Where the signed part of the text ends: the second dot.
    signed: usize,
    text: zeroize::Zeroizing<String>,
}

impl Token {
    /// `None` for everything that is no signed JWT of a kind that we take (RFC 7515, 7519, 8725).
    ///
    /// Of the header, `alg`, `kid`, `typ`, `cty` and `zip` are looked at. Keys that a token brings along or points to (`jwk`,
    /// `jku`, `x5c`, `x5u`) are never used, so they do no harm; `crit` names what must be understood, and we understand
    /// nothing further.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (header, rest) = text.split_once('.')?;
        let (payload, signature) = rest.split_once('.')?;
        if header.len() > HEADER_BYTES_MAX || signature.is_empty() || signature.len() > SIGNATURE_BYTES_MAX {
            return None;
        }
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header = object(&decoded(header)?)?;
        let algorithm = algorithm(header.get("alg")?.as_text()?)?;
        if ["crit", "zip", "cty", "enc"].iter().any(|name| header.contains_key(*name)) || !is_jwt(&header) {
            return None;
        }
        let kid = match header.get("kid") {
            Some(kid) => Some(kid.as_text()?.to_owned()),
            None => None,
        };
        let claims = object(&decoded(payload)?)?;
        Some(Self {
            algorithm,
            kid,
            issuer: claims.get("iss")?.as_text()?.to_owned(),
            audiences: audiences(claims.get("aud"))?,
            dates: Dates::of(&claims)?,
            claims,
            signed: text.len() - signature.len() - 1,
            text: text.to_owned().into(),
        })
    }

    /// What is signed, and the signature, still encoded.
    pub(super) fn signed(&self) -> (&str, &str) {
        let (signed, signature) = self.text.split_at_checked(self.signed).unwrap_or_default();
        (signed, signature.strip_prefix('.').unwrap_or_default())
    }
}

/// `typ`, where it is there, must be what all three presets and most others write, without regard to case, or what RFC 9068
/// writes into access tokens. So an ID card of another kind (`dpop+jwt`, `logout+jwt`, `secevent+jwt`) is not taken for one.
fn is_jwt(header: &Members) -> bool {
    let Some(kind) = header.get("typ") else {
        return true;
    };
    let taken = ["JWT", "at+jwt", "application/at+jwt"];
    kind.as_text().is_some_and(|kind| taken.iter().any(|taken| kind.eq_ignore_ascii_case(taken)))
}

/// One text or a list of texts; anything else is no claim `aud`.
fn audiences(claim: Option<&Json>) -> Option<Vec<String>> {
    match claim {
        None => Some(Vec::new()),
        Some(Json::Text(one)) => Some(vec![one.clone()]),
        Some(Json::List(several)) => several.iter().map(|item| item.as_text().map(str::to_owned)).collect(),
        Some(_) => None,
    }
}

/// The names of RFC 7518 and 8037, exactly. `none` and the symmetric ones have no variant to become.
pub(super) fn algorithm(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::Rs256,
        "RS384" => Algorithm::Rs384,
        "RS512" => Algorithm::Rs512,
        "PS256" => Algorithm::Ps256,
        "PS384" => Algorithm::Ps384,
        "PS512" => Algorithm::Ps512,
        "ES256" => Algorithm::Es256,
        "ES384" => Algorithm::Es384,
        "EdDSA" => Algorithm::EdDsa,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Token;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    const CLAIMS: &str = r#"{"iss":"https://i","aud":"a","exp":1}"#;

    fn token(header: &str, claims: &str) -> Option<Token> {
        let text = format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        Token::parse(&text)
    }

    #[test]
    fn a_token_is_split_where_the_signature_begins() {
        let token = token(r#"{"alg":"RS256","kid":"k"}"#, CLAIMS).unwrap();
        let (signed, signature) = token.signed();
        assert!(signed.ends_with(&URL_SAFE_NO_PAD.encode(CLAIMS)) && signature == "c2ln");
        assert_eq!((token.kid.as_deref(), token.issuer.as_str()), (Some("k"), "https://i"));
    }

    #[test]
    fn a_header_is_refused_for_what_it_asks_for() {
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"rs256"}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
            "{}",
            r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","zip":"DEF"}"#,
            r#"{"alg":"RS256","cty":"JWT"}"#,
            r#"{"alg":"RS256","enc":"A256GCM"}"#,
            r#"{"alg":"RS256","typ":"dpop+jwt"}"#,
            r#"{"alg":"RS256","typ":7}"#,
            r#"{"alg":"RS256","kid":7}"#,
        ] {
            assert!(token(header, CLAIMS).is_none(), "{header}");
        }
        for header in [
            r#"{"alg":"RS256","typ":"JWT"}"#,
            r#"{"alg":"EdDSA","typ":"jwt"}"#,
            r#"{"alg":"ES256","typ":"AT+JWT"}"#,
            r#"{"alg":"PS512","jku":"https://evil","jwk":{"kty":"RSA"},"x5u":"https://evil","x5c":["x"]}"#,
        ] {
            assert!(token(header, CLAIMS).is_some(), "{header}");
        }
    }

    #[test]
    fn claims_that_are_needed_are_there_and_of_their_kind() {
        for claims in [
            r#"{"aud":"a","exp":1}"#,
            r#"{"iss":7,"aud":"a","exp":1}"#,
            r#"{"iss":["https://i"],"aud":"a","exp":1}"#,
            r#"{"iss":"https://i","aud":"a"}"#,
            r#"{"iss":"https://i","aud":7,"exp":1}"#,
            r#"{"iss":"https://i","aud":["a",7],"exp":1}"#,
            r#"{"iss":"https://i","aud":"a","exp":"1"}"#,
            r#"{"iss":"https://i","aud":"a","exp":1,"exp":9}"#,
            r#"["iss"]"#,
        ] {
            assert!(token(r#"{"alg":"RS256"}"#, claims).is_none(), "{claims}");
        }
    }

    #[test]
    fn what_is_too_long_or_not_base64url_is_refused() {
        let padded = format!(r#"{{"alg":"RS256","x":"{}"}}"#, "x".repeat(2000));
        assert!(token(&padded, CLAIMS).is_none());
        let good = format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(CLAIMS));
        assert!(Token::parse(&good).is_some());
        for bad in [
            format!("{good}{}", "A".repeat(1400)),
            good.replace('.', ""),
            format!("{}=.{}", &good[..20], &good[21..]),
            good.trim_end_matches("c2ln").to_owned(),
            format!(".{good}"),
        ] {
            assert!(Token::parse(&bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_to_its_end(text in ".{0,200}", header in ".{0,80}", claims in ".{0,200}") {
            let _ = Token::parse(&text);
            let _ = token(&header, &claims);
            let signed = token(r#"{"alg":"RS256"}"#, &format!(r#"{{"iss":{claims:?},"exp":1}}"#));
            prop_assert!(signed.is_none_or(|token| token.signed().1 == "c2ln"));
        }
    }
}
