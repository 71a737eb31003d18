//! A door for the fuzz targets: a JWT's header and claims, its signature not looked at.

use super::dates::Season;
use super::token::Token;
use crate::model::Timestamp;
use std::time::Duration;

/// What was read of a JWT.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ReadJwt {
    pub algorithm: String,
    pub kid: Option<String>,
    pub issuer: String,
    pub audiences: Vec<String>,
    /// The names of all claims, in order.
    pub claims: Vec<String>,
    /// Header and payload as they were signed, and the signature.
    pub signed: (String, String),
    /// Whether it is good at the moment asked for.
    pub in_season: bool,
}

/// Reads a JWT; `None` for what is none of a kind that is taken.
pub fn jwt(text: &str, at: Timestamp) -> Option<ReadJwt> {
    let token = Token::parse(text)?;
    let (signed, signature) = token.signed();
    Some(ReadJwt {
        algorithm: format!("{:?}", token.algorithm),
        kid: token.kid.clone(),
        issuer: token.issuer.clone(),
        audiences: token.audiences.clone(),
        claims: token.claims.keys().cloned().collect(),
        signed: (signed.to_owned(), signature.to_owned()),
        in_season: token.dates.season(at, Duration::from_secs(60)) == Season::Now,
    })
}
