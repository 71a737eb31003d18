//! A JWT's header and claims, before its signature is looked at.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::seen::magnitude;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pushward::fuzzing;
use pushward::fuzzing::ReadJwt;
use pushward::model::Timestamp;
use serde_json::Value;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "jwt",
    run: jwt,
    bytes_max: 8 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"{\"alg\":\"RS256\"}\n",
        b"\"alg\":",
        b"\"none\"",
        b"\"HS256\"",
        b"\"EdDSA\"",
        b"\"ES256\"",
        b"\"PS512\"",
        b"\"kid\":\"k\"",
        b"\"typ\":\"JWT\"",
        b"\"typ\":\"at+jwt\"",
        b"\"crit\":[]",
        b"\"zip\":\"DEF\"",
        b"\"iss\":\"https://i\"",
        b"\"aud\":\"a\"",
        b"\"aud\":[\"a\",\"b\"]",
        b"\"exp\":1",
        b"\"exp\":1.5",
        b"\"exp\":1e9",
        b"\"nbf\":0",
        b"\"iat\":0",
        b"[[[[[[[[",
        b"{\"a\":",
        b"\\u0061",
        b"18446744073709551615",
        b"-0",
        b"1e999",
        b"null",
        b"true",
        b",",
        b".",
    ],
};

/// A list of empty lists takes two bytes an item as text and some tens as values, and lists double.
const BOUND: Bound = Bound { per_byte: 128, constant: 8 << 10 };

const ALGORITHMS: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// Reads `data` as a JWT; or, where it has a line feed, as its header and its claims before they are encoded.
pub fn jwt(data: &[u8]) -> Seen {
    let text = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let (header, claims) = (URL_SAFE_NO_PAD.encode(&data[..end]), URL_SAFE_NO_PAD.encode(&data[end + 1..]));
            format!("{header}.{claims}.c2ln")
        }
        None => match std::str::from_utf8(data) {
            Ok(text) => text.to_owned(),
            Err(_) => return Seen::refused("not UTF-8"),
        },
    };
    let read = BOUND.hold(text.len(), || fuzzing::jwt(&text, Timestamp::from_unix_seconds(1)));
    let Some(read) = read else { return Seen::refused("no JWT of ours") };
    hold(&read, &text);
    let shape = (magnitude(read.claims.len()), magnitude(read.audiences.len()), read.kid.is_some(), read.in_season);
    Seen::taken(shape, &read)
}

/// Another reader of JSON reads the same, so that nobody who signs one thing is believed to have signed another.
fn hold(read: &ReadJwt, text: &str) {
    let (signed, signature) = &read.signed;
    assert_eq!(format!("{signed}.{signature}"), text);
    let parts: Vec<&str> = text.split('.').collect();
    let json = |part: &str| -> Value {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let (header, claims) = (json(parts[0]), json(parts[1]));
    let algorithm = header["alg"].as_str().expect("a text");
    assert!(ALGORITHMS.contains(&algorithm), "{algorithm}");
    assert_eq!(read.algorithm.to_uppercase(), algorithm.to_uppercase());
    assert_eq!(header.get("kid").map(|kid| kid.as_str().expect("a text")), read.kid.as_deref());
    assert!(["crit", "zip", "cty", "enc"].iter().all(|name| header.get(name).is_none()));
    assert_eq!(claims["iss"].as_str(), Some(&*read.issuer));
    let audiences: Vec<&str> = match &claims["aud"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(|one| one.as_str().expect("a text")).collect(),
        _ => Vec::new(),
    };
    assert_eq!(audiences, read.audiences);
    let names: Vec<&String> = claims.as_object().expect("an object").keys().collect();
    assert!(names.iter().all(|name| read.claims.contains(name)) && names.len() == read.claims.len());
    let expires = claims["exp"].as_f64().expect("a number");
    assert!(expires >= 0.0);
    if read.in_season {
        assert!(expires > -60.0 + 1.0 - 1e-6);
    }
}
