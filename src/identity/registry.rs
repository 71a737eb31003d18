//! All credentials there are, by id.

use super::IdentityError;
use super::basic::try_basic;
use super::bearer::try_bearer;
use super::credential::Credential;
use super::principal::Principal;
use super::scheme::Outcome;
use crate::config::Config;
use crate::model::PlainToken;
use crate::model::Timestamp;
use crate::model::TokenDigest;
use crate::model::TokenId;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The credentials of one configuration.
#[derive(Debug)]
pub struct Registry {
    tokens: HashMap<TokenId, Arc<Credential>>,
}

impl Registry {
    /// Every token of every tenant and operator. The configuration vouches that no id stands in it twice.
    pub fn new(config: &Config) -> Self {
        let mut tokens = HashMap::new();
        for (id, tenant) in &config.tenants {
            for token in &tenant.tokens {
                tokens.insert(token.id, Arc::new(Credential::of_tenant(id, token)));
            }
        }
        for (name, operator) in &config.operators {
            for token in &operator.tokens {
                tokens.insert(token.id, Arc::new(Credential::of_operator(name, token)));
            }
        }
        Self { tokens }
    }

    /// The principal that `headers` prove, asked for from `address` at `now`.
    pub fn authenticate(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Principal, IdentityError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let header = values.next().ok_or(IdentityError::Unauthenticated)?;
        if values.next().is_some() {
            return Err(IdentityError::SeveralHeaders);
        }
        let header = header.to_str().map_err(|_| IdentityError::Unauthenticated)?;
        self.principal_of(header, address, now)
    }

    /// The id of the valid token in an `Authorization` value that was seen where no secret should be seen.
    pub fn credential_in_clear(&self, header: &str) -> Option<String> {
        let Outcome::Token(token) = token_in(header) else {
            return None;
        };
        self.prove(&token).ok().map(|_| token.id().to_string())
    }

    fn principal_of(&self, header: &str, address: IpAddr, now: Timestamp) -> Result<Principal, IdentityError> {
        let Outcome::Token(token) = token_in(header) else {
            return Err(IdentityError::Unauthenticated);
        };
        let credential = self.prove(&token)?;
        let name = || credential.name.clone();
        if let Some(at) = credential.expires.filter(|at| *at <= now) {
            return Err(IdentityError::Expired { credential: name(), at });
        }
        if !credential.allows(address.to_canonical()) {
            return Err(IdentityError::Network { credential: name() });
        }
        Ok(Principal::new(credential))
    }

    /// An unknown id costs the same hash and the same comparison as a known one.
    fn prove(&self, token: &PlainToken) -> Result<Arc<Credential>, IdentityError> {
        let known = self.tokens.get(&token.id());
        let expected = known.map_or(TokenDigest::of_nothing(), |credential| credential.digest);
        match (token.digest() == expected, known) {
            (true, Some(credential)) => Ok(credential.clone()),
            _ => Err(IdentityError::Unauthenticated),
        }
    }
}

fn token_in(header: &str) -> Outcome {
    match try_bearer(header) {
        Outcome::NotRequested => try_basic(header),
        decided => decided,
    }
}
