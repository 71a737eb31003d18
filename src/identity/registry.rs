//! Everybody there is, by what proves them.

use super::IdentityError;
use super::basic::try_basic;
use super::bearer::try_bearer;
use super::credential::Credential;
use super::jwt::Issuers;
use super::password::Passwords;
use super::principal::Principal;
use super::scheme::Outcome;
use super::tokens::Tokens;
use super::usage::CredentialTimes;
use super::usage::FirstUse;
use super::usage::Usages;
use crate::config::Config;
use crate::config::PartFault;
use crate::model::PlainToken;
use crate::model::SharedClock;
use crate::model::Timestamp;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use std::net::IpAddr;
use std::sync::Arc;

/// The credentials of one configuration. Another configuration is another registry: whoever is not in it is not let in.
#[derive(Debug)]
pub struct Registry {
    tokens: Tokens,
    passwords: Passwords,
    issuers: Issuers,
    usages: Usages,
}

/// Why there is no principal, and who asked, where that was proved.
#[derive(Debug)]
pub struct Refused {
    pub error: IdentityError,
    pub credential: Option<Arc<Credential>>,
}

impl Registry {
    /// `before`: the registry in force, whose knowledge about unchanged credentials is kept (passwords that were proved,
    /// keys that were fetched, from where they were used).
    ///
    /// Reads files of keys: blocks on the disk.
    pub fn new(config: &Config, clock: &SharedClock, before: Option<&Self>) -> Self {
        Self {
            tokens: Tokens::new(config),
            passwords: Passwords::new(config, clock, before.map(|before| &before.passwords)),
            issuers: Issuers::new(config, clock, before.map(|before| &before.issuers)),
            usages: Usages::new(config, before.map(|before| &before.usages)),
        }
    }

    /// The principal that `headers` prove, asked for from `address` at `now`.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Principal, Refused> {
        let credential = match outcome_of(headers)? {
            Outcome::Token(token) => self.proved_by_token(&token)?,
            Outcome::Password { user, password } => self.passwords.prove(&user, &password, address).await?,
            Outcome::Jwt(token) => self.issuers.prove(&token, address, now).await?,
            Outcome::NotRequested | Outcome::Failed => return Err(IdentityError::Unauthenticated.into()),
        };
        match credential.judge(address.to_canonical(), now) {
            Ok(()) => Ok(Principal::new(credential)),
            Err(error) => Err(Refused { error, credential: Some(credential) }),
        }
    }

    /// Keeps in mind that somebody was let in. Says so if that was the first time from that network.
    pub(super) fn used(&self, principal: &Principal, address: IpAddr, now: Timestamp) -> Option<FirstUse> {
        self.usages.used(principal.credential(), address, now)
    }

    /// When each credential of the configuration was used last and when it expires, in no order.
    pub fn credential_times(&self) -> impl Iterator<Item = CredentialTimes<'_>> {
        self.usages.times()
    }

    /// Starts the tasks that fetch keys from URLs, for each issuer whose task does not run yet; they end with the last registry
    /// that has the issuer's keys. To be called on a runtime, after each [`Registry::new`]; elsewhere it does nothing.
    pub fn keep_keys_fresh(&self) {
        self.issuers.keep_keys_fresh();
    }

    /// What is wrong at this moment and harms nobody else: the part, as the metric `pushward_config_fault` names it
    /// (`issuer:github`), and why.
    pub fn faults(&self) -> Vec<(String, String)> {
        self.issuers.faults()
    }

    /// The issuers whose files of keys could not be used when they were read: closed, or with the last good keys.
    pub fn key_file_faults(&self) -> Vec<PartFault> {
        self.issuers.file_faults()
    }

    /// When each issuer's keys were last read, by the issuer's name; `None` where they never were.
    pub fn key_ages(&self) -> Vec<(String, Option<Timestamp>)> {
        self.issuers.key_ages()
    }

    /// The id of the valid token in an `Authorization` value that was seen where no secret should be seen.
    pub fn credential_in_clear(&self, header: &str) -> Option<String> {
        let Outcome::Token(token) = scheme_of(header) else {
            return None;
        };
        self.tokens.prove(&token).ok().map(|_| token.id().to_string())
    }

    fn proved_by_token(&self, token: &PlainToken) -> Result<Arc<Credential>, Refused> {
        let credential = self.tokens.prove(token)?;
        if self.tokens.is_revoked(token) {
            let error = IdentityError::Revoked { credential: credential.name().to_owned() };
            return Err(Refused { error, credential: Some(credential) });
        }
        Ok(credential)
    }
}

/// What the one `Authorization` header says.
fn outcome_of(headers: &HeaderMap) -> Result<Outcome, IdentityError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let header = values.next().ok_or(IdentityError::Unauthenticated)?;
    if values.next().is_some() {
        return Err(IdentityError::SeveralHeaders);
    }
    header.to_str().map(scheme_of).map_err(|_| IdentityError::Unauthenticated)
}

fn scheme_of(header: &str) -> Outcome {
    match try_bearer(header) {
        Outcome::NotRequested => try_basic(header),
        decided => decided,
    }
}

impl From<IdentityError> for Refused {
    fn from(error: IdentityError) -> Self {
        Self { error, credential: None }
    }
}
