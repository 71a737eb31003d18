//! One issuer: what it may say, and what follows from it.

use super::dates::Season;
use super::keys::Believed;
use super::keys::Key;
use super::keys::KeySet;
use super::keys::Keys;
use super::rules::Rules;
use super::rules::Verdict;
use super::rules::is_withdrawn;
use super::token::Token;
use crate::config;
use crate::config::Claims;
use crate::config::Config;
use crate::config::ConfigErrors;
use crate::config::Fault;
use crate::config::KeySource;
use crate::config::PartFault;
use crate::config::Revoked;
use crate::identity::IdentityError;
use crate::identity::credential::Credential;
use crate::model::SharedClock;
use crate::model::Timestamp;

/// An issuer of the configuration, its keys, and what tenants say of its tokens.
#[derive(Debug)]
pub(super) struct TrustedIssuer {
    config: config::Issuer,
    keys: Keys,
    rules: Rules,
    revoked: Vec<Claims>,
}

impl TrustedIssuer {
    pub(super) fn new(issuer: &config::Issuer, config: &Config, clock: &SharedClock, before: Option<&Self>) -> Self {
        let namesakes = config.issuers.values().filter(|other| other.issuer == issuer.issuer).count();
        let keys = if namesakes == 1 {
            Keys::new(issuer, clock, before.filter(|before| before.has_keys_of(issuer)).map(|before| &before.keys))
        } else {
            Keys::closed("another issuer has the same `issuer`, so a token would not say which is meant")
        };
        let mut rules = Rules::default();
        // The configuration vouches for it; that a tenant has no word about an issuer that does not list it is too important
        // to depend on one place.
        for (id, tenant) in config.tenants.iter().filter(|(id, tenant)| issuer.tenants.contains(*id) && !tenant.closed)
        {
            let own = tenant.jwts.iter().filter(|rule| rule.issuer == issuer.name);
            rules.add(id, own.cloned().collect());
        }
        let revoked = config.revoked.iter().filter_map(|entry| match entry {
            Revoked::Claims { issuer: name, claims } if *name == issuer.name => Some(claims.clone()),
            _ => None,
        });
        Self { config: issuer.clone(), keys, rules, revoked: revoked.collect() }
    }

    /// Whether its keys are those that `issuer` would have.
    fn has_keys_of(&self, issuer: &config::Issuer) -> bool {
        let of = |issuer: &config::Issuer| {
            (issuer.issuer.clone(), issuer.keys.clone(), issuer.jwks_max_age, issuer.algorithms.clone())
        };
        of(&self.config) == of(issuer)
    }

    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Why its file of keys is not in force as it stands now.
    pub(super) fn unread(&self) -> Option<PartFault> {
        let (KeySource::File(file), Keys::File { set, fault: Some(fault), .. }) = (&self.config.keys, &self.keys)
        else {
            return None;
        };
        let key = format!("issuers.{}.jwks_file", self.config.name);
        let errors = ConfigErrors::from(Fault::new(file, None, &key, fault));
        Some(PartFault { part: format!("issuer:{}", self.config.name), errors, closed: set.is_none() })
    }

    /// Whether `iss` is its own, to the last character.
    pub(super) fn is_named(&self, iss: &str) -> bool {
        self.config.issuer == iss
    }

    /// Whether the keys of this number are still the ones that are believed.
    pub(super) fn believes(&self, key_epoch: u64) -> bool {
        self.keys.believed().is_some_and(|believed| believed.epoch == key_epoch)
    }

    /// The first moment at which `token` is good no more.
    pub(super) fn until(&self, token: &Token) -> Timestamp {
        token.dates.until(self.config.leeway)
    }

    /// Whether a good signature is all that `token` wants.
    pub(super) fn fits(&self, token: &Token, now: Timestamp) -> bool {
        self.is_for_us(token) && token.dates.season(now, self.config.leeway) == Season::Now
    }

    fn is_for_us(&self, token: &Token) -> bool {
        token.audiences.iter().any(|audience| self.config.audiences.contains(audience))
    }

    /// The keys among which is the token's, and only if its algorithm is allowed. If it is not there and the token deserves it,
    /// they are looked for anew.
    pub(super) async fn keys_for(&self, token: &Token, deserves_a_look: bool) -> Option<Believed> {
        if !self.config.algorithms.contains(&token.algorithm) {
            return None;
        }
        let known = || {
            let believed = self.keys.believed()?;
            believed.set.find(token.kid.as_deref(), token.algorithm).is_some().then_some(believed)
        };
        match known() {
            None if deserves_a_look => {
                self.keys.look_for_newer().await;
                known()
            }
            known => known,
        }
    }

    /// Whether the token is signed as we believe it, by the keys at hand; `None` where there are none.
    pub(super) fn recognizes(&self, token: &Token) -> Option<bool> {
        if !self.config.algorithms.contains(&token.algorithm) {
            return Some(false);
        }
        self.keys.believed().map(|believed| is_genuine(&believed.set, token))
    }

    /// What a genuine token is worth.
    pub(super) fn judge(&self, token: &Token, now: Timestamp) -> Result<Credential, IdentityError> {
        let credential = || format!("of issuer {}", self.config.name);
        if self.revoked.iter().any(|claims| is_withdrawn(claims, &token.claims)) {
            return Err(IdentityError::Revoked { credential: credential() });
        }
        match token.dates.season(now, self.config.leeway) {
            Season::Now => {}
            Season::Over { at } => return Err(IdentityError::Expired { credential: credential(), at }),
            Season::Later { at } => return Err(IdentityError::NotYetValid { credential: credential(), at }),
        }
        if !self.is_for_us(token) {
            let expected = self.config.audiences.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
            return Err(IdentityError::Audience { expected });
        }
        match self.rules.judge(&token.claims, self.until(token)) {
            Verdict::Granted(credential) => Ok(credential),
            Verdict::NoRule => {
                // For whoever writes a first rule: which claims there are, and nothing of what they say.
                let claims = token.claims.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
                tracing::debug!(issuer = self.config.name, claims, "a genuine token that no rule matches");
                Err(IdentityError::NoRule)
            }
            Verdict::Ambiguous { tenants: [one, other] } => {
                // For the operator alone: no tenant is to hear of another.
                tracing::warn!(issuer = self.config.name, %one, %other, "a token matches rules of two tenants");
                Err(IdentityError::Ambiguous)
            }
        }
    }
}

/// Whether the signature is of one of `keys`: the one that the token names.
pub(super) fn is_genuine(keys: &KeySet, token: &Token) -> bool {
    use jsonwebtoken::Algorithm;
    let algorithm = match token.algorithm {
        config::Algorithm::Rs256 => Algorithm::RS256,
        config::Algorithm::Rs384 => Algorithm::RS384,
        config::Algorithm::Rs512 => Algorithm::RS512,
        config::Algorithm::Ps256 => Algorithm::PS256,
        config::Algorithm::Ps384 => Algorithm::PS384,
        config::Algorithm::Ps512 => Algorithm::PS512,
        config::Algorithm::Es256 => Algorithm::ES256,
        config::Algorithm::Es384 => Algorithm::ES384,
        config::Algorithm::EdDsa => Algorithm::EdDSA,
    };
    let Some(key) = keys.find(token.kid.as_deref(), token.algorithm).map(Key::decoding) else {
        return false;
    };
    let (signed, signature) = token.signed();
    jsonwebtoken::crypto::verify(signature, signed.as_bytes(), key, algorithm).unwrap_or(false)
}
