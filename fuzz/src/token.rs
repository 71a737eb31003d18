//! An API token, its id, and the hash that is kept of it.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use pushward::model::PlainToken;
use pushward::model::TokenDigest;
use pushward::model::TokenId;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "token",
    run: token,
    bytes_max: 256,
    time_max: Duration::from_millis(200),
    dictionary: &[b"pward_", b"_", b"qs", b"\xc3\xbc", b"0000000000", b"zzzzzzzzzz"],
};

const BOUND: Bound = Bound { per_byte: 2, constant: 256 };

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Reads `data` as a token, as an id and as a hash; and makes a good token of it, of which no changed one is good.
pub fn token(data: &[u8]) -> Seen {
    hold_made(data);
    let Ok(text) = std::str::from_utf8(data) else { return Seen::refused("not UTF-8") };
    if let Ok(id) = TokenId::parse(text) {
        assert_eq!(id.as_str(), text);
    }
    if let Ok(digest) = TokenDigest::parse(text) {
        assert_eq!(digest.to_hex(), text.to_ascii_lowercase());
    }
    match BOUND.hold(text.len(), || PlainToken::parse(text)) {
        Ok(read) => {
            hold_read(&read, text);
            Seen::taken("token", text)
        }
        Err(error) => Seen::refused(&error.to_string()),
    }
}

fn hold_read(read: &PlainToken, text: &str) {
    assert_eq!(read.reveal(), text);
    assert!(PlainToken::is_shaped(text));
    assert_eq!((text.len(), read.id().as_str()), (53, &text[6..16]));
    assert_eq!(text[47..], checksum(&text[..47]));
    assert_eq!(format!("{read:?}"), format!("PlainToken({}, ..)", read.id()));
    let digest = read.digest();
    assert_eq!(TokenDigest::parse(&digest.to_hex()), Ok(digest));
    assert_eq!(format!("{digest:?}"), "TokenDigest(..)");
}

fn hold_made(data: &[u8]) {
    let good = made(data);
    hold_read(&PlainToken::parse(&good).expect("a good token"), &good);
    // CRC-32 finds each change of one byte.
    let at = usize::from(data.first().copied().unwrap_or_default()) % good.len();
    let with = char::from(BASE62[data.len() % 62]);
    let mut changed = good.clone();
    changed.replace_range(at..=at, &with.to_string());
    assert_eq!(PlainToken::parse(&changed).is_ok(), changed == good, "{changed}");
}

/// The token whose id and secret `data` picks.
pub fn made(data: &[u8]) -> String {
    let mut picked = data.iter().chain(std::iter::repeat(&0)).map(|byte| char::from(BASE62[usize::from(*byte) % 62]));
    let mut text = "pward_".to_owned();
    text.extend(picked.by_ref().take(10));
    text.push('_');
    text.extend(picked.take(30));
    let checksum = checksum(&text);
    text + &checksum
}

/// CRC-32 as its polynomial has it, bit by bit, in six digits of base62: held against the table of the crate that is used.
fn checksum(text: &str) -> String {
    let mut sum = u32::MAX;
    for byte in text.bytes() {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    let digit = |place: u32| char::from(BASE62[(!sum as usize / 62_usize.pow(place)) % 62]);
    (0..6).rev().map(digit).collect()
}
