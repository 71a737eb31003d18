//! JWTs: what an issuer that we trust says of somebody, and which tenant's rule that fits.
//!
//! What a stranger sends is worth little work. A token is read within bounds and must name an issuer of ours, one of its
//! algorithms and one of its keys before its signature is checked; signatures are checked a few at a time and for each
//! address its share ([`turns`]). Only behind a good signature does a refusal say why. A token that was proved costs one
//! keyed hash from then on ([`proved`]).

mod dates;
mod forgeries;
#[cfg(feature = "fuzzing")]
pub(in crate::identity) mod fuzzing;
mod issuer;
mod json;
mod keys;
mod proved;
mod rules;
mod token;
mod turns;

use super::IdentityError;
use super::credential::Credential;
use super::credential::Party;
use super::scheme::Secret;
use crate::config::Config;
use crate::config::PartFault;
use crate::model::SharedClock;
use crate::model::Subscriber;
use crate::model::Timestamp;
use forgeries::Forgeries;
use issuer::TrustedIssuer;
use keys::Key;
use proved::Proof;
use proved::Proved;
use std::net::IpAddr;
use std::sync::Arc;
use token::Token;
use turns::Turns;

/// The issuers and rules of one configuration.
#[derive(Debug)]
pub(super) struct Issuers {
    issuers: Vec<TrustedIssuer>,
    /// `None` without random numbers to key it with: every token is proved anew.
    proved: Option<Proved>,
    turns: Arc<Turns>,
    forgeries: Arc<Forgeries>,
    clock: SharedClock,
}

/// What a token would be here, for who holds it and asks offline.
#[derive(Debug)]
pub struct ExplainedJwt {
    pub issuer: String,
    /// `None`: the issuer's keys are not at hand, since they are fetched or could not be read, so nobody knows.
    pub is_genuine: Option<bool>,
    pub found: Result<Arc<Credential>, IdentityError>,
}

impl Issuers {
    /// Reads the files of keys: blocks on the disk. Of `before`, the keys of issuers whose keys come from where they came from
    /// go on, and so do the bounds on strangers.
    pub(super) fn new(config: &Config, clock: &SharedClock, before: Option<&Self>) -> Self {
        let named = |name: &str| before?.issuers.iter().find(|issuer| issuer.name() == name);
        let issuers = config.issuers.values();
        let issuers = issuers.map(|issuer| TrustedIssuer::new(issuer, config, clock, named(&issuer.name))).collect();
        let mut keys = ([0; 32], [0; 16]);
        let random = getrandom::fill(&mut keys.0).and_then(|()| getrandom::fill(&mut keys.1)).is_ok();
        let kept = before.filter(|before| before.forgeries.allow(config.strangers));
        Self {
            issuers,
            proved: random.then(|| Proved::new(&keys.0)).flatten(),
            turns: before.map_or_else(|| Arc::new(Turns::new(clock)), |before| before.turns.clone()),
            forgeries: kept
                .map_or_else(|| Arc::new(Forgeries::new(config.strangers, &keys.1)), |kept| kept.forgeries.clone()),
            clock: clock.clone(),
        }
    }

    /// The credential that this token proves now.
    ///
    /// A token that *fits* (known `iss` and `kid`, an allowed algorithm, our `aud`, in its time) has its signature checked however
    /// many came before it, in its turn. One that does not can only be refused, and learns why if its signature is good; an
    /// address that has sent too many forgeries of that kind is told no more than a stranger.
    pub(super) async fn prove(
        &self,
        token: &Secret,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Arc<Credential>, IdentityError> {
        if self.issuers.is_empty() {
            return Err(IdentityError::Unauthenticated);
        }
        let mac = self.proved.as_ref().map(|proved| proved.mac(token.as_str()));
        if let (Some(proved), Some(mac)) = (&self.proved, &mac)
            && let Some(proof) = proved.get(mac, now)
            && self.issuers.get(proof.issuer).is_some_and(|issuer| issuer.believes(proof.key_epoch))
        {
            return Ok(proof.credential);
        }
        let token = Token::parse(token.as_str()).map(Arc::new).ok_or(IdentityError::Unauthenticated)?;
        let (place, issuer) = (0..)
            .zip(&self.issuers)
            .find(|(_, issuer)| issuer.is_named(&token.issuer))
            .ok_or(IdentityError::Unauthenticated)?;
        let (credential, key_epoch) = self.prove_anew(issuer, &token, Subscriber::of(address), now).await?;
        if let (Some(proved), Some(mac), Party::Tenant(grant)) = (&self.proved, mac, &credential.party) {
            let until = issuer.until(&token);
            proved.keep(mac, &grant.tenant, Proof { credential: credential.clone(), issuer: place, key_epoch, until });
        }
        Ok(credential)
    }

    /// What this token would prove at `now`, if its signature is good where that cannot be looked at; `None` where it is no
    /// JWT of an issuer here.
    pub(super) fn explain(&self, token: &str, now: Timestamp) -> Option<ExplainedJwt> {
        let token = Token::parse(token)?;
        let issuer = self.issuers.iter().find(|issuer| issuer.is_named(&token.issuer))?;
        let is_genuine = issuer.recognizes(&token);
        let found = match is_genuine {
            Some(false) => Err(IdentityError::Unauthenticated),
            Some(true) | None => issuer.judge(&token, now).map(Arc::new),
        };
        Some(ExplainedJwt { issuer: issuer.name().to_owned(), is_genuine, found })
    }

    async fn prove_anew(
        &self,
        issuer: &TrustedIssuer,
        token: &Arc<Token>,
        origin: Subscriber,
        now: Timestamp,
    ) -> Result<(Arc<Credential>, u64), IdentityError> {
        let fits = issuer.fits(token, now);
        let keys = issuer.keys_for(token, fits).await.ok_or(IdentityError::Unauthenticated)?;
        if !fits && !self.forgeries.may_fail(origin, self.clock.tick()) {
            return Err(IdentityError::Unauthenticated);
        }
        let takes_long = keys.set.find(token.kid.as_deref(), token.algorithm).is_some_and(Key::is_slow);
        let (set, own) = (keys.set.clone(), token.clone());
        let is_genuine = self.turns.take(origin, takes_long, move || issuer::is_genuine(&set, &own)).await?;
        if !is_genuine {
            if !fits {
                self.forgeries.note(origin, self.clock.tick());
            }
            return Err(IdentityError::Unauthenticated);
        }
        issuer.judge(token, now).map(|credential| (Arc::new(credential), keys.epoch))
    }

    /// Starts the tasks that fetch keys, for every issuer whose task does not run. Does nothing outside a runtime.
    pub(super) fn keep_keys_fresh(&self) {
        for issuer in &self.issuers {
            issuer.keys().keep_fresh();
        }
    }

    /// What is wrong at this moment, as `issuer:NAME` and a text: keys that were not read, or are not fresh.
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let faults =
            self.issuers.iter().map(|issuer| Some((format!("issuer:{}", issuer.name()), issuer.keys().fault()?)));
        faults.flatten().collect()
    }

    /// Issuers whose file of keys is not in force as it stands now.
    pub(super) fn unread(&self) -> Vec<PartFault> {
        self.issuers.iter().filter_map(TrustedIssuer::unread).collect()
    }

    /// When each issuer's keys were last read.
    pub(super) fn key_ages(&self) -> Vec<(String, Option<Timestamp>)> {
        self.issuers.iter().map(|issuer| (issuer.name().to_owned(), issuer.keys().last_success())).collect()
    }
}
