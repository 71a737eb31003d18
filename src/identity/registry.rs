//! Everybody there is, by what proves them.

use super::IdentityError;
use super::basic::try_basic;
use super::bearer::try_bearer;
use super::certificate::Certificates;
use super::certificate::Combined;
use super::certificate::Found;
use super::credential::Credential;
use super::jwt::ExplainedJwt;
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
use crate::listener::Peer;
use crate::model::PlainToken;
use crate::model::SharedClock;
use crate::model::Timestamp;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use rustls::pki_types::CertificateDer;
use std::net::IpAddr;
use std::sync::Arc;

/// The credentials of one configuration. Another configuration is another registry: whoever is not in it is not let in.
#[derive(Debug)]
pub struct Registry {
    tokens: Tokens,
    passwords: Passwords,
    issuers: Issuers,
    usages: Usages,
    certificates: Certificates,
    combined: Combined,
}

/// Why there is no principal, and who asked, where that was proved.
#[derive(Debug)]
pub struct Refused {
    pub error: IdentityError,
    pub credential: Option<Arc<Credential>>,
}

impl Registry {
    /// `before`: the registry in force, whose knowledge about unchanged credentials is kept (passwords that were proved,
    /// keys that were fetched, CAs whose files are broken now, from where they were used). Blocks on the disk.
    pub fn new(config: &Config, clock: &SharedClock, before: Option<&Self>) -> Self {
        Self {
            tokens: Tokens::new(config),
            passwords: Passwords::new(config, clock, before.map(|before| &before.passwords)),
            issuers: Issuers::new(config, clock, before.map(|before| &before.issuers)),
            usages: Usages::new(config, before.map(|before| &before.usages)),
            certificates: Certificates::new(config, before.map(|before| &before.certificates)),
            combined: Combined::new(),
        }
    }

    /// The principal that `headers` and the certificates of `peer` prove at `now`.
    ///
    /// A header that fails is refused, whatever certificate stands beside it; one that is proved may do what its holder's
    /// certificate may do too, and a certificate that makes no credential changes nothing.
    pub async fn authenticate(&self, headers: &HeaderMap, peer: &Peer, now: Timestamp) -> Result<Principal, Refused> {
        let address = peer.address().ip();
        let Some(outcome) = outcome_of(headers)? else {
            let certificate = self.certificate_of(peer, now)?.ok_or(IdentityError::Unauthenticated)?;
            return Ok(Principal::new(judged(certificate, address, now)?));
        };
        // What takes long behind a box: within, each request would carry the room for it, and be moved with it.
        let credential = match outcome {
            Outcome::Token(token) => self.proved_by_token(&token)?,
            Outcome::Password { user, password } => Box::pin(self.passwords.prove(&user, &password, address)).await?,
            Outcome::Jwt(token) => Box::pin(self.issuers.prove(&token, address, now)).await?,
            Outcome::NotRequested | Outcome::Failed => return Err(IdentityError::Unauthenticated.into()),
        };
        let credential = judged(credential, address, now)?;
        let together = self.certificate_of(peer, now).and_then(|certificate| match certificate {
            Some(certificate) => {
                certificate.judge(address.to_canonical(), now)?;
                self.combined.of(&credential, &certificate)
            }
            None => Ok(credential.clone()),
        });
        match together {
            Ok(together) => Ok(Principal::new(together)),
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
    /// (`issuer:github`, `ca:edge`), and why.
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = self.issuers.faults();
        faults.extend(self.certificates.faults());
        faults
    }

    /// Of the files that were read for this registry, those that are not in force as they stand.
    pub fn unread(&self) -> Vec<PartFault> {
        let mut unread = self.issuers.unread();
        unread.extend(self.certificates.unread());
        unread
    }

    /// When each issuer's keys were last read, by the issuer's name; `None` where they never were.
    pub fn key_ages(&self) -> Vec<(String, Option<Timestamp>)> {
        self.issuers.key_ages()
    }

    /// When the revocation lists of a CA end, for each CA that names any.
    pub fn crl_next_updates(&self) -> Vec<(String, Timestamp)> {
        self.certificates.next_updates()
    }

    /// Whose token this is at `now`, from wherever it may be used: to tell somebody who holds it.
    pub fn explain_token(&self, token: &PlainToken, now: Timestamp) -> Result<Arc<Credential>, IdentityError> {
        let credential = self.proved_by_token(token).map_err(|refused| refused.error)?;
        credential.judge_time(now).map(|()| credential)
    }

    /// Whom each listener that asks for certificates would see in this chain, leaf first, at `now`, from wherever it may be
    /// used: to tell somebody who holds the file. That does not prove that anybody holds its key.
    pub fn explain_certificate(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Vec<(String, Found)> {
        let in_time = |credential: Option<Arc<Credential>>| {
            credential.iter().try_for_each(|credential| credential.judge_time(now)).map(|()| credential)
        };
        let found = self.certificates.would_find(chain, now).into_iter();
        found.map(|(listener, found)| (listener, found.and_then(in_time))).collect()
    }

    /// What this JWT would be at `now`, from wherever it may be used: to tell somebody who holds it. Nothing is fetched.
    /// `None` where it is no JWT of an issuer here.
    pub fn explain_jwt(&self, token: &str, now: Timestamp) -> Option<ExplainedJwt> {
        let mut explained = self.issuers.explain(token, now)?;
        if let Ok(credential) = &explained.found
            && let Err(error) = credential.judge_time(now)
        {
            explained.found = Err(error);
        }
        Some(explained)
    }

    /// What both may do together.
    pub fn explain_both(
        &self,
        proved: &Arc<Credential>,
        certificate: &Arc<Credential>,
    ) -> Result<Arc<Credential>, IdentityError> {
        self.combined.of(proved, certificate)
    }

    /// Whether nothing speaks against the peer's certificate, or against there being none. Who that is, is not asked.
    pub(super) fn opens_to(&self, peer: &Peer, now: Timestamp) -> Result<(), IdentityError> {
        match self.certificate_of(peer, now) {
            Ok(_) | Err(IdentityError::Ambiguous) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn certificate_of(&self, peer: &Peer, now: Timestamp) -> Found {
        match peer.chain() {
            Some(chain) => self.certificates.judge(peer.listener(), chain, now),
            None if self.certificates.are_required(peer.listener()) => Err(IdentityError::Unauthenticated),
            None => Ok(None),
        }
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

/// The credential, if it may be used now and from there.
fn judged(credential: Arc<Credential>, address: IpAddr, now: Timestamp) -> Result<Arc<Credential>, Refused> {
    match credential.judge(address.to_canonical(), now) {
        Ok(()) => Ok(credential),
        Err(error) => Err(Refused { error, credential: Some(credential) }),
    }
}

/// What the one `Authorization` header says, if there is one.
fn outcome_of(headers: &HeaderMap) -> Result<Option<Outcome>, IdentityError> {
    // One look at each header, of which there are five or ten.
    let mut values = headers.iter().filter(|(name, _)| **name == AUTHORIZATION).map(|(_, value)| value);
    let Some(header) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(IdentityError::SeveralHeaders);
    }
    header.to_str().map(scheme_of).map(Some).map_err(|_| IdentityError::Unauthenticated)
}

pub(super) fn scheme_of(header: &str) -> Outcome {
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
