//! What is promised of a compressed body: never more of it than its budget, however it comes, and what was compressed comes
//! out again.

use crate::Seen;
use crate::allocation::Bound;
use crate::seen::magnitude;
use bytes::Bytes;
use pushward::api::ApiError;
use pushward::fuzzing::decompressed;

/// What comes out, at most.
const LIMIT: u64 = 64 << 10;

/// Takes `data` for a body compressed in `encoding`; and for one that is not yet.
pub(crate) fn hold(encoding: &'static str, compress: fn(&[u8]) -> Vec<u8>, bound: Bound, data: &[u8]) -> Seen {
    let whole = Bytes::copy_from_slice(data);
    let read = bound.hold(data.len(), || decompressed(encoding, vec![whole.clone()], LIMIT));
    if let Ok(read) = &read {
        assert!(read.len() as u64 <= LIMIT, "{} bytes out of {}", read.len(), data.len());
        hold_budget(encoding, &whole, read);
    }
    let pieces = pieces(&whole);
    let in_pieces = bound.hold(data.len(), || decompressed(encoding, pieces, LIMIT));
    // Of two reasons to refuse it, another one may be met first.
    assert_eq!(in_pieces.as_ref().ok(), read.as_ref().ok(), "in pieces it is another body");
    let again = decompressed(encoding, vec![compress(data).into()], LIMIT);
    assert_eq!(again.expect("what was compressed comes out"), whole);
    match read {
        Ok(read) => Seen::taken((magnitude(read.len()), magnitude(data.len())), read),
        Err(error) => Seen::refused(&error.to_string()),
    }
}

/// With as much room as it needs, it comes out; with a byte less, it is too large, and nothing else is said of it.
fn hold_budget(encoding: &'static str, data: &Bytes, read: &Bytes) {
    let enough = read.len() as u64;
    // A body that is longer than what comes out of it may be too long for what it holds.
    if data.len() <= read.len() {
        let again = decompressed(encoding, vec![data.clone()], enough);
        assert_eq!(again.expect("there is as much room as it needs"), read);
    }
    if let Some(too_little) = enough.checked_sub(1) {
        let error = decompressed(encoding, vec![data.clone()], too_little).expect_err("there is too little room");
        assert!(matches!(error, ApiError::BodyTooLarge { limit } if limit == too_little), "{error}");
    }
}

/// Cut where its own bytes say.
fn pieces(whole: &Bytes) -> Vec<Bytes> {
    let mut rest = whole.clone();
    let mut pieces = Vec::new();
    let mut lengths = whole.iter().map(|byte| usize::from(*byte) % 17);
    while let Some(length) = lengths.next().filter(|_| !rest.is_empty()) {
        pieces.push(rest.split_to(length.min(rest.len())));
    }
    pieces.push(rest);
    pieces
}
