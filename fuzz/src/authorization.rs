//! An `Authorization` header.

use crate::Seen;
use crate::Target;
use crate::allocation::Bound;
use crate::token::made;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pushward::fuzzing;
use pushward::fuzzing::Authorization;
use std::time::Duration;

pub const TARGET: Target = Target {
    name: "authorization",
    run: authorization,
    bytes_max: 12 << 10,
    time_max: Duration::from_millis(200),
    dictionary: &[
        b"Bearer ", b"Basic ", b"bEARER ", b"BASIC  ", b"pward_", b"eyJ", b".", b"..", b"Og==", b"Ojo=", b"=", b":",
        b" ",
    ],
};

/// A header is copied once, decoded, into memory that is wiped.
const BOUND: Bound = Bound { per_byte: 8, constant: 4 << 10 };

/// What the bounds on a header let through, decoded.
const BASIC_MAX: usize = 768;
const JWT_MAX: usize = 8 << 10;

/// Reads `data` as the value of the header; and as user and password, and as what a token is made of, in one.
pub fn authorization(data: &[u8]) -> Seen {
    hold_token(data);
    let Ok(text) = std::str::from_utf8(data) else { return Seen::refused("not UTF-8") };
    hold_password(text);
    let (read, shown) = BOUND.hold(text.len(), || fuzzing::authorization(text));
    assert_eq!(again(&read), read, "{text:?}");
    match &read {
        Authorization::NotRequested | Authorization::Failed => {}
        Authorization::Token(token) => {
            assert!(!shown.contains(&token[17..]), "a secret is shown");
            assert_eq!(token.len(), 53);
        }
        Authorization::Password { user, password } => {
            assert!(user.len() + password.len() < BASIC_MAX);
            assert!(!password.starts_with("pward_"), "a password of a token's shape");
            hold_unseen(user, password, &shown);
        }
        Authorization::Jwt(token) => {
            assert!(token.len() <= JWT_MAX && token.matches('.').count() == 2);
            hold_unseen("", token, &shown);
        }
    }
    match read {
        Authorization::NotRequested => Seen::refused("another scheme"),
        Authorization::Failed => Seen::refused("failed"),
        taken => Seen::taken(std::mem::discriminant(&taken), &taken),
    }
}

/// Written as a header and read again.
fn again(read: &Authorization) -> Authorization {
    let header = match read {
        Authorization::NotRequested => "Digest x".to_owned(),
        Authorization::Failed => "Bearer x".to_owned(),
        Authorization::Token(token) => {
            let as_password = format!("basic {}", STANDARD.encode(format!("any:{token}")));
            assert_eq!(&fuzzing::authorization(&as_password).0, read);
            format!("bearer {token}")
        }
        Authorization::Password { user, password } => {
            format!("Basic  {} ", STANDARD.encode(format!("{user}:{password}")))
        }
        Authorization::Jwt(token) => format!("BEARER {token}"),
    };
    fuzzing::authorization(&header).0
}

/// Whoever may read a log does not find a secret in it.
fn hold_unseen(user: &str, secret: &str, shown: &str) {
    let plain = format!("Password {{ user: {user:?}, password: Secret(..) }}");
    let expected = if user.is_empty() && shown.starts_with("Jwt") { "Jwt(Secret(..))" } else { &plain };
    assert_eq!(shown, expected, "a secret of {} bytes is shown", secret.len());
}

/// A user and a password as a client sends them.
fn hold_password(text: &str) {
    let Some((user, password)) = text.split_once(':') else { return };
    let encoded = STANDARD.encode(text);
    let (read, _) = fuzzing::authorization(&format!("Basic {encoded}"));
    let expected = match password.starts_with("pward_") || encoded.len() > 1024 {
        // It may be a token that is right, which is told apart elsewhere.
        true if matches!(read, Authorization::Token(_)) => return,
        true => Authorization::Failed,
        false => Authorization::Password { user: user.to_owned(), password: password.to_owned() },
    };
    assert_eq!(read, expected);
}

/// A token as a client sends it, in both ways.
fn hold_token(data: &[u8]) {
    let token = made(data);
    let expected = Authorization::Token(token.clone());
    assert_eq!(again(&expected), expected);
}
