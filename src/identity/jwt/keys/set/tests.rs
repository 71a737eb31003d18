use super::KeySet;
use super::KeySetError;
use crate::config::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeSet;

fn all() -> BTreeSet<Algorithm> {
    [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa].into()
}

fn number(first: u8, length: usize, last: u8) -> String {
    let mut bytes = vec![0x55; length];
    bytes[0] = first;
    bytes[length - 1] = last;
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An RSA key with these members instead of the usual ones; its modulus is no product of primes, which nobody asks here.
fn rsa(n: &str, e: &str, more: &str) -> String {
    format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"{more}}}"#)
}

fn good(more: &str) -> String {
    rsa(&number(0x80, 256, 1), "AQAB", more)
}

fn ec(curve: &str, x: usize, y: usize) -> String {
    format!(r#"{{"kty":"EC","crv":"{curve}","kid":"k","x":"{}","y":"{}"}}"#, number(1, x, 1), number(1, y, 1))
}

fn set(keys: &[String]) -> Result<KeySet, KeySetError> {
    KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes(), &all())
}

fn finds(set: &KeySet, kid: Option<&str>, algorithm: Algorithm) -> bool {
    set.find(kid, algorithm).is_some()
}

#[test]
fn a_key_is_used_for_what_it_says_and_nothing_else() {
    for (more, algorithms) in [
        ("", &[Algorithm::Rs256, Algorithm::Ps256][..]),
        (r#","alg":"RS256""#, &[Algorithm::Rs256]),
        (r#","use":"sig","alg":"PS256""#, &[Algorithm::Ps256]),
        (r#","key_ops":["verify"]"#, &[Algorithm::Rs256, Algorithm::Ps256]),
        (r#","alg":"RSA-OAEP""#, &[]),
        (r#","alg":"RS512""#, &[]),
        (r#","alg":"ES256""#, &[]),
        (r#","alg":"HS256""#, &[]),
        (r#","alg":"none""#, &[]),
        (r#","alg":null"#, &[]),
        (r#","use":"enc""#, &[]),
        (r#","use":["sig"]"#, &[]),
        (r#","key_ops":["encrypt"]"#, &[]),
        (r#","key_ops":"verify""#, &[]),
        (r#","kid":7"#, &[]),
        (r#","d":"AQAB""#, &[]),
        (r#","k":"c2VjcmV0""#, &[]),
    ] {
        let found = set(&[good(more)]);
        for algorithm in all() {
            let is_used = found.as_ref().is_ok_and(|set| finds(set, None, algorithm));
            assert_eq!(is_used, algorithms.contains(&algorithm), "{more} {algorithm:?}");
        }
    }
}

#[test]
fn a_weak_or_symmetric_or_unknown_key_is_not_used() {
    for bad in [
        rsa(&number(0x7f, 256, 1), "AQAB", ""),
        rsa(&number(0x80, 128, 1), "AQAB", ""),
        rsa(&number(0x80, 1025, 1), "AQAB", ""),
        rsa(&number(0, 256, 1), "AQAB", ""),
        rsa(&number(0x80, 256, 1), "AQ", ""),
        rsa(&number(0x80, 256, 1), "Ag", ""),
        rsa(&number(0x80, 256, 1), "", ""),
        rsa(&number(0x80, 256, 1), "_____w8", ""),
        rsa("!", "AQAB", ""),
        r#"{"kty":"RSA","e":"AQAB"}"#.into(),
        r#"{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}"#.into(),
        r#"{"kty":"OKP","crv":"Ed25519","x":"AQAB"}"#.into(),
        r#"{"kty":"OKP","crv":"X25519","x":"VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVU"}"#.into(),
        ec("P-256", 32, 31),
        ec("P-256", 48, 48),
        ec("P-384", 32, 32),
        ec("P-521", 66, 66),
        ec("secp256k1", 32, 32),
        "7".into(),
        "{}".into(),
    ] {
        let text = set(std::slice::from_ref(&bad)).map(drop).unwrap_err();
        assert!(matches!(text, KeySetError::NoneUsable(Some(_))), "{bad} {text}");
        // Beside a good one it does no harm.
        assert!(finds(&set(&[bad, good(r#","kid":"good""#)]).unwrap(), Some("good"), Algorithm::Rs256));
    }
    assert!(finds(&set(&[ec("P-256", 32, 32)]).unwrap(), Some("k"), Algorithm::Es256));
    assert!(finds(&set(&[ec("P-384", 48, 48)]).unwrap(), Some("k"), Algorithm::Es384));
}

#[test]
fn keys_that_share_a_kid_are_both_passed_over() {
    let twins = [good(r#","kid":"a""#), good(r#","kid":"a","alg":"RS256""#)];
    assert_eq!(set(&twins).map(drop), Err(KeySetError::NoneUsable(Some("its kid stands twice"))));
    let with_other = [twins[0].clone(), twins[1].clone(), good(r#","kid":"b""#)];
    let set = set(&with_other).unwrap();
    assert!(finds(&set, Some("b"), Algorithm::Rs256) && !finds(&set, Some("a"), Algorithm::Rs256));
}

#[test]
fn a_token_without_a_kid_is_checked_by_the_only_key_there_is_for_it() {
    let one = set(&[good(r#","kid":"a","alg":"RS256""#), good(r#","kid":"b","alg":"PS256""#)]).unwrap();
    assert!(finds(&one, None, Algorithm::Rs256) && finds(&one, Some("a"), Algorithm::Rs256));
    assert!(!finds(&one, Some("b"), Algorithm::Rs256) && !finds(&one, Some(""), Algorithm::Rs256));
    let two = set(&[good(r#","kid":"a""#), good(r#","kid":"b""#)]).unwrap();
    assert!(!finds(&two, None, Algorithm::Rs256));
    let unnamed = set(&[good("")]).unwrap();
    assert!(finds(&unnamed, None, Algorithm::Rs256) && !finds(&unnamed, Some("a"), Algorithm::Rs256));
}

#[test]
fn what_is_no_set_of_keys_is_refused_whole() {
    let parse = |text: &str| KeySet::parse(text.as_bytes(), &all()).map(drop).unwrap_err();
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, "<html>", r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(parse(text), KeySetError::NotKeys, "{text}");
    }
    let doubled = good("").replace(r#""kty":"RSA""#, r#""kty":"RSA","kty":"RSA""#);
    assert_eq!(parse(&format!(r#"{{"keys":[{doubled}]}}"#)), KeySetError::NotKeys);
    assert_eq!(parse(r#"{"keys":[]}"#), KeySetError::NoneUsable(None));
    assert_eq!(parse(&format!(r#"{{"keys":[{}{{}}]}}"#, "{},".repeat(100))), KeySetError::TooMany);
    assert_eq!(parse(&" ".repeat((1 << 20) + 1)), KeySetError::TooLarge);
}
