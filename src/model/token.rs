//! API tokens: `pward_<id>_<secret><crc>`.
//!
//! The id finds the credential, the secret proves it, the checksum lets a scanner or the gateway drop a mistyped one
//! without looking it up. Base62 from the system's random source: 10 + 30 + 6 characters, some 178 bits of secret.

use sha2::Digest;
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const PREFIX: &str = "pward_";
const ID_LENGTH: usize = 10;
const SECRET_LENGTH: usize = 30;
const CHECKSUM_LENGTH: usize = 6;
/// Of `pward_`, id, `_`, secret and checksum.
const TOKEN_LENGTH: usize = PREFIX.len() + ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The public part of a token: 10 base62 characters. Not a secret; it names the credential in logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId([u8; ID_LENGTH]);

/// Why a text is no token or token id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("a token's id is 10 characters of 0-9, A-Z, a-z")]
    Id,
    #[error("a token is pward_, 10 characters, _, 36 characters, all of 0-9, A-Z, a-z")]
    Shape,
    #[error("the token's checksum is wrong: it was mistyped or cut")]
    Checksum,
    #[error("a SHA-256 is 64 hexadecimal digits")]
    Digest,
    #[error("the system's random source failed")]
    Random,
}

impl TokenId {
    /// Exactly 10 characters, else [`TokenError::Id`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let bytes: [u8; ID_LENGTH] = text.as_bytes().try_into().map_err(|_| TokenError::Id)?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(Self(bytes)).ok_or(TokenError::Id)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

/// A whole token, in memory only as long as it is needed. Shown once, by whoever made it; its `Debug` is its id.
pub struct PlainToken(Zeroizing<String>);

impl PlainToken {
    /// Checks shape and checksum; nothing is looked up.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let rest = text.strip_prefix(PREFIX).filter(|_| text.len() == TOKEN_LENGTH).ok_or(TokenError::Shape)?;
        let (id, tail) = rest.split_at_checked(ID_LENGTH).ok_or(TokenError::Shape)?;
        let tail = tail.strip_prefix('_').ok_or(TokenError::Shape)?;
        // All of them, without an end at the first that is none: so they are looked at many at one time.
        let is_plain = |part: &str| part.bytes().fold(true, |so_far, byte| so_far & byte.is_ascii_alphanumeric());
        if !(is_plain(id) & is_plain(tail)) {
            return Err(TokenError::Shape);
        }
        let (signed, checksum) = text.split_at_checked(TOKEN_LENGTH - CHECKSUM_LENGTH).ok_or(TokenError::Shape)?;
        if checksum.as_bytes() != checksum_of(signed) {
            return Err(TokenError::Checksum);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Whether `text` begins as a token does: whatever else is wrong with it, it is meant to be one.
    pub fn is_shaped(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// A new token. `id_prefix` replaces the first characters of its id (quickstart marks its own with `qs`).
    pub fn generate(id_prefix: &str) -> Result<Self, TokenError> {
        let random = random_base62::<{ ID_LENGTH + SECRET_LENGTH }>()?;
        let (id, secret) = random.split_at_checked(ID_LENGTH).ok_or(TokenError::Random)?;
        let id = id.get(id_prefix.len()..).ok_or(TokenError::Id)?;
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_LENGTH));
        for part in [PREFIX, id_prefix, id, "_", secret] {
            text.push_str(part);
        }
        for byte in checksum_of(&text) {
            text.push(char::from(byte));
        }
        Self::parse(&text)
    }

    /// The public part.
    pub fn id(&self) -> TokenId {
        let id = self.0.get(PREFIX.len()..PREFIX.len() + ID_LENGTH).unwrap_or_default();
        TokenId(id.as_bytes().try_into().unwrap_or_default())
    }

    /// SHA-256 of the whole token. A fast hash is enough: nobody guesses 178 random bits.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The token itself, to be shown once or written to a file of mode 0600.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlainToken({}, ..)", self.id())
    }
}

/// The SHA-256 of a token, which is all that is ever kept of it. Compared in constant time.
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// From 64 hexadecimal digits.
    pub fn parse(hex: &str) -> Result<Self, TokenError> {
        let digits = hex.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(TokenError::Digest);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| TokenError::Digest)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| TokenError::Digest)?;
        }
        Ok(Self(bytes))
    }

    /// What an unknown id is compared with: no text hashes to it, as far as anybody knows.
    pub const fn of_nothing() -> Self {
        Self([0; 32])
    }

    /// 64 digits, in lower case.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenDigest {}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

