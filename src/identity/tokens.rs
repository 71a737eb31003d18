//! API tokens: looked up by id, proved by a hash.

use super::IdentityError;
use super::credential::Credential;
use crate::config::Config;
use crate::config::Revoked;
use crate::model::NameHasher;
use crate::model::PlainToken;
use crate::model::TokenDigest;
use crate::model::TokenId;
use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// The tokens of one configuration.
#[derive(Debug)]
pub(super) struct Tokens {
    known: HashMap<TokenId, (TokenDigest, Arc<Credential>), BuildHasherDefault<NameHasher>>,
    revoked: HashSet<TokenId>,
}

impl Tokens {
    /// Every token of every tenant and operator. The configuration vouches that no id stands in it twice.
    pub(super) fn new(config: &Config) -> Self {
        let mut known = HashMap::default();
        for (id, tenant) in config.tenants.iter().filter(|(_, tenant)| !tenant.closed) {
            for token in &tenant.tokens {
                known.insert(token.id, (token.digest, Arc::new(Credential::of_tenant(id, &token.grant))));
            }
        }
        for (name, operator) in &config.operators {
            for token in &operator.tokens {
                known.insert(token.id, (token.digest, Arc::new(Credential::of_operator(name, &token.grant))));
            }
        }
        let revoked = config.revoked.iter().filter_map(|entry| match entry {
            Revoked::Token(id) => Some(*id),
            Revoked::Claims { .. } | Revoked::Serial { .. } | Revoked::Uri { .. } => None,
        });
        Self { known, revoked: revoked.collect() }
    }

    /// An unknown id costs the same hash and the same comparison as a known one.
    pub(super) fn prove(&self, token: &PlainToken) -> Result<Arc<Credential>, IdentityError> {
        let known = self.known.get(&token.id());
        let expected = known.map_or(TokenDigest::of_nothing(), |(digest, _)| *digest);
        match (token.digest() == expected, known) {
            (true, Some((_, credential))) => Ok(credential.clone()),
            _ => Err(IdentityError::Unauthenticated),
        }
    }

    /// Whether a proved token was withdrawn by an entry of `revoked`.
    pub(super) fn is_revoked(&self, token: &PlainToken) -> bool {
        self.revoked.contains(&token.id())
    }
}
