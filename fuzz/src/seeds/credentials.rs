//! What proves somebody. Each was made up here: none opens anything.

use crate::Seed;
use crate::texts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pushward_fuzz::token::made;

pub(crate) fn authorizations() -> Vec<Seed> {
    let token = made(b"a seed of the fuzz target for headers");
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text)).into_bytes();
    let mut seeds = texts(&[
        ("empty", ""),
        ("other-scheme", "Digest username=\"u\""),
        ("no-space", "Bearer"),
        ("jwt", "Bearer e30.e30.c2ln"),
        ("user-and-password", "user:a password:with colons"),
        ("not-base64", "Basic ====="),
    ]);
    seeds.extend([
        ("token", format!("Bearer {token}").into_bytes()),
        ("token-spaces", format!("bearer   {token}  ").into_bytes()),
        ("token-cut", format!("Bearer {}", &token[..52]).into_bytes()),
        ("token-as-password", basic(&format!("any:{token}"))),
        ("token-mistyped", basic(&format!(":{}x", &token[..52]))),
        ("password", basic("user:secret")),
        ("password-empty", basic(":")),
        ("no-colon", basic("user")),
        ("long-password", basic(&format!("user:{}", "p".repeat(700)))),
    ]);
    seeds
}

pub(crate) fn tokens() -> Vec<Seed> {
    vec![
        ("good", made(b"a seed of the fuzz target for tokens").into_bytes()),
        ("zeros", made(b"").into_bytes()),
        ("id", b"4fQk2ZtR1a".to_vec()),
        ("digest", "0123456789abcdefABCDEF0123456789".repeat(2).into_bytes()),
        ("bytes", (0..40).collect()),
        ("shape", format!("pward_{}_{}", "a".repeat(10), "b".repeat(36)).into_bytes()),
        ("two-bytes-a-letter", "pward_ääääääääää_".as_bytes().to_vec()),
    ]
}

pub(crate) fn jwts() -> Vec<Seed> {
    let encoded = |header: &str, claims: &str| {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)).into_bytes()
    };
    let claims = r#"{"iss":"https://i.example","aud":"a","exp":1}"#;
    let mut seeds = texts(&[
        (
            "plain",
            "{\"alg\":\"RS256\",\"kid\":\"k\",\"typ\":\"JWT\"}\n{\"iss\":\"https://i.example\",\"aud\":\"a\",\"exp\":1}",
        ),
        (
            "dates",
            "{\"alg\":\"EdDSA\"}\n{\"iss\":\"i\",\"exp\":9223372036,\"nbf\":0.5,\"iat\":1e3,\"aud\":[\"a\",\"b\"]}",
        ),
        ("no-audience", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}\n{\"iss\":\"i\",\"exp\":1}"),
        (
            "nested",
            "{\"alg\":\"PS512\",\"jwk\":{\"kty\":\"RSA\"}}\n{\"iss\":\"i\",\"exp\":1,\"x\":{\"y\":[[[{\"z\":null}]]]}}",
        ),
        ("twice", "{\"alg\":\"RS256\",\"alg\":\"RS256\"}\n{}"),
        ("twice-spelt", "{\"alg\":\"RS256\"}\n{\"iss\":\"i\",\"exp\":1,\"a\":1,\"\\u0061\":2}"),
        ("none", "{\"alg\":\"none\"}\n{\"iss\":\"i\",\"exp\":1}"),
        ("symmetric", "{\"alg\":\"HS256\"}\n{\"iss\":\"i\",\"exp\":1}"),
        ("critical", "{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":false}\n{\"iss\":\"i\",\"exp\":1}"),
        ("numbers", "{\"alg\":\"RS256\"}\n{\"iss\":\"i\",\"exp\":18446744073709551615,\"n\":-0,\"big\":1e300}"),
        ("dots", ".."),
    ]);
    seeds.extend([
        ("encoded", encoded(r#"{"alg":"RS256"}"#, claims)),
        ("deep", format!("{{\"alg\":\"RS256\"}}\n{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200)).into_bytes()),
    ]);
    seeds
}