/// CRC-32 (IEEE) as six base62 digits, the most significant first, zero-filled: 62^6 is more than 2^32.
fn checksum_of(text: &str) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits
}

/// `N` characters of base62, each as likely as any other: bytes of 248 and more would favour the first ones.
fn random_base62<const N: usize>() -> Result<Zeroizing<String>, TokenError> {
    let mut text = Zeroizing::new(String::with_capacity(N));
    let mut bytes = Zeroizing::new([0_u8; N]);
    while text.len() < N {
        getrandom::fill(&mut *bytes).map_err(|_| TokenError::Random)?;
        let fair = bytes.iter().filter(|byte| **byte < 248).take(N - text.len());
        text.extend(fair.filter_map(|byte| BASE62.get(usize::from(byte % 62))).map(|digit| char::from(*digit)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::PlainToken;
    use super::TokenDigest;
    use super::TokenError;
    use super::TokenId;
    use proptest::prelude::*;

    /// A token made for this test alone; CRC-32 of all before the last six is 0x2c8e7f5b or whatever `crc32` says.
    fn sample() -> String {
        let signed = "pward_4fQk2ZtR1a_0123456789ABCDEFGHIJKLMNOPQRST";
        signed.to_owned() + std::str::from_utf8(&super::checksum_of(signed)).unwrap()
    }

    #[test]
    fn a_made_token_is_of_the_published_shape_and_reads_back() {
        let token = PlainToken::generate("qs").unwrap();
        let text = token.reveal();
        assert_eq!(text.len(), 53);
        assert!(text.starts_with("pward_qs"));
        let again = PlainToken::parse(text).unwrap();
        assert_eq!(again.id(), token.id());
        assert_eq!(again.digest(), token.digest());
        assert_ne!(PlainToken::generate("").unwrap().digest(), token.digest());
    }

    #[test]
    fn another_shape_or_checksum_is_no_token() {
        let good = sample();
        assert!(PlainToken::parse(&good).is_ok());
        for bad in [
            "",
            "pward_",
            &good[1..],
            &good[..52],
            &format!("{good}0"),
            &good.replace("pward", "ghp"),
            &good.replacen('_', "-", 2),
        ] {
            assert_eq!(PlainToken::parse(bad).unwrap_err(), TokenError::Shape, "{bad}");
        }
        assert_eq!(PlainToken::parse(&good.replace('Q', "q")).unwrap_err(), TokenError::Checksum);
        assert!(PlainToken::parse(&good.replace('Q', "ä")).is_err());
    }

    #[test]
    fn the_checksum_is_crc32_in_base62_most_significant_first() {
        // CRC-32 of "123456789" is the well-known 0xcbf43926 = 3421780262.
        let mut value: u64 = 0;
        for digit in super::checksum_of("123456789") {
            value = value * 62 + super::BASE62.iter().position(|b| *b == digit).unwrap() as u64;
        }
        assert_eq!(value, 0xcbf4_3926);
    }

    #[test]
    fn no_debug_text_shows_a_secret() {
        let token = PlainToken::parse(&sample()).unwrap();
        assert_eq!(format!("{token:?}"), "PlainToken(4fQk2ZtR1a, ..)");
        assert_eq!(format!("{:?}", token.digest()), "TokenDigest(..)");
    }

    #[test]
    fn a_digest_is_sixty_four_hexadecimal_digits() {
        let digest = PlainToken::parse(&sample()).unwrap().digest();
        assert_eq!(TokenDigest::parse(&digest.to_hex()).unwrap(), digest);
        assert!(TokenDigest::parse("00").is_err());
        assert!(TokenDigest::parse(&"g".repeat(64)).is_err());
        assert!(TokenDigest::parse(&"+1".repeat(32)).is_err());
    }

    #[test]
    fn an_id_is_ten_alphanumeric_characters() {
        assert_eq!(TokenId::parse("4fQk2ZtR1a").unwrap().as_str(), "4fQk2ZtR1a");
        for bad in ["", "4fQk2ZtR1", "4fQk2ZtR1aa", "4fQk2ZtR1_"] {
            assert!(TokenId::parse(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn parsing_a_token_never_panics_and_accepts_no_changed_one(at in 0_usize..53, byte in 0x20_u8..0x7f) {
            let mut changed = sample().into_bytes();
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(PlainToken::parse(&changed).is_ok(), changed == sample());
        }

        #[test]
        fn parsing_any_text_never_panics(text in any::<String>()) {
            let _ = PlainToken::parse(&text);
            let _ = PlainToken::parse(&format!("pward_{text}"));
        }
    }
}
