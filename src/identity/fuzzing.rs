//! Doors for the fuzz targets: what a request or a certificate says of its sender, before any of it is believed.

pub use super::certificate::fuzzing::ReadCertificate;
pub use super::certificate::fuzzing::certificate;
pub use super::certificate::fuzzing::spiffe_id;
pub use super::jwt::fuzzing::ReadJwt;
pub use super::jwt::fuzzing::jwt;

use super::registry;
use super::scheme::Outcome;

/// What an `Authorization` header was read as, its secrets in the open.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Authorization {
    NotRequested,
    Failed,
    Token(String),
    Password { user: String, password: String },
    Jwt(String),
}

/// Reads an `Authorization` header; and what a log that has its `Debug` would show.
pub fn authorization(header: &str) -> (Authorization, String) {
    let outcome = registry::scheme_of(header);
    let shown = format!("{outcome:?}");
    let read = match outcome {
        Outcome::NotRequested => Authorization::NotRequested,
        Outcome::Failed => Authorization::Failed,
        Outcome::Token(token) => Authorization::Token(token.reveal().to_owned()),
        Outcome::Password { user, password } => {
            Authorization::Password { user, password: password.as_str().to_owned() }
        }
        Outcome::Jwt(text) => Authorization::Jwt(text.as_str().to_owned()),
    };
    (read, shown)
}
